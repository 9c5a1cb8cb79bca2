"""The types that parameters may have."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque
from kumolog.params import types
from kumolog.params.compose import STRING_KEY, ListOf, MapOf, Nullable
from kumolog.params.enums import Enum
from kumolog.params.types import (
    BOOL,
    DURATION,
    FIELD,
    FLOAT,
    I32,
    PATH,
    STRING,
    U8,
    U64,
    USIZE,
    Mismatch,
    Type,
    Within,
)

FUNCTION = Opaque("function")
COLOUR = Enum(("Red", "Green", "DarkBlue"))
RANGES = {
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    "usize": (0, 2**64 - 1),
}


def array(*values: LuaValue) -> LuaTable:
    return LuaTable([(i, v) for i, v in enumerate(values, 1) if v is not None], list(values))


def fields(**pairs: LuaValue) -> LuaTable:
    return LuaTable(list(pairs.items()))


def reason(wanted: Type, value: LuaValue) -> str:
    with pytest.raises(Mismatch) as caught:
        wanted.convert(value)
    return str(caught.value).removeprefix("deserialize error: ")


def hint(wanted: Type, value: LuaValue) -> str | None:
    with pytest.raises(Mismatch) as caught:
        wanted.convert(value)
    return caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        (STRING, "é", "é"),
        (PATH, "a/b", "a/b"),
        (BOOL, False, False),
        (FLOAT, 1.5, 1.5),
        (FLOAT, 2, 2.0),
        (FLOAT, math.inf, math.inf),
        (Nullable(STRING), NULL, None),
        (Nullable(STRING), "x", "x"),
        (ListOf(STRING), array("a", "b"), ["a", "b"]),
        (ListOf(STRING), LuaTable(), []),
        (ListOf(STRING), fields(x=1), []),
        (ListOf(STRING), LuaTable([(1, "a"), ("x", 1)], ["a"]), ["a"]),
        (ListOf(Nullable(STRING)), array("a", None, NULL), ["a", None, None]),
        (MapOf(STRING_KEY, U8), fields(a=1, b=2), {"a": 1, "b": 2}),
        (MapOf(COLOUR, BOOL), LuaTable(), {}),
        (COLOUR, "DarkBlue", "DarkBlue"),
        (FIELD, b"a\xff", "a\ufffd"),
        (Within(I32, 0, 21), 21, 21),
    ],
)
def test_a_fitting_value_becomes_plain_python(wanted: Type, value: LuaValue, expected: Any) -> None:
    result = wanted.convert(value)
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("wanted", "value", "text"),
    [
        (STRING, 5, "invalid type: integer `5`, expected a string"),
        (STRING, NULL, "invalid type: Option value, expected a string"),
        (STRING, None, "invalid type: unit value, expected a string"),
        (STRING, b"\xff", "invalid value: byte array, expected a string"),
        (STRING, LuaTable(), "invalid type: map, expected a string"),
        (STRING, array("a"), "invalid type: sequence, expected a string"),
        (STRING, FUNCTION, "unsupported value type `function`"),
        (STRING, Opaque("thread"), "unsupported value type `thread`"),
        (STRING, Opaque("userdata"), "unsupported value type `userdata`"),
        (PATH, True, "invalid type: boolean `true`, expected path string"),
        (PATH, b"\xff", "invalid value: byte array, expected path string"),
        (BOOL, 1, "invalid type: integer `1`, expected a boolean"),
        (BOOL, "true", 'invalid type: string "true", expected a boolean'),
        (FLOAT, "1", 'invalid type: string "1", expected f64'),
        (FLOAT, True, "invalid type: boolean `true`, expected f64"),
        (U64, 1e9, "invalid type: floating point `1000000000.0`, expected u64"),
        (U64, "300", 'invalid type: string "300", expected u64'),
        (U64, True, "invalid type: boolean `true`, expected u64"),
        (Within(I32, 0, 21), 22, "invalid value: integer `22`, expected 0 to 21"),
        (Within(I32, 0, 21), -1, "invalid value: integer `-1`, expected 0 to 21"),
        (Within(I32, 0, 21), "3", 'invalid type: string "3", expected i32'),
        (Within(I32, 0, 21), 2**40, f"invalid value: integer `{2**40}`, expected i32"),
        (Nullable(STRING), 1, "invalid type: integer `1`, expected a string"),
        (ListOf(STRING), "Subject", "invalid type: string, expected table"),
        (ListOf(STRING), None, "invalid type: nil, expected table"),
        (ListOf(STRING), NULL, "invalid type: lightuserdata, expected table"),
        (ListOf(STRING), 1.0, "invalid type: number, expected table"),
        (ListOf(STRING), FUNCTION, "invalid type: function, expected table"),
        (ListOf(STRING), array("a", 1), "invalid type: integer `1`, expected a string"),
        (ListOf(STRING), array("a", None), "invalid type: unit value, expected a string"),
        (MapOf(STRING_KEY, U8), True, "invalid type: boolean, expected table"),
        (
            MapOf(STRING_KEY, U8),
            array(1),
            "invalid type: integer 1 (quoted), expected a string",
        ),
        (MapOf(STRING_KEY, U8), fields(a=-1), "invalid value: integer `-1`, expected u8"),
        (
            COLOUR,
            "red",
            "unknown variant `red`, expected one of `Red`, `Green`, `DarkBlue`",
        ),
        (Enum(("A", "B")), "x", "unknown variant `x`, expected `A` or `B`"),
        (Enum(("A",)), "x", "unknown variant `x`, expected `A`"),
        (Enum(("A",)), array(True), "unknown variant `1`, expected `A`"),
        (COLOUR, 1, "bad enum value"),
        (COLOUR, NULL, "bad enum value"),
        (COLOUR, FUNCTION, "bad enum value"),
        (COLOUR, LuaTable([(FUNCTION, 1)]), "bad enum value"),
        (COLOUR, LuaTable(), "invalid value: map, expected map with a single key"),
        (COLOUR, fields(Red=1, Green=1), "invalid value: map, expected map with a single key"),
        (COLOUR, fields(Red=1), "invalid type: newtype variant, expected unit variant"),
        (FIELD, 1, "invalid type: integer `1`, expected field identifier"),
        (FIELD, 1.5, "invalid type: floating point `1.5`, expected field identifier"),
        (FIELD, True, "invalid type: boolean `true`, expected field identifier"),
    ],
)
def test_what_does_not_fit_is_refused_in_kumomtas_words(
    wanted: Type, value: LuaValue, text: str
) -> None:
    assert reason(wanted, value) == text


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"Re\xff!", "invalid utf-8 sequence of 1 bytes from index 2"),
        (b"Re\xc3", "incomplete utf-8 byte sequence from index 2"),
    ],
)
def test_a_variant_that_is_not_utf8_has_an_error_without_the_usual_prefix(
    name: bytes, why: str
) -> None:
    with pytest.raises(Mismatch) as caught:
        COLOUR.convert(name)
    assert str(caught.value) == f"error converting Lua string to &str ({why})"


@pytest.mark.parametrize(("name", "low", "high"), [(n, *r) for n, r in RANGES.items()])
@given(data=st.data())
def test_an_integer_fits_exactly_within_its_range(
    name: str, low: int, high: int, data: st.DataObject
) -> None:
    wanted: Type = getattr(types, name.upper())
    number = data.draw(
        st.sampled_from([low - 1, low, high, high + 1]) | st.integers(-(2**63), 2**63 - 1)
    )
    if low <= number <= high:
        assert wanted.convert(number) == number
    else:
        assert reason(wanted, number) == f"invalid value: integer `{number}`, expected {name}"


@pytest.mark.parametrize(
    ("value", "nanos"),
    [
        (0, 0),
        (300, 300 * 10**9),
        (2**63 - 1, (2**63 - 1) * 10**9),
        (1.5, 1_500_000_000),
        (-0.0, 0),
        (1e-9, 1),
        ("5 minutes", 300 * 10**9),
    ],
)
def test_a_duration_is_seconds_or_a_text(value: LuaValue, nanos: int) -> None:
    assert DURATION.convert(value) == nanos


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            -1,
            "duration must either be a string or a positive integer specifying the number of "
            "seconds. (error: out of range integral type conversion attempted)",
        ),
        (-0.5, "cannot convert float seconds to Duration: value is negative"),
        (-math.inf, "cannot convert float seconds to Duration: value is negative"),
        (math.nan, "cannot convert float seconds to Duration: value is either too big or NaN"),
        (math.inf, "cannot convert float seconds to Duration: value is either too big or NaN"),
        (2.0**64, "cannot convert float seconds to Duration: value is either too big or NaN"),
        ("300", 'invalid value: string "300", expected a duration'),
        ("a\nb", 'invalid value: string "a\\nb", expected a duration'),
        (True, "invalid type: boolean `true`, expected a duration"),
        (LuaTable(), "invalid type: map, expected a duration"),
    ],
)
def test_what_is_no_duration_is_refused(value: LuaValue, text: str) -> None:
    assert reason(DURATION, value) == text


@pytest.mark.parametrize(
    ("wanted", "value", "text"),
    [
        (COLOUR, "red", "did you mean `Red`?"),
        (COLOUR, "dark_blue", "did you mean `DarkBlue`?"),
        (COLOUR, "Gren", "did you mean `Green`?"),
        (COLOUR, "zzz", None),
        (COLOUR, fields(Red=1), 'write "Red"'),
        (U64, 1e9, "write 1000000000: a number with a point or an exponent is no integer"),
        (U8, 1e9, None),
        (USIZE, 1.5, None),
        (USIZE, "1", None),
        (ListOf(STRING), "Subject", 'write { "Subject" }'),
        (ListOf(STRING), 1, None),
        (DURATION, "300", "a unit should follow '300', as in '300s'"),
    ],
)
def test_a_hint_says_what_would_be_right(wanted: Type, value: LuaValue, text: str | None) -> None:
    assert hint(wanted, value) == text


@given(st.floats() | st.text("0123456789smh .") | st.integers(-(2**63), 2**63 - 1))
def test_any_scalar_is_a_duration_or_a_mismatch(value: LuaValue) -> None:
    try:
        nanos = DURATION.convert(value)
    except Mismatch as error:
        assert re.match("deserialize error: .", str(error))  # noqa: PT017 - either outcome is right
    else:
        assert 0 <= nanos < 2**64 * 10**9
