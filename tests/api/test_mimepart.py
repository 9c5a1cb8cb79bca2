"""kumo.mimepart and its header objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.mimeheaders import Header, HeaderMap
from kumolog.api.mimepart import MimePart, mime_part, parse
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.params.arguments import ArgumentError

NEWSLETTER = b"""\
Received: from a.example\r
\tby mx.example; Tue, 3 Feb 2026 10:00:00 +0000\r
From: =?utf-8?q?J=C3=BCrgen?= <news@shop.example>\r
Sender: Robot <robot@shop.example>\r
To: Anna <anna@example.org>, Team: bert@example.org, "C. D." <cd@example.org>;\r
Subject: =?utf-8?b?R3LDvMOfZQ==?= from\r
 us\r
Message-ID: <1@shop.example>\r
References: <a@b>\r
 <c@d>\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="m"\r
\r
--m\r
Content-Type: multipart/related; boundary="r"\r
\r
--r\r
Content-Type: multipart/alternative; boundary="a"\r
\r
--a\r
Content-Type: text/plain; charset=iso-8859-15\r
Content-Transfer-Encoding: quoted-printable\r
\r
5 =A4\r
--a\r
Content-Type: text/html; charset=utf-8\r
\r
<b>5 \xe2\x82\xac</b>\r
--a--\r
--r\r
Content-Type: image/png; name="logo.png"\r
Content-Disposition: inline\r
Content-ID: <logo@shop.example>\r
Content-Transfer-Encoding: base64\r
\r
iVBORw==\r
--r--\r
--m\r
Content-Type: Application/PDF\r
Content-Disposition: attachment;\r
 filename*0*=utf-8''Rechnung%20f%C3%BCr;\r
 filename*1=" Anna.pdf"\r
Content-ID: no id at all\r
\r
%PDF\xff\r
--m\r
Content-Type: text/plain\r
Content-Disposition: attachment; filename="=?utf-8?q?gr=C3=BC=C3=9Fe=2Etxt?="\r
\r
attached\r
--m\r
Content-Type: text/plain\r
\r
a footer\r
--m--\r
"""


@pytest.fixture
def part() -> MimePart:
    return parse(Registry(lambda _level, _text: None, None), "", NEWSLETTER)


def one_header(line: bytes) -> Header:
    """The only header of a message."""
    header = mime_part(line + b"\r\n\r\n").headers.get_first_named("X")
    assert header is not None
    return header


def all_of(found: HeaderMap, name: str | None = None) -> list[Header]:
    """What a Lua loop over the headers sees."""
    following = found.iter(name)
    headers = []
    while header := following.next(None, headers[-1] if headers else None):
        headers.append(header)
    return headers


def test_a_message_is_given_as_bytes() -> None:
    registry = Registry(lambda _level, _text: None, None)
    assert parse(registry, "", "Subject: grüße\n\nx", "more").headers.subject() == "grüße"
    with pytest.raises(ArgumentError, match="bad argument #1: error converting Lua nil to string"):
        parse(registry, "")
    with pytest.raises(KumologError, match="byte 0xff at offset 0"):
        parse(registry, "", b"\xff\n\n")


def test_a_newsletter_is_sorted_into_texts_and_attachments(part: MimePart) -> None:
    found = part.get_simple_structure()
    assert found["text_part"].body == "5 €\r\n"
    assert found["html_part"].body == "<b>5 €</b>\r\n"
    assert found["header_part"] is part
    attachments = [
        (a["file_name"], a["inline"], a["content_id"], a["content_type"], a["part"].body, a["part"].id)
        for a in found["attachments"]
    ]  # fmt: skip
    assert attachments == [
        ("logo.png", True, "logo@shop.example", "image/png", b"\x89PNG", "0.1"),
        ("Rechnung für Anna.pdf", False, None, "Application/PDF", b"%PDF\xff\r\n", "1"),
        ("grüße.txt", False, None, "text/plain", "attached\r\n", "2"),
        (None, False, None, "text/plain", "a footer\r\n", "3"),
    ]
    assert all(set(a) == {"file_name", "inline", "content_id", "content_type", "part"} for a in found["attachments"])  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "roles"),
    [
        (b"", "text"),
        (b"Content-Type: text/html\n", "html"),
        (b"Content-Type: image/gif\n", "attachment"),
        (b"Content-Type: text/html\nContent-Disposition: Attachment\n", "attachment"),
        (b"Content-Type: message/rfc822\n", "attachment"),
        (b"Content-Type: multipart/mixed\n", ""),
    ],
)
def test_a_message_of_one_part_is_that_part(headers: bytes, roles: str) -> None:
    whole = mime_part(headers + b"\nbody")
    found = whole.get_simple_structure()
    parts = {
        "text": found["text_part"],
        "html": found["html_part"],
        "attachment": found["attachments"] and found["attachments"][0]["part"],
    }
    assert {role for role, found_part in parts.items() if found_part} == set(roles.split())
    assert all(part.body == "body" and part.id == "" for part in parts.values() if part)


def test_the_text_of_any_part_is_the_whole_message(part: MimePart) -> None:
    assert part.tostring() == NEWSLETTER
    assert part.get_simple_structure()["text_part"].tostring() == NEWSLETTER


def test_headers_print_as_their_lines(part: MimePart) -> None:
    block = NEWSLETTER.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert part.headers.tostring() == block
    assert b"".join(header.tostring() for header in all_of(part.headers)) == block


def test_headers_are_found_in_any_case(part: MimePart) -> None:
    assert [header.name for header in all_of(part.headers)][:3] == ["Received", "From", "Sender"]
    assert [header.name for header in all_of(part.headers, "FROM")] == ["From"]
    assert all_of(part.headers, "X-Not-There") == []
    assert part.headers.get_first_named("mime-version").value == "1.0"
    assert part.headers.get_first_named("X-Not-There") is None
    for find in (part.headers.iter, part.headers.get_first_named):
        with pytest.raises(ArgumentError, match=r"bad argument #2 to `HeaderMap\.\w+`: error"):
            find(b"\xff")


ANNA = {"name": "Anna", "address": {"local_part": "anna", "domain": "example.org"}}
BERT = {"name": None, "address": {"local_part": "bert", "domain": "example.org"}}
C_D = {"name": "C. D.", "address": {"local_part": "cd", "domain": "example.org"}}
ROBOT = {"name": "Robot", "address": {"local_part": "robot", "domain": "shop.example"}}
NEWS = {"name": "Jürgen", "address": {"local_part": "news", "domain": "shop.example"}}
TYPE = {"value": "multipart/mixed", "parameters": {"boundary": "m"}}


@pytest.mark.parametrize(
    ("getter", "value"),
    [
        ("from", [NEWS]),
        ("sender", ROBOT),
        ("to", [ANNA, {"name": "Team", "entries": [BERT, C_D]}]),
        ("subject", "Grüße from us"),
        ("message_id", "1@shop.example"),
        ("references", ["a@b", "c@d"]),
        ("mime_version", "1.0"),
        ("content_type", TYPE),
        *((name, None) for name in ("cc", "bcc", "comments", "content_disposition", "content_id")),
        *((name, None) for name in ("content_transfer_encoding", "reply_to", "resent_bcc")),
        *((name, None) for name in ("resent_cc", "resent_from", "resent_sender", "resent_to")),
    ],
)
def test_getters_read_the_first_header_of_their_name(
    part: MimePart, getter: str, value: Any
) -> None:
    method = getattr(part.headers, HeaderMap.lua_methods[getter])
    assert method() == value
    header = part.headers.get_first_named(getter.replace("_", "-"))
    assert (header and header.value) == value


@pytest.mark.parametrize(
    ("line", "getter", "reason"),
    [
        (b"To: nobody", "to", "parsing the address list"),
        (b"From: group: a@b;", "from", "'From': it may not have groups"),
        (b"Sender: a@b, c@d", "sender", "'Sender': one address was expected, there are 2"),
        (b"Sender: a: b@c;", "sender", "'Sender': it may not have groups"),
        (b"Subject: \xff", "subject", "'Subject'.* not UTF-8"),
        (b"Message-ID: a@b", "message_id", "ids such as"),
        (b"Content-ID: <a@b><c@d>", "content_id", "one id was expected, there are 2"),
        (b"References: a", "references", "ids such as"),
        (b"Content-Type: two words", "content_type", "a value such as"),
    ],
)
def test_getters_refuse_a_value_that_is_none_of_theirs(
    line: bytes, getter: str, reason: str
) -> None:
    found = mime_part(line + b"\n\n").headers
    with pytest.raises(KumologError, match=reason):
        getattr(found, HeaderMap.lua_methods[getter])()
    with pytest.raises(KumologError, match=reason):
        _ = all_of(found)[0].value


@pytest.mark.parametrize(
    ("value", "field", "result"),
    [
        (b"a\r\n  =?utf-8?q?=C3=BC?=", "raw_value", b"a\r\n  =?utf-8?q?=C3=BC?="),
        (b"a\r\n  =?utf-8?q?=C3=BC?=", "unstructured", "a ü"),
        (b"a\r\n  =?utf-8?q?=C3=BC?=", "value", "a ü"),
        (b"Anna <anna@example.org>", "address_list", [ANNA]),
        (b"Team: Anna <anna@example.org>;", "address_list", [{"name": "Team", "entries": [ANNA]}]),
        (b"Anna <anna@example.org>, bert@example.org", "mailbox_list", [ANNA, BERT]),
        (b"<a@b>", "message_id", "a@b"),
        (b"<a@b> <c@d>", "message_id_list", ["a@b", "c@d"]),
        (b"multipart/mixed; boundary=m", "mime_params", TYPE),
        (b"mx.example; none", "authentication_results", {"serv_id": "mx.example", "version": None, "results": []}),
    ],
)  # fmt: skip
def test_a_header_is_read_as_it_is_asked(value: bytes, field: str, result: Any) -> None:
    assert getattr(one_header(b"X: " + value), field) == result


@pytest.mark.parametrize(
    "field", sorted(set(Header.lua_fields) - {"name", "raw_value", "value", "unstructured"})
)
def test_a_header_is_not_read_as_what_it_is_not(field: str) -> None:
    with pytest.raises(KumologError, match="parsing "):
        getattr(one_header(b"X: what = this"), field)


def test_authentication_results_are_known_by_their_name() -> None:
    header = all_of(mime_part(b"authentication-results: mx; spf=pass\n\n").headers)[0]
    assert header.value["results"][0]["method"] == "spf"


def held(value: LuaObject) -> Iterator[tuple[str, Any]]:
    """What Lua may do with an object, all of it done, refusals left out."""
    for name, attribute in (value.lua_fields | value.lua_methods | value.lua_metamethods).items():
        try:
            found = getattr(value, attribute)
            yield name, found if name in value.lua_fields else found()
        except KumologError:
            continue


@given(
    st.binary()
    | st.lists(
        st.sampled_from([b"From", b"Content-Type", b"References", b"Sender", b"x", b": ", b"\n\n"])
        | st.sampled_from([b"\n", b" ", b"<a@b>", b"text/plain", b"; a=b", b"\xff", b"(", b'"'])
    ).map(b"".join)
)
def test_whatever_is_asked_of_any_bytes_is_answered_or_refused(data: bytes) -> None:
    try:
        part = mime_part(data)
    except KumologError:
        return
    assert dict(held(part))["__tostring"] == data
    assert {"iter", "__tostring"} <= dict(held(part.headers)).keys()
    for header in all_of(part.headers):
        assert {"name", "raw_value", "__tostring"} <= dict(held(header)).keys()
