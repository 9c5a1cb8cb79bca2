from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.templates.normalize import normalize_smtp_response


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("try again in 5m", "try again in {duration}"),
        ("wait 1h 30m 5s please", "wait {duration} please"),
        ("after 2days 10ms, then", "after {duration}, then"),
        ("cached for PT1H30M or P3D now", "cached for {duration} or {duration} now"),
        ("P and 5 minutes and 10.5.5m stay", "P and 5 minutes and 10.5.5m stay"),
    ],
)
def test_durations(text: str, normalized: str) -> None:
    assert normalize_smtp_response(text) == normalized


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("no (really) way", "no really way"),
        ("told [192.0.2.1] off", "told {ipaddr} off"),
        ("from (192.0.2.1). Bye", "from {ipaddr} Bye"),
        ("in [5m] or (id=abc1234defg)", "in {duration} or id={hash}"),
        ("a[b]c stays", "a[b]c stays"),
    ],
)
def test_brackets_around_words_become_blanks(text: str, normalized: str) -> None:
    assert normalize_smtp_response(text) == normalized


@pytest.mark.parametrize(
    ("word", "normalized"),
    [
        ("Mailbox", "Mailbox"),
        ("doesn't", "doesn't"),
        ("full,", "full,"),
        ('"spam".', '"spam".'),
        ("well-known", "well-known"),
        ("2023-03-06T02:28:11Z", "{timestamp}"),
        ("2023-03-06T02:28:11.5+01:00", "{timestamp}"),
        ("557f3ad4-2c8c-11ee-976e-782d7e12e173", "{uuid}"),
        ("557F3AD42C8C11EE976E782D7E12E173", "{uuid}"),
        ("urn:uuid:557f3ad4-2c8c-11ee-976e-782d7e12e173", "{uuid}"),
        ("4PvXYz0Jq2z9", "{hash}"),
        ("mail-ab1-c2.d3", "{hash}"),
        ("ab12345", "ab12345"),
        ("abcdef12", "{base64}"),
        ("192.0.2.1", "{ipaddr}"),
        ("192.0.2.1:25", "{ipaddr}"),
        ("2001:db8::1", "{ipaddr}"),
        ("fe80:0:0:0:0:0:0:1", "{ipaddr}"),
        ("12:34", "12:34"),
        ("aGVsbG8gd29ybGQ+", "{base64}"),
        ("aGVsbG8_d29ybA==", "{base64}"),
        ("someone@example.com", "{email}"),
        ("<someone@example.com>", "{email}"),
        ("id=4PvXYz0Jq2z9", "id={hash}"),
        ("ip=192.0.2.1", "ip={ipaddr}"),
        ("a=b=192.0.2.1", "a=b={ipaddr}"),
        ("key=", "key="),
        ("550", "550"),
        ("5.7.1", "5.7.1"),
        ("2023", "2023"),
    ],
)
def test_a_word_becomes_what_it_is(word: str, normalized: str) -> None:
    assert normalize_smtp_response(f"x {word}") == f"x {normalized}"


def test_words_are_joined_by_one_blank() -> None:
    assert normalize_smtp_response("  a \t b\r\nc ") == "a b c"


@given(st.text())
def test_any_text_is_normalized_to_one_line(text: str) -> None:
    assert "\n" not in normalize_smtp_response(text)


@given(st.lists(st.from_regex(r"[a-z]{1,12}", fullmatch=True)))
def test_plain_words_stay(words: list[str]) -> None:
    assert normalize_smtp_response(" ".join(words)) == " ".join(words)
