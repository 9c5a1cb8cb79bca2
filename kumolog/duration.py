"""Durations as policies write them: ``1h 30m``, ``4.2s``, ``5 minutes``.

Everything is counted in whole nanoseconds, so nothing is ever rounded.
"""

from __future__ import annotations

import re
from typing import Final

NANOS_PER_SECOND: Final = 1_000_000_000
MAX_SECONDS: Final = 2**64 - 1

_MINUTE: Final = 60 * NANOS_PER_SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_MONTH: Final = 2_630_016 * NANOS_PER_SECOND
_YEAR: Final = 31_557_600 * NANOS_PER_SECOND

_UNITS: Final[dict[str, int]] = {
    spelling: nanos
    for spellings, nanos in (
        ("nanos nsec ns", 1),
        ("usec us \u00b5s", 1_000),
        ("millis msec ms", 1_000_000),
        ("seconds second secs sec s", NANOS_PER_SECOND),
        ("minutes minute mins min m", _MINUTE),
        ("hours hour hrs hr h", _HOUR),
        ("days day d", _DAY),
        ("weeks week wks wk w", 7 * _DAY),
        ("months month M", _MONTH),
        ("years year yrs yr y", _YEAR),
    )
    for spelling in spellings.split()
}

# What a duration is rendered with, largest first; a plural is spelled only where one is given.
_RENDERED: Final = (
    (_YEAR, "year", "years"),
    (_MONTH, "month", "months"),
    (_DAY, "day", "days"),
    (_HOUR, "h", "h"),
    (_MINUTE, "m", "m"),
    (NANOS_PER_SECOND, "s", "s"),
    (1_000_000, "ms", "ms"),
    (1_000, "us", "us"),
    (1, "ns", "ns"),
)

# Unicode White_Space: `\s` would add U+001C to U+001F.
_BLANK: Final = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_BLANKS: Final = re.compile(f"[{_BLANK}]*")
_SPAN: Final = re.compile(
    f"[{_BLANK}]*"
    f"(?P<whole>[0-9][0-9{_BLANK}]*)"
    f"(?P<point>\\.(?P<fraction>[0-9{_BLANK}]*))?"
    "(?P<unit>[A-Za-z\u00b5]*)"
)


def parse_duration(text: str) -> int:
    """Return the nanoseconds that ``text`` spells.

    One or more spans of a number and a unit add up, in any order; blanks may stand around and
    between numbers and units. ``"0"`` alone needs no unit. A fraction must come out as whole
    nanoseconds, from hours upwards as whole seconds.

    Raises ValueError with the reason when ``text`` is no duration or exceeds 64 bits of seconds.

    KumoMTA: duration texts.
    """
    if text == "0":
        return 0
    total = position = 0
    while span := _SPAN.match(text, position):
        total += _span_nanos(span)
        position = span.end()
    if not position or not _BLANKS.fullmatch(text, position):
        raise ValueError(f"a number and a unit should follow {text[:position]!r}, as in '1h 30m'")
    if total // NANOS_PER_SECOND > MAX_SECONDS:
        raise ValueError("a duration holds at most 64 bits of seconds")
    return total


def format_duration(nanos: int) -> str:
    """Render nanoseconds from the largest unit to the smallest: ``1year 2days 3h``, zero ``0s``.

    Raises ValueError for a negative number. Weeks are not used. KumoMTA: duration texts.
    """
    if nanos < 0:
        raise ValueError(f"a duration is never negative, {nanos} ns is")
    parts: list[str] = []
    for size, one, many in _RENDERED:
        count, nanos = divmod(nanos, size)
        if count:
            parts.append(f"{count}{one if count == 1 else many}")
    return " ".join(parts) or "0s"


def _span_nanos(span: re.Match[str]) -> int:
    whole = _number(span["whole"])
    unit = span["unit"]
    if not unit:
        raise ValueError(f"a unit should follow {span[0].strip()!r}, as in '{whole}s'")
    size = _UNITS.get(unit)
    if size is None:
        raise ValueError(f"{unit!r} is no unit of time, use ns us ms s m h d w M or y")
    return whole * size + (_fraction_nanos(span["fraction"], unit, size) if span["point"] else 0)


def _fraction_nanos(text: str, unit: str, size: int) -> int:
    digits = _digits(text)
    if not digits:
        raise ValueError(f"a digit should stand between the point and {unit!r}")
    if size == 1:
        raise ValueError("nanoseconds have no fraction")
    resolution = NANOS_PER_SECOND if size >= _HOUR else 1
    value, rest = divmod(_number(text) * size, _number("1" + "0" * len(digits)))
    if rest or value % resolution:
        smallest = "seconds" if size >= _HOUR else "nanoseconds"
        raise ValueError(f"0.{digits}{unit} is no whole number of {smallest}")
    return value


def _digits(text: str) -> str:
    """The digits of a number; blanks within it do not count."""
    return "".join(text.split())


def _number(text: str) -> int:
    digits = _digits(text).lstrip("0") or "0"
    # The length first: Python refuses to read some thousands of digits at all.
    if len(digits) > 20 or int(digits) >= 2**64:
        raise ValueError("a number in a duration has at most 64 bits")
    return int(digits)
