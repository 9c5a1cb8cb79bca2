"""Types made of others: lists, maps, and what may be null."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from kumolog.luavalue import NULL, LuaTable, LuaValue, echo, in_order, key_text, type_name
from kumolog.params.types import STRING, Mismatch, Scalar, Type


def wanted_table(value: LuaValue, hint: str | None = None) -> LuaTable:
    """Return ``value`` if it is a table; raises Mismatch."""
    if not isinstance(value, LuaTable):
        raise Mismatch(f"invalid type: {type_name(value)}, expected table", hint)
    return value


class Nullable(Struct, frozen=True):
    """``inner``, or null, which becomes None."""

    inner: Type

    def convert(self, value: LuaValue) -> Any:
        return None if value is None or value == NULL else self.inner.convert(value)


class ListOf(Struct, frozen=True):
    """The sequence of a table; its other keys do not count."""

    element: Type

    def convert(self, value: LuaValue) -> list[Any]:
        hint = f"write {{ {echo(value)} }}" if isinstance(value, str) else None
        return [self.element.convert(item) for item in wanted_table(value, hint).sequence]


class MapOf(Struct, frozen=True):
    """All pairs of a table."""

    key: Type
    value: Type

    def convert(self, value: LuaValue) -> dict[Any, Any]:
        pairs = in_order(wanted_table(value).items)
        return {self.key.convert(key): self.value.convert(item) for key, item in pairs}


class TupleOf(Struct, frozen=True):
    """A list of exactly as many elements as there are types."""

    elements: tuple[Type, ...]

    def convert(self, value: LuaValue) -> list[Any]:
        given = wanted_table(value).sequence
        if len(given) != len(self.elements):
            size = len(self.elements)
            raise Mismatch(f"invalid length {len(given)}, expected a tuple of size {size}")
        return [wanted.convert(item) for wanted, item in zip(self.elements, given, strict=True)]


class FirstOf(Struct, frozen=True):
    """The first of some types that fits; a refusal gives the reason of each."""

    types: tuple[Type, ...]

    def convert(self, value: LuaValue) -> Any:
        reasons: list[Mismatch] = []
        for wanted in self.types:
            try:
                return wanted.convert(value)
            except Mismatch as error:
                reasons.append(error)
        raise Mismatch(
            ", and then: ".join(map(str, reasons)),
            next((error.hint for error in reasons if error.hint), None),
            prefix="",
        )


def _quoted_key(key: LuaValue) -> str:
    try:
        text = key_text(key)
    except ValueError as error:  # an infinite key
        raise Mismatch(str(error)) from None
    raise Mismatch(f"invalid type: {type_name(key)} {text} (quoted), expected a string")


# The keys of a map from strings, where scalars are named in their own way.
STRING_KEY: Final = Scalar(
    "a string", {**STRING.accepts, **dict.fromkeys((bool, int, float), _quoted_key)}
)
