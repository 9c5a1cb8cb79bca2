"""`kumo.time`: points in time, spans, timers and sleep."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from threading import TIMEOUT_MAX
from typing import ClassVar

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.api.timevalue import Time, TimeDelta
from kumolog.calendar import days_from_civil, days_in_month
from kumolog.clock import Clock
from kumolog.duration import NANOS_PER_SECOND
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, quoted, type_name
from kumolog.params.arguments import integer, text
from kumolog.timeparse import Instant
from kumolog.timeparse import parse_rfc2822 as rfc2822_time
from kumolog.timeparse import parse_rfc3339 as rfc3339_time


def now(registry: Registry, _place: str, *_: LuaValue) -> Time:
    """The present."""
    return Time.now(registry.clock)


def from_unix_timestamp(
    registry: Registry, _place: str, seconds: LuaValue = None, *_: LuaValue
) -> Time:
    """The time so many seconds after 1970; a float counts to the nanosecond."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise KumologError(
            f"kumo.time.from_unix_timestamp needs a number of seconds, not {type_name(seconds)}"
        )
    if not math.isfinite(seconds):
        raise KumologError(f"kumo.time.from_unix_timestamp({seconds}): no time is so far away")
    return Time.of_nanos(round(Fraction(seconds) * NANOS_PER_SECOND), registry.clock)


def with_ymd_hms(registry: Registry, _place: str, *arguments: LuaValue) -> Time:
    """The time of year, month, day, hour, minute and second; refuses what no clock shows."""
    given = (*arguments, *[None] * 6)
    year, *rest = (
        integer(value, position, "i32" if position == 1 else "u32")
        for position, value in enumerate(given[:6], 1)
    )
    month, day, hour, minute, second = rest
    dated = abs(year) <= 262_142 and 1 <= month <= 12 and 1 <= day <= days_in_month(year, month)
    if not (dated and hour <= 23 and minute <= 59 and second <= 59):
        shown = ", ".join(map(str, (year, *rest)))
        raise KumologError(f"kumo.time.with_ymd_hms({shown}): there is no such date and time")
    seconds = (hour * 60 + minute) * 60 + second
    return Time(days_from_civil(year, month, day) * 86_400 + seconds, clock=registry.clock)


def parse_rfc2822(registry: Registry, _place: str, source: LuaValue = None, *_: LuaValue) -> Time:
    """The time that a mail's date spells."""
    return _parsed("kumo.time.parse_rfc2822", rfc2822_time, source).by(registry.clock)


def parse_rfc3339(registry: Registry, _place: str, source: LuaValue = None, *_: LuaValue) -> Time:
    """The time that an internet timestamp spells."""
    return _parsed("kumo.time.parse_rfc3339", rfc3339_time, source).by(registry.clock)


def parse_duration(_registry: Registry, _place: str, *arguments: LuaValue) -> TimeDelta:
    """The span of a number of seconds or of text such as ``5 minutes``.

    KumoMTA: only integers may be negative here.
    """
    (nanos,) = check_call("kumo.time.parse_duration", arguments)
    return TimeDelta(nanos)


def sleep(registry: Registry, _place: str, *arguments: LuaValue) -> None:
    """Waits; refuses to outlast the time budget of the call, of which nothing would be left."""
    (seconds,) = check_call("kumo.time.sleep", arguments)
    what = f"kumo.time.sleep({seconds:g})"
    if not seconds >= 0:
        raise KumologError(f"{what}: only a positive number of seconds can be slept")
    left = registry.seconds_left()
    if seconds > left:
        raise KumologError(
            f"{what} would outlast the {max(left, 0):.3g} seconds that this call of the policy may "
            "still take"
        )
    if registry.clock.wait(registry.ending.wait, min(seconds, TIMEOUT_MAX)):
        raise KumologError(f"{what}: the policy ends")


def start_timer(registry: Registry, _place: str, label: LuaValue = None, *_: LuaValue) -> Timer:
    """A running timer."""
    return Timer(text(label, 1), registry.clock)


class Timer(LuaObject):
    """Measures from its making until `done` is called for the first time."""

    lua_name = "Timer"
    lua_methods: ClassVar[Mapping[str, str]] = {"done": "done"}
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__close": "done"}

    def __init__(self, label: str, clock: Clock) -> None:
        self.label = label
        self._now = clock.monotonic
        self._started: float | None = self._now()

    def done(self, *_: LuaValue) -> float | None:
        """The seconds that have passed; None when the timer had been stopped before."""
        if self._started is None:
            return None
        passed = self._now() - self._started
        self._started = None
        return passed


def _parsed(function: str, parse: Callable[[str], Instant], value: LuaValue) -> Time:
    source = text(value, 1)
    try:
        return Time(*parse(source))
    except ValueError as error:
        raise KumologError(f"{function}({quoted(source)}): {error}") from None
