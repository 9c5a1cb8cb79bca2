"""Values that maps and caches keep for a policy, out of reach of its later changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from kumolog.errors import KumologError
from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque, type_name

_MEMOIZE: Final = "__memoize"


def kept(value: LuaValue, act: str) -> LuaValue:
    """``value`` as a map or cache keeps it.

    Raises KumologError, beginning with ``act``, for functions and what else cannot be kept.
    KumoMTA: only memoizable values can.
    """
    kind = _unkeepable(value)
    if kind is not None:
        raise KumologError(f"{act}: a {kind} cannot be kept")
    return _behind(value)


def _behind(value: LuaValue) -> LuaValue:
    """Tables instead of the handles on them: a policy's later changes stay its own."""
    if isinstance(value, MemoizedTable):
        return _behind(value.memoize())
    if isinstance(value, LuaTable):
        items = [(key, _behind(item)) for key, item in value.items]
        return LuaTable(items, [_behind(item) for item in value.sequence], value.is_array)
    return value


def given_out(value: LuaValue) -> LuaValue:
    """A kept value as a policy gets it: a table as an object of its own."""
    return MemoizedTable(value) if isinstance(value, LuaTable) else value


def _unkeepable(value: LuaValue) -> str | None:
    if isinstance(value, LuaTable):
        parts = (part for pair in value.items for part in pair)
        return next((kind for kind in map(_unkeepable, parts) if kind is not None), None)
    if isinstance(value, LuaObject):
        return None if _MEMOIZE in value.lua_metamethods else value.lua_name
    if isinstance(value, LuaFunction):
        return "function"
    return value.kind if isinstance(value, Opaque) and value != NULL else None


class MemoizedTable(LuaObject):
    """A kept table: ``type`` names it userdata, and changes to it stay with this handle."""

    lua_name = "memoized_table"
    lua_metamethods: ClassVar[Mapping[str, str]] = {
        "__index": "index",
        "__len": "length",
        "__newindex": "assign",
        "__pairs": "pairs",
        _MEMOIZE: "memoize",
    }

    def __init__(self, table: LuaTable) -> None:
        self._table = table
        self._by_key: dict[tuple[type, LuaValue], LuaValue] | None = None

    def index(self, key: LuaValue = None, *_: LuaValue) -> LuaValue:
        return given_out(self._items().get(_hashed(key)))

    def length(self, *_: LuaValue) -> int:
        """How many keys there are, of whatever kind."""
        return len(self._items())

    def assign(self, key: LuaValue = None, value: LuaValue = None, *_: LuaValue) -> None:
        """Sets a key of this handle; nil is kept as null."""
        self._items()[_hashed(key)] = NULL if value is None else value

    def pairs(self, *_: LuaValue) -> list[tuple[LuaValue, LuaValue]]:
        return [(key, given_out(value)) for (_, key), value in self._items().items()]

    def memoize(self, *_: LuaValue) -> LuaTable:
        """The table behind this handle, as a map or cache keeps it."""
        return LuaTable([(key, value) for (_, key), value in self._items().items()])

    def _items(self) -> dict[tuple[type, LuaValue], LuaValue]:
        if self._by_key is None:
            self._by_key = {_hashed(key): value for key, value in self._table.items}
        return self._by_key


def _hashed(key: LuaValue) -> tuple[type, LuaValue]:
    """A key told from others as Lua does: 1.0 is 1, but true is not."""
    if isinstance(key, LuaTable):
        raise KumologError(f"a memoized_table has no keys of the type {type_name(key)}")
    plain = int(key) if isinstance(key, float) and key.is_integer() else key
    return type(plain), plain
