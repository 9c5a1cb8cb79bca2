"""The ``kumo`` table as data: ``surface.tsv`` names every function of KumoMTA's Lua API.

A row whose ``module`` column names a module of this package is implemented there by the function of
the same last name; it takes (registry, place, arguments...), neutral Lua values of which there may
be too many, and gives a JSON-like value. Every other function has no effect and gives what its
signature promises. Calls of inert functions are recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

from kumolog.api.interception import Interception
from kumolog.api.registry import Call, Registry
from kumolog.api.surface import Event, Row, events, refusal, refused_methods, surface
from kumolog.lua.runtime import Runtime
from kumolog.luavalue import LuaValue

__all__ = ["Event", "Row", "events", "install", "surface"]

VERSION = "2026.05.12-a6845223"  # of the KumoMTA API described by surface.tsv
_LOG_LEVELS = {
    "kumo.log_error": "error",
    "kumo.log_warn": "warning",
    "kumo.log_info": "info",
    "kumo.log_debug": "debug",
}
_IN_LUA = "lua"  # implemented in the Lua room itself


def message_methods_without_effect() -> dict[str, Callable[..., Any]]:
    """The methods of messages that are only there to be called, or to say why they cannot be."""
    return {
        _method_name(row): _refused(row) if row.role == "refuse" else _checked(row)
        for row in _message_rows()
        if row.role != "live"
    }


def message_changes() -> dict[str, Callable[..., Any]]:
    """The methods that change messages, but for set_meta.

    Each takes a message and neutral Lua values, and gives the changed message and its result.
    """
    return {_method_name(row): _change(row) for row in _message_rows() if row.module}


@cache
def _message_rows() -> tuple[Row, ...]:
    return tuple(r for r in surface() if r.kind == "method" and r.name.startswith("message:"))


def _method_name(row: Row) -> str:
    return row.name.partition(":")[2]


def _change(row: Row) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        module = import_module(f"kumolog.api.{row.module}")  # on first use: start-up stays short
        return getattr(module, _method_name(row))(*arguments)

    return call


def _checked(row: Row) -> Callable[..., None]:
    def call(_handle: int, _place: int, *arguments: LuaValue) -> None:
        from kumolog.api.calls import check_call  # the parameter tables are large

        check_call(row.name, arguments)

    return call


def _explain(runtime: Runtime, error: str) -> str:
    from kumolog.api.misspelt import explain  # on first use: start-up stays short

    return explain(error, runtime.missed_names())


def install(runtime: Runtime, registry: Registry, interception: Interception | None = None) -> None:
    """Offers the whole ``kumo`` table to a policy."""
    runtime.explain = partial(_explain, runtime)
    runtime.refused_methods = refused_methods
    if interception is not None:
        runtime.convert.objects.intercept = interception.object_method
    runtime.define_value("kumo.version", VERSION)
    for name, level in _LOG_LEVELS.items():
        runtime.define_log(name, partial(_log, registry, level))
    runtime.define_memoize(*(partial(_memoize, name, registry) for name in ("open", "get", "put")))
    rows = _functions()

    def find(name: str) -> Callable[..., Any]:
        function = _offer(rows[name], registry)
        return function if interception is None else interception.function(rows[name], function)

    runtime.define_all(rows, find)


@cache
def _functions() -> dict[str, Row]:
    """The functions of the API that are in Python, by name."""
    return {r.name: r for r in surface() if r.kind == "function" and r.module != _IN_LUA}


def _log(registry: Registry, level: str, text: str) -> None:
    if registry.wants(level):
        registry.report(level, text)


def _memoize(name: str, registry: Registry, place: str, *arguments: LuaValue) -> Any:
    from kumolog.api import memoize  # on first use: start-up stays short

    return getattr(memoize, name)(registry, place, *arguments)


def _offer(row: Row, registry: Registry) -> Callable[..., Any]:
    if row.module:
        return _implemented(row, registry)
    return _refused(row) if row.role == "refuse" else _recorded(row, registry)


def _implemented(row: Row, registry: Registry) -> Callable[..., Any]:
    @cache
    def function() -> Callable[..., Any]:
        module = import_module(f"kumolog.api.{row.module}")  # on first use: start-up stays short
        return partial(getattr(module, row.name.rpartition(".")[2]), registry)

    def call(place: str, *arguments: LuaValue) -> Any:
        made = function()(place, *arguments)
        if row.role == "inert":
            registry.record(Call(row.name, arguments, place))
        return made

    return call


def _recorded(row: Row, registry: Registry) -> Callable[..., Any]:
    """A function without effect here: its arguments are checked as KumoMTA checks them."""

    def call(place: str, *arguments: LuaValue) -> Any:
        from kumolog.api.calls import check_call  # the parameter tables are large
        from kumolog.api.construct import construct
        from kumolog.api.handles import result

        made = construct(row.name, check_call(row.name, arguments)) or result(row)
        registry.record(Call(row.name, arguments, place))
        return made

    return call


def _refused(row: Row) -> Callable[..., Any]:
    def call(*_arguments: LuaValue) -> Any:
        raise refusal(row)

    return call
