"""The caches of kumo.memoize, asked as its Lua part asks them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luatables import FUNCTION, Thing, array, fields, lua_values

from kumolog.api import memoize
from kumolog.api.memoize import Memo
from kumolog.api.memoized import MemoizedTable
from kumolog.api.misc import ConfigEpoch, bump_config_epoch
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue

PLACE = "init.lua:1"


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, lambda _path: None)


def opened(registry: Registry, name: str = "m", **options: LuaValue) -> Memo:
    table = fields(**{"name": name, "ttl": "1h", "capacity": 10, **options})
    return memoize.open(registry, PLACE, FUNCTION, table)


def packed(*values: LuaValue) -> LuaTable:
    """What table.pack gives."""
    items: list[tuple[LuaValue, LuaValue]] = [
        (place, value) for place, value in enumerate(values, 1) if value is not None
    ]
    return LuaTable([*items, ("n", len(values))], [])


class Function:
    """A memoized function that gives ``results`` and counts its calls."""

    def __init__(self, memo: Memo, *results: LuaValue) -> None:
        self.memo, self.results, self.calls = memo, results, 0

    def __call__(self, *arguments: LuaValue) -> Any:
        found, answer = memoize.get(None, PLACE, self.memo, *arguments)  # type: ignore[arg-type]
        if found:
            return answer
        self.calls += 1
        return memoize.put(None, PLACE, self.memo, answer, packed(*self.results))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("results", "value"),
    [
        ((), None),
        ((None,), None),
        ((False,), False),
        (("x",), "x"),
        ((1, None, "y"), [1, None, "y"]),
        ((None, None), [None, None]),
    ],
)
def test_a_second_call_gives_what_the_first_gave(
    registry: Registry, results: tuple[LuaValue, ...], value: Any
) -> None:
    function = Function(opened(registry), *results)
    assert [function("a"), function("a")] == [value, value]
    assert function.calls == 1


def test_tables_come_back_as_objects_of_their_own(registry: Registry) -> None:
    function = Function(opened(registry), fields(k="v"))
    first, second = function(), function()
    assert isinstance(first, MemoizedTable)
    first.assign("k", "changed")
    assert [first.index("k"), second.index("k"), function().index("k")] == ["changed", "v", "v"]


def test_tables_among_several_results_are_such_objects_too(registry: Registry) -> None:
    table, text = Function(opened(registry), fields(k="v"), "x")()
    assert isinstance(table, MemoizedTable)
    assert text == "x"


def test_arguments_tell_calls_apart(registry: Registry) -> None:
    function = Function(opened(registry, capacity=100), "x")
    different: list[tuple[LuaValue, ...]] = [
        (), (None,), (None, None), (1,), (1.0,), ("1",), (True,), (1, 2), (array(1, 2),), ("",),
        (fields(a=1),), (fields(a=2),), (b"\xff",), ("1, 2",), (array(),),
    ]  # fmt: skip
    for arguments in different * 2:
        function(*arguments)
    assert function.calls == len(different)


def test_the_order_of_keys_does_not(registry: Registry) -> None:
    function = Function(opened(registry), "x")
    function(fields(a=1, b=2))
    function(fields(b=2, a=1))
    assert function.calls == 1


def test_a_memoized_table_is_an_argument_like_the_table(registry: Registry) -> None:
    function = Function(opened(registry), "x")
    function(fields(a=1))
    function(MemoizedTable(fields(a=1)))
    assert function.calls == 1


@given(st.lists(lua_values(st.sampled_from(["a", "b"])), max_size=3))
def test_any_arguments_have_a_key_or_an_error(arguments: list[LuaValue]) -> None:
    memo = Memo("m", 1.0, 10, ConfigEpoch(), time.monotonic)

    def outcome() -> str:
        try:
            return memo.key(tuple(arguments))
        except KumologError as error:
            return str(error)

    assert outcome().startswith(("0 [", "calling the memoized function 'm': its arguments: "))
    assert outcome() == outcome()


@pytest.mark.parametrize("value", [FUNCTION, Thing(), fields(f=FUNCTION)])
def test_what_cannot_be_kept_is_refused(registry: Registry, value: LuaValue) -> None:
    with pytest.raises(KumologError, match=r"calling the memoized function 'm': .*cannot be kept"):
        Function(opened(registry), value)()
    with pytest.raises(KumologError, match="calling the memoized function 'm': its arguments"):
        Function(opened(registry))(value)


def test_a_call_without_results_because_of_an_error_is_not_kept(registry: Registry) -> None:
    memo = opened(registry)
    assert memoize.get(registry, PLACE, memo, "a")[0] is False
    assert memoize.get(registry, PLACE, memo, "a")[0] is False


def test_what_is_kept_ends_with_its_ttl() -> None:
    now = [100.0]
    function = Function(Memo("m", 10.0, 5, ConfigEpoch(), lambda: now[0]), "x")
    for seconds, calls in ((0, 1), (9.5, 1), (0.5, 2), (9, 2), (100, 3)):
        now[0] += seconds
        function()
        assert function.calls == calls


def test_no_ttl_keeps_nothing(registry: Registry) -> None:
    function = Function(opened(registry, ttl=0), "x")
    assert [function(), function()] == ["x", "x"]
    assert function.calls == 2


def test_no_more_than_the_capacity_is_kept(registry: Registry) -> None:
    function = Function(opened(registry, capacity=2), "x")
    for argument in ("a", "b", "a", "c", "a", "b"):
        function(argument)
    assert function.calls == 4  # a, b, c, and b again


@pytest.mark.parametrize(("invalidate", "calls"), [(True, 2), (False, 1)])
def test_a_new_epoch_ends_what_is_kept_where_that_is_wanted(
    registry: Registry, invalidate: bool, calls: int
) -> None:
    function = Function(opened(registry, invalidate_with_epoch=invalidate), "x")
    function()
    bump_config_epoch(registry, PLACE)
    function()
    assert function.calls == calls


def test_an_answer_of_an_epoch_that_is_over_is_not_found(registry: Registry) -> None:
    memo = opened(registry, invalidate_with_epoch=True)
    _, key = memoize.get(registry, PLACE, memo)
    bump_config_epoch(registry, PLACE)
    assert memoize.put(registry, PLACE, memo, key, packed("old")) == "old"
    assert memoize.get(registry, PLACE, memo)[0] is False


def test_one_name_is_one_cache(registry: Registry) -> None:
    assert opened(registry, "m") is opened(registry, "m", ttl="2h")
    assert opened(registry, "m") is not opened(registry, "other")
    Function(opened(registry), "first")("a")
    assert Function(opened(registry), "second")("a") == "first"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((FUNCTION, fields(ttl=1, capacity=1)), "deserialize error: missing field `name`"),
        ((FUNCTION, fields(name="m", capacity=1)), "deserialize error: missing field `ttl`"),
        ((FUNCTION, fields(name="m", ttl="x", capacity=1)), "expected a duration"),
        ((FUNCTION, fields(name="m", ttl=1, capacity="1")), "expected usize"),
        ((FUNCTION, fields(name="m", ttl=1, capacity=1, tll=1)), "unknown field `tll`"),
        ((FUNCTION,), "invalid type: nil, expected table"),
        (("f", fields(name="m", ttl=1, capacity=1)), "bad argument #1: .* to function"),
    ],
)
def test_the_arguments_are_checked(
    registry: Registry, arguments: tuple[LuaValue, ...], reason: str
) -> None:
    with pytest.raises(KumologError, match=reason):
        memoize.open(registry, PLACE, *arguments)


def test_options_about_waiting_are_taken(registry: Registry) -> None:
    opened(registry, populate_timeout="5s", retry_on_populate_timeout=True, allow_stale_reads=True)
