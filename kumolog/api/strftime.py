"""The patterns of `time:format`, chrono's strftime: all its specifiers, and errors for others.

KumoMTA: time:format. Times are in UTC, so the zone is always the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

from msgspec import Struct, structs

from kumolog.calendar import MONTHS, WEEKDAYS, Civil, iso_week
from kumolog.duration import NANOS_PER_SECOND
from kumolog.errors import KumologError

_SPECIFIER: Final = re.compile(
    r"%(?P<pad>[-_0](?!\Z))?(?P<what>\.[369]?f|[369]f|:{1,3}z|.|\Z)", re.DOTALL
)
_PADS: Final = {"-": "", "_": " ", "0": "0"}


class Moment(Protocol):
    """What is formatted; ``nanos`` of 1e9 and more are a leap second."""

    unix_timestamp: int
    nanos: int

    @property
    def date(self) -> Civil: ...
    @property
    def hour(self) -> int: ...
    @property
    def minute(self) -> int: ...
    @property
    def second(self) -> int: ...


Part = Callable[[Moment], str]


def strftime(moment: Moment, pattern: str) -> str:
    """``moment`` by a pattern; raises KumologError for one that chrono does not know."""
    return "".join([part(moment) for part in _compiled(pattern)])


@lru_cache(maxsize=128)
def _compiled(pattern: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    position = 0
    for found in _SPECIFIER.finditer(pattern):
        parts += _literal(pattern[position : found.start()])
        parts += _specified(found, pattern)
        position = found.end()
    return (*parts, *_literal(pattern[position:]))


def _literal(text: str) -> list[Part]:
    return [lambda _: text] if text else []


def _specified(found: re.Match[str], pattern: str) -> tuple[Part, ...]:
    pad, what = found["pad"], found["what"]
    number = _NUMBERS.get(what)
    if number is not None:
        return (number if pad is None else structs.replace(number, pad=_PADS[pad]),)
    if pad is None and what in _TEXTS:  # only single numbers can be padded otherwise
        return (_TEXTS[what],)
    if pad is None and what in _COMPOSITES:
        return _compiled(_COMPOSITES[what])
    raise KumologError(f"time:format: {found[0]!r} in {pattern!r} is no specifier of chrono")


class _Number(Struct, frozen=True):
    """``pad`` is a zero, a blank or nothing; ``is_year`` signs what is beyond 0 to 9999."""

    read: Callable[[Moment], int]
    width: int = 2
    pad: str = "0"
    is_year: bool = False

    def __call__(self, moment: Moment) -> str:
        value = self.read(moment)
        signed = self.is_year and not 0 <= value <= 9999
        text = f"{value:+d}" if signed else str(value)
        width = self.width + signed
        return text.zfill(width) if self.pad == "0" else text.rjust(width if self.pad else 0)


def _week_from(first: int) -> Callable[[Moment], int]:
    """The week of the year when weeks begin with the weekday ``first``; 0 before the first one."""

    def week(moment: Moment) -> int:
        return (moment.date.ordinal - (moment.date.weekday - first) % 7 + 6) // 7

    return week


def _shown_second(moment: Moment) -> int:
    return moment.second + moment.nanos // NANOS_PER_SECOND


def _nanos(moment: Moment) -> int:
    return moment.nanos % NANOS_PER_SECOND


_NUMBERS: Final = {
    "Y": _Number(lambda m: m.date.year, 4, is_year=True),
    "C": _Number(lambda m: m.date.year // 100),
    "y": _Number(lambda m: m.date.year % 100),
    "q": _Number(lambda m: (m.date.month + 2) // 3, 1),
    "m": _Number(lambda m: m.date.month),
    "d": _Number(lambda m: m.date.day),
    "e": _Number(lambda m: m.date.day, pad=" "),
    "w": _Number(lambda m: (m.date.weekday + 1) % 7, 1),
    "u": _Number(lambda m: m.date.weekday + 1, 1),
    "U": _Number(_week_from(6)),
    "W": _Number(_week_from(0)),
    "G": _Number(lambda m: iso_week(m.date)[0], 4, is_year=True),
    "g": _Number(lambda m: iso_week(m.date)[0] % 100),
    "V": _Number(lambda m: iso_week(m.date)[1]),
    "j": _Number(lambda m: m.date.ordinal, 3),
    "H": _Number(lambda m: m.hour),
    "k": _Number(lambda m: m.hour, pad=" "),
    "I": _Number(lambda m: m.hour % 12 or 12),
    "l": _Number(lambda m: m.hour % 12 or 12, pad=" "),
    "M": _Number(lambda m: m.minute),
    "S": _Number(_shown_second),
    "f": _Number(_nanos, 9),
    "s": _Number(lambda m: m.unix_timestamp, 9, pad=""),
}


def _fraction(digits: int, point: str) -> Part:
    return lambda moment: f"{point}{_nanos(moment):09d}"[: digits + len(point)]


def _shortest_fraction(moment: Moment) -> str:
    nanos = _nanos(moment)
    if not nanos:
        return ""
    return _fraction(3 if nanos % 1_000_000 == 0 else 6 if nanos % 1000 == 0 else 9, ".")(moment)


def _fixed(text: str) -> Part:
    return lambda _: text


_TEXTS: Final[dict[str, Part]] = {
    "b": lambda m: MONTHS[m.date.month - 1][:3],
    "h": lambda m: MONTHS[m.date.month - 1][:3],
    "B": lambda m: MONTHS[m.date.month - 1],
    "a": lambda m: WEEKDAYS[m.date.weekday][:3],
    "A": lambda m: WEEKDAYS[m.date.weekday],
    "P": lambda m: "am" if m.hour < 12 else "pm",
    "p": lambda m: "AM" if m.hour < 12 else "PM",
    ".f": _shortest_fraction,
    **{f".{n}f": _fraction(n, ".") for n in (3, 6, 9)},
    **{f"{n}f": _fraction(n, "") for n in (3, 6, 9)},
    "Z": _fixed("UTC"),
    "z": _fixed("+0000"),
    ":z": _fixed("+00:00"),
    "::z": _fixed("+00:00:00"),
    ":::z": _fixed("+00"),
    "t": _fixed("\t"),
    "n": _fixed("\n"),
    "%": _fixed("%"),
}

_COMPOSITES: Final = {
    "D": "%m/%d/%y",
    "x": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "v": "%e-%b-%Y",
    "R": "%H:%M",
    "T": "%H:%M:%S",
    "X": "%H:%M:%S",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %T %Y",
    "+": "%FT%T%.f%:z",
}
