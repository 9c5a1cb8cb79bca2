"""Values of a policy as JSON for people to read."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import msgspec

from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaTable, Opaque
from kumolog.mail.addresses import AddressHeader, EnvelopeAddress
from kumolog.rejects import displayable


def shown(value: Any) -> Any:
    """A value that went to Lua or came from it, as JSON for people to read.

    Bytes are text with escapes for what is not UTF-8, addresses are text, and what has no JSON form
    is named as ``<function>``.
    """
    show = _SHOWN.get(type(value))
    if show is not None:
        return show(value)
    return f"<{value.lua_name if isinstance(value, LuaObject) else type(value).__name__}>"


def _table(table: LuaTable) -> Any:
    if table.sequence or table.is_array:
        return [shown(item) for item in table.sequence]
    return {str(shown(key)): shown(item) for key, item in table.items}


def _same(value: Any) -> Any:
    return value


_SHOWN: dict[type, Callable[[Any], Any]] = {
    type(None): _same,
    bool: _same,
    int: _same,
    float: lambda value: value if isfinite(value) else str(value),
    str: displayable,
    bytes: lambda value: value.decode("utf-8", "backslashreplace"),
    list: lambda values: [shown(value) for value in values],
    tuple: lambda values: [shown(value) for value in values],
    dict: lambda mapping: {str(shown(key)): shown(value) for key, value in mapping.items()},
    LuaTable: _table,
    LuaFunction: lambda _: "<function>",
    Opaque: lambda value: None if value.kind == "null" else f"<{value.kind}>",
    EnvelopeAddress: lambda address: address.email,
    AddressHeader: lambda header: msgspec.json.decode(header.to_json()),
}
