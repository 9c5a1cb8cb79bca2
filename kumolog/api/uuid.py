"""`kumo.uuid`: universally unique identifiers (RFC 9562)."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Mapping
from typing import ClassVar, Final

from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, quoted
from kumolog.params.arguments import text

_HEX: Final = "[0-9a-fA-F]"
_HYPHENATED: Final = rf"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
_FORMS: Final = re.compile(
    rf"{_HEX}{{32}}|{_HYPHENATED}|\{{{_HYPHENATED}\}}|urn:uuid:{_HYPHENATED}"
)
_VARIANT: Final = 0b10 << 62


class Uuid(LuaObject):
    """An identifier and its spellings."""

    lua_name = "Uuid"
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__tostring": "tostring"}
    lua_fields: ClassVar[Mapping[str, str]] = {
        "braced": "braced",
        "bytes": "bytes",
        "hyphenated": "hyphenated",
        "simple": "simple",
        "urn": "urn",
    }

    def __init__(self, value: uuid.UUID) -> None:
        self.bytes = value.bytes
        self.hyphenated = str(value)
        self.simple = value.hex
        self.braced = f"{{{value}}}"
        self.urn = value.urn

    def tostring(self, *_: LuaValue) -> str:
        return self.hyphenated


def new_v1(registry: Registry, _place: str, *_: LuaValue) -> Uuid:
    """Made of the time and the MAC address."""
    return Uuid(registry.clock.uuid1())


def new_v4(_registry: Registry, _place: str, *_: LuaValue) -> Uuid:
    """Random."""
    return Uuid(uuid.uuid4())


def new_v6(registry: Registry, _place: str, *_: LuaValue) -> Uuid:
    """As version 1, but sorted by time (RFC 9562 section 5.6)."""
    made = registry.clock.uuid1()
    high = made.time >> 12 << 16 | 6 << 12 | made.time & 0xFFF
    return Uuid(uuid.UUID(int=high << 64 | made.int & (1 << 64) - 1))


def new_v7(registry: Registry, _place: str, *_: LuaValue) -> Uuid:
    """Unix time and random bits (RFC 9562 section 5.7).

    The time goes down to 1/4096 of a millisecond, so that those made one after another are sorted
    (section 6.2, method 3).
    """
    milliseconds, nanoseconds = divmod(registry.clock.wall_ns(), 1_000_000)
    high = milliseconds << 16 | 7 << 12 | nanoseconds * 4096 // 1_000_000
    return Uuid(uuid.UUID(int=high << 64 | _VARIANT | int.from_bytes(os.urandom(8)) >> 2))


def parse(_registry: Registry, _place: str, spelling: LuaValue = None, *_: LuaValue) -> Uuid:
    """The identifier of a text: hyphenated, simple, braced or ``urn:uuid:``; digits in any case."""
    source = text(spelling, 1)
    if _FORMS.fullmatch(source) is None:
        raise KumologError(
            f"kumo.uuid.parse({quoted(source)}): a UUID has 32 hexadecimal digits, with hyphens as "
            "in 00000000-0000-0000-0000-000000000000 or with none"
        )
    return Uuid(uuid.UUID(source))
