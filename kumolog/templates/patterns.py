"""Date patterns: the format descriptions of the Rust crate ``time``, version 2.

``[year]-[month repr:short]`` is text with components in brackets, each with modifiers of the form
``key:value``. A backslash escapes ``[``, ``]`` and itself; nothing else may follow it. Names, keys
and values ignore case. KumoMTA's templates hand every format that has no name of its own to this
language; its ``optional`` and ``first`` groups are refused there, and therefore here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Moment(NamedTuple):
    """An instant as its local date and time.

    ``local`` is aware and has no microseconds: the fraction of the second is ``nanosecond``.
    """

    local: datetime
    nanosecond: int

    @property
    def offset(self) -> int:
        """Seconds east of UTC."""
        shift = self.local.utcoffset()
        return 0 if shift is None else round(shift.total_seconds())

    @property
    def unix_nanoseconds(self) -> int:
        return int(self.local.timestamp()) * 1_000_000_000 + self.nanosecond


Modifiers = Mapping[str, str]
Writer = Callable[[Moment, Modifiers], str]
Pattern = tuple[tuple[Writer, Modifiers], ...]


def parse(description: str) -> Pattern:
    """The writers of a description, in order; ValueError says what is wrong at which index."""
    pieces: list[tuple[Writer, Modifiers]] = []
    position = 0
    while position < len(description):
        token = _TOKEN.match(description, position)
        if token is None:
            raise ValueError(_complaint(description, position))
        if token["component"] is not None:
            pieces.append(_component(token["component"], position))
        else:
            pieces.append((_write_text, {"text": token["escaped"] or token["text"]}))
        position = token.end()
    return tuple(pieces)


def render(pattern: Pattern, moment: Moment) -> str:
    """The moment written by a parsed pattern."""
    return "".join([write(moment, modifiers) for write, modifiers in pattern])


_TOKEN = re.compile(r"\\(?P<escaped>[\\\[\]])|\[(?P<component>[^\[\]\\]*)\]|(?P<text>[^\[\\]+)")


def _complaint(description: str, position: int) -> str:
    if description[position] == "\\":
        return (
            f"invalid format {description!r}: only [, ] or \\ may follow the backslash at index "
            f"{position}"
        )
    return (
        f"invalid format {description!r}: the bracket at index {position} must hold one component "
        "such as [year] (write \\[ for a bracket)"
    )


def _component(text: str, position: int) -> tuple[Writer, Modifiers]:
    words = text.lower().split()
    name = words[0] if words else ""
    if name not in _COMPONENTS:
        raise ValueError(
            f"invalid format: unknown component [{text}] at index {position}, expected one of "
            f"{', '.join(_COMPONENTS)}"
        )
    write, choices = _COMPONENTS[name]
    modifiers = {key: values[0] for key, values in choices.items()}
    for word in words[1:]:
        key, _, value = word.partition(":")
        if value not in choices.get(key, ()):
            allowed = [f"{key}:{'/'.join(values)}" for key, values in choices.items()]
            raise ValueError(
                f"invalid format: unknown modifier {word} of [{name}] at index {position}, "
                f"expected {', '.join(allowed) or 'none'}"
            )
        modifiers[key] = value
    return write, modifiers


def _number(value: int, width: int, modifiers: Modifiers) -> str:
    fill = {"zero": "0", "space": " ", "none": ""}[modifiers["padding"]]
    return str(value).rjust(width, fill) if fill else str(value)


def _sign(negative: bool, modifiers: Modifiers) -> str:
    if negative:
        return "-"
    return "+" if modifiers["sign"] == "mandatory" else ""


def _write_text(_: Moment, modifiers: Modifiers) -> str:
    return modifiers["text"]


def _write_year(moment: Moment, modifiers: Modifiers) -> str:
    local = moment.local
    year = local.isocalendar().year if modifiers["base"] == "iso_week" else local.year
    if modifiers["repr"] == "last_two":
        return _number(year % 100, 2, modifiers)
    return _sign(False, modifiers) + _number(year, 4, modifiers)


def _write_month(moment: Moment, modifiers: Modifiers) -> str:
    month = moment.local.month
    if modifiers["repr"] == "numerical":
        return _number(month, 2, modifiers)
    return MONTHS[month - 1][: 3 if modifiers["repr"] == "short" else None]


def _write_weekday(moment: Moment, modifiers: Modifiers) -> str:
    weekday = moment.local.weekday()
    first = 1 if modifiers["one_indexed"] == "true" else 0
    match modifiers["repr"]:
        case "sunday":
            return str((weekday + 1) % 7 + first)
        case "monday":
            return str(weekday + first)
        case "short":
            return WEEKDAYS[weekday][:3]
        case _:
            return WEEKDAYS[weekday]


def _write_week_number(moment: Moment, modifiers: Modifiers) -> str:
    local = moment.local
    match modifiers["repr"]:
        case "sunday":
            week = int(local.strftime("%U"))
        case "monday":
            week = int(local.strftime("%W"))
        case _:
            week = local.isocalendar().week
    return _number(week, 2, modifiers)


def _write_hour(moment: Moment, modifiers: Modifiers) -> str:
    hour = moment.local.hour
    return _number((hour - 1) % 12 + 1 if modifiers["repr"] == "12" else hour, 2, modifiers)


def _write_period(moment: Moment, modifiers: Modifiers) -> str:
    period = "PM" if moment.local.hour >= 12 else "AM"
    return period if modifiers["case"] == "upper" else period.lower()


def _write_subsecond(moment: Moment, modifiers: Modifiers) -> str:
    digits = f"{moment.nanosecond:09}"
    if modifiers["digits"] == "1+":
        return digits.rstrip("0") or "0"
    return digits[: int(modifiers["digits"])]


def _write_offset_hour(moment: Moment, modifiers: Modifiers) -> str:
    offset = moment.offset
    return _sign(offset < 0, modifiers) + _number(abs(offset) // 3600, 2, modifiers)


_PRECISIONS: Mapping[str, int] = MappingProxyType(
    {"second": 10**9, "millisecond": 10**6, "microsecond": 10**3, "nanosecond": 1}
)


def _write_unix_timestamp(moment: Moment, modifiers: Modifiers) -> str:
    nanoseconds = moment.unix_nanoseconds
    count = abs(nanoseconds) // _PRECISIONS[modifiers["precision"]]
    return _sign(nanoseconds < 0, modifiers) + str(count)


_PADDING = ("zero", "space", "none")
_SIGN = ("automatic", "mandatory")
_EITHER = ("true", "false")

# Name: its writer, and for each modifier the values it may have, the default first.
_COMPONENTS: Mapping[str, tuple[Writer, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "day": (lambda m, f: _number(m.local.day, 2, f), {"padding": _PADDING}),
        "hour": (_write_hour, {"padding": _PADDING, "repr": ("24", "12")}),
        "minute": (lambda m, f: _number(m.local.minute, 2, f), {"padding": _PADDING}),
        "month": (
            _write_month,
            {
                "padding": _PADDING,
                "repr": ("numerical", "long", "short"),
                "case_sensitive": _EITHER,
            },
        ),
        "offset_hour": (_write_offset_hour, {"sign": _SIGN, "padding": _PADDING}),
        "offset_minute": (
            lambda m, f: _number(abs(m.offset) // 60 % 60, 2, f),
            {"padding": _PADDING},
        ),
        "offset_second": (lambda m, f: _number(abs(m.offset) % 60, 2, f), {"padding": _PADDING}),
        "ordinal": (
            lambda m, f: _number(m.local.timetuple().tm_yday, 3, f),
            {"padding": _PADDING},
        ),
        "period": (_write_period, {"case": ("upper", "lower"), "case_sensitive": _EITHER}),
        "second": (lambda m, f: _number(m.local.second, 2, f), {"padding": _PADDING}),
        "subsecond": (_write_subsecond, {"digits": ("1+", *"123456789")}),
        "unix_timestamp": (
            _write_unix_timestamp,
            {"precision": tuple(_PRECISIONS), "sign": _SIGN},
        ),
        "weekday": (
            _write_weekday,
            {
                "repr": ("long", "short", "sunday", "monday"),
                "one_indexed": _EITHER,
                "case_sensitive": _EITHER,
            },
        ),
        "week_number": (
            _write_week_number,
            {"padding": _PADDING, "repr": ("iso", "sunday", "monday")},
        ),
        "year": (
            _write_year,
            {
                "padding": _PADDING,
                "repr": ("full", "last_two"),
                "base": ("calendar", "iso_week"),
                "sign": _SIGN,
            },
        ),
    }
)
