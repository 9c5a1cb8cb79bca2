"""What is kept of what was used last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.lru import Lru

keys = st.sampled_from("abcde")


@given(
    size=st.integers(0, 4),
    steps=st.lists(st.tuples(st.sampled_from(["get", "put", "drop"]), keys, st.integers())),
)
def test_it_keeps_what_was_used_last(size: int, steps: list[tuple[str, str, int]]) -> None:
    lru = Lru[int](size)
    model: dict[str, int] = {}  # least recently used first
    for act, key, value in steps:
        if act == "get":
            assert lru.get(key) == model.get(key)
            if key in model:
                model[key] = model.pop(key)
        elif act == "put":
            lru.put(key, value)
            model.pop(key, None)
            model[key] = value
            if len(model) > size:
                del model[next(iter(model))]
        else:
            lru.drop(key)
            model.pop(key, None)
    assert {key: lru.get(key) for key in "abcde" if key in model} == model
