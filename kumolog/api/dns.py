"""The part of `kumo.dns` that asks nobody: addresses as names for reverse look-ups."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.luavalue import LuaValue


def ptr_host(_registry: Registry, _place: str, *arguments: LuaValue) -> str:
    """The name under which an address's host name is found: ``1.2.0.192.in-addr.arpa``."""
    (address,) = check_call("kumo.dns.ptr_host", arguments)
    return ip_address(address).reverse_pointer


def reverse_ip(_registry: Registry, _place: str, *arguments: LuaValue) -> str:
    """The octets of an address (nibbles for IPv6) from last to first, with dots between them."""
    (address,) = check_call("kumo.dns.reverse_ip", arguments)
    parsed = ip_address(address)
    suffix = ".in-addr.arpa" if isinstance(parsed, IPv4Address) else ".ip6.arpa"
    return parsed.reverse_pointer.removesuffix(suffix)
