"""RFC 3339 and RFC 2822 text as chrono reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.timeparse import parse_rfc2822, parse_rfc3339

zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=zones).filter(lambda moment: 2 < moment.year < 9998)


@given(moments)
def test_rfc_3339_text_is_read_back(moment: datetime) -> None:
    parsed = parse_rfc3339(moment.isoformat())
    assert parsed.seconds == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    assert parsed.nanos == moment.microsecond * 1000


@given(moments.filter(lambda moment: moment.year >= 1000))
def test_mail_dates_are_read_back(moment: datetime) -> None:
    parsed = parse_rfc2822(format_datetime(moment))
    assert parsed.seconds == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2003-07-01T10:52:37Z", (1_057_056_757, 0)),
        ("2003-07-01t10:52:37z", (1_057_056_757, 0)),
        ("2003-07-01 10:52:37.5+02:00", (1_057_049_557, 500_000_000)),
        ("2003-07-01T10:52:37.1234567899Z", (1_057_056_757, 123_456_789)),
        ("2003-07-01T10:52:37\u221202:00", (1_057_063_957, 0)),
        ("2016-12-31T23:59:60Z", (1_483_228_799, 1_000_000_000)),
        ("0000-01-01T00:00:00Z", (-62_167_219_200, 0)),
    ],
)
def test_rfc_3339_has_some_freedom(text: str, instant: tuple[int, int]) -> None:
    assert parse_rfc3339(text) == instant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "premature end of input"),
        ("2003-07-01", "premature end of input"),
        ("2003-07-01T10:52:37", "premature end of input"),
        ("2003-07-01T10:52:37.", "premature end of input"),
        ("2003-07-01T10:52:37+02", "premature end of input"),
        ("2003-07-01T10:52Z", "input contains invalid characters"),
        ("2003-7-01T10:52:37Z", "input contains invalid characters"),
        ("2003-07-01T10:52:37.xZ", "input contains invalid characters"),
        ("2003-07-01T10:52:37+0200", "input contains invalid characters"),
        ("2003-07-01_10:52:37Z", "input contains invalid characters"),
        ("٢٠٠٣-07-01T10:52:37Z", "input contains invalid characters"),
        (" 2003-07-01T10:52:37Z", "input contains invalid characters"),
        ("2003-07-01T10:52:37Z ", "trailing input"),
        ("2003-13-01T10:52:37Z", "input is out of range"),
        ("2003-02-29T10:52:37Z", "input is out of range"),
        ("2003-02-00T10:52:37Z", "input is out of range"),
        ("2003-07-01T24:52:37Z", "input is out of range"),
        ("2003-07-01T10:60:37Z", "input is out of range"),
        ("2003-07-01T10:52:61Z", "input is out of range"),
        ("2003-07-01T10:52:37+24:00", "input is out of range"),
        ("2003-07-01T10:52:37+02:60", "input is out of range"),
    ],
)
def test_other_internet_timestamps_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        parse_rfc3339(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Tue, 1 Jul 2003 10:52:37 +0200", 1_057_049_557),
        ("tue,01 JUL 2003 10:52:37 +0200", 1_057_049_557),
        ("  Tue,  1 Jul 2003 10 : 52 :37 +0200", 1_057_049_557),
        ("1 Jul 2003 10:52 +0000", 1_057_056_720),
        ("1 Jul 03 10:52:37 GMT", 1_057_056_757),
        ("1 Jul 103 10:52:37 ut", 1_057_056_757),
        ("1 Jul 73 10:52:37 Z", 110_371_957),
        ("1 Jul 2003 10:52:37 EDT", 1_057_071_157),
        ("1 Jul 2003 10:52:37 PST", 1_057_085_557),
        ("1 Jul 2003 10:52:37 a", 1_057_056_757),
        ("1 Jul 2003 10:52:37 +0000 (a (nested \\) ) comment) (two)", 1_057_056_757),
        ("31 Dec 2016 23:59:60 +0000", 1_483_228_799),
    ],
)
def test_mail_dates_have_much_freedom(text: str, seconds: int) -> None:
    assert parse_rfc2822(text).seconds == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "premature end of input"),
        ("Tue", "premature end of input"),
        ("Tue, 1 Jul 2003", "premature end of input"),
        ("Tue, 1 Ju", "premature end of input"),
        ("Tue 1 Jul 2003 10:52:37 +0200", "input contains invalid characters"),
        ("Tuesday, 1 Jul 2003 10:52:37 +0200", "input contains invalid characters"),
        ("1 July 2003 10:52:37 +0200", "input contains invalid characters"),
        ("1 Foo 2003 10:52:37 +0200", "input contains invalid characters"),
        ("1 Jul 2003 10:52:37 CET", "input contains invalid characters"),
        ("1 Jul 2003 10:52:37 J", "input contains invalid characters"),
        ("1 Jul 2003 1:52:37 +0000", "input contains invalid characters"),
        ("1 Jul 2003 10:52:37 +0000 x", "trailing input"),
        ("1 Jul 2003 10:52:37 +0000 (open", "trailing input"),
        ("1 Jul 2003 10:52:37 +0000 ", "trailing input"),
        ("32 Jul 2003 10:52:37 +0000", "input is out of range"),
        ("1 Jul 2003 10:52:37 +2400", "input is out of range"),
        ("1 Jul 999999 10:52:37 +0000", "input is out of range"),
        ("1 Jul 99999999999999999999999 10:52:37 +0000", "input is out of range"),
        ("Mon, 1 Jul 2003 10:52:37 +0200", "no possible date and time matching input"),
    ],
)
def test_other_mail_dates_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        parse_rfc2822(text)


@given(st.text(alphabet="0123456789-:.+TZJul,(\\) ", max_size=40))
def test_any_text_is_a_time_or_a_clean_error(text: str) -> None:
    for parse in (parse_rfc2822, parse_rfc3339):
        try:
            parse(text)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - both ways out are right
