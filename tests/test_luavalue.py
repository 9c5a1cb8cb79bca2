"""Lua values as JSON and in error texts."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.luaobject import LuaObject
from kumolog.luavalue import (
    MAX_DEPTH,
    NULL,
    LuaTable,
    LuaValue,
    NotSerializableError,
    Opaque,
    describe,
    echo,
    from_json,
    lua_float_text,
    rebuilt,
    to_json,
    type_name,
    utf8_fault,
)

FUNCTION = Opaque("function")
THREAD = Opaque("thread")
USERDATA = Opaque("userdata")


def array(*values: LuaValue) -> LuaTable:
    return LuaTable([(i, v) for i, v in enumerate(values, 1) if v is not None], list(values))


def fields(**pairs: LuaValue) -> LuaTable:
    return LuaTable(list(pairs.items()))


def nested(levels: int) -> LuaTable:
    table = LuaTable()
    for _ in range(levels - 1):
        table = fields(t=table)
    return table


integers = st.integers(-(2**63), 2**63 - 1)
scalars = (
    st.none()
    | st.booleans()
    | integers
    | st.floats()
    | st.text(max_size=5)
    | st.just(b"\xff\x00")
    | st.sampled_from([NULL, FUNCTION, THREAD, USERDATA])
)
keys = (
    st.text(max_size=3) | integers | st.floats(allow_nan=False) | st.booleans() | st.just(b"\xff")
)


def tables(values: st.SearchStrategy[LuaValue]) -> st.SearchStrategy[LuaTable]:
    return st.builds(
        LuaTable,
        st.lists(st.tuples(keys, values.filter(lambda v: v is not None)), max_size=4),
        st.lists(values, max_size=3),
        st.booleans(),
    )


lua_values = st.recursive(scalars, tables, max_leaves=12)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (NULL, None),
        (True, True),
        (7, 7),
        (1.0, 1.0),
        (math.nan, None),
        (-math.inf, None),
        ("é", "é"),
        (b"\xffa", [255, 97]),
        (LuaTable(), {}),
        (LuaTable(is_array=True), []),
        (array(1, "b"), [1, "b"]),
        (array("a", None, "c"), ["a", None, "c"]),
        (fields(a=1, b=fields(c=NULL)), {"a": 1, "b": {"c": None}}),
    ],
)
def test_a_lua_value_has_one_json_form(value: LuaValue, expected: object) -> None:
    result = to_json(value)
    assert (result, type(result)) == (expected, type(expected))


def test_a_table_with_a_sequence_drops_its_string_keys() -> None:
    assert to_json(LuaTable([(1, "a"), ("x", "lost")], ["a"])) == ["a"]


def test_a_marked_array_without_sequence_drops_its_string_keys() -> None:
    assert to_json(LuaTable([("x", "lost")], [], is_array=True)) == []


def test_scalar_keys_become_text() -> None:
    table = LuaTable([(0, "i"), (1.5, "f"), (1e300, "g"), (True, "t"), (False, "n")])
    assert to_json(table) == {"0": "i", "1.5": "f", "1e300": "g", "true": "t", "false": "n"}


@pytest.mark.parametrize("key", [b"\xff", NULL, FUNCTION, LuaTable()])
def test_a_key_without_text_is_refused(key: LuaValue) -> None:
    with pytest.raises(ValueError, match="key must be a string"):
        to_json(LuaTable([(key, 1)]))


def test_an_infinite_key_is_refused() -> None:
    with pytest.raises(ValueError, match="float key must be finite"):
        to_json(LuaTable([(math.inf, 1)]))


@pytest.mark.parametrize("kind", ["function", "thread", "userdata"])
def test_code_cannot_be_serialized_wherever_it_stands(kind: str) -> None:
    for value in (Opaque(kind), array(Opaque(kind)), fields(a=fields(b=Opaque(kind)))):
        with pytest.raises(ValueError, match=f"^cannot serialize <{kind}>$"):
            to_json(value)


def test_128_levels_are_json_and_one_more_is_not() -> None:
    assert to_json(nested(MAX_DEPTH))
    with pytest.raises(ValueError, match="nested deeper than 128 levels"):
        to_json(nested(MAX_DEPTH + 1))


def test_a_table_that_contains_itself_is_refused() -> None:
    loop = LuaTable()
    loop.items.append(("me", loop))
    with pytest.raises(ValueError, match="nested deeper"):
        to_json(loop)
    assert echo(loop) == "a table nested deeper than 128 levels"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ('a"b\n\x01é', '"a\\"b\\n\\u0001é"'),
        (1.0, "1.0"),
        (1e16, "1e16"),
        (math.inf, "null"),
        (b"\xff", "[255]"),
        (LuaTable(), "{}"),
        (LuaTable(is_array=True), "{}"),
        (LuaTable([(1, "a"), ("x", 1)], ["a"]), '["a"]'),
        (fields(b=1, a=LuaTable([(0, True), (1.5, NULL)])), '{"a":{"0":true,"1.5":null},"b":1}'),
        (fields(f=FUNCTION), "<unable to encode as json: cannot serialize <function>>"),
        (array(array(THREAD)), "<unable to encode as json: cannot serialize <thread>>"),
        (LuaTable([(b"\xff", 1)]), "<unable to encode as json: key must be a string>"),
    ],
)
def test_an_error_text_echoes_compact_json(value: LuaValue, text: str) -> None:
    assert echo(value) == text


def test_an_echo_cannot_look_into_a_userdata() -> None:
    text = echo(fields(f=FUNCTION, u=array(USERDATA)))
    assert text.startswith("a userdata. Additionally, encountered cannot materialize_to_lua_value")
    assert text.endswith("no __pairs metamethod when trying to iterate the pairs of that userdata")


@pytest.mark.parametrize(
    ("value", "sequence"),
    [
        (array("a", None, "c"), ["a"]),
        (array(None, "c"), []),
        (array("a", "b"), ["a", "b"]),
        (LuaTable([(2, "b"), (1, "a"), (1.5, "x"), (True, "y")], ["a", "b"]), ["a", "b"]),
    ],
)
def test_a_copy_ends_its_sequence_at_the_first_hole(
    value: LuaTable, sequence: list[LuaValue]
) -> None:
    copy = rebuilt(value)
    assert isinstance(copy, LuaTable)
    assert copy.sequence == sequence
    assert sorted(copy.items, key=str) == sorted(value.items, key=str)


def test_a_copy_is_in_the_order_of_its_keys_whatever_luas_own_is() -> None:
    pairs = [("b", 1), ("a", LuaTable([("d", 1), ("c", 2)])), (True, 3), (1.5, 4)]
    expected = LuaTable(
        [(1.5, 4), (True, 3), ("a", LuaTable([("c", 2), ("d", 1)])), ("b", 1)],
    )
    assert rebuilt(LuaTable(pairs)) == rebuilt(LuaTable(pairs[::-1])) == expected


def test_a_copy_loses_array_marks_at_every_depth() -> None:
    marked = LuaTable([("x", LuaTable(is_array=True))], is_array=True)
    assert rebuilt(marked) == fields(x=LuaTable())


@pytest.mark.parametrize(
    ("value", "text", "bare"),
    [
        (None, "unit value", "nil"),
        (True, "boolean `true`", "boolean"),
        (False, "boolean `false`", "boolean"),
        (5, "integer `5`", "integer"),
        (1.0, "floating point `1.0`", "number"),
        (1.5, "floating point `1.5`", "number"),
        (1e17, "floating point `100000000000000000.0`", "number"),
        (1e-7, "floating point `0.0000001`", "number"),
        (math.inf, "floating point `inf`", "number"),
        (-math.inf, "floating point `-inf`", "number"),
        (math.nan, "floating point `NaN`", "number"),
        ('it\'s "x"\n\x07', 'string "it\'s \\"x\\"\\n\\u{7}"', "string"),
        ("a\\b\0", 'string "a\\\\b\\0"', "string"),
        (b"\xff", "byte array", "string"),
        (LuaTable(), "map", "table"),
        (LuaTable(is_array=True), "sequence", "table"),
        (array(1), "sequence", "table"),
        (fields(a=1), "map", "table"),
        (NULL, "Option value", "lightuserdata"),
        (FUNCTION, "function", "function"),
        (THREAD, "thread", "thread"),
        (USERDATA, "userdata", "userdata"),
    ],
)
def test_a_given_value_is_named_in_full_and_by_its_type(
    value: LuaValue, text: str, bare: str
) -> None:
    assert (describe(value), type_name(value)) == (text, bare)


@given(lua_values)
def test_any_value_is_json_or_a_value_error(value: LuaValue) -> None:
    try:
        plain = to_json(value)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, this one must give a reason
    else:
        assert json.loads(json.dumps(plain, allow_nan=False)) == plain


@given(lua_values)
def test_any_value_has_a_one_line_echo_and_names(value: LuaValue) -> None:
    for text in (echo(value), describe(value), type_name(value)):
        assert text
        assert "\n" not in text


@given(lua_values)
def test_the_echo_of_a_copy_is_the_echo_of_the_original(value: LuaValue) -> None:
    try:
        copy = rebuilt(value)
    except ValueError:
        copy = value
    assert echo(copy) == echo(value)


class Thing(LuaObject):
    lua_name = "Thing"


class Pairs(LuaObject):
    lua_name = "Pairs"
    lua_metamethods = {"__pairs": "pairs"}  # noqa: RUF012 - declared as a ClassVar by its base

    def pairs(self) -> list[tuple[str, Any]]:
        return [("a", [1, {"b": NULL}]), ("inner", Pairs2())]


class Pairs2(Pairs):
    def pairs(self) -> list[tuple[str, Any]]:
        return [("x", "y")]


def test_an_object_is_a_userdata() -> None:
    assert (describe(Thing()), type_name(Thing())) == ("userdata", "userdata")
    with pytest.raises(NotSerializableError, match="cannot serialize <userdata>"):
        to_json(LuaTable([("a", Thing())]))
    assert echo(Thing()).startswith("a userdata. Additionally, encountered cannot")


def test_an_object_with_pairs_opens_into_a_table_when_it_is_copied() -> None:
    assert echo(Pairs()) == '{"a":[1,{"b":null}],"inner":{"x":"y"}}'
    copy = rebuilt(Pairs())
    assert isinstance(copy, LuaTable)
    first = copy.items[0][1]
    assert isinstance(first, LuaTable)
    assert (first.sequence[0], first.is_array) == (1, False)


def test_json_becomes_a_lua_value_with_marked_arrays() -> None:
    assert from_json({"a": [1, None], "b": {}}) == LuaTable(
        [("a", LuaTable([(1, 1), (2, None)], [1, None], is_array=True)), ("b", LuaTable())]
    )
    assert from_json(NULL) is NULL


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e15, "1e+15"),
        (math.inf, "inf"),
        (2.5e-7, "2.5e-07"),
    ],
)
def test_a_float_reads_as_luas_tostring(value: float, text: str) -> None:
    assert lua_float_text(value) == text


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"ab\xff", "invalid utf-8 sequence of 1 bytes from index 2"),
        (b"\xe2\x82", "incomplete utf-8 byte sequence from index 0"),
    ],
)
def test_bytes_that_are_not_utf8_say_where(raw: bytes, why: str) -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        raw.decode()
    assert utf8_fault(caught.value) == why
