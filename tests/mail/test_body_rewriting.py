from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.mail.body_rewriting import append_text
from kumolog.mail.mime import Part, parse_message
from kumolog.mail.mime_structure import simple_structure

BOTH = (
    b"Subject: =?utf-8?q?x?=\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\npreamble\r\n"
    b"--b\r\nContent-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><BODY>hi</BODY></html>\r\n"
    b"--b--\r\nepilogue\xff"
)
PLAIN, HTML = "text/plain", "text/html"


def text_part(data: bytes) -> Part:
    part = simple_structure(parse_message(data)).text
    assert part is not None
    return part


def appended(data: bytes, text: str, kind: str = PLAIN) -> bytes:
    changed = append_text(data, kind, text)
    assert changed is not None
    return changed


def test_text_comes_behind_the_body() -> None:
    assert appended(b"A: 1\r\n\r\nbody\r\n", "more\n") == b"A: 1\r\n\r\nbody\r\nmore\r\n"
    assert appended(b"\r\n", "x") == b"\r\nx"


def test_a_message_without_an_empty_line_gets_one() -> None:
    assert appended(b"A: 1", "x") == b"A: 1\r\n\r\nx"
    assert appended(b"A: 1\n", "x") == b"A: 1\n\r\nx"
    assert appended(b"", "x") == b"\r\nx"


def test_html_comes_before_the_end_of_the_body_element() -> None:
    data = BOTH % (b"utf-8", b"7bit", b"hello")
    assert appended(data, "<p>x</p>", HTML) == data.replace(b"</BODY>", b"<p>x</p></BODY>")
    data = b"Content-Type: text/html\r\n\r\n<p>hi</p>\r\n"
    assert appended(data, "<p>x</p>", HTML) == data + b"<p>x</p>"


def test_there_may_be_no_such_part() -> None:
    assert append_text(b"A: 1\r\n\r\nbody", HTML, "x") is None
    assert append_text(b"Content-Type: image/png\r\n\r\n", PLAIN, "x") is None
    attached = b"Content-Disposition: attachment\r\n\r\nbody"
    assert append_text(attached, PLAIN, "x") is None


def test_a_part_in_an_unknown_encoding_is_left_alone() -> None:
    data = b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin"
    assert append_text(data, PLAIN, "x") is None


@pytest.mark.parametrize(
    ("charset", "encoding", "body", "text", "expected"),
    [
        (b"utf-8", b"base64", base64.b64encode("caf\u00e9".encode()), "\u65e5", "caf\u00e9\u65e5"),
        (b"utf-8", b"quoted-printable", b"caf=C3=A9", "\u65e5", "caf\u00e9\r\n\u65e5"),
        (b"iso-8859-1", b"quoted-printable", b"caf=E9", "\u00fc", "caf\u00e9\r\n\u00fc"),
        (b"iso-8859-1", b"8bit", b"caf\xe9", "\u00fc", "caf\u00e9\r\n\u00fc"),
        (b"iso-8859-1", b"base64", base64.b64encode(b"caf\xe9"), "\u20ac", "caf\u00e9\u20ac"),
        (b"us-ascii", b"7bit", b"plain", "\u00e9", "plain\r\n\u00e9"),
        (b"utf-16", b"base64", base64.b64encode("a\u00e9".encode("utf-16-le")), "\u65e5", "a\u00e9\u65e5"),
        (b'"x-unknown"', b"8bit", b"caf\xc3\xa9", "\u65e5", "caf\u00e9\r\n\u65e5"),
    ],
)  # fmt: skip
def test_encoding_and_charset_stay_true(
    charset: bytes, encoding: bytes, body: bytes, text: str, expected: str
) -> None:
    data = BOTH % (charset, encoding, body)
    changed = appended(data, text)
    part = text_part(changed)
    assert str(part.content()).rstrip("\r\n") == expected
    before, after = (
        data.partition(b"--b\r\nContent-Type: text/html")[0],
        data[data.index(b"<html>") :],
    )
    assert changed.startswith(before[: before.index(b"charset=")])
    assert changed.endswith(after)
    named = part.params("Content-Transfer-Encoding")
    assert named is not None
    if encoding != b"7bit":
        assert named.value.encode() == encoding
    else:
        assert part.raw_body.isascii()
        assert named.value == "quoted-printable"


def test_a_charset_that_cannot_hold_the_text_becomes_utf8() -> None:
    data = b'Content-Type: text/plain; charset="iso-8859-1"; format=flowed\r\n\r\nplain\r\n'
    changed = appended(data, "\u20ac")
    assert changed.startswith(b"Content-Type: text/plain; format=flowed; charset=utf-8\r\n")
    assert b"Content-Transfer-Encoding: quoted-printable\r\n\r\nplain\r\n=E2=82=AC" in changed


def test_text_that_nobody_can_read_takes_ascii_alone() -> None:
    data = b"Content-Type: text/%s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xff"
    assert appended(data % b"plain", "\u00e9").endswith(b"\r\n\r\n\xff?")
    assert appended(data % b"html", "\u00e9", HTML).endswith(b"\r\n\r\n\xff&#233;")


def test_long_lines_are_encoded() -> None:
    changed = appended(b"A: 1\r\n\r\nbody\r\n", "x " * 600)
    assert max(map(len, changed.split(b"\r\n"))) <= 76
    assert quopri.decodestring(changed).endswith(b"body\r\n" + b"x " * 600)


@given(
    st.text(),
    st.sampled_from([b"7bit", b"8bit", b"base64", b"quoted-printable"]),
    st.text("ab \n\u00e9"),
)
def test_what_was_appended_is_read_at_the_end(text: str, encoding: bytes, before: str) -> None:
    encode = {b"base64": base64.encodebytes, b"quoted-printable": quopri.encodestring}
    body = encode.get(encoding, bytes)(before.encode())
    data = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n%s" % (
        encoding,
        body,
    )
    changed = appended(data, text)
    content = text_part(changed).content()
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert str(content).replace("\r\n", "\n").endswith(expected)
    assert append_text(changed, PLAIN, "") == changed or encoding != b"8bit"


def test_large_messages_take_linear_time() -> None:
    line = b"caf=C3=A9 " * 7 + b"\r\n"
    data = BOTH % (b"utf-8", b"quoted-printable", line * 20_000)
    assert appended(data, "x\u00e9").count(b"caf=C3=A9") == 140_000
