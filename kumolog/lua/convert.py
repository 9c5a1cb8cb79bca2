"""Values across the border between Lua and Python, without loss and without surprise."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import NoneType
from typing import Any

from lupa.lua54 import lua_type

from kumolog.errors import KumologError
from kumolog.lua.functions import Functions
from kumolog.lua.objects import Objects
from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaTable, LuaValue, Opaque
from kumolog.mail.addresses import AddressHeader, EnvelopeAddress

MAX_DEPTH = 128  # of nested tables; KumoMTA's JSON reader has the same limit
_SLICE = 200  # values fetched from Lua by one call
_FRESH_COROUTINE = "_LuaCoroutineFunction"  # one that has not run: lupa calls it a function
_INT64 = range(-(2**63), 2**63)
_SCALARS = frozenset((NoneType, bool, int, float))
_TEXTS = frozenset((str, bytes))
_FLAT = _SCALARS | _TEXTS
_SHORT = 4096  # characters of a text for which there is always room


def lua_text(text: str) -> str:
    """Text in the form in which it crosses to Lua: one character for each UTF-8 byte."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def python_text(text: str) -> str:
    """Text from Lua for messages and paths: bytes that are not UTF-8 become surrogate escapes."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


class Converter:
    """Converts for one runtime; ``values`` is what values.lua returned.

    ``objects`` and ``functions`` are set once the runtime can call Python: until then there are
    none. The process ends where Lua's memory runs out while Python hands something over, so Lua's
    limit is lifted for what may be large; ``lifted`` tells so.
    """

    objects: Objects
    functions: Functions
    lifted = False

    def __init__(self, runtime: Any, values: Any) -> None:
        self._table_from = runtime.table_from
        self._set_limit = runtime.set_max_memory
        self._explode = values["explode"]
        self._slice = values["slice"]
        self._mark_array = values["mark_array"]
        self._envelope_address = values["envelope_address"]
        self._header_address = values["header_address"]
        self._address_header = values["address_header"]
        # What stays as it is: everything else needs a converter, so that no Python object gets out.
        self._plain = frozenset((type(None), bool, float, type(values)))
        self._converters: dict[type, Callable[[Any], Any]] = {
            str: lua_text,
            bytes: lambda value: value.decode("latin-1"),
            int: _integer,
            dict: self._table,
            list: self._array,
            tuple: lambda values: self._array(list(values)),
            LuaTable: self._neutral_table,
            Opaque: self._opaque,
            LuaFunction: self._function,
            EnvelopeAddress: self._from_envelope_address,
            AddressHeader: self._from_address_header,
        }

    def to_lua(self, value: Any) -> Any:
        """A JSON-like Python value for Lua: None is nil, so null members vanish.

        KumoMTA: the normal JSON to Lua conversion; arrays carry a mark, integers beyond 64 bits
        become floats. Raises KumologError for values nested too deeply.
        """
        kind = type(value)
        if kind not in _SCALARS and not (kind in _TEXTS and len(value) <= _SHORT):
            self.lift()
        try:
            return self._convert(value)
        except RecursionError:
            raise KumologError("cannot convert a value to Lua: it is nested too deeply") from None

    def column(self, values: list[Any]) -> Any:
        """A Lua table of one converted value for each place of the list; raises as `to_lua`.

        At place 0 it has true where some values are tables.
        """
        self.lift()
        kinds = set(map(type, values))
        if kinds == {NoneType}:
            return self._table_from(())
        if kinds <= {str, NoneType}:
            # Of a column, few differ.
            texts = {value: None if value is None else lua_text(value) for value in set(values)}
            return self._table_from([texts[value] for value in values])
        if kinds == {int} and min(values) in _INT64 and max(values) in _INT64:
            return self._table_from(values)
        try:
            table = self._list(values)
        except RecursionError:
            raise KumologError("cannot convert values to Lua: they are nested too deeply") from None
        if not kinds <= _FLAT:
            table[0] = True
        return table

    def lift(self) -> None:
        """Lets Lua take all the memory that it asks for."""
        self.lifted = True
        self._set_limit(0)

    def from_lua(self, value: Any, depth: int = 0) -> LuaValue:
        """The neutral form of a Lua value; raises KumologError for tables nested too deeply."""
        if isinstance(value, str):
            return _text_or_bytes(value)
        kind = lua_type(value)
        if kind is None:
            return value  # type: ignore[no-any-return] # nil, a boolean or a number
        if kind == "function":
            if type(value).__name__ == _FRESH_COROUTINE:
                return Opaque("thread")
            return self.functions.from_lua(value)
        if kind != "table":
            return Opaque(kind)
        return self._from_table(value, depth)

    def _from_table(self, table: Any, depth: int) -> LuaValue:
        if depth >= MAX_DEPTH:
            raise KumologError(
                f"cannot convert a table that contains itself or is nested over {MAX_DEPTH} deep"
            )
        count, length, is_array, is_object, flat = self._explode(table)
        if is_object:
            return self.objects.from_lua(table)
        parts: list[Any] = []
        for start in range(1, count + 1, _SLICE):
            part = self._slice(flat, start, min(start + _SLICE - 1, count))
            parts.extend(part)
        converted = [self.from_lua(part, depth + 1) for part in parts]
        items = list(zip(converted[::2], converted[1::2], strict=True))
        by_key = {key: item for key, item in items if type(key) is int}
        sequence = [by_key.get(i) for i in range(1, length + 1)]
        return LuaTable(items, sequence, is_array)

    def _convert(self, value: Any) -> Any:
        convert = self._converters.get(type(value))
        if convert is not None:
            return convert(value)
        if type(value) in self._plain:
            return value
        if isinstance(value, LuaObject):
            return self.objects.to_lua(value)
        raise TypeError(f"there is no Lua form of {value!r:.80}")

    def _list(self, values: list[Any]) -> Any:
        convert = self._convert
        return self._table_from([convert(value) for value in values])

    def _table(self, mapping: dict[str | int, Any]) -> Any:
        convert = self._convert
        return self._table_from({convert(k): convert(v) for k, v in mapping.items()})

    def _neutral_table(self, table: LuaTable) -> Any:
        convert = self._convert
        fresh = self._table_from({convert(k): convert(v) for k, v in table.items})
        return self._mark_array(fresh) if table.is_array else fresh

    def _opaque(self, value: Opaque) -> Any:
        if value.kind != "null":
            raise KumologError(f"a {value.kind} cannot be given back to Lua")
        return self.objects.null

    def _function(self, value: LuaFunction) -> Any:
        return self.functions.to_lua(value)

    def _array(self, values: list[Any]) -> Any:
        return self._mark_array(self._list(values), len(values) if None in values else None)

    def _from_envelope_address(self, address: EnvelopeAddress) -> Any:
        return self._envelope_address(
            lua_text(address.user), lua_text(address.domain), lua_text(address.email)
        )

    def _from_address_header(self, header: AddressHeader) -> Any:
        entries = [
            self._header_address(
                lua_text(entry.to_json()),
                lua_text(entry.user),
                lua_text(entry.domain),
                lua_text(entry.email),
                None if entry.name is None else lua_text(entry.name),
            )
            for entry in header.list
        ]
        return self._address_header(
            lua_text(header.to_json()), header.is_single, self._table_from(entries)
        )


def _integer(value: int) -> int | float:
    if value in _INT64:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _text_or_bytes(text: str) -> str | bytes:
    if text.isascii():
        return text
    raw = text.encode("latin-1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw
