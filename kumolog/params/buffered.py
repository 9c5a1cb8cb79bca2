"""Types of values that KumoMTA reads before it knows what they are to be: other rules, other words.

What stands below an untagged enum or a flattened struct is such a buffered value (KumoMTA: buffered
values). Scalars are the same there; a type whose values cannot be read so is refused by `readable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from kumolog.luavalue import LuaTable, LuaValue, describe, in_order
from kumolog.params import Key, ParamTable
from kumolog.params.compose import wanted_table
from kumolog.params.enums import readable
from kumolog.params.types import (
    FIELD,
    Mismatch,
    Type,
    nearest,
)


def _is_sequence(value: LuaValue) -> bool:
    return isinstance(value, LuaTable) and bool(value.sequence or value.is_array)


def _misfit(value: LuaValue, expected: str, hint: str | None = None) -> Mismatch:
    return Mismatch(f"invalid type: {describe(value)}, expected {expected}", hint)


class BufferedList(Struct, frozen=True):
    """A sequence: `{}` is a map here, unless it is marked as an array."""

    element: Type

    def convert(self, value: LuaValue) -> list[Any]:
        if not isinstance(value, LuaTable) or not _is_sequence(value):
            empty = isinstance(value, LuaTable) and not value.items
            hint = "leave the key out: an empty table is refused here" if empty else None
            raise _misfit(value, "a sequence", hint)
        return [self.element.convert(item) for item in value.sequence]


class BufferedMap(Struct, frozen=True):
    """The pairs of a table that is no sequence."""

    key: Type
    value: Type
    expected: str = "a map"

    def convert(self, value: LuaValue) -> dict[Any, Any]:
        if not isinstance(value, LuaTable) or _is_sequence(value):
            raise _misfit(value, self.expected)
        pairs = in_order(value.items)
        return {self.key.convert(key): self.value.convert(item) for key, item in pairs}


class BufferedTable(Struct, frozen=True):
    """A table of named parameters; a sequence fills them in the order of declaration."""

    table: ParamTable
    name: str

    def convert(self, value: LuaValue) -> dict[str, Any]:
        if not isinstance(value, LuaTable):
            raise _misfit(value, f"struct {self.name}")
        if not _is_sequence(value):
            return self.table.convert(value)
        given = value.sequence
        keys = self.table.keys
        found = {key.name: key.type.convert(item) for key, item in zip(keys, given, strict=False)}
        if len(given) > len(keys):
            size = f"{len(keys)} element{'s' * (len(keys) != 1)} in sequence"
            raise Mismatch(f"invalid length {len(given)}, expected {size}")
        for position, key in enumerate(keys[len(given) :], len(given)):
            if key.required:
                size = f"{len(keys)} element{'s' * (len(keys) != 1)}"
                raise Mismatch(
                    f"invalid length {position}, expected struct {self.name} with {size}"
                )
            found[key.name] = key.absent()
        return found


class FlattenedTable(Struct, frozen=True):
    """A table of which some keys belong to a flattened struct, so that they are buffered.

    Own keys come first, then own missing keys, then the flattened ones, and unknown keys last: a
    ``closed`` table refuses those without a list. Converts to a dict in declaration order.
    """

    keys: tuple[Key, ...]
    flattened: frozenset[str]
    closed: bool = True

    def convert(self, value: LuaValue) -> dict[str, Any]:
        by_name = {key.name: key for key in self.keys}
        found: dict[str, Any] = {}
        later: list[tuple[LuaValue, LuaValue]] = []
        for name, item in in_order(wanted_table(value).items):
            if isinstance(name, str) and name in by_name and name not in self.flattened:
                found[name] = by_name[name].type.convert(item)
            else:
                readable(name)
                readable(item)
                later.append((name, item))
        found.update(self._absent(found, flattened=False))
        unknown: list[LuaValue] = []
        for name, item in later:
            if isinstance(name, str) and name in self.flattened:
                found[name] = by_name[name].type.convert(item)
            else:
                unknown.append(name)
        found.update(self._absent(found, flattened=True))
        if unknown and self.closed:
            raise self._unknown(unknown[0])
        return {name: found[name] for name in by_name}

    def _absent(self, found: dict[str, Any], flattened: bool) -> Iterator[tuple[str, Any]]:
        for key in self.keys:
            if key.name not in found and (key.name in self.flattened) is flattened:
                yield key.name, key.absent()

    def _unknown(self, name: LuaValue) -> Mismatch:
        if not isinstance(name, str | bytes):
            return Mismatch("unexpected map key")
        text = FIELD.convert(name)
        return Mismatch(f"unknown field `{text}`", nearest(text, [key.name for key in self.keys]))
