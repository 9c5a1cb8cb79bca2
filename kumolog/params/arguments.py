"""Positional arguments of API functions: KumoMTA's lax conversions and their error texts.

Each function takes the neutral Lua value and its position (from 1, or as `method` spells it) and
raises ArgumentError for what cannot be converted (KumoMTA: positional arguments).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import (
    LuaTable,
    LuaValue,
    Opaque,
    lua_float_text,
    type_name,
    utf8_fault,
)

T = TypeVar("T")
Position = int | str

_BLANKS = " \t\n\v\f\r"
_INT64 = range(-(2**63), 2**63)
_DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_HEX = re.compile(r"([-+]?)0[xX]([0-9a-fA-F]*)(\.?)([0-9a-fA-F]*)(?:[pP]([-+]?[0-9]+))?", re.ASCII)


class ArgumentError(KumologError):
    """An argument of the wrong kind; the text begins ``bad argument #N: ``."""


def method(position: int, name: str) -> str:
    """The position of a method's argument, which counts self as the first: ``Type.method``."""
    return f"{position + 1} to `{name}`"


def text(value: LuaValue, position: Position) -> str:
    """A UTF-8 string; numbers are written out."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _decoded(value, position)
    return _number_text(value, position, "String")


def data(value: LuaValue, position: Position) -> bytes:
    """Any Lua string; numbers are written out."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return _number_text(value, position, "string").encode()


def integer(value: LuaValue, position: Position, kind: str = "i64") -> int:
    """An integer of a Rust kind such as ``u16``; floats and numeric text are truncated."""
    number = _number(value, position, kind)
    if isinstance(number, float):
        number = math.trunc(number) if math.isfinite(number) else 2**64
    bits = 64 if kind.endswith("size") else int(kind[1:])
    low, high = (0, 2**bits) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    if not low <= number < high:
        raise _refusal(value, position, kind, "out of range")
    return number


def number(value: LuaValue, position: Position) -> float:
    """A float; integers and numeric text are accepted."""
    return float(_number(value, position, "f64"))


def boolean(value: LuaValue) -> bool:
    """Lua's truth: only nil and false are false."""
    return value is not None and value is not False


def function(value: LuaValue, position: Position) -> LuaValue:
    """A Lua function, as it came."""
    if type_name(value) != "function":
        raise _refusal(value, position, "function")
    return value


def table(value: LuaValue, position: Position) -> LuaTable:
    """A table, as it came."""
    if not isinstance(value, LuaTable):
        raise _refusal(value, position, "table")
    return value


def userdata(value: LuaValue, position: Position) -> LuaValue:
    """An object, as it came."""
    if not isinstance(value, LuaObject | Opaque) or type_name(value) != "userdata":
        raise _refusal(value, position, "userdata")
    return value


def sequence(
    value: LuaValue,
    position: Position,
    element: Callable[[LuaValue, Position], T],
    wanted: str = "Vec<String>",
) -> list[T]:
    """The sequence of a table up to its first hole, each element converted."""
    if not isinstance(value, LuaTable):
        raise _refusal(value, position, wanted, "expected table")
    elements: list[T] = []
    for item in value.sequence:
        if item is None:
            break
        elements.append(element(item, position))
    return elements


def mapping(
    value: LuaValue,
    position: Position,
    element: Callable[[LuaValue, Position], T],
    wanted: str = "HashMap<String, String>",
) -> dict[str, T]:
    """All pairs of a table, keys as text, each value converted."""
    if not isinstance(value, LuaTable):
        raise _refusal(value, position, wanted, "expected table")
    return {text(key, position): element(item, position) for key, item in value.items}


def _number(value: LuaValue, position: Position, wanted: str) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    found = _numeral(value) if isinstance(value, str) else None
    if found is None:
        raise _refusal(value, position, wanted, "expected number or string coercible to number")
    return found


def _numeral(text: str) -> int | float | None:
    """The number that Lua reads in a text: decimal or hexadecimal, blanks around it allowed."""
    bare = text.strip(_BLANKS)
    hexadecimal = _HEX.fullmatch(bare)
    if hexadecimal:
        return _hexadecimal(hexadecimal)
    # An integer of too many digits is a float.
    if _DECIMAL.fullmatch(bare) and len(bare) < 21 and (found := int(bare)) in _INT64:
        return found
    return float(bare) if _FLOAT.fullmatch(bare) else None


def _hexadecimal(found: re.Match[str]) -> int | float | None:
    sign, whole, point, fraction, exponent = found.groups()
    if not whole + fraction:
        return None
    digits = int(whole + fraction, 16)
    if point or exponent is not None:
        # The exponent is cut to where every result is 0 or infinite anyway.
        power = max(-9999, min(9999, int((exponent or "0")[:4000]))) - 4 * len(fraction)
        try:
            size = math.ldexp(digits, power)
        except OverflowError:
            size = math.inf
        return -size if sign == "-" else size
    wrapped = (-digits if sign == "-" else digits) & (2**64 - 1)  # integers wrap around
    return wrapped - 2**64 if wrapped >= 2**63 else wrapped


def _decoded(raw: bytes, position: Position) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _refusal(raw, position, "&str", utf8_fault(error)) from None


def _number_text(value: LuaValue, position: Position, wanted: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal(value, position, wanted, "expected string or number")
    return lua_float_text(value) if isinstance(value, float) else str(value)


def _refusal(value: Any, position: Position, wanted: str, why: str = "") -> ArgumentError:
    reason = f" ({why})" if why else ""
    return ArgumentError(
        f"bad argument #{position}: error converting Lua {type_name(value)} to {wanted}{reason}"
    )
