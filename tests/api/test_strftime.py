"""The patterns of time:format."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.timevalue import Time
from kumolog.errors import KumologError

# 2001-07-08 00:34:59.026490708, a Sunday.
SUNDAY = Time(994_552_499, 26_490_708)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%Y", "2001"),
        ("%C", "20"),
        ("%y", "01"),
        ("%q", "3"),
        ("%m", "07"),
        ("%b %h", "Jul Jul"),
        ("%B", "July"),
        ("%d", "08"),
        ("%e", " 8"),
        ("%a", "Sun"),
        ("%A", "Sunday"),
        ("%w", "0"),
        ("%u", "7"),
        ("%U", "27"),
        ("%W", "27"),
        ("%G", "2001"),
        ("%g", "01"),
        ("%V", "27"),
        ("%j", "189"),
        ("%D %x", "07/08/01 07/08/01"),
        ("%F", "2001-07-08"),
        ("%v", " 8-Jul-2001"),
        ("%H", "00"),
        ("%k", " 0"),
        ("%I", "12"),
        ("%l", "12"),
        ("%P %p", "am AM"),
        ("%M", "34"),
        ("%S", "59"),
        ("%f", "026490708"),
        ("%.f", ".026490708"),
        ("%.3f", ".026"),
        ("%.6f", ".026490"),
        ("%.9f", ".026490708"),
        ("%3f", "026"),
        ("%6f", "026490"),
        ("%9f", "026490708"),
        ("%R", "00:34"),
        ("%T %X", "00:34:59 00:34:59"),
        ("%r", "12:34:59 AM"),
        ("%Z", "UTC"),
        ("%z", "+0000"),
        ("%:z", "+00:00"),
        ("%::z", "+00:00:00"),
        ("%:::z", "+00"),
        ("%c", "Sun Jul  8 00:34:59 2001"),
        ("%+", "2001-07-08T00:34:59.026490708+00:00"),
        ("%s", "994552499"),
        ("%t|%n|%%", "\t|\n|%"),
        ("plain, and é", "plain, and é"),
        ("", ""),
        ("%-d/%_d/%0e", "8/ 8/08"),
        ("%-j %_H %-H %_I", "189  0 0 12"),
        ("%-f", "26490708"),
        ("%_f", " 26490708"),
        ("%0s", "994552499"),
    ],
)
def test_each_specifier_gives_what_chrono_gives(pattern: str, text: str) -> None:
    assert SUNDAY.format(pattern) == text


@pytest.mark.parametrize(
    "pattern",
    [
        "%",
        "x%",
        "%E",
        "%Q",
        "%J",
        "%O",
        "%i",
        "%L",
        "%N",
        "%é",
        "% d",
        "%-",
        "%_",
        "%.",
        "%.4f",
        "%.3",
        "%4f",
        "%3",
        "%:",
        "%::",
        "%::::z",
        "%#z",
        "%-a",
        "%-D",
        "%_T",
        "%-R",
        "%-%",
        "%-z",
        "%_3f",
        "%-.f",
        "%0+",
        "%--d",
        "%5d",
        "%\n",
    ],
)  # fmt: skip - one row of them
def test_what_chrono_does_not_know_is_an_error(pattern: str) -> None:
    with pytest.raises(KumologError, match="no specifier of chrono"):
        SUNDAY.format(pattern)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, ""),
        (120_000_000, ".120"),
        (120_000, ".000120"),
        (1, ".000000001"),
        (10**9 + 5, ".000000005"),
    ],
)
def test_a_fraction_is_as_long_as_it_needs_to_be(nanos: int, text: str) -> None:
    assert Time(0, nanos).format("%.f") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-62_135_596_801, "0000"),
        (-62_167_219_201, "-0001"),
        (253_402_300_800, "+10000"),
        (2**40, "+36812"),
    ],
)
def test_years_beyond_four_digits_have_a_sign(seconds: int, text: str) -> None:
    assert Time(seconds).format("%Y") == text


def test_padding_can_be_chosen_for_such_years_too() -> None:
    moment = Time(-62_167_219_201)
    assert [moment.format(f"%{pad}Y") for pad in ("-", "_", "0")] == ["-1", "   -1", "-0001"]


def test_numbers_are_written_out_where_a_pattern_is_wanted() -> None:
    assert SUNDAY.format(5) == "5"
    with pytest.raises(KumologError, match="error converting Lua boolean to String"):
        SUNDAY.format(True)


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)),
    st.sampled_from("YCymbBdeaAwuUWGgVjDFHIMSRTp"),
)
def test_what_c_knows_too_comes_out_the_same(moment: datetime, specifier: str) -> None:
    ours = Time(int(moment.replace(microsecond=0).timestamp()))
    assert ours.format(f"%{specifier}") == moment.strftime(f"%{specifier}")


@given(st.text(alphabet="%-_0.369fzs:dYaTq#x", max_size=12))
def test_any_pattern_gives_text_or_a_clean_error(pattern: str) -> None:
    try:
        assert isinstance(SUNDAY.format(pattern), str)
    except KumologError as error:
        assert "%" in str(error)  # noqa: PT017 - both ways out are right
