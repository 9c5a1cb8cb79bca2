"""The views of a record's lists and objects: they print as the engine prints its own."""

from __future__ import annotations

from typing import Any

import minijinja
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.templates.values import Fields, Headers, Items, Record, printed, view

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cn", "Mc", "Lm"]), max_size=8)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcXYZ_\"'\\\n", max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def engine_prints(tree: Any, filter_name: str = "string") -> str:
    """The tree written as an expression, so that every list and map is the engine's own.

    The engine keeps the order in which a map is written; KumoMTA's sorts it, so it is written so.
    """
    scalars: dict[str, Any] = {}

    def write(node: Any) -> str:
        if isinstance(node, list):
            return f"[{', '.join(map(write, node))}]"
        if isinstance(node, dict):
            return "{" + ", ".join(f"{write(k)}: {write(v)}" for k, v in sorted(node.items())) + "}"
        scalars[f"v{len(scalars)}"] = node
        return f"v{len(scalars) - 1}"

    return minijinja.render_str(f"{{{{ {write(tree)}|{filter_name} }}}}", **scalars)


@given(st.lists(TREES, max_size=3))
def test_a_list_prints_as_the_engine_prints_its_own(tree: list[Any]) -> None:
    assert str(view(tree)) == engine_prints(tree)


@given(TREES)
def test_every_value_prints_in_detail_as_the_engine_does(tree: Any) -> None:
    assert printed(tree, indent="") == engine_prints(tree, "pprint")


def test_none_booleans_and_floats_inside_are_the_engines() -> None:
    value = {"none": None, "flag": True, "list": ["a", 1.0], "map": {"k": 1}}
    assert str(Fields(value)) == '{"flag": true, "list": ["a", 1.0], "map": {"k": 1}, "none": none}'


def test_a_deeply_nested_value_can_be_printed() -> None:
    value: list[Any] = []
    for _ in range(128):  # as deep as JSON may be nested for KumoMTA
        value = [value]
    assert str(Items(value)) == "[" * 129 + "]" * 129


def test_headers_are_found_in_any_spelling_and_shown_in_lower_case() -> None:
    headers = Headers({"subject": "hi", "x-foo": ["1", "2"]})
    assert headers["Subject"] == headers.get("SUBJECT") == "hi"
    assert list(headers) == ["subject", "x-foo"]
    assert str(headers) == '{"subject": "hi", "x-foo": ["1", "2"]}'
    with pytest.raises(KeyError):
        headers["X-Bar"]


def test_only_headers_ignore_case() -> None:
    record = Record({"headers": {"subject": "hi"}, "meta": {"Tenant": "t"}})
    assert record["headers"]["SUBJECT"] == record.get("headers")["Subject"] == "hi"
    assert record["meta"].get("tenant") is None
    with pytest.raises(KeyError):
        record["Headers"]


def test_a_view_cannot_change_the_record() -> None:
    record: dict[str, Any] = {"meta": {"k": "v"}, "recipient": ["a"]}
    for name in ("clear", "pop", "update", "setdefault", "append", "extend"):
        assert not hasattr(Record(record)["meta"], name)
        assert not hasattr(Record(record)["recipient"], name)


@pytest.mark.parametrize("name", ["get", "items", "keys", "values"])
def test_an_absent_key_named_like_a_method_is_empty(name: str) -> None:
    assert Fields({})[name] == ""
    assert Fields({name: "x"})[name] == "x"


def test_views_compare_by_what_they_show() -> None:
    assert Fields({"a": [1]}) == Fields({"a": [1]}) != Fields({"a": [2]})
    assert Items([1, [2]]) == Items([1, [2]]) != Items([1])
    assert Items([[1], [1], 2]).count(Items([1])) == 2
