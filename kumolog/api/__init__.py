"""The ``kumo`` table as data: ``surface.tsv`` names every function of KumoMTA's Lua API.

A row whose ``module`` column names a module of this package is implemented there by the function of
the same last name; it takes (registry, place, arguments...), neutral Lua values of which there may be
too many, and gives a JSON-like value. Every other function is recorded as called and has no effect; one
that would have to give a value is refused
to handlers on the record path.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module, resources
from typing import Any, NamedTuple

from kumolog.api.registry import Call, Registry
from kumolog.errors import KumologError
from kumolog.lua.runtime import Runtime
from kumolog.luavalue import LuaValue

VERSION = "2026.05.12-a6845223"  # of the KumoMTA API described by surface.tsv
_LOG_LEVELS = {
    "kumo.log_error": "error",
    "kumo.log_warn": "warning",
    "kumo.log_info": "info",
    "kumo.log_debug": "debug",
}
_IN_LUA = "lua"  # implemented in the Lua room itself


class Row(NamedTuple):
    """One name of the API: ``kind`` is function, method, field or event; ``role`` live, inert or refuse."""

    name: str
    kind: str
    role: str
    signature: str
    module: str


def surface() -> list[Row]:
    """Every name of the API, in the order of the table."""
    return [Row(*columns) for columns in _rows("surface.tsv")]


class Event(NamedTuple):
    """An event of KumoMTA: ``handlers`` is single or multiple, ``host_fires`` whether kumolog fires it."""

    name: str
    handlers: str
    host_fires: str
    arguments: str
    returns: str


def events() -> list[Event]:
    """Every event KumoMTA fires; a name in angle brackets stands for names the policy chooses."""
    return [Event(*columns) for columns in _rows("events.tsv")]


def _rows(file_name: str) -> list[list[str]]:
    text = resources.files("kumolog.api").joinpath(file_name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]


def install(runtime: Runtime, registry: Registry) -> None:
    """Offers the whole ``kumo`` table to a policy."""
    runtime.define_value("kumo.version", VERSION)
    for name, level in _LOG_LEVELS.items():
        runtime.define_log(name, partial(registry.report, level))
    for row in surface():
        if row.kind == "function" and row.name.startswith("kumo.") and row.module != _IN_LUA:
            offer = _implemented(row, registry) if row.module else _recorded(row, registry)
            runtime.define(row.name, offer)


def _implemented(row: Row, registry: Registry) -> Callable[..., Any]:
    @cache
    def function() -> Callable[..., Any]:
        module = import_module(f"kumolog.api.{row.module}")  # on first use: start-up stays short
        return partial(getattr(module, row.name.rpartition(".")[2]), registry)

    def call(place: str, *arguments: LuaValue) -> Any:
        return function()(place, *arguments)

    return call


def _recorded(row: Row, registry: Registry) -> Callable[..., Any]:
    gives_a_value = not row.signature.endswith("-> nil")

    def call(place: str, *arguments: LuaValue) -> Any:
        if gives_a_value and registry.stage == "run":  # a made-up answer would decide over records
            raise KumologError(f"{row.name} is not available to handlers in kumolog")
        registry.record(Call(row.name, arguments, place))
        return {} if gives_a_value else None

    return call
