"""kumo.time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api import time
from kumolog.api.registry import Registry
from kumolog.errors import KumologError


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, None)


def call(function: Any, *arguments: Any) -> Any:
    return function(Registry(lambda _level, _text: None, None), "init.lua:1", *arguments)


def test_now_does_not_go_back() -> None:
    first, second = call(time.now), call(time.now)
    assert second.minus_time(first).nanos >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01 00:00:00 UTC"),
        (-1, "1969-12-31 23:59:59 UTC"),
        (1.5, "1970-01-01 00:00:01.500 UTC"),
        (-0.25, "1969-12-31 23:59:59.750 UTC"),
    ],
)
def test_a_unix_timestamp_may_be_a_float(seconds: float, text: str) -> None:
    assert call(time.from_unix_timestamp, seconds).tostring() == text


@pytest.mark.parametrize(
    "seconds", [None, "5", True, b"\xff", float("nan"), float("inf"), 1e300, 2**62]
)
def test_other_unix_timestamps_raise(seconds: Any) -> None:
    with pytest.raises(KumologError):
        call(time.from_unix_timestamp, seconds)


@given(st.integers(-(10**12), 10**12))
def test_a_time_can_be_put_together_from_its_parts(seconds: int) -> None:
    moment = call(time.from_unix_timestamp, seconds)
    parts = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    assert call(time.with_ymd_hms, *parts).equals(moment)


def test_parts_may_be_numeric_text_as_arguments_may() -> None:
    assert call(time.with_ymd_hms, "2003", 7.0, 1, 10, 52, 37).unix_timestamp == 1_057_056_757


@pytest.mark.parametrize(
    "parts",
    [
        (2023, 2, 29, 0, 0, 0),
        (2023, 0, 1, 0, 0, 0),
        (2023, 13, 1, 0, 0, 0),
        (2023, 1, 0, 0, 0, 0),
        (2023, 1, 1, 24, 0, 0),
        (2023, 1, 1, 0, 60, 0),
        (2023, 1, 1, 0, 0, 60),
        (300_000, 1, 1, 0, 0, 0),
    ],
)
def test_an_impossible_date_raises(parts: tuple[int, ...]) -> None:
    with pytest.raises(KumologError, match="there is no such date and time"):
        call(time.with_ymd_hms, *parts)


@pytest.mark.parametrize("parts", [(), (2023, 1), (2023, 1, 1, 0, 0, -1), (2023, "x", 1, 0, 0, 0)])
def test_parts_that_are_no_numbers_raise(parts: tuple[Any, ...]) -> None:
    with pytest.raises(KumologError, match="bad argument #"):
        call(time.with_ymd_hms, *parts)


def test_dates_of_both_standards_are_taken_to_utc() -> None:
    for moment in (
        call(time.parse_rfc2822, "Tue, 1 Jul 2003 10:52:37 +0200"),
        call(time.parse_rfc3339, "2003-07-01T10:52:37+02:00"),
    ):
        assert moment.rfc3339 == "2003-07-01T08:52:37+00:00"


@pytest.mark.parametrize("function", [time.parse_rfc2822, time.parse_rfc3339])
def test_bad_dates_raise_with_chronos_reason(function: Any) -> None:
    with pytest.raises(KumologError, match=r'kumo\.time\.parse_rfc\d+\("x"\): (premature|input)'):
        call(function, "x")
    with pytest.raises(KumologError, match="bad argument #1: error converting Lua nil"):
        call(function)


@pytest.mark.parametrize(
    ("given_value", "nanos"),
    [(5, 5 * 10**9), (-5, -5 * 10**9), (1.5, 1_500_000_000), ("5 minutes", 300 * 10**9), ("0", 0)],
)
def test_a_duration_is_a_number_of_seconds_or_text(given_value: Any, nanos: int) -> None:
    assert call(time.parse_duration, given_value).nanos == nanos


@pytest.mark.parametrize(
    "given_value",
    ["300", "", "5 parsecs", -0.5, float("nan"), None, True, 2**62, "999999999999years"],
)
def test_other_durations_raise(given_value: Any) -> None:
    with pytest.raises(KumologError):
        call(time.parse_duration, given_value)


def test_sleep_takes_fractions_and_numeric_text() -> None:
    assert call(time.sleep, 0.001) is None
    assert call(time.sleep, "0") is None


@pytest.mark.parametrize("seconds", [-1, -0.5, float("nan")])
def test_nobody_sleeps_back_in_time(seconds: float) -> None:
    with pytest.raises(KumologError, match="only a positive number"):
        call(time.sleep, seconds)


def test_sleep_never_outlasts_the_budget_of_the_call(registry: Registry) -> None:
    registry.seconds_left = lambda: 5.0
    with pytest.raises(KumologError, match="would outlast the 5 seconds"):
        time.sleep(registry, "init.lua:1", 3600)


def test_a_timer_ends_once() -> None:
    timer = call(time.start_timer, "label")
    assert timer.label == "label"
    assert timer.done() >= 0
    assert timer.done() is None
    assert timer.lua_metamethods["__close"] == "done"


def test_a_timer_needs_a_label() -> None:
    with pytest.raises(KumologError, match="bad argument #1"):
        call(time.start_timer)
