"""Lua values in neutral Python form, and how they read as JSON and in error texts.

A Lua string is a ``str``, or ``bytes`` where it is not UTF-8; nil is ``None``. Rules that differ by
kind are looked up by a value's exact type, so ``True`` is never taken for an integer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from math import isfinite, isnan
from typing import Any, Final, Literal, TypeAlias

import msgspec

from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject

MAX_DEPTH: Final = 128  # a table nested deeper is taken to contain itself


class LuaTable(msgspec.Struct):
    """One Lua table.

    ``items`` are all its pairs in Lua's iteration order, ``sequence`` the values 1..#t with None
    for a hole, ``is_array`` tells the mark that parsed JSON, TOML and YAML arrays carry.
    """

    items: list[tuple[LuaValue, LuaValue]] = []
    sequence: list[LuaValue] = []
    is_array: bool = False


class Opaque(msgspec.Struct, frozen=True):
    """A Lua value without content here; ``null`` is the light userdata that is JSON's null."""

    kind: Literal["function", "thread", "userdata", "null"]


LuaValue: TypeAlias = (
    bool | int | float | str | bytes | LuaTable | Opaque | LuaObject | LuaFunction | None
)

NULL: Final = Opaque("null")


class NotSerializableError(ValueError):
    """A value of ``kind`` (function, thread, userdata) has no JSON form."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"cannot serialize <{kind}>")
        self.kind = kind


_WITHOUT_PAIRS: Final = (
    "a userdata. Additionally, encountered cannot materialize_to_lua_value userdata because it has "
    "no __pairs metamethod when trying to iterate the pairs of that userdata"
)


def to_json(value: LuaValue) -> Any:
    """Return ``value`` as plain Python JSON: dict, list, str, int, float, bool or None.

    A table with a sequence, or marked as an array, is that sequence alone; any other table is a
    dict with its scalar keys as text. Strings that are not UTF-8 become lists of byte values,
    NaN, infinities and null become None.

    Raises NotSerializableError for functions, threads and userdata, ValueError for keys that have
    no text and for a table nested deeper than MAX_DEPTH. KumoMTA: Lua to JSON.
    """
    return _TO_JSON.get(type(value), _object_to_json)(value, 0)


def from_json(value: Any) -> LuaValue:
    """Return JSON-like Python as a Lua value: a list carries the array mark, scalars stay."""
    if isinstance(value, dict):
        return LuaTable([(key, from_json(item)) for key, item in value.items()])
    if isinstance(value, list):
        sequence = [from_json(item) for item in value]
        return LuaTable(list(enumerate(sequence, 1)), sequence, is_array=True)
    return value  # type: ignore[no-any-return] # a scalar, or a Lua value already


def with_nulls(value: Any) -> Any:
    """Return JSON-like Python in which None is the null userdata, which is not nil to Lua."""
    if isinstance(value, dict):
        return {key: with_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_nulls(item) for item in value]
    return NULL if value is None else value


def rebuilt(value: LuaValue) -> LuaValue:
    """Return a copy made pair by pair: array marks are lost, a sequence ends at its first hole.

    Pairs are in the order of their keys. An object becomes the table of the pairs that its
    ``__pairs`` gives. Raises ValueError where endless nesting, and NotSerializableError where a
    userdata cannot be copied. KumoMTA: parameter tables, second attempt.
    """
    return _rebuilt(value, 0)


def in_order(pairs: Iterable[tuple[LuaValue, LuaValue]]) -> list[tuple[LuaValue, LuaValue]]:
    """Return the pairs of a table in the order of their keys: Lua's own differs from run to run."""
    return sorted(pairs, key=_text_of_key)


def _text_of_key(pair: tuple[LuaValue, LuaValue]) -> str:
    return str(pair[0])


def echo(value: LuaValue) -> str:
    """Return ``value`` as compact JSON for an error text, or a remark on why it has none.

    KumoMTA: parameter tables, error frame.
    """
    try:
        copy = rebuilt(value)
    except NotSerializableError:
        return _WITHOUT_PAIRS
    except ValueError as error:
        return str(error)
    try:
        return msgspec.json.encode(to_json(copy)).decode()
    except ValueError as error:
        return f"<unable to encode as json: {error}>"


def describe(value: LuaValue) -> str:
    """Name ``value`` as error texts do where its content matters: ``string "x"``, ``map``."""
    return _DESCRIBE.get(type(value), _userdata)(value)


def type_name(value: LuaValue) -> str:
    """Name the Lua type of ``value`` as error texts do where a table was wanted."""
    return _TYPE_NAME.get(type(value), _userdata)(value)


def float_text(value: float) -> str:
    """Spell a finite float as JSON does: always with a point or an exponent, as in ``1.0``."""
    return msgspec.json.encode(value).decode()


def lua_float_text(value: float) -> str:
    """Spell a float as Lua's tostring does: 14 digits, always marked as a float, as in ``1.0``."""
    text = f"{value:.14g}"
    return text if set(text) & set(".einf") else text + ".0"


def utf8_fault(error: UnicodeDecodeError) -> str:
    """Say why bytes are not UTF-8, in Rust's words."""
    if error.reason == "unexpected end of data":
        return f"incomplete utf-8 byte sequence from index {error.start}"
    return f"invalid utf-8 sequence of {error.end - error.start} bytes from index {error.start}"


def key_text(key: LuaValue) -> str:
    """Spell a table key as text; raises ValueError for a key that has none."""
    spell = _KEY_TEXT.get(type(key))
    if spell is None:
        raise ValueError("key must be a string")
    return spell(key)


def quoted(text: str) -> str:
    """Put ``text`` into double quotes as error texts do, with escapes for what does not print."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _table_to_json(table: LuaTable, depth: int) -> Any:
    if depth >= MAX_DEPTH:
        raise ValueError(f"the table is nested deeper than {MAX_DEPTH} levels")
    inner = depth + 1
    if table.sequence or table.is_array:
        return [_TO_JSON.get(type(item), _object_to_json)(item, inner) for item in table.sequence]
    return {
        key_text(key): _TO_JSON.get(type(item), _object_to_json)(item, inner)
        for key, item in table.items
    }


def _opaque_to_json(value: Opaque, _depth: int) -> None:
    if value.kind != "null":
        raise NotSerializableError(value.kind)


def _function_to_json(_value: LuaFunction, _depth: int) -> None:
    raise NotSerializableError("function")


def _object_to_json(_value: LuaObject, _depth: int) -> None:
    raise NotSerializableError("userdata")


def _same(value: Any, _depth: int = 0) -> Any:
    return value


_TO_JSON: Final[dict[type, Callable[[Any, int], Any]]] = {
    type(None): _same,
    bool: _same,
    int: _same,
    float: lambda value, _: value if isfinite(value) else None,
    str: _same,
    bytes: lambda value, _: list(value),
    LuaTable: _table_to_json,
    Opaque: _opaque_to_json,
    LuaFunction: _function_to_json,
}


def _rebuilt(value: LuaValue, depth: int) -> LuaValue:
    return _REBUILD.get(type(value), _rebuilt_object)(value, depth)


def _rebuilt_table(table: LuaTable, depth: int) -> LuaTable:
    if depth >= MAX_DEPTH:
        raise ValueError(f"a table nested deeper than {MAX_DEPTH} levels")
    items = [(key, _rebuilt(item, depth + 1)) for key, item in table.items]
    numbered = {key: item for key, item in items if type(key) is int}
    sequence: list[LuaValue] = []
    while (index := len(sequence) + 1) in numbered:
        sequence.append(numbered[index])
    return LuaTable(in_order(items) if len(sequence) < len(items) else items, sequence)


def _rebuilt_opaque(value: Opaque, _depth: int) -> Opaque:
    if value.kind == "userdata":
        raise NotSerializableError(value.kind)
    return value


def _rebuilt_object(value: LuaObject, depth: int) -> LuaValue:
    method = value.lua_metamethods.get("__pairs")
    if method is None:
        raise NotSerializableError("userdata")
    pairs = [(key, from_json(item)) for key, item in getattr(value, method)()]
    return _rebuilt_table(LuaTable(pairs), depth)


_REBUILD: Final[dict[type, Callable[[Any, int], LuaValue]]] = {
    **dict.fromkeys((type(None), bool, int, float, str, bytes, LuaFunction), _same),
    LuaTable: _rebuilt_table,
    Opaque: _rebuilt_opaque,
}


def _finite_key(key: float) -> str:
    if not isfinite(key):
        raise ValueError("float key must be finite (got NaN or +/-inf)")
    return float_text(key)


_KEY_TEXT: Final[dict[type, Callable[[Any], str]]] = {
    str: str,
    int: str,
    float: _finite_key,
    bool: lambda key: "true" if key else "false",
}


def _decimal(value: float) -> str:
    """Spell a float without an exponent, as Rust's Display does."""
    if not isfinite(value):
        return "NaN" if isnan(value) else str(value)
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else text + ".0"


def _userdata(_value: LuaObject) -> str:
    return "userdata"


_DESCRIBE: Final[dict[type, Callable[[Any], str]]] = {
    type(None): lambda _: "unit value",
    bool: lambda value: f"boolean `{'true' if value else 'false'}`",
    int: lambda value: f"integer `{value}`",
    float: lambda value: f"floating point `{_decimal(value)}`",
    str: lambda value: f"string {quoted(value)}",
    bytes: lambda _: "byte array",
    LuaTable: lambda table: "sequence" if table.sequence or table.is_array else "map",
    LuaFunction: lambda _: "function",
    Opaque: lambda value: "Option value" if value.kind == "null" else value.kind,
}

_TYPE_NAME: Final[dict[type, Callable[[Any], str]]] = {
    type(None): lambda _: "nil",
    bool: lambda _: "boolean",
    int: lambda _: "integer",
    float: lambda _: "number",
    str: lambda _: "string",
    bytes: lambda _: "string",
    LuaTable: lambda _: "table",
    LuaFunction: lambda _: "function",
    Opaque: lambda value: "lightuserdata" if value.kind == "null" else value.kind,
}

_ESCAPES: Final = {"\t": "\\t", "\r": "\\r", "\n": "\\n", "\0": "\\0", '"': '\\"', "\\": "\\\\"}


def _escaped(char: str) -> str:
    if char.isprintable() and char not in _ESCAPES:
        return char
    return _ESCAPES.get(char) or f"\\u{{{ord(char):x}}}"
