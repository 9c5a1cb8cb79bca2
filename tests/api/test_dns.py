"""Addresses as names for reverse look-ups."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.dns import ptr_host, reverse_ip
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue

REGISTRY = Registry(lambda _level, _text: None, None)


def test_the_parts_of_an_address_are_reversed() -> None:
    assert reverse_ip(REGISTRY, "", "192.0.2.1") == "1.2.0.192"
    assert reverse_ip(REGISTRY, "", "2001:db8::1") == "1." + "0." * 23 + "8.b.d.0.1.0.0.2"


def test_the_name_of_an_address_is_in_the_zone_of_its_kind() -> None:
    assert ptr_host(REGISTRY, "", "192.0.2.1") == "1.2.0.192.in-addr.arpa"
    assert ptr_host(REGISTRY, "", "::1") == "1." + "0." * 31 + "ip6.arpa"


@given(st.ip_addresses())
def test_reversing_twice_gives_the_address(address: object) -> None:
    parts = reverse_ip(REGISTRY, "", str(address)).split(".")[::-1]
    if isinstance(address, IPv6Address):
        assert IPv6Address(int("".join(parts), 16)) == address
    else:
        assert ".".join(parts) == str(address)


@pytest.mark.parametrize(
    "bad", ["", "x", "1.2.3", "1.2.3.4/32", "[::1]", "fe80::1%eth0", 5, None, True]
)
def test_anything_else_raises(bad: LuaValue) -> None:
    for function in (ptr_host, reverse_ip):
        with pytest.raises(KumologError, match=r"invalid IP address syntax|bad argument #1"):
            function(REGISTRY, "", bad)
