"""`kumo.mimepart`: messages as trees of parts, for reading."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from kumolog.api.mimeheaders import HeaderMap
from kumolog.api.registry import Registry
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.mail.mime import Part, parse_message
from kumolog.mail.mime_structure import simple_structure
from kumolog.params.arguments import data


def parse(_registry: Registry, _place: str, message: LuaValue = None, *_: LuaValue) -> MimePart:
    """The message as a part; raises KumologError where headers cannot be parsed."""
    return mime_part(data(message, 1))


def mime_part(message: bytes) -> MimePart:
    """What `kumo.mimepart.parse` and a message's `parse_mime` give."""
    return MimePart(parse_message(message))


class MimePart(LuaObject):
    """A part of a message, or the whole of it."""

    lua_name = "MimePart"
    lua_methods: ClassVar[Mapping[str, str]] = {"get_simple_structure": "get_simple_structure"}
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__tostring": "tostring"}
    lua_fields: ClassVar[Mapping[str, str]] = {"body": "body", "headers": "headers", "id": "id"}

    def __init__(self, part: Part) -> None:
        self._part = part

    @cached_property
    def body(self) -> str | bytes:
        return self._part.content()

    @cached_property
    def headers(self) -> HeaderMap:
        return HeaderMap(self._part.headers)

    @property
    def id(self) -> str:
        return self._part.id

    def tostring(self, *_: LuaValue) -> bytes:
        """The whole message, whichever of its parts is asked."""
        return self._part.data

    def get_simple_structure(self, *_: LuaValue) -> dict[str, Any]:
        found = simple_structure(self._part)
        return {
            "text_part": found.text and MimePart(found.text),
            "html_part": found.html and MimePart(found.html),
            "header_part": self,
            "attachments": [
                attachment._asdict() | {"part": MimePart(attachment.part)}
                for attachment in found.attachments
            ],
        }
