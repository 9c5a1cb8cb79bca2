"""Parameters that are one of several things: enums by name, and untagged ones by their form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import (
    MAX_DEPTH,
    LuaTable,
    LuaValue,
    Opaque,
    describe,
    key_text,
    type_name,
    utf8_fault,
)
from kumolog.params.types import Mismatch, Type, nearest, one_of

_NO_PAYLOAD: Final = object()


_UNREADABLE: Final = (Opaque, LuaObject, LuaFunction)


def readable(value: LuaValue, depth: int = 0) -> None:
    """Refuses what cannot be read before its type is known: functions, threads, userdata.

    Raises Mismatch. KumoMTA: buffered values.
    """
    if isinstance(value, LuaTable):
        if depth >= MAX_DEPTH:
            raise Mismatch(f"the table is nested deeper than {MAX_DEPTH} levels")
        for key, item in value.items:
            readable(key, depth + 1)
            readable(item, depth + 1)
    elif isinstance(value, _UNREADABLE) and type_name(value) != "lightuserdata":
        raise Mismatch(f"unsupported value type `{type_name(value)}`")


class Enum(Struct, frozen=True):
    """One of some names, spelled exactly; those in ``payloads`` come as ``{Name = payload}``.

    Converts to the name, or to a dict of the name and the converted payload. ``buffered`` values
    are refused in other words. KumoMTA: enums.
    """

    names: tuple[str, ...]
    payloads: Mapping[str, Type] = {}
    buffered: bool = False

    def convert(self, value: LuaValue) -> Any:
        name, payload = (_buffered_parts if self.buffered else _parts)(value)
        if name not in self.names:
            raise Mismatch(
                f"unknown variant `{name}`, expected {one_of(self.names)}",
                nearest(name, self.names),
            )
        wanted = self.payloads.get(name)
        if wanted is None:
            return self._unit(name, payload)
        if payload is _NO_PAYLOAD:
            reason = "invalid type: unit variant, expected newtype variant"
            raise Mismatch(reason, f"write {{ {name} = ... }}")
        return {name: wanted.convert(payload)}

    def _unit(self, name: str, payload: Any) -> str:
        if payload is _NO_PAYLOAD:
            return name
        if not self.buffered:
            given, expected = "newtype variant", "unit variant"
        elif isinstance(payload, LuaTable) and not payload.items and not payload.is_array:
            return name
        else:
            given, expected = describe(payload), "unit"
        raise Mismatch(f"invalid type: {given}, expected {expected}", f'write "{name}"')


def _parts(value: LuaValue) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, _NO_PAYLOAD
    if isinstance(value, bytes):
        return _decoded(value), _NO_PAYLOAD
    if not isinstance(value, LuaTable):
        raise Mismatch("bad enum value")
    key, payload = _single_pair(value)
    if isinstance(key, bytes):
        return _decoded(key), payload
    try:
        return key_text(key), payload
    except ValueError:
        raise Mismatch("bad enum value") from None


def _buffered_parts(value: LuaValue) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, _NO_PAYLOAD
    if not isinstance(value, LuaTable) or value.sequence or value.is_array:
        raise Mismatch(f"invalid type: {describe(value)}, expected string or map")
    key, payload = _single_pair(value)
    if not isinstance(key, str):
        raise Mismatch(f"invalid type: {describe(key)}, expected variant identifier")
    return key, payload


def _single_pair(table: LuaTable) -> tuple[LuaValue, LuaValue]:
    if len(table.items) != 1:
        raise Mismatch("invalid value: map, expected map with a single key")
    return table.items[0]


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        why = utf8_fault(error)
        raise Mismatch(f"error converting Lua string to &str ({why})", prefix="") from None


class Folded(Struct, frozen=True):
    """One of some names in any letter case; converts to the name as listed."""

    names: tuple[str, ...]
    text: Type
    what: str

    def convert(self, value: LuaValue) -> str:
        given: str = self.text.convert(value)
        for name in self.names:
            if name.casefold() == given.casefold():
                return name
        raise Mismatch(f"`{given}` is not a valid {self.what}", nearest(given, self.names))


class Disposition(Struct, frozen=True):
    """One of some names or a boolean, which stands for the first or the last of them."""

    names: tuple[str, ...]

    def convert(self, value: LuaValue) -> str:
        if isinstance(value, bool):
            return self.names[-1 if value else 0]
        if isinstance(value, str) and value in self.names:
            return value
        readable(value)
        *others, last = (f"'{name}'" for name in self.names)
        given = "value" if isinstance(value, str | bytes) else "type"
        raise Mismatch(
            f"invalid {given}: {describe(value)}, expected a boolean value or one of "
            f"{', '.join(others)} or {last}",
            nearest(value, self.names) if isinstance(value, str) else None,
        )


class Untagged(Struct, frozen=True):
    """The first of some types that fits; no reason is given for a refusal."""

    name: str
    types: tuple[Type, ...]

    def convert(self, value: LuaValue) -> Any:
        readable(value)
        hint = None
        for wanted in self.types:
            try:
                return wanted.convert(value)
            except Mismatch as error:
                hint = hint or error.hint
        raise Mismatch(f"data did not match any variant of untagged enum {self.name}", hint)


class Tagged(Struct, frozen=True):
    """A table whose key ``tag`` names what it is; converts to a dict with the tag."""

    name: str
    tag: str
    names: tuple[str, ...]
    payloads: Mapping[str, Type]

    def convert(self, value: LuaValue) -> dict[str, Any]:
        readable(value)
        if not isinstance(value, LuaTable) or value.sequence or value.is_array:
            expected = f"internally tagged enum {self.name}"
            raise Mismatch(f"invalid type: {describe(value)}, expected {expected}")
        rest = [(key, item) for key, item in value.items if key != self.tag]
        if len(rest) == len(value.items):
            raise Mismatch(f"missing field `{self.tag}`")
        kind = Enum(self.names, buffered=True).convert(dict(value.items)[self.tag])
        wanted = self.payloads.get(kind)
        return {self.tag: kind, **(wanted.convert(LuaTable(rest)) if wanted else {})}


class OneOrMany(Struct, frozen=True):
    """One value or a list of them; converts to a list."""

    one: Type
    many: Type

    def convert(self, value: LuaValue) -> list[Any]:
        readable(value)
        reasons = ["OneOrMany could not deserialize any variant:"]
        for name, wanted in (("One", self.one), ("Many", self.many)):
            try:
                found = wanted.convert(value)
            except Mismatch as error:
                reasons.append(f"  {name}: {error}")
            else:
                return found if isinstance(found, list) else [found]
        raise Mismatch("\n".join(reasons))
