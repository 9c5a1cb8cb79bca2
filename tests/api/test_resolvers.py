"""The resolvers of kumo.dns: checked, and never asked."""

from __future__ import annotations

import pytest
from support import SaidBy

TAKEN = [
    "{ name_servers = { '192.0.2.1', '192.0.2.1:53', '[2001:db8::1]:53' } }",
    "{ Hickory = { name_servers = { { socket_addr = '192.0.2.1:53', bind_addr = '0.0.0.0:0' } } } }",
    "{ Unbound = { options = { validate = true, use_hosts_file = 'Never' } } }",
    "{ Aggregate = { 'HickorySystemConfig', { Aggregate = { { Hickory = { search = { 'a' } } } } } } }",
    "{ Test = { 'zone' } }",
    "'HickorySystemConfig'",
]
REFUSED = [
    ("{ Hickory = { name_servers = { 'x' } } }", "name server 'x': "),
    (
        "{ Hickory = { name_servers = { { socket_addr = '192.0.2.1' } } } }",
        "'192.0.2.1': invalid socket",
    ),
    (
        "{ Hickory = { name_servers = { { socket_addr = '192.0.2.1:53', bind_addr = 'eth0' } } } }",
        "name server 'eth0': ",
    ),
    (
        "{ Unbound = { options = { ndots = 1 } } }",
        "option not supported by the unbound backend: ndots",
    ),
    ("{ Unbound = { name_servers = { '192.0.2.256' } } }", "name server '192.0.2.256': "),
    (
        "{ Aggregate = { 'HickorySystemConfig', { Hickory = { name_servers = { '' } } } } }",
        "name server ''",
    ),
]


@pytest.mark.parametrize("config", TAKEN)
def test_a_resolver_that_could_be_built_is_taken(said_by: SaidBy, config: str) -> None:
    source = f"try(kumo.dns.configure_resolver, {config})"
    assert said_by(source) == ["true nil"]
    if "Hickory" in config:
        assert said_by(f"try(kumo.dns.define_resolver, 'r', {config})") == ["true nil"]


@pytest.mark.parametrize(("config", "reason"), REFUSED)
def test_one_that_could_not_is_refused(said_by: SaidBy, config: str, reason: str) -> None:
    source = (
        f"try(kumo.dns.configure_resolver, {config}) try(kumo.dns.define_resolver, 'r', {config})"
    )
    for line in said_by(source):
        assert line.startswith("false ")
        assert reason in line


def test_unbound_takes_three_options(said_by: SaidBy) -> None:
    source = """
        try(kumo.dns.configure_unbound_resolver, { options = { validate = true } })
        try(kumo.dns.configure_unbound_resolver, { options = { validate = true, attempts = 2, timeout = 5 } })
        try(kumo.dns.configure_unbound_resolver, { option = {} })"""
    taken, refused, unknown = said_by(source)
    assert taken == "true nil"
    assert refused == "false option not supported by the unbound backend: timeout"
    assert "unknown field `option`" in unknown


def test_the_systems_parameters_can_be_changed_and_configured(said_by: SaidBy) -> None:
    source = """
        local config = kumo.dns.load_resolv_conf '/nowhere/resolv.conf'
        config.options.ndots = 2
        config.name_servers[1] = '192.0.2.1:53'
        kumo.log_info(type(config), config.domain, #config.search, kumo.json_encode(config.options))
        try(kumo.dns.configure_resolver, config)
        try(kumo.dns.configure_resolver, kumo.dns.load_resolv_conf())
        try(kumo.dns.load_resolv_conf, {})"""
    shown, changed, as_it_is, wrong = said_by(source)
    assert shown == 'table nil 0 {"ndots":2}'
    assert (changed, as_it_is) == ("true nil", "true nil")
    assert wrong.startswith("false bad argument #1: ")
