"""Handles on what kumolog cannot reach: they can be made and prepared, and refuse when used.

Their methods are the rows of ``surface.tsv``: one that gives another handle or itself does so, one
whose role is ``refuse`` raises.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from kumolog.api.surface import Row, refusal, surface
from kumolog.luaobject import LuaObject


def result(row: Row) -> Any:
    """What a function or method without effect gives: a handle where its signature names one."""
    return _made(row, None)


def _made(row: Row, handle: LuaObject | None) -> Any:
    kind = row.signature.rpartition("-> ")[2]
    if kind == "self":
        return handle
    return _handle_class(kind)() if kind in _kinds() else None


@cache
def _kinds() -> frozenset[str]:
    return frozenset(row.name.partition(":")[0] for row in surface() if row.kind == "method")


@cache
def _handle_class(kind: str) -> type[LuaObject]:
    rows = {row.name.partition(":")[2]: row for row in surface() if row.name.startswith(f"{kind}:")}
    members: dict[str, Any] = {name: partial(_called, row) for name, row in rows.items()}
    return type(
        kind,
        (_Handle,),
        {
            "lua_name": kind,
            "lua_methods": {name: name for name in rows if not name.startswith("__")},
            "rows": members,
        },
    )


class _Handle(LuaObject):
    rows: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return partial(self.rows[name], self)


def _called(row: Row, handle: LuaObject, *_arguments: Any) -> Any:
    if row.role == "refuse":
        raise refusal(row)
    return _made(row, handle)
