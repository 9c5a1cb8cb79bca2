from __future__ import annotations

import calendar
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.duration import format_duration
from kumolog.reading.times import Window, opening, parse_time

NOW = 1_772_791_200 * 10**9
SECONDS = st.integers(0, 253_402_300_799)  # up to the year 9999
HOUR = 3600


def rfc3339(seconds: int, form: str = "%Y-%m-%dT%H:%M:%S") -> str:
    return time.strftime(form, time.gmtime(seconds)).rjust(len("YYYY-mm-ddTHH:MM:SS"), "0")


@given(SECONDS, st.integers(-14 * 60, 14 * 60))
def test_a_time_with_a_zone_is_that_moment(seconds: int, offset: int) -> None:
    sign, minutes = "+-"[offset < 0], abs(offset)
    local = seconds + offset * 60
    if not 0 <= local <= 253_402_300_799:
        return
    text = f"{rfc3339(local)}{sign}{minutes // 60:02}:{minutes % 60:02}"
    assert parse_time(text, NOW) == seconds * 10**9


@given(SECONDS, st.integers(0, 10**9 - 1), st.sampled_from("T t"), st.sampled_from(["Z", "z", ""]))
def test_a_fraction_counts_and_a_zone_that_is_left_out_is_utc(
    seconds: int, nanos: int, separator: str, zone: str
) -> None:
    text = f"{rfc3339(seconds).replace('T', separator)}.{nanos:09}{zone}"
    assert parse_time(text, NOW) == seconds * 10**9 + nanos


@given(SECONDS)
def test_seconds_may_be_left_out_and_a_date_is_its_first_moment(seconds: int) -> None:
    text = rfc3339(seconds)
    assert parse_time(text[:16], NOW) == seconds // 60 * 60 * 10**9
    assert parse_time(text[:10], NOW) == seconds // 86400 * 86400 * 10**9


@given(SECONDS, st.none() | st.integers(0, 10**9 - 1))
def test_a_number_is_unix_seconds(seconds: int, nanos: int | None) -> None:
    text = str(seconds) if nanos is None else f"{seconds}.{nanos:09}"
    assert parse_time(text, NOW) == seconds * 10**9 + (nanos or 0)


@given(st.integers(1, 10**18))
def test_a_duration_is_back_from_now(nanos: int) -> None:
    assert parse_time(format_duration(nanos), NOW) == NOW - nanos


@given(st.text("Tz:-+.0123456789 hdms"))
def test_any_text_is_a_time_or_refused_with_what_would_be_right(text: str) -> None:
    try:
        found = parse_time(text, NOW)
    except ValueError:
        with pytest.raises(ValueError, match=r"is no time: .*; write 2026-03-06T10:00:00Z"):
            parse_time(text, NOW)
    else:
        assert isinstance(found, int)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30", "2026-03-06T25:00:00Z", "2h ago", "-5", "2026-03-06T"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_time(text, NOW)


@given(st.integers(0, 10**13), st.integers(0, 10**13), st.integers(0, 10**4))
def test_a_window_has_what_is_not_before_since_and_before_until(
    since: int, until: int, timestamp: int
) -> None:
    wanted = since <= timestamp * 10**9 < until
    assert Window.of(since, until).has(timestamp) == wanted


@pytest.mark.parametrize("value", [None, "1772791200", True, [1], {}])
def test_what_is_no_number_lies_in_no_window(value: object) -> None:
    assert not Window.of(0, None).has(value)


def test_a_window_without_bounds_is_open() -> None:
    assert Window.of(None, None).is_open
    assert not Window.of(0, None).is_open


def name(seconds: int) -> str:
    return time.strftime("dir/%Y%m%d-%H%M%S_x", time.gmtime(seconds))


T = calendar.timegm((2026, 3, 6, 10, 0, 0))


def test_the_name_of_a_segment_tells_when_it_was_opened() -> None:
    assert opening(name(T)) == T
    assert opening("dir/20260306-100000.123456_x") == T
    assert [opening(p) for p in ("x", "20261306-100000", "dir-20260306-100000/x")] == [None] * 3


def test_a_segment_that_was_finished_long_before_is_over() -> None:
    window = Window(since=T)
    assert window.is_over(name(T - 9 * HOUR), T - 2 * HOUR)
    assert not window.is_over(name(T - 9 * HOUR), T - 1)  # clocks differ a little
    assert not window.is_over("renamed", T - 2 * HOUR)
    assert not window.is_over(name(T - HOUR // 2), 0)  # its time of change was lost
    assert not Window(until=T).is_over(name(T), T)


def test_a_segment_that_was_opened_long_after_is_ahead_unless_older_events_are_in_it() -> None:
    window, segment = Window(until=T), name(T + 2 * HOUR)
    assert window.may_be_ahead(segment)
    assert window.is_ahead(segment, T + 2 * HOUR)
    assert not window.is_ahead(segment, T)
    assert not window.may_be_ahead(name(T + 1))
    assert not window.may_be_ahead("renamed")
    assert not Window(since=T).may_be_ahead(segment)
