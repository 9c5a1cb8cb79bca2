"""Checks whole calls of API functions against ``params.tsv``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, get_args

from msgspec import Struct

from kumolog.api.params import INTEGERS, NULLABLE, Row, default_of, rows, type_of
from kumolog.duration import NANOS_PER_SECOND, parse_duration
from kumolog.luavalue import LuaTable, LuaValue
from kumolog.params import ParamError, Style, arguments, check
from kumolog.params.arguments import ArgumentError, Position
from kumolog.params.compose import Nullable
from kumolog.params.grammar import Text
from kumolog.params.types import (
    ANY,
    DURATION,
    Mismatch,
    Type,
)

__all__ = ["ArgumentError", "ParamError", "check_call"]

Convert = Callable[[LuaValue, Position], Any]

_STYLES: tuple[Style, ...] = get_args(Style)


def check_call(name: str, given: tuple[LuaValue, ...], owner: str | None = None) -> list[Any]:
    """Return the arguments of a call of ``name``, converted; those that are not there are None.

    ``name`` is a function (``kumo.reject``), a method (``message:set_due``, its arguments without
    self) or an event whose handler's result is meant (``event:get_queue_config``). ``owner`` is the
    type's name in error texts, otherwise made of the method's. Arguments beyond those KumoMTA looks
    at are left out; a function without a table takes anything.

    Raises ParamError and ArgumentError with KumoMTA's text.
    """
    wanted = _wanted(name)
    if not wanted:
        return list(given)
    place = _place(name, owner)
    padded = (*given, *[None] * len(wanted))
    return [each.convert(padded[i], place(i + 1)) for i, each in enumerate(wanted)]


def _place(name: str, owner: str | None) -> Callable[[int], Position]:
    """How error texts name the argument at a position."""
    kind, colon, method = name.partition(":")
    if not colon or kind == "event":
        return lambda position: position
    full = f"{owner or _type_name(kind)}.{method}"
    return lambda position: arguments.method(position, full)


def _type_name(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_"))


class _Argument(Struct, frozen=True):
    given: Convert
    absent: Any
    is_optional: bool

    def convert(self, value: LuaValue, position: Position) -> Any:
        if value is None and self.is_optional:
            return self.absent
        return self.given(value, position)


@cache
def _wanted(name: str) -> tuple[_Argument, ...]:
    positional = [row for row in rows(name) if row.is_positional]
    return tuple(_argument(row, position) for position, row in enumerate(positional, 1))


def _argument(row: Row, position: int) -> _Argument:
    style = next((word for word in row.note.split() if word in _STYLES), None)
    wanted = f"struct:{row.container}" if row.type == "table" else row.type
    convert = partial(_strictly, type_of(wanted), style, row) if style else _lax(wanted)
    default = default_of(row)
    absent = None if default is None else convert(default, position)
    return _Argument(convert, absent, row.required == "no")


def _strictly(wanted: Type, style: Style, row: Row, value: LuaValue, position: Position) -> Any:
    nullable = Nullable(wanted) if row.default == NULLABLE else wanted
    return check(nullable, value, style, position)


def _lax(text: str) -> Convert:
    first, bar, rest = text.partition("|")
    if bar and "<" not in first:
        return partial(_scalar_or_table, _lax(first), _lax(rest))
    outer, _, inner = text.partition("<")
    if outer == "list":
        return partial(_lax_list, _lax(inner[:-1]))
    if outer == "map":
        return partial(_lax_map, _lax(inner[:-1].partition(",")[2]))
    kind = text.partition(":")[0]
    if kind in _LAX:
        return _LAX[kind]
    if kind in _OF_TYPE:
        return partial(_OF_TYPE[kind], type_of(text))
    if kind in INTEGERS:
        return partial(_lax_integer, text)
    return partial(_lax_text, type_of(text))


def _lax_list(element: Convert, value: LuaValue, position: Position) -> list[Any]:
    return arguments.sequence(value, position, element)


def _lax_map(element: Convert, value: LuaValue, position: Position) -> dict[str, Any]:
    return arguments.mapping(value, position, element)


def _lax_integer(kind: str, value: LuaValue, position: Position) -> int:
    return arguments.integer(value, position, kind)


def _scalar_or_table(one: Convert, other: Convert, value: LuaValue, position: Position) -> Any:
    return (other if isinstance(value, LuaTable) else one)(value, position)


def _lax_text(wanted: Type, value: LuaValue, position: Position) -> Any:
    """A text in a language of its own; what is wrong with it stands alone."""
    given = arguments.text(value, position)
    try:
        return wanted.parse(given) if isinstance(wanted, Text) else wanted.convert(given)
    except ValueError as error:
        raise ParamError(str(error), getattr(wanted, "hint", None)) from None
    except Mismatch as error:
        raise ParamError(error.reason, error.hint) from None


def _nested(wanted: Type, value: LuaValue, _position: Position) -> Any:
    return check(wanted, value, "raw")


def _name(wanted: Type, value: LuaValue, position: Position) -> Any:
    name = arguments.text(value, position)
    try:
        return wanted.convert(name)
    except Mismatch as error:
        raise ParamError(f"{error.reason}, but got {name}", error.hint) from None


def _json(value: LuaValue, _position: Position) -> Any:
    return check(ANY, value, "raw")


def _http_timeout(value: LuaValue, _position: Position) -> Any:
    if type(value) not in (float, str):
        raise ParamError("invalid timeout duration", 'write text such as "30s", or 30.0')
    return check(DURATION, value, "raw")


def _timespan(value: LuaValue, position: Position) -> int:
    """Nanoseconds; a number of seconds may be negative."""
    if type(value) is int:
        return value * NANOS_PER_SECOND
    given: LuaValue = value if type(value) is float else arguments.text(value, position)
    try:
        return parse_duration(given) if isinstance(given, str) else DURATION.convert(given)
    except ValueError as error:
        raise ParamError(str(error)) from None
    except Mismatch as error:
        raise ParamError(error.reason, error.hint) from None


_LAX: dict[str, Convert] = {
    "address": arguments.userdata,
    "any": _json,
    "bool": lambda value, _: arguments.boolean(value),
    "bytes": arguments.data,
    "float": arguments.number,
    "function": arguments.function,
    "string": arguments.text,
    "table": arguments.table,
    "timeout": _http_timeout,
    "timespan": _timespan,
    "userdata": arguments.userdata,
    "value": lambda value, _: value,
}
_OF_TYPE: dict[str, Callable[[Type, LuaValue, Position], Any]] = {"enum": _name, "struct": _nested}
