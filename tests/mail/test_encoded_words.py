from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.mail.encoded_words import decode_charset, decode_text


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("=?utf-8?Q?caf=C3=A9_au_lait?=", "café au lait"),
        ("=?UTF-8?q?caf=c3=a9?=", "café"),
        ("=?utf-8?B?Y2Fmw6k=?=", "café"),
        ("=?utf-8?b?Y2Fmw6k=?=", "café"),
        ("=?iso-8859-1?Q?caf=E9?=", "café"),
        ("=?ISO-8859-1?Q?=93quoted=94?=", "“quoted”"),
        ("=?us-ascii*en?Q?hello?=", "hello"),
        ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?gb2312?B?xOO6ww==?=", "你好"),
        ("=?utf-7?Q?+2D3cqQ-?=", "💩"),
        ("=?utf-8?Q??=", ""),
        ("(=?utf-8?Q?in?=)", "(in)"),
        ("Re: =?utf-8?Q?=C3=A9?= and =?utf-8?Q?=C3=A0?=", "Re: é and à"),
    ],
)
def test_encoded_words_are_decoded(text: str, decoded: str) -> None:
    assert decode_text(text) == decoded


def test_blanks_between_adjacent_encoded_words_are_dropped() -> None:
    assert decode_text("a =?utf-8?Q?b?= =?utf-8?Q?c?==?utf-8?Q?d?= e") == "a bcd e"
    assert decode_text("=?utf-8?Q?b?= \r\n\t=?utf-8?B?Yw==?=") == "bc"


def test_a_no_break_space_between_encoded_words_is_text() -> None:
    assert decode_text("=?utf-8?Q?b?=\xa0=?utf-8?Q?c?=") == "b\xa0c"


@pytest.mark.parametrize(
    "word",
    [
        "=?utf-8?B?!!!?=",
        "=?utf-8?B?YQ?=",
        "=?utf-8?Q?=ZZ?=",
        "=?utf-8?Q?=C3?=",
        "=?utf-8?Q?a b?=",
        "=?utf-8?Q?é?=",
        "=?utf-8?X?a?=",
        "=?utf-8?Q?a",
        "=?no-such-charset?Q?a?=",
        "=?unicode_escape?Q?=5Cu0041?=",
        "=?punycode?Q?a?=",
        "=?rot13?Q?a?=",
        "=?utf-7?Q?+2AA-?=",
        "=??Q?a?=",
        "=?=",
    ],
)
def test_malformed_encoded_words_stay_as_they_are_with_the_blanks_around_them(word: str) -> None:
    text = f"=?utf-8?Q?a?= {word} =?utf-8?Q?b?="
    assert decode_text(text) == f"a {word} b"


def test_a_charset_is_known_by_its_label_in_any_case_and_unknown_ones_give_none() -> None:
    assert decode_charset(b"caf\xe9", "Latin1") == "café"
    assert decode_charset(b"caf\xe9", "utf-8") is None
    assert decode_charset(b"caf", "x-unknown") is None


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_text_encoded_as_words_comes_back(text: str) -> None:
    words = (base64.b64encode(letter.encode()).decode() for letter in text)
    assert decode_text(" ".join(f"=?utf-8?b?{word}?=" for word in words)) == text


_fragments = st.sampled_from(
    ["=?", "?=", "?", "=", "utf-8", "utf-7", "Q", "b", "_", " ", "+2A", "é"]
)


@settings(deadline=None)
@given(st.lists(_fragments | st.text(max_size=2)).map("".join))
def test_whatever_is_decoded_can_be_written_as_utf_8(text: str) -> None:
    text = text.encode(errors="replace").decode()
    decode_text(text).encode()


@pytest.mark.parametrize(
    "fragment", ["=?", "=?a?q?", "=?utf-8?q?,", "=?a*", "=?utf-8?q?a?= ", "=?utf-8?q?=ZZ?= ", "= ?"]
)
def test_a_megabyte_of_encoded_word_pieces_is_decoded(fragment: str) -> None:
    decode_text(fragment * (1_000_000 // len(fragment)))


@pytest.mark.parametrize("text", ["a" * 1_000_000, "=41" * 300_000, "_" * 1_000_000])
def test_a_megabyte_in_one_encoded_word_is_decoded(text: str) -> None:
    decode_text(f"=?utf-8?q?{text}?=").encode()
    decode_text(f"=?utf-8?b?{text}").encode()
