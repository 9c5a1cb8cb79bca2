"""Durations in their text form."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kumolog.duration import MAX_SECONDS, NANOS_PER_SECOND, format_duration, parse_duration

S = NANOS_PER_SECOND
DAY = 86_400 * S
MONTH = 2_630_016 * S
YEAR = 31_557_600 * S

SPELLINGS = {
    1: "nanos nsec ns",
    1_000: "usec us \u00b5s",
    1_000_000: "millis msec ms",
    S: "seconds second secs sec s",
    60 * S: "minutes minute mins min m",
    3600 * S: "hours hour hrs hr h",
    DAY: "days day d",
    7 * DAY: "weeks week wks wk w",
    MONTH: "months month M",
    YEAR: "years year yrs yr y",
}
UNITS = {name: nanos for nanos, names in SPELLINGS.items() for name in names.split()}

blanks = st.text(" \t\n\u00a0\u2003", max_size=3)
spans = st.tuples(st.integers(0, 10**6), st.sampled_from(sorted(UNITS)))
nanoseconds = st.integers(0, MAX_SECONDS * S + S - 1)


@pytest.mark.parametrize(("unit", "nanos"), UNITS.items())
def test_every_spelling_of_a_unit_has_its_length(unit: str, nanos: int) -> None:
    assert parse_duration(f"3{unit}") == 3 * nanos


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("1min", 60 * S),
        ("5 minutes", 300 * S),
        ("1h 30m", 5400 * S),
        ("1h30m", 5400 * S),
        ("90s", 90 * S),
        ("  90\ts\n", 90 * S),
        ("1 0s", 10 * S),
        ("30m 1h 30m", 7200 * S),
        ("0", 0),
        ("0s", 0),
        ("0y 0ns", 0),
        ("000000000000000000000000000000007s", 7 * S),
        ("4.2s", 4_200_000_000),
        ("0.5h", 1800 * S),
        ("0.5us", 500),
        ("1.25 min 1s", 76 * S),
        ("0.000000001s", 1),
        ("2.0h", 7200 * S),
    ],
)
def test_a_text_becomes_exact_nanoseconds(text: str, nanos: int) -> None:
    assert parse_duration(text) == nanos


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a number and a unit"),
        ("   ", "a number and a unit"),
        ("s", "a number and a unit"),
        ("-1s", "a number and a unit"),
        ("+1s", "a number and a unit"),
        (".5s", "a number and a unit"),
        ("1h,30m", "should follow '1h'"),
        ("1h m", "should follow '1h'"),
        ("1s!", "should follow '1s'"),
        ("1\x1cs", "a unit should follow '1'"),
        ("300", "a unit should follow '300'"),
        (" 0", "a unit should follow '0'"),
        ("00", "a unit should follow"),
        ("1h 30", "a unit should follow '30'"),
        ("1.5.5s", "a unit should follow '1.5'"),
        ("\u0663s", "a number and a unit"),
        ("1 fortnight", "'fortnight' is no unit of time"),
        ("1H", "'H' is no unit of time"),
        ("1 Min", "'Min' is no unit of time"),
        ("1.s", "a digit should stand between"),
        ("1. s", "a digit should stand between"),
        ("1.0ns", "nanoseconds have no fraction"),
        ("0.0005us", "no whole number of nanoseconds"),
        ("0.0001h", "no whole number of seconds"),
        ("0.000001d", "no whole number of seconds"),
    ],
)
def test_what_is_no_duration_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_duration(text)


def test_month_and_minute_differ_in_case_only() -> None:
    assert (parse_duration("1M"), parse_duration("1m")) == (MONTH, 60 * S)


@pytest.mark.parametrize(
    "text",
    [
        f"{2**64}ns",
        f"{2**64}s",
        f"{MAX_SECONDS}s 1s",
        f"{MAX_SECONDS}y",
        "9" * 10_000 + "s",
        "0." + "0" * 20 + "s",
    ],
)
def test_more_than_64_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        parse_duration(text)


def test_the_longest_duration_is_64_bits_of_seconds_and_the_last_nanosecond() -> None:
    longest = MAX_SECONDS * S + S - 1
    assert parse_duration(f"{MAX_SECONDS}s 999999999ns") == longest


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (60 * S, "1m"),
        (7 * DAY, "7days"),
        (YEAR + MONTH + DAY, "1year 1month 1day"),
        (2 * YEAR + 3 * MONTH, "2years 3months"),
        (
            YEAR + 2 * MONTH + 3 * DAY + (4 * 3600 + 5 * 60 + 6) * S + 7_008_009,
            "1year 2months 3days 4h 5m 6s 7ms 8us 9ns",
        ),
    ],
)
def test_rendering_goes_from_the_largest_unit_to_the_smallest(nanos: int, text: str) -> None:
    assert format_duration(nanos) == text


def test_a_negative_number_is_not_rendered() -> None:
    with pytest.raises(ValueError, match="never negative"):
        format_duration(-1)


@given(nanoseconds)
def test_what_is_rendered_reads_back_as_the_same_duration(nanos: int) -> None:
    assert parse_duration(format_duration(nanos)) == nanos


@given(st.lists(spans, min_size=1, max_size=6), st.data())
def test_spans_add_up_whatever_the_order_and_the_blanks(
    chosen: list[tuple[int, str]], data: st.DataObject
) -> None:
    blank = lambda: data.draw(blanks)  # noqa: E731 - drawn anew at every place
    text = "".join(f"{blank()}{number}{blank()}{unit}" for number, unit in chosen) + blank()
    assert parse_duration(text) == sum(number * UNITS[unit] for number, unit in chosen)


@given(st.integers(0, 10**6), st.integers(0, 10**9 - 1))
def test_a_decimal_fraction_of_a_second_is_exact(seconds: int, nanos: int) -> None:
    assert parse_duration(f"{seconds}.{nanos:09}s") == seconds * S + nanos


@given(st.text("0123456789 .smhdyMu\u00b5\n-") | st.text())
@example("1" * 5000)
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        nanos = parse_duration(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, this one must give a reason
    else:
        assert 0 <= nanos < (MAX_SECONDS + 1) * S
