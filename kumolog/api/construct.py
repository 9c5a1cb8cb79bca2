"""What the constructors of the API give back: objects that show a policy what KumoMTA would.

KumoMTA: what constructors give back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from kumolog.api.params import Named, container_type
from kumolog.duration import format_duration
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import NULL, LuaValue
from kumolog.params import ParamTable
from kumolog.params.buffered import BufferedList, BufferedMap, BufferedTable, FlattenedTable
from kumolog.params.compose import ListOf, MapOf, Nullable
from kumolog.params.enums import Enum, Untagged
from kumolog.params.grammar import Limit, Throttle
from kumolog.params.types import (
    DURATION,
)


def construct(name: str, converted: list[Any]) -> Any:
    """Return what the function ``name`` gives for arguments that `check_call` converted.

    That is an object for a constructor (``kumo.make_queue_config``), None for any other function.
    """
    if name == "kumo.make_throttle":
        return ThrottleHandle(*converted)
    kind = _KINDS.get(name)
    return kind(converted[0]) if kind else None


class ConfigObject(LuaObject):
    """A checked table. Policies read it key by key, sorted by name, and cannot change it.

    ``params`` are its converted parameters. Unset optionals read as null, durations and rates as
    text. ``__pairs`` gives a list of [key, value], and ``__index`` None for a key it does not have.
    """

    lua_metamethods: ClassVar[Mapping[str, str]] = {
        "__index": "index",
        "__pairs": "pairs",
        "__len": "length",
        "__newindex": "assign",
    }
    function: ClassVar[str]
    hidden: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params

    @cached_property
    def table(self) -> dict[str, Any]:
        """What is visible, as a plain table: what `kumo.invoke_get_*` gives for this object."""
        shown = _shown(container_type(f"struct:{self.function}"), self.params)
        return {key: shown[key] for key in sorted(shown) if key not in self.hidden}

    def index(self, key: LuaValue = None, *_: LuaValue) -> Any:
        return self.table.get(key) if isinstance(key, str) else None

    def pairs(self, *_: LuaValue) -> list[list[Any]]:
        return [[key, value] for key, value in self.table.items()]

    def length(self, *_: LuaValue) -> int:
        return 0

    def assign(self, key: LuaValue = None, *_: LuaValue) -> NoReturn:
        raise KumologError(
            f"cannot set {key if isinstance(key, str) else 'a key'} of a {self.lua_name}: "
            f"give it to {self.function}"
        )


class QueueConfig(ConfigObject):
    """A result of `kumo.make_queue_config`."""

    lua_name = "QueueConfig"
    function = "kumo.make_queue_config"


class EgressPathConfig(ConfigObject):
    """A result of `kumo.make_egress_path`."""

    lua_name = "EgressPathConfig"
    function = "kumo.make_egress_path"
    hidden = frozenset(("openssl_options", "rustls_cipher_suites"))


class ListenerDomain(ConfigObject):
    """A result of `kumo.make_listener_domain`."""

    lua_name = "ListenerDomain"
    function = "kumo.make_listener_domain"


class OpaqueConfig(ConfigObject):
    """A checked table that a policy can hand on, but not look into."""

    lua_metamethods: ClassVar[Mapping[str, str]] = {
        "__index": "index",
        "__len": "length",
        "__newindex": "assign",
    }

    def index(self, *_: LuaValue) -> NoReturn:
        raise KumologError(f"attempt to index a {self.lua_name} value")

    def length(self, *_: LuaValue) -> NoReturn:
        raise KumologError(f"attempt to get length of a {self.lua_name} value")

    def assign(self, *_: LuaValue) -> NoReturn:
        self.index()


class EgressSource(OpaqueConfig):
    """A result of `kumo.make_egress_source`."""

    lua_name = "EgressSource"
    function = "kumo.make_egress_source"


class EgressPool(OpaqueConfig):
    """A result of `kumo.make_egress_pool`."""

    lua_name = "EgressPool"
    function = "kumo.make_egress_pool"


class ThrottleHandle(LuaObject):
    """A result of `kumo.make_throttle`: it has methods only, and nothing is ever throttled here."""

    lua_name = "Throttle"
    lua_methods: ClassVar[Mapping[str, str]] = {
        "delay_message_if_throttled": "not_throttled",
        "explain": "explain",
        "sleep_if_throttled": "not_throttled",
    }

    def __init__(self, name: str, throttle: Throttle) -> None:
        self.name = name
        self.throttle = throttle

    def not_throttled(self, *_: LuaValue) -> bool:
        return False

    def explain(self, *_: LuaValue) -> str:
        return f"{self.name}: {self.throttle}"


_KINDS: dict[str, type[ConfigObject]] = {
    kind.function: kind
    for kind in (QueueConfig, EgressPathConfig, ListenerDomain, EgressSource, EgressPool)
}


def _shown(wanted: Any, value: Any) -> Any:
    """A converted value as Lua sees it, by the type that converted it."""
    if value is None:
        return NULL
    if wanted is DURATION:
        return format_duration(value)
    if isinstance(value, Throttle):
        return str(value)
    if isinstance(value, Limit):
        return {"limit": value.limit, "force_local": value.force_local}
    show = _SHOWN.get(type(wanted))
    return show(wanted, value) if show else value


def _table(wanted: ParamTable | FlattenedTable, value: dict[str, Any]) -> dict[str, Any]:
    return {key.name: _shown(key.type, value[key.name]) for key in wanted.keys}


def _list(wanted: ListOf | BufferedList, value: list[Any]) -> list[Any]:
    return [_shown(wanted.element, item) for item in value]


def _map(wanted: MapOf | BufferedMap, value: dict[str, Any]) -> dict[str, Any]:
    return {key: _shown(wanted.value, item) for key, item in value.items()}


def _variant(wanted: Enum, value: Any) -> Any:
    if isinstance(value, str):
        return value
    return {name: _shown(wanted.payloads[name], item) for name, item in value.items()}


def _untagged(wanted: Untagged, value: Any) -> Any:
    """Tables of an untagged enum are known by their keys, scalars show as they are."""
    if not isinstance(value, dict):
        return value
    for form in wanted.types:
        table = form.resolve() if isinstance(form, Named) else form
        if isinstance(table, BufferedTable) and {key.name for key in table.table.keys} == set(
            value
        ):
            return _table(table.table, value)
    return value


_SHOWN: dict[type, Callable[[Any, Any], Any]] = {
    BufferedList: _list,
    BufferedMap: _map,
    BufferedTable: lambda wanted, value: _table(wanted.table, value),
    Enum: _variant,
    FlattenedTable: _table,
    ListOf: _list,
    MapOf: _map,
    Named: lambda wanted, value: _shown(wanted.resolve(), value),
    Nullable: lambda wanted, value: _shown(wanted.inner, value),
    ParamTable: _table,
    Untagged: _untagged,
}
