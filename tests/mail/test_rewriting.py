from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.mail.headers import Header, HeaderError, header_block_end, parse_headers
from kumolog.mail.rewriting import (
    append_field,
    encoded_header_field,
    header_field,
    prepend_field,
    remove_fields,
    replace_field,
)

NAMES = st.text("ABCXabcx-0", min_size=1, max_size=5)
RAW_VALUES = st.lists(st.binary(max_size=20), max_size=3).map(
    lambda parts: b"\r\n ".join(re.sub(rb"[\r\n]", b".", part) for part in parts)
)
FIELDS = st.builds(lambda name, value: header_field(name, value), NAMES, RAW_VALUES)
BLOCKS = st.lists(FIELDS, max_size=6)
BODIES = st.binary(max_size=40)


def message(fields: list[bytes], body: bytes) -> bytes:
    return b"".join((*fields, b"\r\n", body))


# One header -------------------------------------------------------------------------------------


def test_a_header_is_written_as_it_is() -> None:
    assert header_field("X-One", b"a\tb") == b"X-One: a\tb\r\n"
    assert header_field("X", b"caf\xe9") == b"X: caf\xe9\r\n"
    assert header_field("X", b"") == b"X: \r\n"


def test_the_folding_of_a_value_becomes_crlf() -> None:
    assert header_field("X", b"a\n b\r\n\tc") == b"X: a\r\n b\r\n\tc\r\n"


@pytest.mark.parametrize("value", [b"a\r\nBcc: x", b"a\nBcc: x", b"a\r\n", b"a\n\n b", b"a\rb"])
def test_no_value_can_begin_another_header_or_the_body(value: bytes) -> None:
    with pytest.raises(HeaderError, match=r"header 'X': its value has a line end at offset 1 that"):
        header_field("X", value)


@pytest.mark.parametrize("name", ["", "A B", "A:", "A\r\nB", "\u00e9", "A\x7f"])
def test_a_name_is_printable_ascii(name: str) -> None:
    with pytest.raises(HeaderError, match="its name must be printable ASCII"):
        header_field(name, b"x")
    with pytest.raises(HeaderError, match="its name must be printable ASCII"):
        encoded_header_field(name, "x")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("", b"Subject:\r\n"),
        ("plain words", b"Subject: plain words\r\n"),
        ("a caf\u00e9 please", b"Subject: a =?utf-8?q?caf=C3=A9?= please\r\n"),
        ("caf\u00e9 \u00fcber all", b"Subject: =?utf-8?q?caf=C3=A9_=C3=BCber?= all\r\n"),
        ("\u65e5\u672c", b"Subject: =?utf-8?b?5pel5pys?=\r\n"),
        ("two  blanks", b"Subject: =?utf-8?q?two__blanks?=\r\n"),
        ("a =?utf-8?q?b?=", b"Subject: a =?utf-8?q?=3D=3Futf-8=3Fq=3Fb=3F=3D?=\r\n"),
        ("x\r\nBcc: y", b"Subject: =?utf-8?q?x=0D=0ABcc=3A?= y\r\n"),
    ],
)
def test_words_that_need_it_are_encoded(value: str, field: bytes) -> None:
    assert encoded_header_field("Subject", value) == field


def test_long_text_is_folded_at_blanks() -> None:
    field = encoded_header_field("Subject", "word " * 30 + "end")
    lines = field.removesuffix(b"\r\n").split(b"\r\n")
    assert lines[0] == b"Subject: " + b"word " * 12 + b"word"
    assert all(len(line) <= 76 and line.startswith(b" word") for line in lines[1:])


@given(st.text(), NAMES)
def test_what_is_encoded_reads_as_what_was_given(value: str, name: str) -> None:
    field = encoded_header_field(name, value)
    (header,) = parse_headers(field)
    assert (header.name, header.decoded()) == (name, value)
    assert field.isascii()
    if not re.search(r"[^ ]{40}", value):
        assert all(len(line) <= 76 for line in field.split(b"\r\n"))


@given(st.text(min_size=1, max_size=3), st.integers(0, 3000))
def test_no_line_is_longer_than_a_message_may_have(value: str, times: int) -> None:
    field = encoded_header_field("Subject", value * times)
    assert parse_headers(field)[0].decoded() == value * times
    assert all(len(line) <= 998 for line in field.split(b"\r\n"))


# The block --------------------------------------------------------------------------------------


@given(BLOCKS, BODIES, FIELDS)
def test_a_prepended_header_is_the_first(fields: list[bytes], body: bytes, field: bytes) -> None:
    data = message(fields, body)
    changed = prepend_field(data, field)
    assert parse_headers(changed) == parse_headers(field) + parse_headers(data)
    assert changed.endswith(data)


@given(BLOCKS, BODIES, FIELDS)
def test_an_appended_header_is_the_last(fields: list[bytes], body: bytes, field: bytes) -> None:
    data = message(fields, body)
    changed = append_field(data, field)
    assert changed == message([*fields, field], body)
    assert parse_headers(changed) == parse_headers(data) + parse_headers(field)


@given(BLOCKS, BODIES, NAMES)
def test_removing_leaves_every_other_byte(fields: list[bytes], body: bytes, name: str) -> None:
    data = message(fields, body)
    changed = remove_fields(data, name.lower().__eq__)
    kept = [f for f in fields if f.split(b":")[0].lower() != name.lower().encode()]
    assert changed == message(kept, body)
    assert (changed is data) == (kept == fields)


@given(BLOCKS, FIELDS)
def test_replacing_puts_one_header_for_all_of_a_name(fields: list[bytes], field: bytes) -> None:
    name = field.split(b":")[0].decode()
    changed = replace_field(message(fields, b""), name, field)
    same = [f.split(b":")[0].lower() == name.lower().encode() for f in fields]
    expected = [f for f, is_same in zip(fields, same, strict=True) if not is_same]
    first = same.index(True) if True in same else len(fields)
    expected.insert(first, field)
    assert changed == message(expected, b"")


@pytest.mark.parametrize("data", [b"A: 1\nB: 2\n\nbody\n", b"A: 1\r\nB: 2", b"B: 2\n", b"B", b""])
def test_messages_of_other_forms_take_headers_in_front(data: bytes) -> None:
    assert prepend_field(data, b"X: y\r\n") == b"X: y\r\n" + data
    assert parse_headers(b"X: y\r\n" + data) == [Header("X", b"y"), *parse_headers(data)]


def test_headers_are_removed_from_messages_of_other_forms() -> None:
    is_a = "a".__eq__
    assert remove_fields(b"A: 1\n 2\nB: 2\n\nA: body\n", is_a) == b"B: 2\n\nA: body\n"
    assert remove_fields(b"B: 2\r\nA : 1", is_a) == b"B: 2\r\n"
    assert remove_fields(b"a:", is_a) == b""
    assert remove_fields(b"", is_a) == b""


@pytest.mark.parametrize(
    ("data", "offset"),
    [(b"A: 1\n\nx", 4), (b"A: 1\n\r\nx", 4), (b"\nx\r\n\r\n", 0), (b"A: 1\r\n\nx", 5)],
)
def test_bare_lf_at_the_end_of_the_headers_is_named(data: bytes, offset: int) -> None:
    with pytest.raises(HeaderError, match=f"CRLF CRLF, but .* bare LF at offset {offset}$"):
        append_field(data, b"X: y\r\n")


@pytest.mark.parametrize("data", [b"", b"A: 1", b"A: 1\r\n"])
def test_headers_without_an_end_take_none_behind(data: bytes) -> None:
    with pytest.raises(HeaderError, match="CRLF CRLF, but the message has no empty line"):
        append_field(data, b"X: y\r\n")


def test_an_empty_line_in_the_body_is_not_the_end_of_the_headers() -> None:
    with pytest.raises(HeaderError, match="bare LF at offset 4"):
        append_field(b"A: 1\n\nbody\r\n\r\nmore", b"X: y\r\n")
    assert append_field(b"\r\nbody\r\n\r\n", b"X: y\r\n") == b"X: y\r\n\r\nbody\r\n\r\n"


def test_a_message_that_begins_with_a_blank_is_not_made_part_of_a_header() -> None:
    with pytest.raises(HeaderError, match="the first line of the message begins with a blank"):
        prepend_field(b" folded\r\n\r\n", b"X: y\r\n")


def test_headers_that_cannot_be_read_are_not_removed() -> None:
    with pytest.raises(HeaderError, match="byte 0xff at offset 6 is in a header name"):
        remove_fields(b"A: 1\r\n\xff: 2\r\n\r\n", "a".__eq__)


def test_a_header_is_put_behind_those_of_a_block_without_an_end() -> None:
    assert replace_field(b"A: 1", "X", b"X: y\r\n") == b"A: 1\r\nX: y\r\n"
    assert replace_field(b"", "X", b"X: y\r\n") == b"X: y\r\n"
    assert replace_field(b"A: 1\n\n", "X", b"X: y\r\n") == b"A: 1\nX: y\r\n\n"


def test_large_messages_are_rewritten_in_linear_time() -> None:
    body = b"x" * 70 + b"\n"
    data = b"A: 1\r\n" * 1000 + b"\r\n" + body * 100_000
    changed = remove_fields(append_field(prepend_field(data, b"B: 2\r\n"), b"B: 3\r\n"), "a".__eq__)
    assert changed[: header_block_end(changed)] == b"B: 2\r\nB: 3\r\n\r\n"
    assert len(changed) == len(data) - 6 * 1000 + 12
