"""Parameters that name points in time, and the table of when a message may be sent."""

from __future__ import annotations

import re
from datetime import time
from typing import Any, Final

from msgspec import Struct

from kumolog.luavalue import LuaTable, LuaValue, describe
from kumolog.params import Key
from kumolog.params.enums import readable
from kumolog.params.grammar import Text
from kumolog.params.types import STRING, Mismatch, nearest
from kumolog.timeparse import parse_rfc3339

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_OF: Final = {spelling.casefold(): day[:3] for day in _DAYS for spelling in (day, day[:3])}
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?", re.ASCII)
_PARTS: Final = ("dow", "tz", "start", "end")


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


class Scheduling(Struct, frozen=True):
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


DATETIME: Final = Text(parse_rfc3339, "an RFC 3339 formatted date and time string")
TIME_OF_DAY: Final = Text(parse_time_of_day)
DAYS_OF_WEEK: Final = Text(parse_days)
TIMEZONE: Final = Text(parse_timezone)
