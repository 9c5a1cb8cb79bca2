"""Parameters that name places in a network: addresses, networks, sockets, URLs.

Each ``parse_`` function takes text and raises ValueError with KumoMTA's reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from typing import Any, Final

from msgspec import Struct

from kumolog.luavalue import LuaValue
from kumolog.params.grammar import Text, parse_unsigned
from kumolog.params.types import Mismatch, Type

Network = IPv4Network | IPv6Network

EVERYTHING: Final = "any"
_IP_SOCKET: Final = re.compile(
    r"(?:\[(?P<inner>[^\]]*)\]|(?P<bare>[^:\[\]]*)):(?P<port>[0-9]{1,5})"
)
_BRACKETED: Final = re.compile(r"\[([^\]]*)\]")
_HOST_NAME: Final = re.compile(r"(?=.{1,254}$)[\w*-]{1,63}(?:\.[\w*-]{1,63})*\.?")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
_WEB: Final = re.compile(
    r"(?:https?|wss?|ftp):[/\\]*(?:[^/\\?#]*@)?(?P<host>\[[^\]/\\?#]*\]|[^:/\\?#]*)"
    r"(?::(?P<port>[^/\\?#]*))?",
    re.IGNORECASE,
)


def parse_ip(text: str) -> IPv4Address | IPv6Address:
    """Read an address literal: no brackets, no mask, no zone."""
    try:
        if "%" in text:
            raise ValueError
        return ip_address(text)
    except ValueError:
        raise ValueError("invalid IP address syntax") from None


def ip_text(address: IPv4Address | IPv6Address) -> str:
    """Spell an address as Rust does: a mapped IPv4 address keeps its points."""
    mapped = getattr(address, "ipv4_mapped", None)
    return f"::ffff:{mapped}" if mapped else str(address)


def parse_cidr(text: str) -> Network | None:
    """Read ``any`` (None), an address, or a network without host bits. KumoMTA: cidr."""
    if text == EVERYTHING:
        return None
    base, slash, length_text = text.partition("/")
    try:
        address = parse_ip(base)
    except ValueError as error:
        raise ValueError(f"couldn't parse address in network: {error}") from None
    if not slash:
        return ip_network(address)
    try:
        length = parse_unsigned(length_text, 8)
    except ValueError as error:
        raise ValueError(f"couldn't parse length in network: {error}") from None
    if length > address.max_prefixlen:
        raise ValueError(
            f"invalid length for network: Network length {length} is too long for "
            f"Ipv{address.version} (maximum: {address.max_prefixlen})"
        )
    network: Network = ip_network((address, length), strict=False)
    if network.network_address != address:
        raise _HostPartError(network)
    return network


class _HostPartError(ValueError):
    def __init__(self, network: Network) -> None:
        super().__init__("host part of address was not zero")
        self.network = network


def cidr_text(network: Network | None) -> str:
    """Spell a network; that of one address is the address alone."""
    if network is None:
        return EVERYTHING
    text = ip_text(network.network_address)
    whole = network.prefixlen == network.max_prefixlen
    return text if whole else f"{text}/{network.prefixlen}"


class CidrSet(Struct, frozen=True):
    """A list of networks; converts to their texts, sorted and with neighbours merged."""

    texts: Type

    def convert(self, value: LuaValue) -> list[str]:
        networks: list[Network | None] = []
        problems: list[str] = []
        for text in self.texts.convert(value):
            try:
                networks.append(parse_cidr(text))
            except ValueError as error:
                meant = (
                    f". Did you mean {cidr_text(error.network)}?"
                    if isinstance(error, _HostPartError)
                    else ""
                )
                problems.append(f"{text}: {text} is not a valid CIDR: {error}{meant}")
        if problems:
            raise Mismatch(", ".join(problems))
        return _merged(networks)


def _merged(networks: Iterable[Network | None]) -> list[str]:
    given = list(networks)
    v4 = collapse_addresses(n for n in given if isinstance(n, IPv4Network))
    v6 = collapse_addresses(n for n in given if isinstance(n, IPv6Network))
    return [EVERYTHING] * (None in given) + [*map(cidr_text, v4), *map(cidr_text, v6)]


def _ip_socket(text: str) -> str:
    found = _IP_SOCKET.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        parse_ip(found["bare"] if found["inner"] is None else found["inner"])
        parse_unsigned(found["port"], 16)
    except ValueError:
        raise ValueError("invalid socket address syntax") from None
    return text


def _unix_socket(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("unix domain path must be absolute")
    return text


def _ip_or_socket(text: str) -> str:
    bracketed = _BRACKETED.fullmatch(text)
    try:
        return _ip_socket(text)
    except ValueError:
        parse_ip(bracketed[1] if bracketed else text)
    return text


def _address(ip: Any, text: str) -> str:
    try:
        return str(ip(text))
    except ValueError as error:
        ip_reason = error
    try:
        return _unix_socket(text)
    except ValueError as error:
        raise ValueError(
            f"Failed to parse '{text}' as an address. Got '{ip_reason}' when considering it as an "
            f"IP address and '{error}' when considering it as a unix domain socket path."
        ) from None


def parse_host_port(text: str) -> str:
    """Read an IP socket, a path, or a host name with a port."""
    reasons: list[str] = []
    for what, parse in (
        ("an IP socket", _ip_socket),
        ("a unix socket path", _unix_socket),
        ("host:port", _named_socket),
    ):
        try:
            return parse(text)
        except ValueError as error:
            reasons.append(f"not {what} ({error})")
    raise ValueError(
        f'failed to parse "{text}" as a resolvable socket address: {"; ".join(reasons)}'
    )


def _named_socket(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError("missing :port suffix")
    if not _HOST_NAME.fullmatch(host):
        raise ValueError(f"invalid host name {host}")
    try:
        parse_unsigned(port, 16)
    except ValueError as error:
        raise ValueError(f"invalid port {port}: {error}") from None
    return text


def parse_url(text: str) -> str:
    """Check that text is an absolute URL; gives it as written, without blanks around."""
    bare = text.strip("".join(map(chr, range(33))))
    if not _URL.match(bare):
        raise ValueError("relative URL without a base")
    web = _WEB.match(bare)
    if web is None:
        return bare
    if not web["host"]:
        raise ValueError("empty host")
    if web["host"].startswith("["):
        _web_address(web["host"][1:-1])
    try:
        parse_unsigned(web["port"] or "0", 16)
    except ValueError:
        raise ValueError("invalid port number") from None
    return bare


def parse_uri(text: str) -> str:
    """As `parse_url`, or a path alone."""
    return text if text.startswith("/") else parse_url(text)


def _web_address(text: str) -> None:
    try:
        IPv6Address(text)
    except ValueError:
        raise ValueError("invalid IPv6 address") from None


IP: Final = Text(lambda text: ip_text(parse_ip(text)), "IP address")
CIDR: Final = Text(lambda text: cidr_text(parse_cidr(text)))
SOCKADDR: Final = Text(partial(_address, _ip_socket))
HOSTADDR: Final = Text(partial(_address, _ip_or_socket))
IP_SOCKET: Final = Text(_ip_socket)
IP_OR_SOCKET: Final = Text(_ip_or_socket)
HOSTPORT: Final = Text(parse_host_port)
URI: Final = Text(parse_uri)
URL: Final = Text(parse_url, "a string representing an URL", names_value=True)
