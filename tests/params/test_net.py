"""Parameters that name places in a network."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luatables import array, fields, lua_values

from kumolog.luavalue import LuaTable, LuaValue
from kumolog.params.buffered import BufferedList
from kumolog.params.compose import ListOf, MapOf
from kumolog.params.net import CIDR, HOSTADDR, HOSTPORT, IP, SOCKADDR, URL, CidrSet, parse_cidr
from kumolog.params.types import (
    STRING,
    Mismatch,
    Type,
)

CIDRS = CidrSet(ListOf(STRING))
NO_HOST_PORT = (
    'failed to parse "{}" as a resolvable socket address: not an IP socket (invalid socket address '
    "syntax); not a unix socket path (unix domain path must be absolute); not host:port ({})"
)


def reason(wanted: Type, value: LuaValue) -> str:
    with pytest.raises(Mismatch) as caught:
        wanted.convert(value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
    ],
)
def test_an_address_is_a_literal(text: str, shown: str) -> None:
    assert IP.convert(text) == shown


@pytest.mark.parametrize(
    "text", ["", "x", "[::1]", "10.0.0.1/32", "10.1", "010.0.0.1", "::1%eth0", "10.0.0.1 "]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert reason(IP, text) == "invalid IP address syntax"


def test_the_wanted_thing_of_an_address_is_named() -> None:
    assert reason(IP, 5) == "invalid type: integer `5`, expected IP address"


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        ((), []),
        (("10.0.0.0/8",), ["10.0.0.0/8"]),
        (("10.0.0.1/32", "::1/128"), ["10.0.0.1", "::1"]),
        (("::", "::1"), ["::/127"]),
        (("10.1.0.0/16", "10.0.0.0/8"), ["10.0.0.0/8"]),
        (("10.0.0.0/9", "10.128.0.0/9"), ["10.0.0.0/8"]),
        (
            ("::1", "9.0.0.0/8", "10.0.0.1", "2.0.0.0/8"),
            ["2.0.0.0/8", "9.0.0.0/8", "10.0.0.1", "::1"],
        ),
        (("any", "10.0.0.1"), ["any", "10.0.0.1"]),
    ],
)
def test_networks_are_sorted_and_merged(texts: tuple[str, ...], shown: list[str]) -> None:
    assert CIDRS.convert(array(*texts)) == shown


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.0.0.1/8", "host part of address was not zero"),
        ("10/8", "couldn't parse address in network: invalid IP address syntax"),
        ("[::1]", "couldn't parse address in network: invalid IP address syntax"),
        ("10.0.0.1:25", "couldn't parse address in network: invalid IP address syntax"),
        (" 10.0.0.1", "couldn't parse address in network: invalid IP address syntax"),
        ("ANY", "couldn't parse address in network: invalid IP address syntax"),
        ("10.0.0.0/x", "couldn't parse length in network: invalid digit found in string"),
        ("10.0.0.0/", "couldn't parse length in network: cannot parse integer from empty string"),
        (
            "10.0.0.0/999",
            "couldn't parse length in network: number too large to fit in target type",
        ),
        (
            "10.0.0.0/33",
            "invalid length for network: Network length 33 is too long for Ipv4 (maximum: 32)",
        ),
        (
            "::/129",
            "invalid length for network: Network length 129 is too long for Ipv6 (maximum: 128)",
        ),
    ],
)
def test_a_network_that_is_none_says_why(text: str, why: str) -> None:
    meant = ". Did you mean 10.0.0.0/8?" if "host part" in why else ""
    assert reason(CIDRS, array(text)) == f"{text}: {text} is not a valid CIDR: {why}{meant}"
    assert reason(MapOf(CIDR, STRING), fields(**{text: "x"})) == why


def test_the_problems_of_a_list_of_networks_are_joined() -> None:
    problems = reason(CIDRS, array("x", "::1", "y"))
    assert problems.count("is not a valid CIDR") == 2
    assert "syntax, y: y is" in problems


def test_a_list_of_networks_is_a_list_of_text_first_of_all() -> None:
    assert reason(CIDRS, array("x", 5)) == "invalid type: integer `5`, expected a string"
    assert reason(CIDRS, "::1") == "invalid type: string, expected table"
    assert CIDRS.convert(LuaTable()) == []
    buffered = CidrSet(BufferedList(STRING))
    assert reason(buffered, LuaTable()) == "invalid type: map, expected a sequence"


@given(st.ip_addresses(), st.integers(0, 128))
def test_any_network_reads_as_it_is(address: object, length: int) -> None:
    network = ip_network(f"{address}/{min(length, 32)}", strict=False)
    assert parse_cidr(str(network)) == network


@pytest.mark.parametrize(
    "text", ["1.2.3.4:25", "[1.2.3.4]:25", "[::1]:25", "1.2.3.4:0", "/run/socket"]
)
def test_a_socket_is_an_address_with_a_port_or_a_path(text: str) -> None:
    for wanted in (SOCKADDR, HOSTADDR, HOSTPORT):
        assert wanted.convert(text) == text


@pytest.mark.parametrize("text", ["1.2.3.4", "::1", "[1.2.3.4]", "[::1]"])
def test_the_port_of_a_host_address_is_optional(text: str) -> None:
    assert HOSTADDR.convert(text) == text
    assert reason(SOCKADDR, text) == (
        f"Failed to parse '{text}' as an address. Got 'invalid socket address syntax' when "
        "considering it as an IP address and 'unix domain path must be absolute' when considering "
        "it as a unix domain socket path."
    )


@pytest.mark.parametrize(
    "text", ["", "run/socket", "host", "1.2.3.4:70000", "1.2.3.4:x", "::1:25x"]
)
def test_what_is_no_socket_is_refused(text: str) -> None:
    for wanted in (SOCKADDR, HOSTADDR):
        assert reason(wanted, text).startswith(f"Failed to parse '{text}' as an address. Got 'inv")


@pytest.mark.parametrize("text", ["host:25", "mx1.example.com:25", "a-b.c_d.:25", "müller.de:25"])
def test_a_host_port_may_be_named(text: str) -> None:
    assert HOSTPORT.convert(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("host", "missing :port suffix"),
        ("host:", "invalid port : cannot parse integer from empty string"),
        ("host:70000", "invalid port 70000: number too large to fit in target type"),
        ("a..b:25", "invalid host name a..b"),
        (f"{'a' * 64}:25", f"invalid host name {'a' * 64}"),
        ("::1:25", "invalid host name ::1"),
    ],
)
def test_what_is_no_host_port_says_why_of_every_form(text: str, why: str) -> None:
    assert reason(HOSTPORT, text) == NO_HOST_PORT.format(text, why)


@pytest.mark.parametrize(
    "text",
    [
        "http://x",
        "https://u:p@x.y:8080/p?q#f",
        "http://[::1]:80/",
        "amqp://h/%2f",
        "mailto:a",
        " http://x ",
    ],
)
def test_an_absolute_url_is_given_as_written(text: str) -> None:
    assert URL.convert(text) == text.strip()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "relative URL without a base"),
        ("/path", "relative URL without a base"),
        ("http://", "empty host"),
        ("http://:80/", "empty host"),
        ("http://x:70000/", "invalid port number"),
        ("http://x:y/", "invalid port number"),
        ("http://[x]/", "invalid IPv6 address"),
    ],
)
def test_what_is_no_url_says_why(text: str, why: str) -> None:
    assert reason(URL, text) == f'invalid value: string "{text}", expected {why}'


@given(lua_values(st.sampled_from(["1.2.3.4:5", "http://x"])))
def test_any_value_is_converted_or_refused(value: LuaValue) -> None:
    for wanted in (IP, CIDR, CIDRS, SOCKADDR, HOSTADDR, HOSTPORT, URL):
        try:
            wanted.convert(value)
        except Mismatch as error:
            assert error.reason  # noqa: PT017 - either outcome is right
