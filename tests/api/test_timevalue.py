"""The objects that kumo.time gives out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.timevalue import MAX_SECONDS, MIN_SECONDS, Time, TimeDelta
from kumolog.errors import KumologError

SECOND = 1_000_000_000
MOMENT = Time(1_057_056_757, 123_000_000)  # 2003-07-01 10:52:37.123

spans = st.integers(-(10**18), 10**18).map(TimeDelta)
moments = st.builds(Time, st.integers(-(10**12), 10**12), st.integers(0, SECOND - 1))


def test_a_time_shows_its_parts() -> None:
    shown = {
        name: getattr(MOMENT, place) for name, place in Time.lua_fields.items() if name != "elapsed"
    }
    assert shown == {
        "year": 2003,
        "month": 7,
        "day": 1,
        "hour": 10,
        "minute": 52,
        "second": 37,
        "unix_timestamp": 1_057_056_757,
        "unix_timestamp_millis": 1_057_056_757_123,
        "rfc2822": "Tue, 1 Jul 2003 10:52:37 +0000",
        "rfc3339": "2003-07-01T10:52:37.123+00:00",
    }


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (Time(1), "1970-01-01 00:00:01 UTC"),
        (MOMENT, "2003-07-01 10:52:37.123 UTC"),
        (Time(-1, 500_000_000), "1969-12-31 23:59:59.500 UTC"),
        (Time(253_402_300_800), "+10000-01-01 00:00:00 UTC"),
    ],
)
def test_a_time_is_written_with_its_zone(moment: Time, text: str) -> None:
    assert moment.tostring() == text


def test_times_before_1970_count_down_to_the_second_before() -> None:
    before = Time.of_nanos(-1)
    assert (before.unix_timestamp, before.unix_timestamp_millis, before.second) == (-1, -1, 59)


def test_a_leap_second_is_shown_and_then_left_behind() -> None:
    leap = Time(1_483_228_799, SECOND + SECOND // 2)  # 2016-12-31T23:59:60.5
    assert leap.rfc3339 == "2016-12-31T23:59:60.500+00:00"
    assert leap.second == 59
    assert leap.plus(TimeDelta(SECOND // 4)).rfc3339 == "2016-12-31T23:59:60.750+00:00"
    assert leap.plus(TimeDelta(SECOND)).rfc3339 == "2017-01-01T00:00:00.500+00:00"
    assert leap.minus(TimeDelta(SECOND)).rfc3339 == "2016-12-31T23:59:59.500+00:00"


def test_the_calendar_has_two_ends() -> None:
    assert Time(MIN_SECONDS).rfc3339 == "-262143-01-01T00:00:00+00:00"
    assert Time(MAX_SECONDS).rfc3339 == "+262142-12-31T23:59:59+00:00"
    with pytest.raises(KumologError, match="no calendar"):
        Time(MAX_SECONDS).plus(TimeDelta(SECOND))
    with pytest.raises(KumologError, match="no calendar"):
        Time(MIN_SECONDS).minus(TimeDelta(1))


def test_rfc_2822_has_no_years_of_five_digits() -> None:
    with pytest.raises(KumologError, match="RFC 2822"):
        Time(253_402_300_800).rfc2822  # noqa: B018 - reading it raises


def test_elapsed_is_measured_at_each_reading() -> None:
    moment = Time.now()
    first, second = moment.elapsed, moment.elapsed
    assert 0 <= first.nanos <= second.nanos


@given(moments, spans)
def test_adding_and_subtracting_a_span_are_opposites(moment: Time, span: TimeDelta) -> None:
    there = moment.plus(span)
    assert there.minus(span).equals(moment)
    assert there.minus(moment).equals(span)
    assert moment.minus(there).nanos == -span.nanos


@given(spans, spans)
def test_spans_add_up(one: TimeDelta, other: TimeDelta) -> None:
    assert one.plus(other).nanos == one.nanos + other.nanos
    assert one.minus(other).nanos == one.nanos - other.nanos


def test_only_like_things_are_equal() -> None:
    assert TimeDelta(5).equals(TimeDelta(5))
    assert not TimeDelta(5).equals(TimeDelta(6))
    assert not Time(5).equals(TimeDelta(5 * SECOND))
    assert not TimeDelta(5).equals(5)
    assert Time(5).equals(Time(5))
    assert not Time(5).equals(Time(5, 1))


@pytest.mark.parametrize("other", [None, 5, "5s", Time(0)])
def test_nothing_but_a_span_can_be_added(other: object) -> None:
    for operation in (Time(0).plus, TimeDelta(0).plus, TimeDelta(0).minus):
        with pytest.raises(KumologError, match="a timedelta is needed"):
            operation(other)
    if not isinstance(other, Time):
        with pytest.raises(KumologError, match="a timedelta is needed"):
            Time(0).minus(other)


@pytest.mark.parametrize(
    ("nanos", "seconds", "millis", "micros"),
    [
        (1_500_000_000, 1.5, 1500, 1_500_000),
        (-1_500_000_000, -1.5, -1500, -1_500_000),
        (-1_999, -1.999e-06, 0, -1),
        (0, 0.0, 0, 0),
    ],
)
def test_a_span_is_counted_towards_zero(
    nanos: int, seconds: float, millis: int, micros: int
) -> None:
    span = TimeDelta(nanos)
    assert span.seconds == pytest.approx(seconds)
    assert (span.milliseconds, span.microseconds, span.nanoseconds) == (millis, micros, nanos)


def test_what_64_bits_do_not_hold_is_nil() -> None:
    span = TimeDelta(2**63)
    assert span.nanoseconds is None
    assert span.microseconds == 2**63 // 1000
    assert TimeDelta(2**63 * 1000).microseconds is None


def test_a_span_has_an_end() -> None:
    longest = TimeDelta((2**63 - 1) * 1_000_000)
    with pytest.raises(KumologError, match="64 bits"):
        longest.plus(TimeDelta(1))


def test_a_span_is_spelled_out_unless_it_is_negative() -> None:
    assert TimeDelta(303 * SECOND).human == TimeDelta(303 * SECOND).tostring() == "5m 3s"
    with pytest.raises(KumologError, match="never negative"):
        TimeDelta(-1).human  # noqa: B018 - reading it raises
