"""The calendar beyond the years that Python knows, and in agreement with it in those."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.calendar import civil_from_days, days_from_civil, days_in_month, iso_week

EPOCH = date(1970, 1, 1).toordinal()


@given(st.dates())
def test_dates_that_python_knows_come_out_as_python_has_them(day: date) -> None:
    days = day.toordinal() - EPOCH
    civil = civil_from_days(days)
    assert (civil.year, civil.month, civil.day) == (day.year, day.month, day.day)
    assert (civil.weekday, civil.ordinal) == (day.weekday(), day.timetuple().tm_yday)
    assert days_from_civil(day.year, day.month, day.day) == days
    if day.year > 1 and day.year < 9999:
        assert iso_week(civil) == day.isocalendar()[:2]


@given(st.integers(-95_746_900, 95_746_500))
def test_every_day_has_one_date_and_every_date_one_day(days: int) -> None:
    civil = civil_from_days(days)
    assert days_from_civil(civil.year, civil.month, civil.day) == days
    assert 1 <= civil.day <= days_in_month(civil.year, civil.month)


@given(st.integers(-95_746_900, 95_746_500))
def test_days_follow_each_other_without_a_gap(days: int) -> None:
    today, tomorrow = civil_from_days(days), civil_from_days(days + 1)
    assert tomorrow > today
    assert tomorrow.weekday == (today.weekday + 1) % 7
    assert tomorrow.ordinal in (today.ordinal + 1, 1)


@pytest.mark.parametrize(
    ("year", "length"), [(1900, 28), (2000, 29), (2023, 28), (2024, 29), (0, 29), (-4, 29)]
)
def test_february_is_longer_in_leap_years(year: int, length: int) -> None:
    assert days_in_month(year, 2) == length
