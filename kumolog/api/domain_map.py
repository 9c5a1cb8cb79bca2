"""`kumo.domain_map`: maps from domains to values, with wildcards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from kumolog.api.calls import check_call
from kumolog.api.memoized import given_out, kept
from kumolog.api.registry import Registry
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import method, text

_WILDCARD: Final = "*"


def new(_registry: Registry, _place: str, *arguments: LuaValue) -> DomainMap:
    """A map of the pairs of a table."""
    (pairs,) = check_call("kumo.domain_map.new", arguments)
    made = DomainMap()
    for domain, value in (pairs or {}).items():
        made.assign(domain, value)
    return made


class _Node:
    """A domain in the tree of labels, which grows from the top-level domains."""

    __slots__ = ("children", "value")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.value: LuaValue = None


class DomainMap(LuaObject):
    """Domains and their values; ``*.a`` stands for every domain below ``a`` at any depth.

    Case counts. A label that is part of a longer key is found before a wildcard beside it, also
    where it leads nowhere (KumoMTA: domain_map).
    """

    lua_name = "DomainMap"
    lua_metamethods: ClassVar[Mapping[str, str]] = {
        "__index": "index",
        "__newindex": "assign",
        "__memoize": "memoize",
    }

    def __init__(self) -> None:
        self._root = _Node()

    def index(self, domain: LuaValue = None, *_: LuaValue) -> LuaValue:
        """The value for a domain; None where there is none."""
        node = self._root
        for label in _labels(text(domain, method(1, "DomainMap.__index"))):
            child = node.children.get(label)
            if child is None:
                wildcard = node.children.get(_WILDCARD)
                return None if wildcard is None else given_out(wildcard.value)
            node = child
        return given_out(node.value)

    def assign(self, domain: LuaValue = None, value: LuaValue = None, *_: LuaValue) -> None:
        key = text(domain, method(1, "DomainMap.__newindex"))
        stored = kept(value, f"setting {key} in a DomainMap")
        node = self._root
        for label in _labels(key):
            node = node.children.setdefault(label, _Node())
        node.value = stored

    def memoize(self, *_: LuaValue) -> DomainMap:
        """The map itself: what a cache keeps of it."""
        return self


def _labels(domain: str) -> list[str]:
    """The labels from the top-level domain down."""
    return domain.split(".")[::-1]
