from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.mail.headers import (
    Header,
    HeaderError,
    group_headers,
    header_block_end,
    parse_headers,
)


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_headers_are_read_up_to_the_empty_line(newline: bytes) -> None:
    data = newline.join([b"From: a@b", b"Subject: hi", b"", b"Body: no header", b""])
    assert parse_headers(data) == [Header("From", b"a@b"), Header("Subject", b"hi")]
    assert data[header_block_end(data) :] == b"Body: no header" + newline


@pytest.mark.parametrize("data", [b"A: 1", b"A: 1\n", b"A: 1\r\n"])
def test_a_message_may_end_without_an_empty_line(data: bytes) -> None:
    assert parse_headers(data) == [Header("A", b"1")]
    assert header_block_end(data) == len(data)


@pytest.mark.parametrize(
    ("data", "body_at"), [(b"", 0), (b"\n", 1), (b"\r\n", 2), (b"\nA: 1\n\n", 1)]
)
def test_a_message_may_have_no_headers(data: bytes, body_at: int) -> None:
    assert parse_headers(data) == []
    assert header_block_end(data) == body_at


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"A:1", Header("A", b"1")),
        (b"A:   1", Header("A", b"1")),
        (b"A:\t1", Header("A", b"\t1")),
        (b"A: 1 ", Header("A", b"1 ")),
        (b"A: \t1", Header("A", b"\t1")),
        (b"A \t : 1", Header("A", b"1")),
        (b"A:", Header("A", b"")),
        (b"A", Header("A", b"")),
        (b"A line of text", Header("A line of text", b"")),
        (b"A: 1: 2", Header("A", b"1: 2")),
        (b"A: a\rb", Header("A", b"a\rb")),
        (b"A: \xff\x00", Header("A", b"\xff\x00")),
        (b": 1", Header("", b"1")),
        (b"A: 1\r\n 2\r\n\t3", Header("A", b"1\r\n 2\r\n\t3")),
        (b"A:\r\n 2", Header("A", b"\r\n 2")),
        (b"A\r\n 2", Header("A", b"\r\n 2")),
        (b"A: 1\n \n\t\n 2", Header("A", b"1\n \n\t\n 2")),
    ],
)
def test_a_line_is_split_into_name_and_value(line: bytes, header: Header) -> None:
    data = b"First: x\r\n" + line + b"\r\nLast: y\r\n\r\n"
    assert parse_headers(data) == [Header("First", b"x"), header, Header("Last", b"y")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b" A: 1\r\n", "the first line begins with a blank"),
        (b"\tA: 1\r\n", "the first line begins with a blank"),
        (b"\rA: 1\r\n", "lone CR at offset 0"),
        (b"A: 1\r\n\r", "lone CR at offset 6"),
        (b"A: 1\r\n\rB: 2", "lone CR at offset 6"),
        (b"A\x00: 1", "byte 0x00 at offset 1"),
        (b"A: 1\r\nB\xc3\xa9: 1", "byte 0xc3 at offset 7"),
        (b"A\x7f", "byte 0x7f at offset 1"),
        (b"A\rB: 1", "byte 0x0d at offset 1"),
        (b"A\tB: 1", "byte 0x09 at offset 1"),
        (b"A\r", "byte 0x0d at offset 1"),
    ],
)
def test_a_header_block_that_is_none_is_refused_with_the_place(data: bytes, reason: str) -> None:
    with pytest.raises(HeaderError, match=reason):
        parse_headers(data)


def test_a_bad_byte_behind_the_headers_does_no_harm() -> None:
    assert parse_headers(b"A: 1\n\n\xff\x00\r") == [Header("A", b"1")]


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        (b"plain", "plain"),
        (b"a\r\n b\n\tc", "a b c"),
        (b"a  \t b", "a b"),
        (b"a \r\n ", "a "),
        (b"\r\n a", " a"),
        ("grüße".encode(), "grüße"),
        (b"=?utf-8?Q?gr=C3=BC=C3=9Fe?=", "grüße"),
        (b"=?utf-8?Q?a?=\r\n =?utf-8?B?Yg==?=", "ab"),
        (b"=?utf-8?Q?a?=\r\n b", "a b"),
        (b"=?utf-8?Q?a_=20_b?=", "a   b"),
        (b"=?x?Q?a?=  =?utf-8?Q?b?=", "=?x?Q?a?= b"),
        (b"", ""),
    ],
)
def test_a_value_is_unfolded_and_decoded(raw: bytes, decoded: str) -> None:
    header = Header("Subject", raw)
    assert header.decoded() == decoded
    assert header.value() == decoded.encode()
    assert header.text() == decoded


def test_a_value_that_is_not_utf_8_is_given_raw() -> None:
    header = Header("Subject", b"caf\xe9  \r\n =?utf-8?Q?a?=")
    with pytest.raises(HeaderError, match=r"'Subject'.*not UTF-8.*0xe9 at offset 3"):
        header.decoded()
    assert header.value() == header.raw
    assert header.text() == "caf\ufffd  \r\n =?utf-8?Q?a?="


def test_headers_are_grouped_by_lower_cased_name_in_message_order() -> None:
    data = b"X-A: 1\nSubject: =?utf-8?Q?=C3=A9?=\nx-a: 2\nX-a: \xff\n\n"
    assert group_headers(parse_headers(data)) == {"x-a": ["1", "2", "\ufffd"], "subject": "é"}


_pieces = st.sampled_from(
    [
        b"A",
        b"Name",
        b":",
        b" ",
        b"\t",
        b"\r\n",
        b"\n",
        b"\r",
        b"=?utf-8?Q?",
        b"?=",
        b"\xff",
        b"\x00",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(_pieces | st.binary(max_size=3)).map(b"".join))
def test_any_bytes_are_headers_that_can_be_logged_or_a_header_error(data: bytes) -> None:
    try:
        headers = parse_headers(data)
    except HeaderError:
        return
    for name, value in group_headers(headers).items():
        assert name.isascii()
        "".join(value).encode()
    for header in headers:
        assert header.raw in data
        header.value()


_names = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1
)
_values = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), min_size=1)


@settings(deadline=None)
@given(st.lists(st.tuples(_names, _values)), st.sampled_from(["\r\n", "\n"]), st.binary())
def test_written_headers_are_read_back(
    fields: list[tuple[str, list[str]]], newline: str, body: bytes
) -> None:
    folded = [
        Header(name, (newline + "\t").join(lines).lstrip(" ").encode()) for name, lines in fields
    ]
    block = b"".join(h.name.encode() + b": " + h.raw + newline.encode() for h in folded)
    data = block + newline.encode() + body
    assert parse_headers(data) == folded
    assert data[header_block_end(data) :] == body


@pytest.mark.parametrize(
    "fragment",
    [
        b"A: 1\n",
        b"A\n",
        b"A:\n\t",
        b"A" * 50,
        b"A ",
        b"A: ",
        b"\t",
        b"A:\r",
        b"A: =?utf-8?Q?",
        b"A:\n \n",
    ],
)
def test_a_megabyte_of_header_is_parsed(fragment: bytes) -> None:
    data = b"X: " + fragment * (1_000_000 // len(fragment))
    group_headers(parse_headers(data))
    group_headers(parse_headers(data[3:].lstrip()))
    header_block_end(data)


def test_many_values_of_one_header_are_grouped() -> None:
    assert group_headers(parse_headers(b"A: 1\n" * 200_000)) == {"a": ["1"] * 200_000}
