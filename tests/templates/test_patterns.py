from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.templates.patterns import Moment, parse, render

AFTERNOON = Moment(datetime(2023, 6, 4, 16, 7, 2, tzinfo=UTC), 340_500_000)


def write(description: str, moment: Moment = AFTERNOON) -> str:
    return render(parse(description), moment)


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("[year]-[month]-[day]", "2023-06-04"),
        ("[year repr:last_two] [year sign:mandatory]", "23 +2023"),
        ("[month repr:short] [month repr:long] [month padding:none]", "Jun June 6"),
        ("[day padding:none]|[day padding:space]|[day padding:zero]", "4| 4|04"),
        ("[hour]:[minute]:[second]", "16:07:02"),
        ("[hour repr:12 padding:none] [period] [period case:lower]", "4 PM pm"),
        ("[subsecond] [subsecond digits:1] [subsecond digits:9]", "3405 3 340500000"),
        ("[weekday] [weekday repr:short case_sensitive:false]", "Sunday Sun"),
        ("[weekday repr:sunday] [weekday repr:monday]", "1 7"),
        ("[weekday repr:sunday one_indexed:false] [weekday repr:monday one_indexed:false]", "0 6"),
        ("[ordinal]", "155"),
        ("[week_number] [week_number repr:sunday] [week_number repr:monday]", "22 23 22"),
        ("[unix_timestamp] [unix_timestamp sign:mandatory]", "1685894822 +1685894822"),
        ("[unix_timestamp precision:millisecond]", "1685894822340"),
        ("[unix_timestamp precision:microsecond]", "1685894822340500"),
        ("[unix_timestamp precision:nanosecond]", "1685894822340500000"),
        ("[offset_hour] [offset_minute] [offset_second]", "00 00 00"),
        ("[ YEAR  REPR:LAST_TWO ]", "23"),
        (r"\[year\] \\ x] plain", r"[year] \ x] plain"),
        ("", ""),
    ],
)
def test_a_component_is_written_as_its_modifiers_say(description: str, text: str) -> None:
    assert write(description) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (19800, "+05:30:00 05"),
        (-12600, "-03:30:00 -03"),
        (-3661, "-01:01:01 -01"),
        (0, "+00:00:00 00"),
    ],
)
def test_offsets_have_one_sign(seconds: int, text: str) -> None:
    zone = timezone(timedelta(seconds=seconds))
    moment = Moment(datetime(2023, 1, 1, tzinfo=zone), 0)
    description = "[offset_hour sign:mandatory]:[offset_minute]:[offset_second] [offset_hour]"
    assert write(description, moment) == text


def test_the_hours_around_noon_and_midnight_on_a_12_hour_clock() -> None:
    hours = [Moment(datetime(2023, 1, 1, hour, tzinfo=UTC), 0) for hour in (0, 11, 12, 23)]
    shown = [write("[hour repr:12][period]", moment) for moment in hours]
    assert shown == ["12AM", "11AM", "12PM", "11PM"]


def test_the_year_of_an_iso_week_may_be_another() -> None:
    moment = Moment(datetime(2021, 1, 1, tzinfo=UTC), 0)
    assert write("[year base:iso_week]-W[week_number] [year]", moment) == "2020-W53 2021"


def test_times_before_1970_are_negative() -> None:
    moment = Moment(datetime(1969, 12, 31, 23, 59, 58, tzinfo=UTC), 0)
    assert write("[unix_timestamp]", moment) == "-2"


def test_a_whole_second_has_the_subsecond_nought() -> None:
    assert write("[subsecond]", Moment(datetime(2023, 1, 1, tzinfo=UTC), 0)) == "0"


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        ("[century]", "unknown component [century] at index 0, expected one of day, hour"),
        ("x[]", "unknown component [] at index 1"),
        ("[optional [[year]]]", "the bracket at index 0 must hold one component"),
        ("[[year]", "the bracket at index 0 must hold one component"),
        ("a [year", "the bracket at index 2 must hold one component"),
        (
            "[year repr:short]",
            "unknown modifier repr:short of [year] at index 0, expected padding:",
        ),
        ("[day case:upper]", "unknown modifier case:upper of [day] at index 0"),
        ("[day padding]", "unknown modifier padding of [day]"),
        (r"a\n", "may follow the backslash at index 1"),
    ],
)
def test_a_description_that_is_wrong_says_where(description: str, reason: str) -> None:
    with pytest.raises(ValueError, match="invalid format") as caught:
        parse(description)
    assert reason in str(caught.value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_numbers_are_those_of_strftime(local: datetime) -> None:
    moment = Moment(local.replace(microsecond=0), local.microsecond * 1000)
    description = (
        "[month]-[day] [hour]:[minute]:[second].[subsecond digits:6] [ordinal] [hour repr:12]"
    )
    assert write(description, moment) == local.strftime("%m-%d %H:%M:%S.%f %j %I")
