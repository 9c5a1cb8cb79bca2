"""The part of `kumo.dns` that configures resolvers: checked, and nobody is ever asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue
from kumolog.params.net import IP_OR_SOCKET, IP_SOCKET

_UNBOUND_OPTIONS: Final = frozenset(("validate", "trust_anchor_file", "use_hosts_file"))


def configure_resolver(_registry: Registry, _place: str, *arguments: LuaValue) -> None:
    """Takes a resolver, or the parameters of a Hickory resolver."""
    (config,) = check_call("kumo.dns.configure_resolver", arguments)
    if isinstance(config, dict) and "options" in config:
        return _check_servers(config)
    return _check(config)


def define_resolver(_registry: Registry, _place: str, *arguments: LuaValue) -> None:
    """Takes a name and a resolver."""
    _, config = check_call("kumo.dns.define_resolver", arguments)
    _check(config)


def configure_unbound_resolver(_registry: Registry, _place: str, *arguments: LuaValue) -> None:
    """Takes the parameters of an Unbound resolver."""
    (config,) = check_call("kumo.dns.configure_unbound_resolver", arguments)
    _check_unbound(config)


def load_resolv_conf(_registry: Registry, _place: str, *arguments: LuaValue) -> dict[str, Any]:
    """Parameters for `configure_resolver`, as of a system without any; no file is read."""
    check_call("kumo.dns.load_resolv_conf", arguments)
    return {"name_servers": [], "search": [], "options": {}}


def _check(config: Any) -> None:
    """A resolver by its kind; raises KumologError for one that could not be built."""
    if isinstance(config, dict):
        for kind, payload in config.items():
            _CHECKS[kind](payload)


def _check_unbound(config: dict[str, Any]) -> None:
    _check_servers(config)
    for option, value in config["options"].items():
        if value is not None and option not in _UNBOUND_OPTIONS:
            raise KumologError(f"option not supported by the unbound backend: {option}")


def _check_servers(config: dict[str, Any]) -> None:
    """The addresses of name servers; KumoMTA: those of tables have a port."""
    for server in config["name_servers"]:
        if isinstance(server, str):
            _check_address(IP_OR_SOCKET.parse, server, "an IP address, with a port or without")
            continue
        for key in ("socket_addr", "bind_addr"):
            if server[key] is not None:
                _check_address(IP_SOCKET.parse, server[key], "an IP address and a port")


def _check_address(parse: Callable[[str], Any], text: str, wanted: str) -> None:
    try:
        parse(text)
    except ValueError as error:
        raise KumologError(f"name server {text!r}: {error}: write {wanted}") from None


def _check_all(configs: list[Any]) -> None:
    for config in configs:
        _check(config)


_CHECKS: Final[dict[str, Callable[[Any], None]]] = {
    "Aggregate": _check_all,
    "Hickory": _check_servers,
    "Test": lambda _zones: None,
    "Unbound": _check_unbound,
}
