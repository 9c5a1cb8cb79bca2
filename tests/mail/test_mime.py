from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.mail.headers import HeaderError
from kumolog.mail.mime import (
    MAX_PARTS,
    MimeError,
    Part,
    decode_base64,
    decode_quoted_printable,
    parse_message,
)

REPORT = b"""\
From: <postmaster@mx.example>\r
Content-Type: multipart/report; report-type=delivery-status;\r
\tboundary="=_edge (1)"\r
\r
A preamble for old readers.\r
--=_edge (1)\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
Zustellung fehlgeschlagen f=FCr =\r
anna.\r
\r
--=_edge (1)  \r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822;anna@example.org\r
--=_edge (1)\r
Content-Type: message/rfc822\r
\r
Content-Type: multipart/mixed; boundary=inner\r
\r
--inner\r
\r
not a part of its own\r
--inner--\r
--=_edge (1)--\r
An epilogue.\r
--=_edge (1)\r
"""


def multipart(boundary: str, *parts: bytes) -> bytes:
    """A multipart of these parts, which begin with their own headers."""
    edge = b"--" + boundary.encode()
    body = b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts)
    return b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n%s%s--\r\n" % (
        boundary.encode(),
        body,
        edge,
    )


def tree(part: Part) -> object:
    """Nested lists of the bodies of leaves."""
    return [tree(child) for child in part.children] if part.children else part.raw_body


def test_a_report_has_its_parts_and_their_bodies() -> None:
    root = parse_message(REPORT)
    assert root.content_type.value == "multipart/report"
    assert root.content_type.parameters["report-type"] == "delivery-status"
    assert [part.content_type.value for part in root.children] == [
        "text/plain",
        "message/delivery-status",
        "message/rfc822",
    ]
    text, status, original = root.children
    assert text.content() == "Zustellung fehlgeschlagen für anna.\r\n\r\n"
    assert status.raw_body.endswith(b"anna@example.org\r\n")
    assert original.children == []
    assert original.raw_body.endswith(b"--inner--\r\n")
    assert [part.id for part in (root, *root.children)] == ["", "0", "1", "2"]
    assert root.raw_body == REPORT[root.body_start :]


def test_the_newline_before_a_delimiter_is_the_bodys() -> None:
    root = parse_message(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\n--b--\n")
    assert tree(root) == [b"one\n", b""]


@pytest.mark.parametrize("kind", ["Multipart/Mixed", "multipart/mixed"])
def test_the_type_is_given_as_written_but_told_in_any_case(kind: str) -> None:
    root = parse_message(f"content-type: {kind}; Boundary=b\n\n--b\n\none".encode())
    assert root.content_type.value == kind
    assert tree(root) == [b"one"]


def test_multiparts_nest_and_an_outer_delimiter_ends_the_inner_ones() -> None:
    inner = multipart("in", b"\r\na", b"\r\nb").replace(b"--in--\r\n", b"")
    root = parse_message(multipart("out", inner, b"\r\nc"))
    assert tree(root) == [[b"a\r\n", b"b\r\n\r\n"], b"c\r\n"]
    assert [part.id for part in root.children[0].children] == ["0.0", "0.1"]


def test_an_inner_multipart_may_repeat_the_boundary_of_the_outer_one() -> None:
    root = parse_message(multipart("b", multipart("b", b"\r\na"), b"\r\nc"))
    assert tree(root) == [[b"a\r\n"], b"c\r\n"]


def test_what_stands_behind_the_closing_delimiter_is_no_part() -> None:
    root = parse_message(
        multipart("out", multipart("in", b"\r\na") + b"--in\r\n\r\nx", b"\r\nb") + b"--out\r\n\r\nx"
    )
    assert tree(root) == [[b"a\r\n"], b"b\r\n"]
    assert root.children[0].raw_body.endswith(b"--in\r\n\r\nx\r\n")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", b""),
        (b"text without any header\n", b""),
        (b"A: 1\n\n--b\n\nx", b"--b\n\nx"),
        (b"Content-Type: multipart/mixed\n\n--b\n\nx", b"--b\n\nx"),
        (b'Content-Type: multipart/mixed; boundary=""\n\n--\n\nx', b"--\n\nx"),
        (b"Content-Type: multipart/mixed; boundary=b\n\nno part", b"no part"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--bb\n\nx", b"--bb\n\nx"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n --b\n\nx", b" --b\n\nx"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b", [b""]),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\nA: 1\n--b\n\nx", [b"", b"x"]),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\nA: 1", [b""]),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\r", [b"x\r"]),
        (b"Content-Type: multipart/mixed; boundary=b\n--b\n\nx", b"x"),
        (b'Content-Type: multipart/mixed; boundary="b \xff"\n\n--b \xff\n\nx', [b"x"]),
    ],
)
def test_broken_structure_is_read_as_far_as_it_goes(data: bytes, expected: object) -> None:
    assert tree(parse_message(data)) == expected


def test_bad_headers_are_refused_with_the_part_they_are_in() -> None:
    with pytest.raises(HeaderError, match="first line begins with a blank"):
        parse_message(b" A: 1\n")
    with pytest.raises(HeaderError, match=r"parsing part 1\.0 of a message: .* byte 0xff"):
        parse_message(multipart("a", b"\r\nx", multipart("b", b"\xff: 1\r\n\r\n")))


@pytest.mark.parametrize("boundary", ["b%d", "b"])
def test_a_thousand_nested_multiparts_are_read(boundary: str) -> None:
    data = b"\r\nthe text"
    for i in range(1000):
        edge = boundary % i if "%" in boundary else boundary
        data = multipart(edge, b"Content-Type: image/gif\r\n\r\n", data)
    part = parse_message(data)
    for _ in range(1000):
        part = part.children[1]
    assert part.content() == "the text\r\n"
    assert part.id == ".".join("1" * 1000)


def test_there_is_an_end_to_the_number_of_parts() -> None:
    data = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * MAX_PARTS
    with pytest.raises(MimeError, match="more than 100000 parts"):
        parse_message(data)
    assert len(parse_message(data[:-4]).children) == MAX_PARTS - 1


@pytest.mark.parametrize(
    ("headers", "body", "content"),
    [
        ("", b"gr\xc3\xbc\xc3\x9fe", "grüße"),
        ("", b"\xff", b"\xff"),
        ("Content-Type: text/plain; charset=ISO-8859-1\n", b"\xfc", "ü"),
        ("Content-Type: TEXT/HTML; Charset=koi8-r\n", b"\xc1", "а"),  # noqa: RUF001 - Cyrillic
        ("Content-Type: text/plain; charset=utf-8\n", b"\xff", b"\xff"),
        ("Content-Type: text/plain; charset=nonsense\n", b"\xfc", b"\xfc"),
        ("Content-Type: application/pdf; charset=iso-8859-1\n", b"\xfc", b"\xfc"),
        ("Content-Transfer-Encoding: 8BIT\n", b"\xc3\xbc=3D", "ü=3D"),
        ("Content-Transfer-Encoding: x-unknown\n", b"=3D", "=3D"),
        ("Content-Transfer-Encoding: Base64\n", b"Z3LD\r\nvA==", "grü"),
        ("Content-Transfer-Encoding: quoted-printable (soft)\n", b"=C3=\n=BC", "ü"),
        ("Content-Transfer-Encoding: not valid\n", b"=3D", "=3D"),
        ("Content-Type: multipart/mixed\nContent-Transfer-Encoding: base64\n", b"YQ==", "YQ=="),
        ("Content-Type: nothing valid\n", b"text", "text"),
    ],
)
def test_a_body_is_decoded_as_its_headers_say(
    headers: str, body: bytes, content: str | bytes
) -> None:
    assert parse_message(headers.encode() + b"\n" + body).content() == content


@pytest.mark.parametrize(
    ("encoded", "data"),
    [
        (b"", b""),
        (b"YWJj", b"abc"),
        (b"Y W\r\nJj!", b"abc"),
        (b"YQ", b"a"),
        (b"YQ=", b"a"),
        (b"YWJjY", b"abc"),
        (b"YQ==\r\n_______\r\nA footer", b"a"),
        (b"=", b""),
        (b"\xff\x00", b""),
    ],
)
def test_broken_base64_gives_what_can_be_had(encoded: bytes, data: bytes) -> None:
    assert decode_base64(encoded) == data


@pytest.mark.parametrize(
    ("encoded", "data"),
    [
        (b"a=3Db", b"a=b"),
        (b"a=\r\nb", b"ab"),
        (b"a=  \r\nb", b"ab"),
        (b"a  \t\r\nb ", b"a\r\nb"),
        (b"=c3=bc", b"\xc3\xbc"),
        (b"a=zzb", b"a=zzb"),
        (b"\xff", b"\xff"),
        (b"a_b", b"a_b"),
    ],
)
def test_broken_quoted_printable_stays_where_it_is_broken(encoded: bytes, data: bytes) -> None:
    assert decode_quoted_printable(encoded) == data


@given(st.binary())
def test_what_was_encoded_is_decoded_again(data: bytes) -> None:
    assert decode_base64(base64.encodebytes(data)) == data
    # The encoder takes all line ends to be those of the first line.
    text = data.replace(b"\r\n", b"\n")
    assert decode_quoted_printable(quopri.encodestring(text)) == text


headers = st.sampled_from(
    [b"Content-Type: multipart/mixed; boundary=", b"Content-Type: text/plain; charset=utf-7"]
)
words = st.sampled_from(
    b"Content-Transfer-Encoding:| base64| quoted-printable|a|b|\xff|=".split(b"|")
)
edges = st.sampled_from(
    [b"\n", b"\n\n", b"--", b"--a", b"--b\n", b"--a--\n", b"\r", b" ", b'"', b"("]
)
pieces = st.lists(headers | words | edges).map(b"".join)


@given(pieces | st.binary())
def test_any_bytes_are_a_message_or_an_error_of_ours(data: bytes) -> None:
    try:
        root = parse_message(data)
    except KumologError:
        return
    waiting = [root]
    while waiting:
        part = waiting.pop()
        assert 0 <= part.start <= part.body_start <= part.end <= len(data)
        assert isinstance(part.content(), str | bytes)
        ends = [part.body_start, *(child.end for child in part.children)]
        starts = [*(child.start for child in part.children), part.end]
        assert all(end <= start for end, start in zip(ends, starts, strict=True))
        waiting.extend(part.children)


trees = st.recursive(
    st.sampled_from([b"", b"a", b"a\r\n", b"--", b"--b7--", b"- b"]),
    lambda inner: st.lists(inner, min_size=1, max_size=3),
    max_leaves=8,
)


def _written(branch: object, depth: int = 0) -> bytes:
    if isinstance(branch, bytes):
        return b"\r\n" + branch
    assert isinstance(branch, list)
    return multipart(f"b{depth}", *(_written(inner, depth + 1) for inner in branch))


def _read(branch: object) -> object:
    if isinstance(branch, bytes):
        return branch + b"\r\n"
    assert isinstance(branch, list)
    return [_read(inner) for inner in branch]


@given(st.lists(trees, min_size=1, max_size=3))
def test_a_tree_that_is_written_is_read_again(branches: list[object]) -> None:
    assert tree(parse_message(_written(branches))) == _read(branches)
