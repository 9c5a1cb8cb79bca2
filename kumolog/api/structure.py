"""Lua values as what a document format can write: floats of every kind and nulls stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kumolog.luafunction import LuaFunction
from kumolog.luavalue import LuaTable, LuaValue, NotSerializableError, Opaque, key_text, rebuilt


def structure(value: LuaValue) -> Any:
    """``value`` as dict, list, str, int, float, bool or None.

    Array marks do not count, a string that is not UTF-8 is a list of its bytes. Raises ValueError
    for what has no such form. KumoMTA: Lua to JSON.
    """
    return _convert(rebuilt(value))


def _convert(value: LuaValue) -> Any:
    return _CONVERTERS[type(value)](value)


def _table(table: LuaTable) -> Any:
    if table.sequence:
        return [_convert(item) for item in table.sequence]
    return {key_text(key): _convert(item) for key, item in table.items}


def _opaque(value: Opaque) -> None:
    if value.kind != "null":
        raise NotSerializableError(value.kind)


def _function(_value: LuaFunction) -> None:
    raise NotSerializableError("function")


def _same(value: Any) -> Any:
    return value


_CONVERTERS: Final[dict[type, Callable[[Any], Any]]] = {
    **dict.fromkeys((type(None), bool, int, float, str), _same),
    bytes: list,
    LuaTable: _table,
    LuaFunction: _function,
    Opaque: _opaque,
}
