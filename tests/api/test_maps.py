"""`kumo.cidr` and `kumo.domain_map`, and the tables that maps give out."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api import cidr, domain_map
from kumolog.api.memoized import MemoizedTable, kept
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque
from kumolog.params.arguments import ArgumentError

NOBODY = cast(Registry, None)


def cidrs(**pairs: LuaValue) -> cidr.CidrMap:
    return cidr.make_map(NOBODY, "init.lua:1", LuaTable(list(pairs.items())))


def domains(**pairs: LuaValue) -> domain_map.DomainMap:
    return domain_map.new(NOBODY, "init.lua:1", LuaTable(list(pairs.items())))


def test_an_address_is_looked_up_by_its_network() -> None:
    found = cidrs(**{"10.0.0.0/8": "ten", "192.0.2.7": "one", "2001:db8::/32": "six"})
    assert found.index("10.1.2.3") == "ten"
    assert found.index("192.0.2.7") == "one"
    assert found.index("192.0.2.8") is None
    assert found.index("2001:db8::1") == "six"
    assert found.index("::1") is None


@pytest.mark.parametrize("key", ["192.0.2.7", "192.0.2.7:25", "[192.0.2.7]:25", "[192.0.2.7]"])
def test_a_port_does_not_count(key: str) -> None:
    assert cidrs(**{"192.0.2.7": 1}).index(key) == 1
    assert cidrs(**{key: 1}).index("192.0.2.7") == 1


def test_an_ipv6_address_has_its_port_behind_brackets() -> None:
    assert cidrs(**{"[::1]:25": 1}).index("[::1]:2525") == 1
    assert cidrs(**{"::1": 1}).index("::1") == 1


def test_in_a_table_the_smaller_network_counts() -> None:
    pairs = {"any": 0, "10.0.0.0/8": 8, "10.1.0.0/16": 16, "10.1.1.1": 32}
    for order in (pairs, dict(reversed(pairs.items()))):
        found = cidrs(**order)
        assert [found.index(f"10.{n}") for n in ("1.1.1", "1.1.2", "2.0.0")] == [32, 16, 8]
        assert found.index("11.0.0.0") == found.index("::1") == 0


def test_a_network_set_later_takes_its_addresses() -> None:
    found = cidrs(**{"10.1.0.0/16": "old"})
    found.assign("10.0.0.0/8", "new")
    assert found.index("10.1.1.1") == "new"
    found.assign("10.1.0.0/16", "newer")
    assert found.index("10.1.1.1") == "newer"
    assert found.index("10.2.1.1") == "new"


NETWORKS = st.builds(
    lambda address, length: IPv4Network((address & 0xF0000003, length), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@given(st.lists(NETWORKS, max_size=8), st.integers(0, 2**32 - 1))
def test_the_last_network_that_holds_an_address_counts(
    networks: list[IPv4Network], number: int
) -> None:
    found = cidrs()
    for place, network in enumerate(networks):
        found.assign(str(network), place)
    address = IPv4Address(number & 0xF0000003)
    holding = [place for place, network in enumerate(networks) if address in network]
    assert found.index(str(address)) == (holding[-1] if holding else None)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("10.0.0.1/8", "host part of address was not zero"),
        ("10/8", "invalid IP address syntax"),
        ("host", "invalid IP address syntax"),
        ("10.0.0.0/33", "too long for Ipv4"),
        ("10.0.0.1:99999", "invalid socket address syntax"),
        ("", "invalid IP address syntax"),
    ],
)
def test_a_bad_network_is_refused(key: str, reason: str) -> None:
    with pytest.raises(KumologError, match=reason):
        cidrs(**{key: 1})
    with pytest.raises(KumologError, match=reason):
        cidrs().assign(key, 1)


@pytest.mark.parametrize("key", ["host", "", "10.0.0.0/8", "any", "1.2.3"])
def test_looking_up_what_is_no_address_raises(key: str) -> None:
    with pytest.raises(KumologError, match="looking up"):
        cidrs().index(key)


def test_keys_are_text() -> None:
    with pytest.raises(ArgumentError, match=r"bad argument #2 to `CidrMap\.__index`: "):
        cidrs().index(None)
    with pytest.raises(ArgumentError, match=r"bad argument #2 to `DomainMap\.__index`: "):
        domains().index(LuaTable())


def test_a_wildcard_stands_for_any_depth_below() -> None:
    found = domains(**{"*.example.com": "below", "example.com": "itself"})
    assert found.index("example.com") == "itself"
    assert found.index("a.example.com") == found.index("a.b.example.com") == "below"
    assert found.index("example.net") is None
    assert domains(**{"*.a": 1}).index("a") is None


def test_a_label_of_a_longer_key_hides_the_wildcard() -> None:
    found = domains(**{"*.example.com": 1, "a.b.example.com": 2})
    assert found.index("a.b.example.com") == 2
    assert found.index("c.example.com") == 1
    assert found.index("b.example.com") is None
    assert found.index("c.b.example.com") is None


def test_case_of_a_domain_counts() -> None:
    assert domains(**{"Example.com": 1}).index("example.com") is None


def test_a_domain_can_be_set_later() -> None:
    found = domains()
    found.assign("a.com", 1)
    found.assign("a.com", 2)
    assert found.index("a.com") == 2


@pytest.mark.parametrize("make", [cidrs, domains])
def test_functions_cannot_be_kept(make: type[cidr.CidrMap] | type[domain_map.DomainMap]) -> None:
    nested = LuaTable([("f", LuaTable([(1, Opaque("function"))]))])
    with pytest.raises(KumologError, match="a function cannot be kept"):
        make(**{"10.0.0.1": nested})


def test_a_map_can_be_kept_in_a_map() -> None:
    inner = domains(a=1)
    assert cidrs(**{"10.0.0.1": inner}).index("10.0.0.1") is inner
    assert kept(inner, "keeping") is inner
    assert inner.memoize() is inner


def test_a_table_comes_back_as_an_object_of_its_own() -> None:
    found = domains(a=LuaTable([("x", 1), (1, "one"), (True, LuaTable([("y", 2)]))]))
    first, second = found.index("a"), found.index("a")
    assert isinstance(first, MemoizedTable)
    assert isinstance(second, MemoizedTable)
    assert first.length() == 3
    assert first.index("x") == 1
    assert first.index(1) == first.index(1.0) == "one"
    inner = first.index(True)
    assert isinstance(inner, MemoizedTable)
    assert inner.index("y") == 2
    assert first.index("none") is None
    first.assign("x", 9)
    first.assign("new", None)
    assert first.index("x") == 9
    assert first.index("new") == NULL
    assert second.index("x") == 1
    assert [key for key, _ in first.pairs()] == ["x", 1, True, "new"]


def test_what_a_handle_changed_is_kept_with_it() -> None:
    found = domains(a=LuaTable([("x", 1)])).index("a")
    assert isinstance(found, MemoizedTable)
    found.assign("x", 2)
    assert found.memoize() == LuaTable([("x", 2)])


def test_addresses_of_one_kind_are_not_looked_up_among_networks_of_the_other() -> None:
    networks = cidr.make_map(NOBODY, "init.lua:1")
    networks.assign("10.0.0.0/8", "ten")
    networks.assign("::1", "six")
    assert (networks.index("10.1.1.1"), networks.index("::1")) == ("ten", "six")
