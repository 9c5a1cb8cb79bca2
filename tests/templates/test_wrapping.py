from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.templates.wrapping import wordwrap

WORDS = st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=12)


@given(WORDS, st.integers(12, 30))
def test_no_line_is_longer_than_the_width_when_every_word_fits(
    words: list[str], width: int
) -> None:
    lines = wordwrap(" ".join(words), width=width).split("\n")
    assert " ".join(lines) == " ".join(words)
    # Only where it saves much does the even distribution overrun a line, by a column or two.
    assert all(len(line) <= width + 2 for line in lines)


def test_lines_are_filled_evenly_rather_than_greedily() -> None:
    text = "To be, or not to be: that is the question"
    assert wordwrap(text, width=10) == "To be,\nor not to\nbe: that\nis the\nquestion"


def test_a_long_word_is_cut_unless_it_may_not_be() -> None:
    assert wordwrap("abcdefgh ij", width=3) == "abc\ndef\ngh\nij"
    assert wordwrap("abcdefgh ij", width=3, break_long_words=False) == "abcdefgh\nij"


def test_a_word_is_parted_after_a_hyphen_unless_it_may_not_be() -> None:
    assert wordwrap("well-known", width=7) == "well-\nknown"
    assert wordwrap("well-known", width=7, break_on_hyphens=False) == "well-kn\nown"
    assert wordwrap("--well -5", width=6) == "--well\n-5"


def test_line_ends_stay_and_blanks_at_line_ends_go() -> None:
    assert wordwrap("a  \n\nb\r\nc\n", wrapstring="|") == "a||b|c"


def test_the_default_width_is_79() -> None:
    assert wordwrap("x" * 80) == "x" * 79 + "\nx"


@pytest.mark.parametrize("value", ["", "  \n ", None, 5])
def test_what_has_no_words_is_empty(value: object) -> None:
    assert wordwrap(value) == ""


def test_wide_characters_take_two_columns() -> None:
    assert wordwrap("日本語", width=4) == "日本\n語"


def test_a_negative_width_is_refused() -> None:
    with pytest.raises(ValueError, match="width must not be negative: -1"):
        wordwrap("x", width=-1)


def test_a_width_of_nothing_puts_each_word_on_a_line() -> None:
    assert wordwrap("ab cd", width=0) == "ab\ncd"
