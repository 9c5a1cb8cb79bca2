"""Points in time and spans between them, as policies hold them: `time` and `timedelta`.

KumoMTA: the time objects; the calendar is chrono's proleptic Gregorian one, always in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Final

from kumolog.api.strftime import strftime
from kumolog.calendar import Civil, civil_from_days, days_from_civil
from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.duration import NANOS_PER_SECOND, format_duration
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import method, text

_DAY: Final = 86_400
_MAX_SPAN: Final = (2**63 - 1) * 1_000_000  # chrono counts 64 bits of milliseconds
_INT64: Final = range(-(2**63), 2**63)

MIN_SECONDS: Final = days_from_civil(-262_143, 1, 1) * _DAY
MAX_SECONDS: Final = days_from_civil(262_143, 1, 1) * _DAY - 1


def _towards_zero(value: int, size: int) -> int:
    return value // size if value >= 0 else -(-value // size)


class TimeDelta(LuaObject):
    """A span of ``nanos`` nanoseconds, which may be negative.

    Raises KumologError for what exceeds 64 bits of milliseconds.
    """

    lua_name = "TimeDelta"
    lua_metamethods: ClassVar[Mapping[str, str]] = {
        "__add": "plus",
        "__sub": "minus",
        "__eq": "equals",
        "__tostring": "tostring",
    }
    lua_fields: ClassVar[Mapping[str, str]] = {
        "seconds": "seconds",
        "milliseconds": "milliseconds",
        "microseconds": "microseconds",
        "nanoseconds": "nanoseconds",
        "human": "human",
    }

    def __init__(self, nanos: int) -> None:
        if abs(nanos) > _MAX_SPAN:
            raise KumologError("a timedelta holds at most 64 bits of milliseconds, either way")
        self.nanos = nanos

    @property
    def seconds(self) -> float:
        whole, rest = divmod(self.nanos, NANOS_PER_SECOND)
        return whole + rest / 1e9

    @property
    def milliseconds(self) -> int:
        return _towards_zero(self.nanos, 1_000_000)

    @property
    def microseconds(self) -> int | None:
        """None where 64 bits do not hold it, as in KumoMTA."""
        micros = _towards_zero(self.nanos, 1_000)
        return micros if micros in _INT64 else None

    @property
    def nanoseconds(self) -> int | None:
        """None where 64 bits do not hold it, as in KumoMTA."""
        return self.nanos if self.nanos in _INT64 else None

    @property
    def human(self) -> str:
        """Text such as ``5m 3s``; raises KumologError for a negative span, which has none."""
        try:
            return format_duration(self.nanos)
        except ValueError as error:
            raise KumologError(f"spelling out a timedelta: {error}") from None

    def tostring(self, *_: LuaValue) -> str:
        return self.human

    def plus(self, other: object) -> TimeDelta:
        return TimeDelta(self.nanos + _span(other, "adding to a timedelta").nanos)

    def minus(self, other: object) -> TimeDelta:
        return TimeDelta(self.nanos - _span(other, "subtracting from a timedelta").nanos)

    def equals(self, other: object) -> bool:
        return isinstance(other, TimeDelta) and other.nanos == self.nanos


def _span(value: object, act: str) -> TimeDelta:
    if not isinstance(value, TimeDelta):
        raise KumologError(f"{act}: a timedelta is needed, as from kumo.time.parse_duration")
    return value


class Time(LuaObject):
    """A point in time: seconds since 1970 in UTC and nanoseconds on top.

    In a leap second ``nanos`` go on to 2e9, as chrono has it. Raises KumologError for years beyond
    -262143 to 262142. ``clock`` tells what has elapsed since.
    """

    lua_name = "Time"
    lua_methods: ClassVar[Mapping[str, str]] = {"format": "format"}
    lua_metamethods: ClassVar[Mapping[str, str]] = {
        "__add": "plus",
        "__sub": "minus",
        "__eq": "equals",
        "__tostring": "tostring",
    }
    lua_fields: ClassVar[Mapping[str, str]] = {
        "year": "year",
        "month": "month",
        "day": "day",
        "hour": "hour",
        "minute": "minute",
        "second": "second",
        "unix_timestamp": "unix_timestamp",
        "unix_timestamp_millis": "unix_timestamp_millis",
        "rfc2822": "rfc2822",
        "rfc3339": "rfc3339",
        "elapsed": "elapsed",
    }

    def __init__(self, seconds: int, nanos: int = 0, clock: Clock = SYSTEM_CLOCK) -> None:
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise KumologError(f"no calendar reaches {seconds:g} seconds from 1970")
        self.unix_timestamp, self.nanos, self._clock = seconds, nanos, clock

    @classmethod
    def of_nanos(cls, nanos: int, clock: Clock = SYSTEM_CLOCK) -> Time:
        return cls(*divmod(nanos, NANOS_PER_SECOND), clock)

    @classmethod
    def now(cls, clock: Clock = SYSTEM_CLOCK) -> Time:
        return cls.of_nanos(clock.wall_ns(), clock)

    def by(self, clock: Clock) -> Time:
        """This time, from which that clock tells what has elapsed."""
        return Time(self.unix_timestamp, self.nanos, clock)

    @cached_property
    def date(self) -> Civil:
        return civil_from_days(self.unix_timestamp // _DAY)

    @property
    def year(self) -> int:
        return self.date.year

    @property
    def month(self) -> int:
        return self.date.month

    @property
    def day(self) -> int:
        return self.date.day

    @property
    def hour(self) -> int:
        return self.unix_timestamp % _DAY // 3600

    @property
    def minute(self) -> int:
        return self.unix_timestamp % 3600 // 60

    @property
    def second(self) -> int:
        """0 to 59, in a leap second too."""
        return self.unix_timestamp % 60

    @property
    def unix_timestamp_millis(self) -> int:
        return self.unix_timestamp * 1000 + self.nanos // 1_000_000

    @property
    def rfc2822(self) -> str:
        """``Tue, 1 Jul 2003 10:52:37 +0000``; raises KumologError beyond the years 0 to 9999."""
        if not 0 <= self.year <= 9999:
            raise KumologError(f"RFC 2822 has no dates of the year {self.year}")
        return strftime(self, "%a, %-d %b %Y %H:%M:%S %z")

    @property
    def rfc3339(self) -> str:
        """``2003-07-01T10:52:37.123+00:00``, with 0, 3, 6 or 9 digits of a fraction."""
        return strftime(self, "%+")

    @property
    def elapsed(self) -> TimeDelta:
        return Time.now(self._clock).minus_time(self)

    def tostring(self, *_: LuaValue) -> str:
        return strftime(self, "%F %T%.f %Z")

    def format(self, spec: LuaValue = None, *_: LuaValue) -> str:
        """Text by a pattern of chrono's strftime; raises KumologError for any other."""
        return strftime(self, text(spec, method(1, "Time.format")))

    def plus(self, other: object) -> Time:
        return self._moved(_span(other, "adding to a time").nanos)

    def minus(self, other: object) -> Time | TimeDelta:
        if isinstance(other, Time):
            return self.minus_time(other)
        return self._moved(-_span(other, "subtracting neither a time nor a timedelta").nanos)

    def minus_time(self, other: Time) -> TimeDelta:
        whole = self.unix_timestamp - other.unix_timestamp
        return TimeDelta(whole * NANOS_PER_SECOND + self.nanos - other.nanos)

    def equals(self, other: object) -> bool:
        return (
            isinstance(other, Time)
            and other.unix_timestamp == self.unix_timestamp
            and other.nanos == self.nanos
        )

    def _moved(self, span: int) -> Time:
        nanos = self.nanos + span
        if self.nanos >= NANOS_PER_SECOND:  # a leap second is left as soon as it is over
            if 0 <= nanos < 2 * NANOS_PER_SECOND:
                return Time(self.unix_timestamp, nanos, self._clock)
            nanos -= NANOS_PER_SECOND if span > 0 else 0
        whole, rest = divmod(nanos, NANOS_PER_SECOND)
        return Time(self.unix_timestamp + whole, rest, self._clock)
