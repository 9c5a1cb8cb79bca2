from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.mail.addresses import AddressError, AddressHeader, EnvelopeAddress, HeaderAddress


@pytest.mark.parametrize(
    ("text", "user", "domain", "email"),
    [
        ("", "", "", ""),
        ("<>", "", "", ""),
        ("a@b.example", "a", "b.example", "a@b.example"),
        ("<a@b.example>", "a", "b.example", "a@b.example"),
        ("<@r1.example:a@b>", "a", "b", "a@b"),
        ("<@r1.example,@[IPv6:::1]:a@b>", "a", "b", "a@b"),
        ("Postmaster", "postmaster", "", "Postmaster"),
        ("<POSTMASTER>", "postmaster", "", "Postmaster"),
        ("Postmaster@b", "Postmaster", "b", "Postmaster@b"),
        ("A.b+c@D.Example", "A.b+c", "d.example", "A.b+c@d.example"),
        ('"a b"@c', "a b", "c", '"a b"@c'),
        (r'"a\"\b@"@c', 'a"b@', "c", r'"a\"\b@"@c'),
        ('""@c', "", "c", '""@c'),
        ("grüße@b", "grüße", "b", "grüße@b"),
        ('"grüße an"@b', "grüße an", "b", '"grüße an"@b'),
        ("a@Bücher.Example", "a", "xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@faß.example", "a", "xn--fa-hia.example", "a@xn--fa-hia.example"),
        ("a@☃.example", "a", "xn--n3h.example", "a@xn--n3h.example"),
        ("a@bücher。example", "a", "xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a", "xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@b_c-.d-e.f1", "a", "b_c-.d-e.f1", "a@b_c-.d-e.f1"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@[IPv6:2001:DB8::1]", "a", "[IPv6:2001:DB8::1]", "a@[IPv6:2001:DB8::1]"),
        ("a@[tag:some%text]", "a", "[tag:some%text]", "a@[tag:some%text]"),
    ],
)
def test_an_envelope_address_is_read(text: str, user: str, domain: str, email: str) -> None:
    address = EnvelopeAddress.parse(text)
    assert address == EnvelopeAddress(user, domain, email)
    assert str(address) == email


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a@",
        "@b",
        " a@b",
        "a@b ",
        "<a@b",
        "a@b>",
        "<<a@b>>",
        "<<>>",
        "a..b@c",
        ".a@b",
        "a.@b",
        "a b@c",
        '"a@b',
        '"a\n"@b',
        '"a"b@c',
        "a\x00@b",
        "a\ud800@b",
        "a@b..c",
        "a@b.",
        "a@.b",
        "a@-b",
        "a@_b",
        "a@b c",
        "a@b@c",
        "a@b\n",
        "a@ü b",
        "a@-ü",
        "a@\uff20ü",
        "a@ü..b",
        "a@\u00ad",
        "a@\ud800",
        "a@" + "ü" * 100,
        "a@" + "ü." * 200 + "b",
        "a@[1.2.3]",
        "a@[1.2.3.4",
        "a@[1.2.3.4]x",
        "a@[IPv6:1.2.3.4]",
        "a@[IPv6:fe80::1%eth0]",
        "a@[::1]",
        "a@[tag-:text]",
        "a@[tag:]",
        "a@[]",
        "@r:a@b",
        "<@r>",
        "<@r:>",
        "<@r a@b>",
        "<@-r:a@b>",
        "<@r:Joe <a@b>>",
        "Postmaster@",
    ],
)
def test_a_text_that_is_no_envelope_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match=r"parsing the envelope address .*: expected"):
        EnvelopeAddress.parse(text)


def test_a_header_with_one_address_answers_for_it() -> None:
    header = AddressHeader.parse(b"=?utf-8?Q?J=C3=BCrgen?= <J@B.Example>")
    assert (header.name, header.user, header.domain) == ("Jürgen", "J", "B.Example")
    assert header.email == "J@B.Example"
    assert header.list == (HeaderAddress("Jürgen", "J", "B.Example"),)


def test_an_address_without_a_display_name_has_none() -> None:
    assert AddressHeader.parse(b"a@b").name is None


@pytest.mark.parametrize("raw", [b"a@b, c@d", b"group: a@b;", b"group:;", b"a@b, group:;"])
@pytest.mark.parametrize("field", ["name", "user", "domain", "email"])
def test_a_header_answers_for_nothing_but_exactly_one_address(raw: bytes, field: str) -> None:
    with pytest.raises(AddressError, match=f"reading {field} of an address header"):
        getattr(AddressHeader.parse(raw), field)


def test_a_list_opens_groups() -> None:
    header = AddressHeader.parse(b"a@b, g: c@d, Joe <e@f>;, x:;")
    assert [entry.email for entry in header.list] == ["a@b", "c@d", "e@f"]
    assert [entry.name for entry in header.list] == [None, None, "Joe"]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a@b", '[{"Address":{"name":null,"address":"a@b"}}]'),
        (b'"a b"@c', r'[{"Address":{"name":null,"address":"\"a b\"@c"}}]'),
        (
            "Ü <a@b>, g: N <c@d>, e@f;".encode(),
            '[{"Address":{"name":"Ü","address":"a@b"}},'
            '{"Group":{"name":"g","addresses":'
            '[{"name":"N","address":"c@d"},{"name":null,"address":"e@f"}]}}]',
        ),
    ],
)
def test_a_header_is_printed_as_json(raw: bytes, text: str) -> None:
    assert AddressHeader.parse(raw).to_json() == text


def test_an_entry_of_a_list_is_printed_as_json() -> None:
    assert AddressHeader.parse(b"N <a@b>").list[0].to_json() == '{"name":"N","address":"a@b"}'


def test_bytes_that_are_not_utf_8_read_as_replacement_characters() -> None:
    header = AddressHeader.parse(b"caf\xe9 <\xff@b>")
    assert (header.name, header.user) == ("caf\ufffd", "\ufffd")


_pieces = [
    b"a",
    b"b.c",
    b"@",
    b"<",
    b">",
    b",",
    b":",
    b";",
    b".",
    b" ",
    b'"',
    b"\\",
    b"(",
    b")",
    b"[",
]
_pieces += [
    b"]",
    b"\r\n",
    b"\xff",
    "ü".encode(),
    b"=?utf-8?Q?",
    b"?=",
    b"1.2.3.4",
    b"-",
    b"Postmaster",
]
_soup = st.lists(st.sampled_from(_pieces) | st.binary(max_size=2)).map(b"".join)


@settings(deadline=None, max_examples=400)
@given(_soup)
def test_any_bytes_are_an_address_header_or_an_address_error(raw: bytes) -> None:
    try:
        header = AddressHeader.parse(raw)
    except AddressError as error:
        str(error).encode()
        return
    json.loads(header.to_json())


@settings(deadline=None, max_examples=400)
@given(_soup.map(lambda raw: raw.decode(errors="surrogateescape")) | st.text(max_size=20))
def test_any_text_is_an_envelope_address_that_reads_back_or_an_address_error(text: str) -> None:
    try:
        address = EnvelopeAddress.parse(text)
    except AddressError as error:
        str(error).encode()
        return
    assert address.domain.isascii()
    address.email.encode()
    assert EnvelopeAddress.parse(address.email) == address
    assert EnvelopeAddress.parse(f"<{address.email}>") == address


_label = st.text(
    st.characters(codec="utf-8", categories=["Ll", "Lo", "Nd", "So", "Mn"]), max_size=12
)


@settings(deadline=None)
@given(st.lists(_label, min_size=1, max_size=3).map(".".join))
def test_an_internationalised_domain_becomes_ascii_or_an_address_error(domain: str) -> None:
    try:
        address = EnvelopeAddress.parse(f"a@{domain}")
    except AddressError:
        return
    assert address.domain.isascii()
    assert EnvelopeAddress.parse(address.email) == address


_local = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8)
_display = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8)


@settings(deadline=None)
@given(st.lists(st.tuples(_display, _local), min_size=1, max_size=4))
def test_written_addresses_are_read_back(people: list[tuple[str, str]]) -> None:
    addresses = [HeaderAddress(name, user, "d.example") for name, user in people]
    escaped = [
        a.name.replace("\\", "\\\\").replace('"', '\\"') for a in addresses if a.name is not None
    ]
    raw = ", ".join(f'"{name}" <{a.email}>' for name, a in zip(escaped, addresses, strict=True))
    assert AddressHeader.parse(raw.encode()).list == tuple(addresses)


_FLOODS = [
    "(",
    ")",
    "<",
    ">",
    ",",
    '"',
    "\\",
    ":",
    ";",
    "@",
    ".",
    "[",
    "a",
    "a ",
    "a.",
    '"" ',
    "()",
]
_FLOODS += [
    "a@b,",
    "a@b.",
    "g:;,",
    "@r,",
    "@r:",
    "=?",
    "=?utf-8?q?a?= ",
    "=?a?q?,",
    "ü",
    "\u0315\u0300",
]
_FLOODS += ["\r\n ", "(\\", '"\\', "[\\", "<@a", "<a@b>", "-", "1."]
_FRAMES = ["{}", "a@{}", "<@{}", "Joe {} <a@b>", "({})a@b", "g:{};", "a@[{}"]


@pytest.mark.parametrize("frame", _FRAMES)
@pytest.mark.parametrize("flood", _FLOODS)
def test_a_flood_of_anything_is_read_or_refused(flood: str, frame: str) -> None:
    text = frame.format(flood * (50_000 // len(flood)))
    for parse in (EnvelopeAddress.parse, lambda text: AddressHeader.parse(text.encode()).to_json()):
        with contextlib.suppress(AddressError):
            parse(text)


@pytest.mark.parametrize("flood", ["(", "<", ",", '"', "a ", "a@b,"])
def test_a_megabyte_of_punctuation_is_read_or_refused(flood: str) -> None:
    raw = (flood * (1_000_000 // len(flood))).encode()
    try:
        header = AddressHeader.parse(raw)
    except AddressError:
        return
    assert len(header.list) == 250_000
