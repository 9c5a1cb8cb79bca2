from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.mail.conformance import Repairs, conform, likely_charsets
from kumolog.mail.headers import parse_headers
from kumolog.mail.mime import parse_message

REPAIRS = Repairs("Wed, 01 Jan 2025 00:00:00 +0000", "<id@example.com>")
ALL = [
    "MISSING_COLON_VALUE",
    "NON_CANONICAL_LINE_ENDINGS",
    "NAME_ENDS_WITH_SPACE",
    "LINE_TOO_LONG",
    "NEEDS_TRANSFER_ENCODING",
    "MISSING_DATE_HEADER",
    "MISSING_MESSAGE_ID_HEADER",
    "MISSING_MIME_VERSION",
    "INVALID_MIME_HEADERS",
]
HEAD = b"Date: x\r\nMessage-ID: <x@y>\r\nMIME-Version: 1.0\r\n"
GOOD = HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\nbody\r\n"
MULTIPART = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n%s\r\n--b--\r\n"


def found(data: bytes) -> list[str]:
    after, text = conform(data, ALL, (), REPAIRS)
    assert after is data
    return [] if text is None else text.removeprefix("the message is not conformant: ").split("|")


def fixed(data: bytes, *names: str) -> bytes:
    after, text = conform(data, names, names, REPAIRS)
    assert text is None
    return after


def test_a_good_message_has_no_defects_and_stays_the_same() -> None:
    assert found(GOOD) == []
    assert conform(GOOD, ALL, ALL, REPAIRS) == (GOOD, None)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("MISSING_COLON_VALUE", b"not a header\r\n" + GOOD),
        ("NON_CANONICAL_LINE_ENDINGS", GOOD + b"a\nb"),
        ("NON_CANONICAL_LINE_ENDINGS", GOOD + b"a\rb"),
        ("NAME_ENDS_WITH_SPACE", b"X : a\r\n" + GOOD),
        ("LINE_TOO_LONG", GOOD + b"x" * 999),
        ("NEEDS_TRANSFER_ENCODING", GOOD + b"\xc3\xa9"),
        ("NEEDS_TRANSFER_ENCODING", GOOD.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\xe9")),
        ("NEEDS_TRANSFER_ENCODING", MULTIPART % b"\r\n\xe9"),
        ("MISSING_DATE_HEADER", GOOD.replace(b"Date:", b"X-Date:")),
        ("MISSING_MESSAGE_ID_HEADER", GOOD.replace(b"Message-ID:", b"Message:")),
        ("MISSING_MIME_VERSION", GOOD.replace(b"MIME-Version:", b"MIME:")),
        ("INVALID_MIME_HEADERS", GOOD.replace(b"text/plain", b"text plain")),
        ("INVALID_MIME_HEADERS", b"Content-Transfer-Encoding: 9bit\r\n" + GOOD),
        ("INVALID_MIME_HEADERS", b"Content-Disposition: ;\r\n" + GOOD),
        ("INVALID_MIME_HEADERS", GOOD.replace(b"text/plain; charset=utf-8", b"multipart/mixed")),
        ("INVALID_MIME_HEADERS", MULTIPART % b"Content-Type: text\r\n\r\nx"),
        ("INVALID_MIME_HEADERS", MULTIPART % b"Content-Type: {}\r\n\r\nx"),
    ],
)  # fmt: skip
def test_each_defect_is_found_and_only_where_it_is_asked_for(name: str, data: bytes) -> None:
    assert found(data) == [name]
    assert conform(data, [other for other in ALL if other != name], (), REPAIRS) == (data, None)
    if name != "MISSING_COLON_VALUE":
        after = fixed(data, name)
        assert after != data
        assert found(after) == []


@pytest.mark.parametrize("encoding", [b"8bit", b"binary", b"base64", b"Quoted-Printable"])
def test_data_with_an_encoding_needs_none(encoding: bytes) -> None:
    data = GOOD.replace(
        b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: %s\r\n\r\n\xc3\xa9" % encoding
    )
    assert found(data) == []


def test_a_line_may_have_998_characters() -> None:
    assert found(GOOD + b"x" * 998 + b"\r\n" + b"y" * 998) == []


def test_what_cannot_be_fixed_is_reported_and_the_message_stays_as_it_was() -> None:
    data = b"no colon\n" + GOOD
    after, text = conform(data, ALL, ALL, REPAIRS)
    assert after == data
    assert text == "the message is not conformant: MISSING_COLON_VALUE"


def test_line_ends_become_crlf() -> None:
    assert fixed(b"A: 1\n\nb\rc\r\n\n", ALL[1]) == b"A: 1\r\n\r\nb\r\nc\r\n\r\n"


def test_blanks_before_the_colon_go() -> None:
    data = b"A \t: 1 : 2\r\n b : c\r\nB: x : y\r\nno colon \r\n x : y\r\n\r\nC : body\r\n"
    assert fixed(data, ALL[2]) == data.replace(b"A \t:", b"A:")


def test_missing_headers_are_put_behind_the_others() -> None:
    names = [name for name in ALL if name.startswith("MISSING") and name != "MISSING_COLON_VALUE"]
    assert fixed(b"A: 1\r\n\r\nbody", *names) == (
        b"A: 1\r\nDate: Wed, 01 Jan 2025 00:00:00 +0000\r\nMessage-ID: <id@example.com>\r\n"
        b"MIME-Version: 1.0\r\n\r\nbody"
    )
    assert [h.name for h in parse_headers(fixed(b"", *names))] == [
        "Date",
        "Message-ID",
        "MIME-Version",
    ]


def test_headers_that_cannot_be_read_go_in_every_part() -> None:
    data = MULTIPART % b"Content-Type: {}\r\nX: 1\r\n\r\nx"
    assert fixed(data, "INVALID_MIME_HEADERS") == data.replace(b"Content-Type: {}\r\n", b"")


def test_text_is_encoded_and_labelled_as_what_it_is() -> None:
    for charset, body in ((b"utf-8", "caf\u00e9".encode()), (b"iso-8859-1", b"caf\xe9")):
        data = HEAD + b"Content-Type: text/plain; charset=%s\r\n\r\n%s\r\n" % (charset, body)
        part = parse_message(fixed(data, "NEEDS_TRANSFER_ENCODING"))
        assert part.raw_body.isascii()
        assert part.content() == "caf\u00e9\r\n"
        assert part.content_type.parameters["charset"] == charset.decode()


def test_text_without_a_charset_is_looked_at() -> None:
    data = HEAD + b"\r\ncaf\xe9"
    part = parse_message(conform(data, (), ALL, REPAIRS)[0])
    assert part.header("Content-Type") is None
    assert part.decoded_body() == b"caf\xe9"
    guessing = Repairs("", "", likely_charsets((), ()))
    part = parse_message(conform(data, (), ALL, guessing)[0])
    assert (part.content(), part.content_type.parameters) == ("caf\u00e9", {"charset": "utf-8"})


def test_charsets_to_look_for_can_be_chosen() -> None:
    assert likely_charsets(["KOI8-R", "utf-8"], ["UTF-8"]) == ["KOI8-R"]
    assert likely_charsets([], ["utf-8"]) == ["windows-1252"]


def test_other_data_becomes_base64() -> None:
    data = MULTIPART % b"Content-Type: image/png\r\n\r\n\x89PNG\x00\r\n"
    after = fixed(data, "NEEDS_TRANSFER_ENCODING")
    assert parse_message(after).children[0].decoded_body() == b"\x89PNG\x00\r\n\r\n"


def test_a_message_in_a_message_may_not_be_encoded() -> None:
    data = MULTIPART % b"Content-Type: message/rfc822\r\n\r\nSubject: \xe9\r\n\r\n\xe9"
    assert found(data) == []
    long = MULTIPART % (b"Content-Type: message/rfc822\r\n\r\n" + b"x" * 999)
    after, text = conform(long, ["LINE_TOO_LONG"], ["LINE_TOO_LONG"], REPAIRS)
    assert (after, text) == (long, "the message is not conformant: LINE_TOO_LONG")


def test_long_lines_of_headers_are_folded_and_those_of_bodies_encoded() -> None:
    references = b" ".join(b"<%d@example.com>" % n for n in range(100))
    data = b"References: %s\r\n" % references + GOOD + b"y " * 600 + b"\r\n"
    after = fixed(data, "LINE_TOO_LONG")
    assert max(map(len, after.split(b"\r\n"))) <= 78
    part = parse_message(after)
    assert part.headers[0].decoded() == references.decode()
    assert part.decoded_body() == b"body\r\n" + b"y " * 600 + b"\r\n"


def test_what_cannot_be_parsed_says_why() -> None:
    data = b" folded first\r\n\r\n"
    assert conform(data, ALL, ALL, REPAIRS) == (
        data,
        "parsing the headers: the first line begins with a blank, a header name was expected",
    )


@given(st.binary(max_size=60), st.sampled_from([b"", HEAD, b"A : 1\n\n", MULTIPART]))
def test_fixing_never_fails_and_leaves_nothing_that_could_be_fixed(
    body: bytes, head: bytes
) -> None:
    fixes = [name for name in ALL if name != "LINE_TOO_LONG"]
    data = head.replace(b"%s", body) if b"%s" in head else head + body
    after, _ = conform(data, (), fixes, REPAIRS)
    again, text = conform(after, fixes, fixes, REPAIRS)
    assert again == after
    assert text is None or "MISSING_COLON" in text or "parsing" in text


def test_large_messages_take_linear_time() -> None:
    data = HEAD + b"\r\n" + (b"caf\xc3\xa9 " * 100 + b"\n") * 3_000
    after = conform(data, ALL, ALL, REPAIRS)[0]
    assert len(after) > len(data)
