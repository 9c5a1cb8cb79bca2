"""Values across the border: kinds, bytes and shapes survive both ways."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import RunPolicy, init

from kumolog.lua.runtime import Runtime
from kumolog.luavalue import LuaTable, LuaValue, type_name

Heard = Callable[..., list[str]]
KEEP = init("kumo.configure_local_logs { log_dir = 'logs', filter_event = 'keep', meta = { '*' } }")


@pytest.fixture(scope="module")
def through_lua(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], LuaValue]:
    """Gives a JSON-like value to Lua, which hands it back as it is."""
    lua = Runtime({}, {"column": print, "get_meta": print, "set_meta": print}, [], 5.0)
    held: list[Any] = []
    lua.define("kumo.take", lambda _place: held.pop())
    lua.define("kumo.give", lambda _place, value: held.append(value))
    policy: Path = tmp_path_factory.mktemp("convert") / "init.lua"
    policy.write_text("kumo.on('swap', function() kumo.give(kumo.take()) end)")
    lua.run_file(policy)

    def swap(value: Any) -> LuaValue:
        held.append(value)
        lua.fire("swap")
        return held.pop()  # type: ignore[no-any-return] # what Lua gave

    return swap


INT64 = st.integers(-(2**63), 2**63 - 1)
SCALARS = (
    st.none()
    | st.booleans()
    | INT64
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
)


def neutral(value: Any) -> Any:
    """What Lua makes of a JSON value: nulls vanish, holes at an array's end with them."""
    if isinstance(value, dict):
        return {k: neutral(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [neutral(v) for v in value]
    return value


def plain(value: LuaValue) -> Any:
    if not isinstance(value, LuaTable):
        return value
    if value.is_array:
        found = {k: plain(v) for k, v in value.items}
        return [found.get(i) for i in range(1, max(found, default=0) + 1)]
    return {k: plain(v) for k, v in value.items}


def without_trailing_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_trailing_nulls(v) for k, v in value.items()}
    if isinstance(value, list):
        shortened = [without_trailing_nulls(v) for v in value]
        while shortened and shortened[-1] is None:
            shortened.pop()
        return shortened
    return value


@given(VALUES)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None
)
def test_json_values_come_back_as_they_went(
    through_lua: Callable[[Any], LuaValue], value: Any
) -> None:
    back = plain(through_lua(value))
    # repr tells 1 from 1.0, True from 1, and 0.0 from -0.0, at every depth
    assert repr_sorted(back) == repr_sorted(without_trailing_nulls(neutral(value)))


def repr_sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((k, repr_sorted(v)) for k, v in value.items())
    if isinstance(value, list):
        return [repr_sorted(v) for v in value]
    return repr(value)


@given(st.binary(max_size=50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_bytes_come_back_as_they_went(through_lua: Callable[[Any], LuaValue], value: bytes) -> None:
    back = through_lua(value)
    assert (back.encode() if isinstance(back, str) else back) == value
    assert isinstance(back, bytes) == (value.decode(errors="replace").encode() != value)


@pytest.mark.parametrize(
    ("value", "back"),
    [
        (2**63, float(2**63)),
        (2**64, float(2**64)),
        (-(2**63), -(2**63)),
        (-(2**63) - 1, -float(2**63)),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        (math.inf, math.inf),
    ],
)
def test_integers_beyond_64_bits_become_floats(
    through_lua: Callable[[Any], LuaValue], value: Any, back: Any
) -> None:
    result = through_lua(value)
    assert (type(result), result) == (type(back), back)


def test_what_has_no_content_is_named_by_its_kind(tmp_path: Path) -> None:
    taken: list[LuaValue] = []
    lua = Runtime({}, {"column": print, "get_meta": print, "set_meta": print}, [], 5.0)
    lua.define("kumo.give", lambda _place, *values: taken.extend(values))
    (tmp_path / "init.lua").write_text(
        "local co = coroutine.create(coroutine.yield) coroutine.resume(co) "
        "local fresh = coroutine.create(print) "
        "kumo.give(print, function() end, co, fresh, io.stdout, nil, 0/0, kumo.on)"
    )
    lua.run_file(tmp_path / "init.lua")
    assert list(map(type_name, taken)) == [
        "function",
        "function",
        "thread",
        "thread",
        "userdata",
        "nil",
        "number",
        "function",
    ]  # fmt: skip - one row of them
    assert isinstance(taken[6], float)
    assert math.isnan(taken[6])


def test_tables_are_read_without_their_metamethods(tmp_path: Path) -> None:
    taken: list[LuaValue] = []
    lua = Runtime({}, {"column": print, "get_meta": print, "set_meta": print}, [], 5.0)
    lua.define("kumo.give", lambda _place, *values: taken.extend(values))
    (tmp_path / "init.lua").write_text(
        "kumo.give(setmetatable({ 'a', x = 'b' }, { __index = error, __len = error, __pairs = error,"
        " __metatable = false, __name = 'Message' }))"
    )
    lua.run_file(tmp_path / "init.lua")
    assert taken == [LuaTable([(1, "a"), ("x", "b")], ["a"])]


def test_large_tables_come_whole(tmp_path: Path) -> None:
    taken: list[Any] = []
    lua = Runtime({}, {"column": print, "get_meta": print, "set_meta": print}, [], 5.0)
    lua.define("kumo.give", lambda _place, *values: taken.extend(values))
    (tmp_path / "init.lua").write_text("local t = {} for i = 1, 12345 do t[i] = i end kumo.give(t)")
    lua.run_file(tmp_path / "init.lua")
    assert taken[0].sequence == list(range(1, 12346))


# As a handler sees and stores them --------------------------------------------------------------


def stored(run_policy: RunPolicy, expression: str, meta: dict[str, Any] | None = None) -> Any:
    """What set_meta stores for an expression, in which m is the message."""
    source = f"kumo.on('keep', function(m) m:set_meta('k', {expression}) return true end)\n{KEEP}"
    logged = run_policy(source, [{"type": "Reception", "meta": meta or {}}])
    assert logged.rejects == []
    return logged.records("logs")[0]["meta"]["k"]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1", "1"),
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("2^53", "9007199254740992.0"),
        ("1 << 62", "4611686018427387904"),
        ("math.mininteger", "-9223372036854775808"),
        ("1e100", "1e100"),
        ("0/0", "null"),
        ("math.huge", "null"),
        ("nil", "null"),
        ("true", "true"),
        ("'a\\0b'", '"a\\u0000b"'),
        ("'caf\\u{e9}'", '"caf\u00e9"'),
        ("'\\xff\\xfe'", "[255,254]"),
        ("{}", "{}"),
        ("{ {} }", "[{}]"),
        ("{ 1, 2, x = 3 }", "[1,2]"),
        ("{ x = 3 }", '{"x":3}'),
        ("{ [1.5] = 1 }", '{"1.5":1}'),
        ("{ [true] = 1 }", '{"true":1}'),
        ("{ [7] = 1 }", '{"7":1}'),
        ("m:get_meta('empty')", "[]"),
        ("m:get_meta('nested')", '{"list":[[],{}]}'),
        ("m:get_meta('holes')", "[1,null,3]"),
        ("m:get_meta('big')", "1.8446744073709552e19"),
        ("m:get_meta('absent')", "null"),
        ("{ m:get_meta('nulls') }", "[{}]"),
    ],
)
def test_what_a_handler_stores_is_stored_as_kumomta_does(
    run_policy: RunPolicy, expression: str, text: str
) -> None:
    meta = {
        "empty": [],
        "nested": {"list": [[], {}]},
        "holes": [1, None, 3],
        "big": 2**64,
        "nulls": {"a": None},
    }
    assert repr(stored(run_policy, expression, meta)) == repr(json.loads(text))


@pytest.mark.parametrize(
    "expression",
    [
        "print",
        "function() end",
        "coroutine.create(print)",
        "m",
        "{ { io.stdout } }",
        "m:sender()",
        "m:recipient_list()",
        "{ [{}] = 1 }",
        "{ ['\\xff'] = 1 }",
        "(function() local t = {} t.t = t return t end)()",
    ],
)
def test_what_json_cannot_hold_is_an_error(run_policy: RunPolicy, expression: str) -> None:
    source = f"kumo.on('keep', function(m) m:set_meta('k', {expression}) return true end)\n{KEEP}"
    logged = run_policy(source, [{"type": "Reception"}])
    assert re.search(
        "init.lua:1: .*(holds what JSON can hold|contains itself)", logged.rejects[0]["error"]
    )


def test_a_value_nested_too_deeply_for_lua_fails_only_where_it_is_asked_for(
    run_policy: RunPolicy,
) -> None:
    deep: Any = 1
    for _ in range(700):
        deep = [deep]
    source = f"kumo.on('keep', function(m) return m:get_meta('x') ~= nil end)\n{KEEP}"
    events = [json.dumps({"type": "Reception", "meta": {"x": x}}) for x in (1, deep, 2)]
    logged = run_policy(source, events)
    assert len(logged.records("logs")) == 2
    assert "nested" in logged.rejects[0]["error"]
