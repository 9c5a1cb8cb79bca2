"""Parameters that name points in time, and the table of when a message may be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Any, Final

from kumolog.luavalue import LuaTable, LuaValue, describe
from kumolog.params import Key
from kumolog.params.enums import readable
from kumolog.params.grammar import Text
from kumolog.params.types import STRING, Mismatch, nearest

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_OF: Final = {spelling.casefold(): day[:3] for day in _DAYS for spelling in (day, day[:3])}
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?", re.ASCII)
_INSTANT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([-+])(\d\d):(\d\d))",
    re.ASCII,
)
_SHAPE: Final = "0000-00-00T00:00:00"
_PARTS: Final = ("dow", "tz", "start", "end")


def parse_datetime(text: str) -> datetime:
    """Read a date and time with its offset (RFC 3339 section 5.6, a blank may stand for the T).

    A fraction is cut to microseconds. Raises ValueError with chrono's reason.
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(_shape_fault(text))
    *numbers, fraction, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = map(int, numbers)
    micros = int((fraction or "0").ljust(6, "0")[:6])
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    leap = second == 60  # a leap second is the one before it, here
    if int(minutes or 0) > 59:
        raise ValueError("input is out of range")
    try:
        zone = timezone(-offset if sign == "-" else offset)
        return datetime(year, month, day, hour, minute, second - leap, micros, zone)
    except ValueError:
        raise ValueError("input is out of range") from None


def _shape_fault(text: str) -> str:
    for wanted, char in zip(_SHAPE, text, strict=False):
        digit = char.isascii() and char.isdigit()
        if not (digit if wanted == "0" else char in {"T": "Tt "}.get(wanted, wanted)):
            return "input contains invalid characters"
    rest = text[len(_SHAPE) :]
    if re.fullmatch(r"(\.\d*)?([-+](\d(\d(:\d?)?)?)?)?", rest, re.ASCII):
        return "premature end of input"
    if re.match(r"(\.\d+)?([Zz]|[-+]\d\d:\d\d)", rest, re.ASCII):
        return "trailing input"
    return "input contains invalid characters"


def parse_time_of_day(text: str) -> time:
    """Read ``H:MM`` or ``HH:MM:SS``, perhaps with a fraction of a second."""
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        hour, minute, second, fraction = found.groups()
        micros = int((fraction or "0").ljust(6, "0")[:6])
        return time(int(hour), int(minute), int(second or 0), micros)
    except ValueError:
        raise ValueError(f"invalid time '{text}'") from None


def parse_days(text: str) -> list[str]:
    """Read day names with commas between them; gives their first three letters."""
    for day in text.split(","):
        if day.casefold() not in _DAY_OF:
            raise ValueError(f"invalid day '{day}'")
    return [_DAY_OF[day.casefold()] for day in text.split(",")]


def parse_timezone(text: str) -> str:
    """Check the name of a time zone of the IANA data base."""
    from zoneinfo import ZoneInfo  # loaded for those who name a zone

    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):  # also for what is no zone's file name
        raise ValueError(f"invalid timezone '{text}'") from None
    return text


@dataclass(frozen=True, slots=True)
class Scheduling:
    """The table of when to send; converts to a dict. KumoMTA: scheduling."""

    keys: tuple[Key, ...]

    def convert(self, value: LuaValue) -> dict[str, Any]:
        readable(value)
        if not isinstance(value, LuaTable) or value.sequence or value.is_array:
            given = describe(value)
            raise Mismatch(f"invalid type: {given}, expected a map containing the Scheduling spec")
        by_name = {key.name: key for key in self.keys}
        found: dict[str, Any] = {}
        for key, item in value.items:
            name = STRING.convert(key)
            if name not in by_name:
                raise Mismatch(f"invalid field name {name}", nearest(name, by_name))
            try:
                found[name] = by_name[name].type.convert(item)
            except Mismatch as error:
                raise Mismatch(f"{name}: {error}", error.hint) from None
        return _consistent({name: found.get(name) for name in by_name})


def _consistent(found: dict[str, Any]) -> dict[str, Any]:
    missing = [name for name in _PARTS if found[name] is None]
    if 0 < len(missing) < len(_PARTS):
        raise Mismatch(
            "scheduling restrictions requires all restriction fields to be present. "
            f"{', '.join(missing)} are missing"
        )
    if not missing and found["start"] > found["end"]:
        raise Mismatch("scheduling restrictions requires that start is not after end")
    return found


DATETIME: Final = Text(parse_datetime, "an RFC 3339 formatted date and time string")
TIME_OF_DAY: Final = Text(parse_time_of_day)
DAYS_OF_WEEK: Final = Text(parse_days)
TIMEZONE: Final = Text(parse_timezone)
