"""What the constructors give back."""

from __future__ import annotations

from typing import Any

import pytest
from luatables import array, fields

from kumolog.api.calls import check_call
from kumolog.api.construct import ConfigObject, construct
from kumolog.api.params import rows
from kumolog.errors import KumologError
from kumolog.luavalue import NULL, LuaTable, LuaValue, rebuilt

READABLE = ("kumo.make_queue_config", "kumo.make_egress_path", "kumo.make_listener_domain")
OPAQUE = ("kumo.make_egress_source", "kumo.make_egress_pool")


def made(function: str, /, **pairs: LuaValue) -> Any:
    return construct(function, check_call(function, (fields(**pairs),)))


def meta(config: ConfigObject, metamethod: str, *arguments: Any) -> Any:
    return getattr(config, config.lua_metamethods[metamethod])(*arguments)


@pytest.mark.parametrize("function", READABLE)
def test_pairs_are_every_visible_key_by_name_and_index_gives_the_same(function: str) -> None:
    config = made(function)
    keys = {row.key for row in rows(function) if not row.is_positional}
    pairs = meta(config, "__pairs")
    names = [name for name, _ in pairs]
    assert names == sorted(names)
    assert keys - set(names) <= {"openssl_options", "rustls_cipher_suites"}
    assert [meta(config, "__index", name) for name in names] == [value for _, value in pairs]


@pytest.mark.parametrize("function", READABLE)
def test_unknown_keys_are_nil_the_length_is_0_and_assignment_raises(function: str) -> None:
    config = made(function)
    for key in ("nonsense", 1, LuaTable(), None, b"\xff"):
        assert meta(config, "__index", key) is None
    assert meta(config, "__len") == 0
    with pytest.raises(KumologError, match=f"cannot set ttl of a .*: give it to {function}"):
        meta(config, "__newindex", "ttl", "1m")
    with pytest.raises(KumologError, match="cannot set a key of"):
        meta(config, "__newindex", 1, 1)


def test_a_queue_config_shows_text_for_durations_and_rates_and_null_for_what_is_unset() -> None:
    shown = made("kumo.make_queue_config", max_message_rate="local:100/hour", max_age=86400).table
    assert shown["retry_interval"] == "20m"
    assert shown["max_age"] == "1day"
    assert shown["max_message_rate"] == "local:100/h"
    assert shown["egress_pool"] is NULL
    assert shown["max_retry_interval"] is NULL
    assert shown["strategy"] == "SingletonTimerWheel"
    assert shown["protocol"] == {"smtp": {"mx_list": [], "treat_mx_list_as_secure": False}}
    assert shown["shrink_policy"] == []


def test_the_protocol_of_a_queue_config_is_shown_as_it_was_matched() -> None:
    def protocol(value: LuaValue) -> Any:
        return made("kumo.make_queue_config", protocol=value).table["protocol"]

    entries = array("mx.example.com", fields(name="mx", addr="10.0.0.1"))
    assert protocol(fields(smtp=fields(mx_list=entries)))["smtp"]["mx_list"] == [
        "mx.example.com",
        {"name": "mx", "addr": "10.0.0.1", "is_secure": False},
    ]
    assert protocol(fields(maildir_path="/var")) == {
        "maildir_path": "/var",
        "dir_mode": NULL,
        "file_mode": NULL,
    }
    assert protocol(fields(custom_lua=fields(constructor="make")))["custom_lua"] == {
        "constructor": "make",
        "batch_size": 1,
        "min_batch_size": 1,
        "max_batch_latency": "0s",
    }
    assert protocol(NULL) is NULL


def test_shrink_policies_are_shown_inside_their_list() -> None:
    policy = fields(interval="90s", policy="NoShrink")
    shown = made("kumo.make_queue_config", shrink_policy=array(policy)).table
    assert shown["shrink_policy"] == [{"interval": "1m 30s", "policy": "NoShrink"}]


def test_an_egress_path_shows_limits_as_tables_timeouts_on_top_and_hides_two_keys() -> None:
    shown = made(
        "kumo.make_egress_path",
        connection_limit="local:5",
        additional_connection_limits=fields(a=3),
        additional_message_rate_throttles=fields(b="10/5m"),
        openssl_options="ALL",
        rustls_cipher_suites=array("TLS13_AES_128_GCM_SHA256"),
        skip_hosts=array("::1", "10.0.0.0/8", "::"),
        smtp_auth_plain_password=fields(vault_mount="m", vault_path="p"),
        tls_private_key="/key",
        tls_certificate=fields(key_data="pem"),
    ).table
    assert "openssl_options" not in shown
    assert "rustls_cipher_suites" not in shown
    assert shown["connection_limit"] == {"limit": 5, "force_local": True}
    assert shown["additional_connection_limits"] == {"a": {"limit": 3, "force_local": False}}
    assert shown["additional_message_rate_throttles"] == {"b": "10/300s"}
    assert shown["idle_timeout"] == "5s"
    assert shown["skip_hosts"] == ["10.0.0.0/8", "::/127"]
    assert shown["prohibited_hosts"] == ["0.0.0.0", "127.0.0.0/8", "::/127"]
    assert shown["tls_private_key"] == "/key"
    assert shown["tls_certificate"] == {"key_data": b"pem"}
    assert shown["smtp_auth_plain_password"] == {
        "vault_address": NULL,
        "vault_token": NULL,
        "vault_mount": "m",
        "vault_path": "p",
        "vault_key": "key",
    }


def test_a_listener_domain_shows_its_dispositions_by_name() -> None:
    assert made("kumo.make_listener_domain", log_arf=True, log_oob=False).table == {
        "log_arf": "LogThenRelay",
        "log_oob": "Ignore",
        "relay_from": [],
        "relay_to": False,
        "ttl": "1m",
    }


@pytest.mark.parametrize("function", OPAQUE)
def test_sources_and_pools_are_opaque(function: str) -> None:
    config = made(function, name="x")
    assert "__pairs" not in config.lua_metamethods
    with pytest.raises(KumologError, match=f"^attempt to index a {config.lua_name} value$"):
        meta(config, "__index", "name")
    with pytest.raises(KumologError, match=f"^attempt to index a {config.lua_name} value$"):
        meta(config, "__newindex", "name", "y")
    with pytest.raises(KumologError, match=f"^attempt to get length of a {config.lua_name} value$"):
        meta(config, "__len")
    with pytest.raises(ValueError, match="cannot serialize <userdata>"):
        rebuilt(config)


def test_a_source_is_a_plain_table_where_it_is_asked_for_by_name() -> None:
    suspend = fields(trigger=fields(Threshold="3/5m"), duration=60)
    shown = made("kumo.make_egress_source", name="x", suspend_when_unplumbed=suspend).table
    assert (shown["name"], shown["ehlo_domain"], shown["ttl"]) == ("x", NULL, "1m")
    assert shown["suspend_when_unplumbed"] == {
        "trigger": {"Threshold": "3/300s"},
        "duration": "1m",
    }
    pool = made("kumo.make_egress_pool", name="p", entries=array(fields(name="x"))).table
    assert pool == {"entries": [{"name": "x", "weight": 1}], "name": "p", "ttl": "1m"}


def test_a_throttle_has_methods_only_and_never_throttles() -> None:
    throttle = construct("kumo.make_throttle", check_call("kumo.make_throttle", ("t", "100/hour")))
    assert throttle.lua_name == "Throttle"
    assert throttle.lua_metamethods == {}
    answers = {name: getattr(throttle, python)() for name, python in throttle.lua_methods.items()}
    assert answers == {
        "delay_message_if_throttled": False,
        "sleep_if_throttled": False,
        "explain": "t: 100/h",
    }


def test_other_functions_give_nothing() -> None:
    spool = fields(name="data", path="/spool")
    assert construct("kumo.define_spool", check_call("kumo.define_spool", (spool,))) is None
    assert construct("kumo.no_such_function", []) is None
