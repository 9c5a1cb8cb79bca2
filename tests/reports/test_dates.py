"""Dates of reports: RFC 2822 and what is written instead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.reports.dates import parse_date, parse_date_of_any_day, rfc3339


def shown(text: str) -> str:
    return rfc3339(parse_date(text))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Tue, 8 Mar 2005 14:00:00 -0400", "2005-03-08T18:00:00Z"),
        ("8 Mar 2005 14:00:00 -0400", "2005-03-08T18:00:00Z"),
        ("8 Mar 2005 14:00 -0400", "2005-03-08T18:00:00Z"),
        ("TUE, 08 mar 2005 14:00:00 +0530", "2005-03-08T08:30:00Z"),
        ("8 Mar 05 00:00 GMT", "2005-03-08T00:00:00Z"),
        ("8 Mar 00 00:00 GMT", "2000-03-08T00:00:00Z"),
        ("8 Mar 49 00:00 GMT", "2049-03-08T00:00:00Z"),
        ("8 Mar 50 00:00 GMT", "1950-03-08T00:00:00Z"),
        ("8 Mar 99 00:00 GMT", "1999-03-08T00:00:00Z"),
        ("8 Mar 100 00:00 GMT", "2000-03-08T00:00:00Z"),
        ("8 Mar 105 00:00 GMT", "2005-03-08T00:00:00Z"),
        ("8 Mar 0999 00:00 GMT", "0999-03-08T00:00:00Z"),
        ("29 Feb 2004 23:59:59 +0000", "2004-02-29T23:59:59Z"),
        ("31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"),
    ],
)
def test_a_date_is_read(text: str, moment: str) -> None:
    assert shown(text) == moment


@given(
    st.datetimes(
        min_value=datetime(1000, 1, 2),
        max_value=datetime(9999, 12, 30),
        timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_every_date_is_read_back(moment: datetime) -> None:
    assert parse_date(format_datetime(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize("letter", "ABCDEFGHIKLMNOPQRSTUVWXYZabcdefghiklmnopqrstuvwxyz")
def test_a_military_letter_means_nothing(letter: str) -> None:
    assert shown(f"8 Mar 2005 14:00 {letter}") == "2005-03-08T14:00:00Z"


@pytest.mark.parametrize(
    ("zones", "hours"),
    [
        ("GMT UT Z UTC WET", 0),
        ("EDT", -4),
        ("EST CDT", -5),
        ("CST MDT", -6),
        ("MST PDT", -7),
        ("PST", -8),
        ("ACDT", 10.5),
        ("ACST", 9.5),
        ("ADT EAT", -3),
        ("AEDT", 11),
        ("AEST CHST", 10),
        ("AKDT", -8),
        ("AKST HDT", -9),
        ("AST", -4),
        ("AWST HKT WITA", 8),
        ("BST CET WAT WEST", 1),
        ("CAT CEST SAST", 2),
        ("EEST EET IDT MSK", 3),
        ("HST", -10),
        ("JST KST WIT", 9),
        ("NDT", -2.5),
        ("NST", -3.5),
        ("NZDT", 13),
        ("NZST", 12),
        ("PKT", 5),
        ("SST", -11),
        ("WIB", 7),
        ("J Local PM GST Nonsense", 0),
    ],
)
def test_a_zone_is_known_by_name_and_any_other_is_utc(zones: str, hours: float) -> None:
    wanted = datetime(2005, 3, 8, 14, tzinfo=timezone(timedelta(hours=hours)))
    for zone in zones.split():
        for text in (f"Tue, 8 Mar 2005 14:00:00 {zone}", f"8 Mar 2005 14:00 {zone.lower()}"):
            assert parse_date(text) == wanted, text
            assert parse_date(f"{text} (comment)") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 8 Mar 2005 14:00:00 +0100 (CET)",
        "Tue, 8 Mar 2005 14:00:00 +0100 (Central (European) Time) (two)",
        "Tue, 8 Mar 2005 14:00:00 +0100 (a \\) b \\( c)",
        "Tue, 8 Mar 2005 14:00:00 +0100(CET)",
        "(sent) Tue, (a day) 8 (of) Mar(ch) 2005 (at) 14:00 (h) +0100",
        "Tue, 8 Mar 2005 14:00:00 (local) CET",
        "Tue, 8 Mar 2005 14:00:00 CET (UTC)",
        "Tue, 8 Mar 2005 14:00:00 CET (a \\) b \\( c)",
        "Tue, (in New York) 8 Mar 2005 09:00:00 EDT",
        "  Tue,  8   Mar 2005 14 : 00 :00 +0100  ",
    ],
)
def test_comments_and_blanks_may_be_anywhere(text: str) -> None:
    assert shown(text) == "2005-03-08T13:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Tue, 8 Mar 2005",
        "Tue, 8 Mar 2005 14:00:00",
        "Tue, 8 Mar 2005 14:00:00 +0100 CET",
        "Tue, 8 Mar 2005 14:00:00 +01:00",
        "Tue, 8 Mar 2005 14:00:00 (CET)",
        "Tue, 8 Mar 2005 14:00:00 +0100 (open",
        "Tue, 8 Mar 2005 14:00:00 +0100 closed)",
        "Tue, 8 Mar 2005 14:00:00 \\",
        ") ((two) 8 Mar 2005 14:00:00 CET",
        "Tue, 8 March 2005 14:00:00 +0100",
        "Tue, 8 Mar 5 14:00:00 +0100",
        "Tue, 32 Mar 2005 14:00:00 +0100",
        "29 Feb 2005 14:00 UTC",
        "8 Mar 2005 24:00 UTC",
        "2005-03-08T13:00:00Z",
        "8 Mar 12345 14:00 UTC",
        "8 Mar 262142 14:00 UTC",
        "8 Mar 0000 14:00 UTC",
        "1 Jan 0001 00:00 +0100",
        "31 Dec 9999 23:59:59 -0100",
        "\u0668 Mar 2005 14:00 UTC",
        "8 Mar 2005 14:00 UTC" + " " * 1000,
        "8 Mar 2005 14:00 UTC " + "()" * 1_000_000,
    ],
)
def test_other_text_is_no_date(text: str) -> None:
    for parse in (parse_date, parse_date_of_any_day):
        with pytest.raises(ValueError, match=r"is no date"):
            parse(text)


@pytest.mark.parametrize("day", ["Mon", "wed", "SUN"])
@pytest.mark.parametrize("zone", ["+0100", "CET", "+0100 (CET)"])
def test_a_wrong_day_name_counts_only_where_dates_are_strict(day: str, zone: str) -> None:
    text = f"{day}, 8 Mar 2005 14:00:00 {zone}"
    assert parse_date_of_any_day(text) == datetime(2005, 3, 8, 13, tzinfo=UTC)
    with pytest.raises(ValueError, match=f"^'{day}, 8 Mar 2005 .* is no date"):
        parse_date(text)


@pytest.mark.parametrize("day", ["Tuesday,", "Foo,", "Tue", "Tue;", ",", "Mon, Wed,"])
def test_what_is_no_day_name_is_refused(day: str) -> None:
    with pytest.raises(ValueError, match="is no date"):
        parse_date_of_any_day(f"{day} 8 Mar 2005 14:00:00 +0100")


@given(st.text(alphabet="0123456789-:+TueMarCESTZ,(\\) ", max_size=60) | st.text())
def test_any_text_is_a_date_or_a_clean_error(text: str) -> None:
    for parse in (parse_date, parse_date_of_any_day):
        try:
            assert rfc3339(parse(text)).endswith("Z")
        except ValueError as error:
            assert "is no date" in str(error)  # noqa: PT017 - both ways out are right
