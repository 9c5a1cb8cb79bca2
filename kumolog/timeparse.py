"""Times out of text: RFC 3339 and RFC 2822 as chrono reads them, with its error texts.

KumoMTA: kumo.time.parse_rfc3339 and parse_rfc2822, datetime parameters, dates in reports.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from kumolog.calendar import MONTHS, WEEKDAYS, civil_from_days, days_from_civil, days_in_month
from kumolog.duration import NANOS_PER_SECOND

_DAY: Final = 86_400
_TOO_SHORT: Final = "premature end of input"
_TOO_LONG: Final = "trailing input"
_INVALID: Final = "input contains invalid characters"
_OUT_OF_RANGE: Final = "input is out of range"
_IMPOSSIBLE: Final = "no possible date and time matching input"
_MINUS: Final = "-\u2212"  # RFC 3339 texts may have the typographic one
_ZONES: Final = {
    "gmt": 0,
    "ut": 0,
    "z": 0,
    "edt": -4,
    "est": -5,
    "cdt": -5,
    "cst": -6,
    "mdt": -6,
    "mst": -7,
    "pdt": -7,
    "pst": -8,
    # Military letters were so often used wrongly that RFC 2822 section 4.3 has them mean nothing.
    **dict.fromkeys("abcdefghiklmnopqrstuvwxy", 0),
}  # fmt: skip - a row for each kind
_SHORT_MONTHS: Final = {name[:3].lower(): number for number, name in enumerate(MONTHS, 1)}
_SHORT_WEEKDAYS: Final = {name[:3].lower(): number for number, name in enumerate(WEEKDAYS)}


class Instant(NamedTuple):
    """Seconds since 1970 in UTC and nanoseconds on top, from 1e9 to 2e9 in a leap second."""

    seconds: int
    nanos: int


def parse_rfc3339(text: str) -> Instant:
    """The time that RFC 3339 text spells; a blank may stand for the ``T``.

    Raises ValueError with chrono's reason.
    """
    source = _Source(text)
    year = source.number(4, 4)
    source.char("-")
    month = source.number(2, 2)
    source.char("-")
    day = source.number(2, 2)
    source.char("Tt ")
    clock = source.number(2, 2), source.after(":", 2), source.after(":", 2)
    nanos = source.fraction() if source.skip(".") else 0
    offset = 0 if source.skip("Zz") else source.offset(_MINUS, ":")
    source.end()
    return _instant((year, month, day), clock, nanos, offset)


def parse_rfc2822(text: str) -> Instant:
    """The time that RFC 2822 text spells; a day name may be left out, but not be wrong.

    Raises ValueError with chrono's reason.
    """
    source = _Source(text)
    source.blanks()
    weekday = source.name(_SHORT_WEEKDAYS)
    if weekday is not None:
        source.char(",")
        source.blanks()
    day = source.number(1, 2)
    source.space()
    month = source.name(_SHORT_MONTHS)
    if month is None:
        raise ValueError(_INVALID if len(source.rest) >= 3 else _TOO_SHORT)
    source.space()
    year = source.year()
    source.space()
    hour = source.number(2, 2)
    source.blanks()
    source.char(":")
    source.blanks()
    minute = source.number(2, 2)
    if source.rest.lstrip().startswith(":"):
        source.blanks()
        second = source.after(":", 2)
    else:
        second = 0
    source.space()
    offset = source.zone()
    source.comments()
    source.end()
    return _instant((year, month, day), (hour, minute, second), 0, offset, weekday)


_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class _Source:
    """Text that is read from left to right."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def number(self, low: int, high: int) -> int:
        """A number of so many digits."""
        digits = self._digits(high)
        if len(digits) < low:
            raise ValueError(
                _TOO_SHORT if len(self.rest.encode()) + len(digits) < low else _INVALID
            )
        return int(digits)

    def char(self, wanted: str) -> None:
        """One of the characters."""
        if not self.skip(wanted):
            raise ValueError(_INVALID if self.rest else _TOO_SHORT)

    def after(self, mark: str, digits: int) -> int:
        """The number behind a mark."""
        self.char(mark)
        return self.number(digits, digits)

    def skip(self, wanted: str) -> bool:
        """Whether one of the characters came next, which is left behind then."""
        found = self.rest[:1] != "" and self.rest[0] in wanted
        self.rest = self.rest[found:]
        return found

    def blanks(self) -> None:
        self.rest = self.rest.lstrip()

    def space(self) -> None:
        """At least one blank."""
        before = self.rest
        self.blanks()
        if self.rest == before:
            raise ValueError(_INVALID if before else _TOO_SHORT)

    def name(self, names: dict[str, int]) -> int | None:
        """What a name of three letters stands for, in any case of letters."""
        found = names.get(self.rest[:3].lower())
        self.rest = self.rest[3 if found is not None else 0 :]
        return found

    def year(self) -> int:
        """A year, in which two digits and three stand for one of the years after 1949 and 1900."""
        digits = self._digits(len(self.rest))
        if len(digits) < 2:
            raise ValueError(_INVALID if self.rest else _TOO_SHORT)
        if len(digits) > 18:
            raise ValueError(_OUT_OF_RANGE)
        year = int(digits)
        return year + {2: 2000 if year < 50 else 1900, 3: 1900}.get(len(digits), 0)

    def fraction(self) -> int:
        """Nanoseconds; what is finer is dropped."""
        digits = self._digits(len(self.rest))
        if not digits:
            raise ValueError(_INVALID if self.rest else _TOO_SHORT)
        return int(digits[:9].ljust(9, "0"))

    def offset(self, minus: str, mark: str) -> int:
        """Seconds east of UTC; ``mark`` stands between hours and minutes."""
        negative = self.skip(minus)
        if not negative:
            self.char("+")
        hours = self.number(2, 2)
        if mark:
            self.char(mark)
        minutes = self.number(2, 2)
        if minutes > 59 or hours > 23:
            raise ValueError(_OUT_OF_RANGE)
        return (hours * 60 + minutes) * (-60 if negative else 60)

    def zone(self) -> int:
        """Seconds east of UTC, as an offset or by the names that RFC 2822 knows."""
        letters = len(self.rest) - len(self.rest.lstrip(_LETTERS))
        if not letters:
            return self.offset("-", "")
        hours = _ZONES.get(self.rest[:letters].lower())
        if hours is None:
            raise ValueError(_INVALID)
        self.rest = self.rest[letters:]
        return hours * 3600

    def comments(self) -> None:
        """Comments in parentheses, which may stand in one another."""
        while (inner := self.rest.lstrip()).startswith("("):
            depth = position = 0
            while depth or not position:
                if position >= len(inner):
                    return  # no comment at all, and so something that trails
                depth += {"(": 1, ")": -1}.get(inner[position], 0)
                position += 2 if inner[position] == "\\" else 1
            self.rest = inner[position:]

    def end(self) -> None:
        if self.rest:
            raise ValueError(_TOO_LONG)

    def _digits(self, most: int) -> str:
        head = self.rest[:most]
        digits = head[: len(head) - len(head.lstrip("0123456789"))]
        self.rest = self.rest[len(digits) :]
        return digits


def _instant(
    date: tuple[int, int, int],
    clock: tuple[int, int, int],
    nanos: int,
    offset: int,
    weekday: int | None = None,
) -> Instant:
    year, month, day = date
    hour, minute, second = clock
    if not (1 <= month <= 12 and hour <= 23 and minute <= 59 and second <= 60):
        raise ValueError(_OUT_OF_RANGE)
    if not (abs(year) <= 262_142 and 1 <= day <= days_in_month(year, month)):
        raise ValueError(_OUT_OF_RANGE)
    days = days_from_civil(year, month, day)
    if weekday is not None and civil_from_days(days).weekday != weekday:
        raise ValueError(_IMPOSSIBLE)
    leap = second == 60
    seconds = days * _DAY + hour * 3600 + minute * 60 + second - leap - offset
    return Instant(seconds, nanos + leap * NANOS_PER_SECOND)
