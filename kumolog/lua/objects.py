"""The Python objects that a policy holds, by handle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, Opaque


class Objects:
    """Gives objects out to Lua and takes them back; ``chunk`` loads objects.lua with a callback."""

    def __init__(self, load: Callable[[Callable[..., Any]], Any], table_from: Any) -> None:
        self._held: dict[int, LuaObject] = {}
        self._next_handle = 0
        self._classes: dict[type, Any] = {}
        self._table_from = table_from
        lua = load(self._invoke)
        self._define_class = lua["define_class"]
        self._new = lua["new"]
        self._handle_of = lua["handle_of"]
        self._is_null = lua["is_null"]
        self._take_released = lua["take_released"]
        self.null = lua["null"]

    def to_lua(self, value: LuaObject) -> Any:
        """The table that stands for the object in Lua."""
        for handle in self._take_released().values():
            del self._held[handle]
        kind = type(value)
        if kind not in self._classes:
            self._classes[kind] = self._define_class(
                kind.lua_name,
                *map(self._set, (kind.lua_methods, kind.lua_fields, kind.lua_metamethods)),
            )
        self._next_handle += 1
        self._held[self._next_handle] = value
        return self._new(self._classes[kind], self._next_handle)

    def from_lua(self, table: Any) -> LuaValue:
        """The object behind a table that stands for one; other userdata is opaque."""
        if self._is_null(table):
            return Opaque("null")
        handle = self._handle_of(table)
        return Opaque("userdata") if handle is None else self._held[handle]

    def _invoke(self, handle: int, name: str, *arguments: LuaValue) -> Any:
        value = self._held[handle]
        if name in value.lua_fields:
            return getattr(value, value.lua_fields[name])
        method = value.lua_methods.get(name) or value.lua_metamethods[name]
        return getattr(value, method)(*arguments)

    def _set(self, names: Any) -> Any:
        return self._table_from(dict.fromkeys(names, True))
