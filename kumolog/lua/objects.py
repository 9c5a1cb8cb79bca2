"""The Python objects that a policy holds, by handle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, Opaque

Intercept = Callable[[LuaObject, str, Callable[..., Any]], Callable[..., Any]]


class Objects:
    """Gives objects out to Lua and takes them back; ``load`` loads objects.lua with a callback.

    ``refused`` gives for a type's name the methods that say only why they cannot be had.
    ``intercept`` gives for an object, the name of its method and that method what to call instead.
    """

    def __init__(
        self,
        load: Callable[[Callable[..., Any]], Any],
        table_from: Any,
        refused: Callable[[str], Mapping[str, str]],
    ) -> None:
        self._held: dict[int, LuaObject] = {}
        self._next_handle = 0
        self._classes: dict[type, Any] = {}
        self._table_from = table_from
        self._refused = refused
        self.intercept: Intercept | None = None
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
            self._classes[kind] = self._class(kind)
        self._next_handle += 1
        self._held[self._next_handle] = value
        return self._new(self._classes[kind], self._next_handle)

    def from_lua(self, table: Any) -> LuaValue:
        """The object behind a table that stands for one; other userdata is opaque."""
        if self._is_null(table):
            return Opaque("null")
        handle = self._handle_of(table)
        return Opaque("userdata") if handle is None else self._held[handle]

    def _class(self, kind: type[LuaObject]) -> Any:
        methods, refused = set(kind.lua_methods), self._refused(kind.lua_name)
        if self.intercept is not None:
            methods, refused = methods.union(refused), {}
        names = (methods, kind.lua_fields, kind.lua_metamethods)
        return self._define_class(kind.lua_name, *map(self._set, names), self._table_from(refused))

    def _invoke(self, handle: int, name: str, *arguments: LuaValue) -> Any:
        value = self._held[handle]
        if name in value.lua_fields:
            return getattr(value, value.lua_fields[name])
        if self.intercept is None:
            return self._method(value, name)(*arguments)
        return self.intercept(value, name, self._method(value, name))(*arguments)

    def _method(self, value: LuaObject, name: str) -> Callable[..., Any]:
        own = value.lua_methods.get(name) or value.lua_metamethods.get(name)
        if own is not None:
            return getattr(value, own)  # type: ignore[no-any-return] # as LuaObject has it
        return partial(_refuse, self._refused(value.lua_name)[name])

    def _set(self, names: Any) -> Any:
        return self._table_from(dict.fromkeys(names, True))


def _refuse(text: str, *_arguments: LuaValue) -> NoReturn:
    raise KumologError(text)
