"""Checking what a policy calls: keys of parameter tables that are read over.

Most tables of KumoMTA refuse a key that they do not know. Some are open: there a misspelt key has
no effect, and nobody says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kumolog.api.params import Named, rows, type_of
from kumolog.api.registry import Call
from kumolog.check.outcome import Remark
from kumolog.luavalue import LuaTable, LuaValue, in_order
from kumolog.params import ParamTable
from kumolog.params.buffered import BufferedList, BufferedMap, BufferedTable, FlattenedTable
from kumolog.params.compose import FirstOf, ListOf, MapOf, Nullable
from kumolog.params.enums import Enum, Untagged
from kumolog.params.types import Mismatch
from kumolog.policy import nearest

Ignored = Iterator[tuple[str, list[str]]]
"""Keys that are read over, each with those that its table has."""


def ignored_keys(calls: Sequence[Call]) -> Iterator[Remark]:
    """A remark on each key that KumoMTA reads over in these calls, all of which it accepts."""
    for call in calls:
        positional = [row for row in rows(call.name) if row.is_positional]
        for row, argument in zip(positional, call.arguments, strict=False):
            wanted = type_of(f"struct:{call.name}" if row.type == "table" else row.type)
            for key, known in _ignored(wanted, argument):
                near = nearest(key, known)
                hint = f": did you mean `{near}`?" if near else ""
                yield "warning", "ignored-key", f"{call.place}: {call.name} ignores `{key}`{hint}"


def _ignored(wanted: Any, value: LuaValue) -> Ignored:
    look = _INTO.get(type(wanted))
    if look is not None and isinstance(value, LuaTable):
        yield from look(wanted, value)


def _in_table(wanted: ParamTable | FlattenedTable, table: LuaTable) -> Ignored:
    by_name = {key.name: key for key in wanted.keys}
    for name, item in in_order(table.items):
        if isinstance(name, str) and name not in by_name:
            yield name, list(by_name)
        elif isinstance(name, str):
            yield from _ignored(by_name[name].type, item)


def _in_buffered_table(wanted: BufferedTable, table: LuaTable) -> Ignored:
    if not table.sequence:  # which would be its values in the order of declaration
        yield from _in_table(wanted.table, table)


def _in_list(wanted: ListOf | BufferedList, table: LuaTable) -> Ignored:
    for item in table.sequence:
        yield from _ignored(wanted.element, item)


def _in_map(wanted: MapOf | BufferedMap, table: LuaTable) -> Ignored:
    for _, item in in_order(table.items):
        yield from _ignored(wanted.value, item)


def _in_first(wanted: FirstOf | Untagged, table: LuaTable) -> Ignored:
    yield from _ignored(next((each for each in wanted.types if _fits(each, table)), None), table)


def _fits(wanted: Any, table: LuaTable) -> bool:
    try:
        wanted.convert(table)
    except Mismatch:
        return False
    return True


def _in_enum(wanted: Enum, table: LuaTable) -> Ignored:
    for name, item in table.items:
        yield from _ignored(wanted.payloads.get(str(name)), item)


_INTO: dict[type, Callable[[Any, LuaTable], Ignored]] = {
    BufferedList: _in_list,
    BufferedMap: _in_map,
    BufferedTable: _in_buffered_table,
    Enum: _in_enum,
    FirstOf: _in_first,
    FlattenedTable: _in_table,
    ListOf: _in_list,
    MapOf: _in_map,
    Named: lambda wanted, table: _ignored(wanted.resolve(), table),
    Nullable: lambda wanted, table: _ignored(wanted.inner, table),
    ParamTable: _in_table,
    Untagged: _in_first,
}
