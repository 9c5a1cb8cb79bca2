"""Positional arguments: KumoMTA's lax conversions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luatables import FUNCTION, USERDATA, Thing, array, fields, lua_values

from kumolog.luavalue import NULL, LuaTable, LuaValue
from kumolog.params import arguments
from kumolog.params.arguments import ArgumentError


def refusal(convert: Callable[..., Any], *values: Any) -> str:
    with pytest.raises(ArgumentError) as caught:
        convert(*values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (5, "5"),
        (2.0**40, "1099511627776.0"),
        (2.0**53, "9.007199254741e+15"),
        (0.1, "0.1"),
        (1e100, "1e+100"),
        (-0.0, "-0.0"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_a_number_becomes_text_as_lua_writes_it(value: LuaValue, text: str) -> None:
    assert arguments.text(value, 1) == text
    assert arguments.data(value, 1) == text.encode()


def test_data_takes_any_bytes_and_text_wants_utf8() -> None:
    assert arguments.data(b"\xff", 1) == b"\xff"
    assert arguments.data("é", 1) == "é".encode()
    assert refusal(arguments.text, b"ab\xff", 2) == (
        "bad argument #2: error converting Lua string to &str "
        "(invalid utf-8 sequence of 1 bytes from index 2)"
    )
    assert "(incomplete utf-8 byte sequence from index 0)" in refusal(arguments.text, b"\xc3", 1)


@pytest.mark.parametrize(
    ("value", "kind", "number"),
    [
        (5, "u8", 5),
        (5.9, "u8", 5),
        (-0.5, "u8", 0),
        (-5.9, "i8", -5),
        ("12", "u16", 12),
        (" 12.7\n", "u16", 12),
        ("1e2", "u16", 100),
        (".5e1", "u16", 5),
        ("0x10", "u16", 16),
        ("-0xA.8p1", "i16", -21),
        ("0xffffffffffffffff", "i64", -1),
        (2**63 - 1, "usize", 2**63 - 1),
    ],
)
def test_numbers_and_numeric_texts_are_truncated_to_integers(
    value: LuaValue, kind: str, number: int
) -> None:
    result = arguments.integer(value, 1, kind)
    assert (result, type(result)) == (number, int)


@pytest.mark.parametrize(
    "value", ["", "x", "1_0", "٣", "0x", "1 2", "inf", "nan", "1e", True, None, NULL, b"\xff"]
)
def test_what_lua_reads_as_no_number_is_none(value: LuaValue) -> None:
    assert refusal(arguments.integer, value, 1, "u16").endswith(
        " to u16 (expected number or string coercible to number)"
    )
    assert " to f64 (expected number" in refusal(arguments.number, value, 1)


@pytest.mark.parametrize(
    ("value", "kind", "given"),
    [
        (-1, "u16", "integer"),
        (65536, "u16", "integer"),
        (1e300, "u64", "number"),
        (math.nan, "i64", "number"),
        (math.inf, "i64", "number"),
        ("300", "u8", "string"),
        ("9223372036854775808", "i64", "string"),
        ("0x1p99999999999", "i64", "string"),
    ],
)
def test_an_integer_out_of_range_is_refused(value: LuaValue, kind: str, given: str) -> None:
    assert refusal(arguments.integer, value, 1, kind) == (
        f"bad argument #1: error converting Lua {given} to {kind} (out of range)"
    )


def test_numbers_are_floats() -> None:
    assert arguments.number(2, 1) == 2.0
    assert arguments.number("0x.8", 1) == 0.5
    assert arguments.number("123456789012345678901234567890", 1) == 123456789012345678901234567890.0


@pytest.mark.parametrize(
    ("value", "truth"), [(None, False), (False, False), (0, True), ("", True), (NULL, True)]
)
def test_a_boolean_is_the_truth_of_anything(value: LuaValue, truth: bool) -> None:
    assert arguments.boolean(value) is truth


@pytest.mark.parametrize(
    ("convert", "value", "text"),
    [
        (arguments.text, None, "nil to String (expected string or number)"),
        (arguments.text, True, "boolean to String (expected string or number)"),
        (arguments.text, LuaTable(), "table to String (expected string or number)"),
        (arguments.text, Thing(), "userdata to String (expected string or number)"),
        (arguments.data, FUNCTION, "function to string (expected string or number)"),
        (arguments.function, "x", "string to function"),
        (arguments.table, 1.5, "number to table"),
        (arguments.userdata, NULL, "lightuserdata to userdata"),
    ],
)
def test_a_refusal_names_the_position_and_both_types(
    convert: Callable[..., Any], value: LuaValue, text: str
) -> None:
    assert refusal(convert, value, 3) == f"bad argument #3: error converting Lua {text}"


def test_functions_tables_and_objects_arrive_as_they_are() -> None:
    thing, table = Thing(), LuaTable()
    assert arguments.function(FUNCTION, 1) is FUNCTION
    assert arguments.table(table, 1) is table
    assert arguments.userdata(thing, 1) is thing
    assert arguments.userdata(USERDATA, 1) is USERDATA


def test_lists_and_maps_convert_their_elements_by_the_same_rules() -> None:
    assert arguments.sequence(array("a", 1, None, "c"), 1, arguments.text) == ["a", "1"]
    assert arguments.mapping(LuaTable([("a", 1), (2, "b")]), 1, arguments.text) == {
        "a": "1",
        "2": "b",
    }
    assert refusal(arguments.sequence, "a", 1, arguments.text) == (
        "bad argument #1: error converting Lua string to Vec<String> (expected table)"
    )
    assert refusal(arguments.mapping, 5, 2, arguments.text) == (
        "bad argument #2: error converting Lua integer to HashMap<String, String> (expected table)"
    )
    assert refusal(arguments.mapping, fields(a=True), 2, arguments.text) == (
        "bad argument #2: error converting Lua boolean to String (expected string or number)"
    )


def test_a_method_counts_itself_and_names_its_type() -> None:
    position = arguments.method(1, "Message.set_sender")
    assert refusal(arguments.text, None, position).startswith(
        "bad argument #2 to `Message.set_sender`: error converting Lua nil to String"
    )


@given(lua_values(st.just("name")), st.sampled_from(["u8", "i64", "usize"]))
def test_any_value_is_converted_or_refused(value: LuaValue, kind: str) -> None:
    for convert in (
        arguments.text,
        arguments.data,
        arguments.number,
        arguments.function,
        arguments.table,
        arguments.userdata,
        lambda value, position: arguments.integer(value, position, kind),
        lambda value, position: arguments.sequence(value, position, arguments.text),
        lambda value, position: arguments.mapping(value, position, arguments.data),
    ):
        try:
            convert(value, 1)
        except ArgumentError as error:
            assert str(error).startswith("bad argument #1: error converting Lua ")  # noqa: PT017 - either outcome is right


@given(st.integers(-(2**63), 2**63 - 1))
def test_an_integer_survives_as_text(number: int) -> None:
    assert arguments.integer(arguments.text(number, 1), 1) == number


@given(st.integers(-(2**70), 2**70), st.sampled_from(["0x", "0X"]))
def test_hexadecimal_integers_wrap_around_at_64_bits(number: int, prefix: str) -> None:
    text = f"{'-' if number < 0 else ''}{prefix}{abs(number):x}"
    wrapped = (number + 2**63) % 2**64 - 2**63
    assert arguments.integer(text, 1) == wrapped
