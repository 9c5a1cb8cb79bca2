"""The proleptic Gregorian calendar of every year, which Python's own leaves at 1 and 9999."""

from __future__ import annotations

from typing import Final, NamedTuple

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_MONTH_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Civil(NamedTuple):
    """A date; ``ordinal`` is the day of the year from 1, ``weekday`` is 0 for Monday."""

    year: int
    month: int
    day: int
    ordinal: int
    weekday: int


def days_in_month(year: int, month: int) -> int:
    """How many days a month has; months count from 1."""
    return _MONTH_LENGTHS[month - 1] + (month == 2 and is_leap(year))


def is_leap(year: int) -> bool:
    """Whether a year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date that exists."""
    before = year - 1
    leap_days = before // 4 - before // 100 + before // 400
    days = sum(days_in_month(year, earlier) for earlier in range(1, month))
    return before * 365 + leap_days + days + day - 719_163


def civil_from_days(days: int) -> Civil:
    """The date that is so many days after 1970-01-01."""
    # Years of 400 centuries' mean length come out right or one too late; the first day tells.
    year = (days * 400) // 146_097 + 1970
    year += 1 if days >= days_from_civil(year + 1, 1, 1) else 0
    year -= 1 if days < days_from_civil(year, 1, 1) else 0
    ordinal = days - days_from_civil(year, 1, 1) + 1
    month, day = 1, ordinal
    while day > (length := days_in_month(year, month)):
        month, day = month + 1, day - length
    return Civil(year, month, day, ordinal, (days + 3) % 7)


def iso_week(date: Civil) -> tuple[int, int]:
    """The year and week of ISO 8601, whose weeks belong to the year that has their Thursday."""
    week = (date.ordinal - date.weekday + 9) // 7
    if week < 1:
        last = days_from_civil(date.year - 1, 12, 31)
        return iso_week(civil_from_days(last))
    if week == 53 and date.ordinal - date.weekday + 3 > 365 + is_leap(date.year):
        return date.year + 1, 1
    return date.year, week
