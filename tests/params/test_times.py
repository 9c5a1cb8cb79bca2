"""Parameters that name points in time."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luatables import array, fields, lua_values, marked

from kumolog.luavalue import NULL, LuaTable, LuaValue
from kumolog.params import Key
from kumolog.params.compose import Nullable
from kumolog.params.times import DATETIME, DAYS_OF_WEEK, TIME_OF_DAY, TIMEZONE, Scheduling
from kumolog.params.types import Mismatch, Type
from kumolog.timeparse import Instant

TYPES = {
    "dow": DAYS_OF_WEEK,
    "tz": TIMEZONE,
    "start": TIME_OF_DAY,
    "end": TIME_OF_DAY,
    "expires": DATETIME,
}
SCHEDULING = Scheduling(tuple(Key(name, Nullable(wanted)) for name, wanted in TYPES.items()))
WEEK = {"dow": "Mon", "tz": "Europe/Berlin", "start": "9:00", "end": "17:00"}


def reason(wanted: Type, value: LuaValue) -> str:
    with pytest.raises(Mismatch) as caught:
        wanted.convert(value)
    return caught.value.reason


def test_an_instant_counts_in_utc() -> None:
    assert DATETIME.convert("2026-01-02 03:04:05.25-08:30") == Instant(1_767_353_645, 250_000_000)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-01-02T03:04:05", "premature end of input"),
        ("tomorrow", "input contains invalid characters"),
        ("2026-02-30T03:04:05Z", "input is out of range"),
        ("2026-01-02T03:04:05Z ", "trailing input"),
    ],
)
def test_what_is_no_instant_says_why(text: str, why: str) -> None:
    assert reason(DATETIME, text) == why


def test_the_wanted_thing_of_an_instant_is_named() -> None:
    assert reason(DATETIME, 5) == (
        "invalid type: integer `5`, expected an RFC 3339 formatted date and time string"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [("9:00", time(9)), ("09:30", time(9, 30)), ("23:59:59.5", time(23, 59, 59, 500_000))],
)
def test_a_time_of_day(text: str, found: time) -> None:
    assert TIME_OF_DAY.convert(text) == found


@pytest.mark.parametrize("text", ["", "9", "24:00", "9:60", "9:00 pm", "009:00"])
def test_what_is_no_time_of_day_is_named(text: str) -> None:
    assert reason(TIME_OF_DAY, text) == f"invalid time '{text}'"


def test_days_are_spelled_in_full_or_by_three_letters_in_any_case() -> None:
    assert DAYS_OF_WEEK.convert("mon,TUESDAY,Sun") == ["Mon", "Tue", "Sun"]
    for text, day in (("Mon, Tue", " Tue"), ("", ""), ("Mo", "Mo"), ("Mon,", "")):
        assert reason(DAYS_OF_WEEK, text) == f"invalid day '{day}'"


def test_a_time_zone_is_one_of_the_data_base() -> None:
    assert TIMEZONE.convert("America/Phoenix") == "America/Phoenix"
    for text in ("Mars/Olympus", "", "../etc", "America", "\0"):
        assert reason(TIMEZONE, text) == f"invalid timezone '{text}'"


def test_a_schedule_has_all_of_its_restrictions_or_none() -> None:
    found = SCHEDULING.convert(fields(**WEEK))
    assert found["start"] == time(9)
    assert found["expires"] is None
    assert SCHEDULING.convert(LuaTable()) == dict.fromkeys(TYPES)
    assert SCHEDULING.convert(fields(dow=NULL, expires="2026-01-02T03:04:05Z"))["expires"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (
            fields(dow="Mon"),
            "scheduling restrictions requires all restriction fields to be present. "
            "tz, start, end are missing",
        ),
        (fields(dow="x"), "dow: deserialize error: invalid day 'x'"),
        (fields(foo=1), "invalid field name foo"),
        ("x", 'invalid type: string "x", expected a map containing the Scheduling spec'),
        (array(1), "invalid type: sequence, expected a map containing the Scheduling spec"),
        (marked(), "invalid type: sequence, expected a map containing the Scheduling spec"),
        (LuaTable([(5, 1)]), "invalid type: integer `5`, expected a string"),
    ],
)
def test_a_schedule_that_is_none_says_why(value: LuaValue, why: str) -> None:
    assert reason(SCHEDULING, value) == why


def test_a_schedule_does_not_end_before_it_starts() -> None:
    assert "start is not after end" in reason(SCHEDULING, fields(**WEEK | {"end": "8:59"}))
    assert SCHEDULING.convert(fields(**WEEK | {"end": "9:00"}))


@given(lua_values(st.sampled_from(["dow", "tz", "Mon", "9:00", "UTC"])))
def test_any_value_is_converted_or_refused(value: LuaValue) -> None:
    for wanted in (DATETIME, TIME_OF_DAY, DAYS_OF_WEEK, TIMEZONE, SCHEDULING):
        try:
            wanted.convert(value)
        except Mismatch as error:
            assert error.reason  # noqa: PT017 - either outcome is right
