"""What a parameter may be: types that turn one Lua value into plain Python.

A type has `convert`, which returns the value or raises `Mismatch` in KumoMTA's words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Final, Protocol

from msgspec import Struct

from kumolog.duration import MAX_SECONDS, NANOS_PER_SECOND, parse_duration
from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import (
    NULL,
    LuaTable,
    LuaValue,
    NotSerializableError,
    Opaque,
    describe,
    to_json,
    type_name,
)

_PREFIX: Final = "deserialize error: "


class Mismatch(Exception):  # noqa: N818 - a step of checking; users see the ParamError made of it
    """A value does not fit its type; ``reason`` is KumoMTA's wording without the frame."""

    def __init__(self, reason: str, hint: str | None = None, prefix: str = _PREFIX) -> None:
        super().__init__(prefix + reason)
        self.reason = reason
        self.hint = hint


class Type(Protocol):
    """What a value may be."""

    def convert(self, value: LuaValue) -> Any:
        """Return the plain Python value; raises Mismatch."""


def unwanted(expected: str, value: LuaValue, hint: str | None = None) -> Mismatch:
    """The mismatch of a value whose Lua type is wrong."""
    if isinstance(value, Opaque | LuaObject | LuaFunction) and value != NULL:
        return Mismatch(f"unsupported value type `{type_name(value)}`")
    return Mismatch(f"invalid type: {describe(value)}, expected {expected}", hint)


def nearest(given: str, names: Iterable[str]) -> str | None:
    """The sentence that offers the name most like ``given``; case and separators do not count."""
    folded = {_folded(name): name for name in names}
    found = get_close_matches(_folded(given), folded, n=1)
    return f"did you mean `{folded[found[0]]}`?" if found else None


def _folded(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")


def one_of(names: tuple[str, ...]) -> str:
    """List names as serde does, which differs between one, two and more."""
    marked = [f"`{name}`" for name in names]
    return " or ".join(marked) if len(marked) < 3 else "one of " + ", ".join(marked)


class Scalar(Struct, frozen=True):
    """A type told by the exact Python type of the value, with a conversion for each one taken."""

    expected: str
    accepts: Mapping[type, Callable[[Any], Any]]
    hint: Callable[[LuaValue], str | None] = lambda _: None

    def convert(self, value: LuaValue) -> Any:
        accept = self.accepts.get(type(value))
        if accept is None:
            raise unwanted(self.expected, value, self.hint(value))
        return accept(value)


def _same(value: Any) -> Any:
    return value


def _text(expected: str) -> Scalar:
    def refuse(_: bytes) -> str:
        raise Mismatch(f"invalid value: byte array, expected {expected}")

    return Scalar(expected, {str: _same, bytes: refuse})


def _integer(expected: str, low: int, high: int) -> Scalar:
    def within(value: int) -> int:
        if not low <= value <= high:
            raise Mismatch(f"invalid value: {describe(value)}, expected {expected}")
        return value

    def whole(value: LuaValue) -> str | None:
        if isinstance(value, float) and value.is_integer() and low <= value <= high:
            return f"write {int(value)}: a number with a point or an exponent is no integer"
        return None

    return Scalar(expected, {int: within}, whole)


class Within(Struct, frozen=True):
    """An integer type with a narrower range than KumoMTA's."""

    inner: Type
    low: int
    high: int

    def convert(self, value: LuaValue) -> Any:
        number = self.inner.convert(value)
        if not self.low <= number <= self.high:
            raise Mismatch(f"invalid value: {describe(number)}, expected {self.low} to {self.high}")
        return number


def _seconds(value: int) -> int:
    if value < 0:
        raise Mismatch(
            "duration must either be a string or a positive integer specifying the number of "
            "seconds. (error: out of range integral type conversion attempted)"
        )
    return value * NANOS_PER_SECOND


def _fractional_seconds(value: float) -> int:
    if value < 0:
        raise Mismatch("cannot convert float seconds to Duration: value is negative")
    if not value <= MAX_SECONDS:  # NaN compares as false
        raise Mismatch("cannot convert float seconds to Duration: value is either too big or NaN")
    return round(Fraction(value) * NANOS_PER_SECOND)


def _duration_text(value: str) -> int:
    try:
        return parse_duration(value)
    except ValueError as error:
        reason = f"invalid value: {describe(value)}, expected a duration"
        raise Mismatch(reason, str(error)) from None


STRING: Final = _text("a string")
PATH: Final = _text("path string")
BOOL: Final = Scalar("a boolean", {bool: _same})
FLOAT: Final = Scalar("f64", {float: _same, int: float})
U8, U16, U32, U64 = (_integer(f"u{bits}", 0, 2**bits - 1) for bits in (8, 16, 32, 64))
I8, I16, I32, I64 = (
    _integer(f"i{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)
)
# The key of a struct.
FIELD: Final = Scalar(
    "field identifier", {str: _same, bytes: lambda name: name.decode(errors="replace")}
)
USIZE: Final = _integer("usize", 0, 2**64 - 1)
DURATION: Final = Scalar(
    "a duration", {int: _seconds, float: _fractional_seconds, str: _duration_text}
)
TIMESTAMP: Final = Scalar("a unix timestamp in seconds", {int: _same})  # in seconds, too


class Bytes(Struct, frozen=True):
    """Any Lua string, or a list of integers from 0 to 255; becomes bytes."""

    expected: str = "byte array"

    def convert(self, value: LuaValue) -> bytes:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, bytes):
            return value
        if isinstance(value, LuaTable) and (value.sequence or value.is_array):
            return bytes(map(U8.convert, value.sequence))
        raise unwanted(self.expected, value)


class _Json:
    """Anything that JSON can hold; becomes plain JSON."""

    def convert(self, value: LuaValue) -> Any:
        return plain_json(value)


ANY: Final = _Json()


class _Function:
    """A function as it is; anything else counts as absent."""

    def convert(self, value: LuaValue) -> LuaValue:
        return value if type_name(value) == "function" else None


FUNCTION: Final = _Function()


class _Null:
    """The null userdata alone."""

    def convert(self, value: LuaValue) -> None:
        if value != NULL:
            raise unwanted("null", value)


NOTHING: Final = _Null()


def plain_json(value: LuaValue) -> Any:
    """Return ``value`` as plain JSON; raises Mismatch where it has no such form."""
    try:
        return to_json(value)
    except NotSerializableError as error:
        raise Mismatch(f"unsupported value type `{error.kind}`") from None
    except ValueError as error:
        raise Mismatch(str(error)) from None
