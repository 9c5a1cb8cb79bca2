"""`kumo.cidr`: maps from networks to values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import ClassVar, Final

from kumolog.api.calls import check_call
from kumolog.api.memoized import given_out, kept
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, quoted
from kumolog.params.arguments import method, text
from kumolog.params.net import Network, parse_cidr, parse_ip

_WITH_PORT: Final = re.compile(
    r"\[(?P<inner>[^\[\]]+)\](?::(?P<inner_port>\d+))?|(?P<bare>[^:]+):(?P<port>\d+)", re.ASCII
)
_MAX_PORT: Final = 0xFFFF


def make_map(_registry: Registry, _place: str, *arguments: LuaValue) -> CidrMap:
    """A map of the pairs of a table; where networks overlap, the smaller one counts."""
    (pairs,) = check_call("kumo.cidr.make_map", arguments)
    made = CidrMap()
    networks = [(_networks(key), value) for key, value in (pairs or {}).items()]
    for found, value in sorted(networks, key=lambda pair: pair[0][0].prefixlen):
        made.insert(found, value)
    return made


class CidrMap(LuaObject):
    """Networks and their values, looked up by an address.

    A network set later takes all its addresses from those set before.
    """

    lua_name = "CidrMap"
    lua_metamethods: ClassVar[Mapping[str, str]] = {
        "__index": "index",
        "__newindex": "assign",
        "__memoize": "memoize",
    }

    def __init__(self) -> None:
        # By IP version and prefix length, longest first, the network's leading bits.
        self._levels: dict[tuple[int, int], dict[int, LuaValue]] = {}

    def insert(self, networks: list[Network], value: LuaValue) -> None:
        """Give all addresses of the networks to ``value``."""
        stored = kept(value, "setting a value of a CidrMap")
        for network in networks:
            self._forget_inside(network)
            level = (network.version, network.prefixlen)
            bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            self._levels.setdefault(level, {})[bits] = stored
        self._levels = dict(sorted(self._levels.items(), key=lambda item: -item[0][1]))

    def index(self, key: LuaValue = None, *_: LuaValue) -> LuaValue:
        """The value of the network that holds an address; None where there is none."""
        address = _address(text(key, method(1, "CidrMap.__index")))
        number = int(address)
        for (version, length), values in self._levels.items():
            if version != address.version:
                continue
            bits = number >> (address.max_prefixlen - length)
            if bits in values:
                return given_out(values[bits])
        return None

    def assign(self, key: LuaValue = None, value: LuaValue = None, *_: LuaValue) -> None:
        self.insert(_networks(text(key, method(1, "CidrMap.__newindex"))), value)

    def memoize(self, *_: LuaValue) -> CidrMap:
        """The map itself: what a cache keeps of it."""
        return self

    def _forget_inside(self, network: Network) -> None:
        first = int(network.network_address)
        last = int(network.broadcast_address)
        for (version, length), values in self._levels.items():
            if version == network.version and length >= network.prefixlen:
                shift = network.max_prefixlen - length
                inside = [bits for bits in values if first <= bits << shift <= last]
                for bits in inside:
                    del values[bits]


def _address(key: str) -> IPv4Address | IPv6Address:
    """The address of a key to look up: ``10.0.0.1``, ``10.0.0.1:25``, ``[::1]:25``."""
    try:
        return parse_ip(_without_port(key))
    except ValueError as error:
        raise KumologError(f"looking up {quoted(key)} in a CidrMap: {error}") from None


def _networks(key: str) -> list[Network]:
    """The networks of a key to set: as `_address`, or ``10.0.0.0/8``, or ``any``."""
    try:
        network = parse_cidr(_without_port(key))
    except ValueError as error:
        raise KumologError(f"{quoted(key)} as a key of a CidrMap: {error}") from None
    return [ip_network("0.0.0.0/0"), ip_network("::/0")] if network is None else [network]


def _without_port(key: str) -> str:
    found = _WITH_PORT.fullmatch(key)
    if found is None:
        return key
    if int(found["inner_port"] or found["port"] or 0) > _MAX_PORT:
        raise ValueError("invalid socket address syntax")
    return found["inner"] or found["bare"]
