from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from templates.dialect import engine

from kumolog.templates import TemplateError

TIME = 1687624642  # Saturday, 2023-06-24 16:37:22 UTC


def render(source: str, **record: Any) -> str:
    return engine({"Any": source}).render("Any", record)


def shown(value: Any, filter_name: str = "datetimeformat", **options: str) -> str:
    arguments = ", ".join(f"{key}={value!r}" for key, value in options.items())
    return render(f"{{{{ value|{filter_name}({arguments}) }}}}", value=value)


def failure(value: Any, filter_name: str = "datetimeformat", **options: str) -> str:
    with pytest.raises(TemplateError) as caught:
        shown(value, filter_name, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("format_name", "text"),
    [
        ("short", "2023-06-24 16:37"),
        ("medium", "Jun 24 2023 16:37"),
        ("long", "June 24 2023 16:37:22"),
        ("full", "Saturday, June 24 2023 16:37:22.0"),
        ("iso", "2023-06-24T16:37:22+00:00"),
        ("unix", "1687624642"),
        ("[year]/[ordinal]", "2023/175"),
    ],
)
def test_datetimeformat(format_name: str, text: str) -> None:
    assert shown(TIME, format=format_name) == text


@pytest.mark.parametrize(
    ("format_name", "text"),
    [
        ("short", "16:37"),
        ("medium", "16:37"),
        ("long", "16:37:22"),
        ("full", "16:37:22.0"),
        ("iso", "2023-06-24T16:37:22+00:00"),
        ("unix", "1687624642"),
    ],
)
def test_timeformat(format_name: str, text: str) -> None:
    assert shown(TIME, "timeformat", format=format_name) == text


@pytest.mark.parametrize(
    ("format_name", "text"),
    [
        ("short", "2023-06-24"),
        ("medium", "Jun 24 2023"),
        ("long", "June 24 2023"),
        ("full", "Saturday, June 24 2023"),
        ("iso", "iso"),  # no name of this filter's, and no component in it
    ],
)
def test_dateformat(format_name: str, text: str) -> None:
    assert shown(TIME, "dateformat", format=format_name) == text


def test_the_default_format_is_medium() -> None:
    source = "{{ t|datetimeformat }} | {{ t|dateformat }} | {{ t|timeformat(format=none) }}"
    assert render(source, t=TIME) == "Jun 24 2023 16:37 | Jun 24 2023 | 16:37"


def test_a_template_sets_its_own_defaults() -> None:
    source = (
        "{% set DATETIME_FORMAT = 'iso' %}{% set DATE_FORMAT = 'short' %}"
        "{% set TIME_FORMAT = 'long' %}{% set TIMEZONE = 'Asia/Kolkata' %}"
        "{{ t|datetimeformat }} {{ t|dateformat }} {{ t|timeformat }} {{ t|timeformat(tz='UTC') }}"
    )
    assert render(source, t=TIME) == "2023-06-24T22:07:22+05:30 2023-06-24 22:07:22 16:37:22"


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        (TIME, "2023-06-24T16:37:22+00:00"),
        (float(TIME), "2023-06-24T16:37:22+00:00"),
        (-1, "1969-12-31T23:59:59+00:00"),
        ("2023-06-24T16:37:22Z", "2023-06-24T16:37:22+00:00"),
        ("2023-06-24T16:37:22.123456789+02:00", "2023-06-24T16:37:22+02:00"),
        ("20230624T163722-0330", "2023-06-24T16:37:22-03:30"),
        ("2023-06-24T16:37:22", "2023-06-24T16:37:22+00:00"),
        ("2023-W25-6T16:37Z", "2023-06-24T16:37:00+00:00"),
        ([2023, 175, 16, 37, 22, 0], "2023-06-24T16:37:22+00:00"),
        ([2023, 175, 16, 37, 22, 0, -3, -30, 0], "2023-06-24T16:37:22-03:30"),
    ],
)
def test_a_moment_can_be_given_as_number_text_or_list(value: Any, iso: str) -> None:
    assert shown(value, format="iso") == iso


@pytest.mark.parametrize(
    "value", [1687624642.5, "2023-06-24T16:37:22,5Z", [2023, 175, 16, 37, 22, 500_000_000]]
)
def test_the_fraction_of_the_second_is_kept(value: Any) -> None:
    assert shown(value, format="full") == "Saturday, June 24 2023 16:37:22.5"


def test_nanoseconds_are_kept() -> None:
    text = shown("2023-06-24T16:37:22.310180200Z", format="[subsecond digits:9]")
    assert text == "310180200"


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        (TIME, "2023-06-24T18:37:22+02:00"),
        ("2023-06-24T16:37:22Z", "2023-06-24T18:37:22+02:00"),
        ("2023-06-24T16:37:22", "2023-06-24T16:37:22+02:00"),  # is in that zone already
        ([2023, 175, 16, 37, 22, 0], "2023-06-24T16:37:22+02:00"),
    ],
)
def test_a_time_zone_is_applied(value: Any, iso: str) -> None:
    assert shown(value, format="iso", tz="Europe/Vienna") == iso


def test_the_zone_original_keeps_the_offset() -> None:
    text = "2023-06-24T16:37:22+09:00"
    assert shown(text, format="iso", tz="original") == text


@pytest.mark.parametrize("value", ["2023-06-24", "20230624", [2023, 175]])
def test_a_bare_date_is_enough_for_dateformat_only(value: Any) -> None:
    assert shown(value, "dateformat", format="short", tz="America/New_York") == "2023-06-24"
    for name in ("datetimeformat", "timeformat"):
        assert f"{name}: filter requires time, but only received a date" in failure(value, name)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("yesterday", "not a valid date or timestamp: 'yesterday'"),
        ("2023-13-01T00:00:00Z", "not a valid date or timestamp"),
        ("2023-06-24 16:37:22", "not a valid date or timestamp"),
        ("2023-06-24T", "not a valid date or timestamp"),
        ("", "not a valid date or timestamp"),
        (None, "value is not a datetime: None"),
        (True, "value is not a datetime: True"),
        ({"a": 1}, "value is not a datetime"),
        ([2023], "expected 2, 6 or 9 integers"),
        ([2023, 1.5], "expected 2, 6 or 9 integers"),
        ([2023, 366], "day of the year or nanosecond out of range"),
        ([2023, 1, 25, 0, 0, 0], "not a valid date or timestamp"),
        ([2**70, 1], "date out of range"),
        (2**62, "date out of range"),
        (1e300, "date out of range"),
    ],
)
def test_what_is_no_moment_is_refused(value: Any, reason: str) -> None:
    assert reason in failure(value)


def test_an_infinite_time_is_refused() -> None:
    with pytest.raises(TemplateError, match="date out of range: inf"):
        render("{{ (1 / 0)|datetimeformat }}")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    assert f"unknown timezone {zone!r}" in failure(TIME, tz=zone)


def test_options_must_be_texts_and_known() -> None:
    with pytest.raises(TemplateError, match="format and tz must be strings, not 5"):
        render("{{ 1|datetimeformat(format=5) }}")
    with pytest.raises(TemplateError, match="dateformat"):
        render("{{ 1|dateformat('short') }}")
    with pytest.raises(TemplateError, match="zone"):
        render("{{ 1|dateformat(zone='UTC') }}")


def test_a_wrong_format_names_what_is_wrong() -> None:
    assert "unknown component [yeer]" in failure(TIME, format="[yeer]")


@given(st.integers(-(10**10), 10**11))
def test_the_iso_format_can_be_read_back(second: int) -> None:
    text = shown(second, format="iso")
    assert datetime.fromisoformat(text) == datetime.fromtimestamp(second, UTC)
    assert shown(text, format="unix") == str(second)
