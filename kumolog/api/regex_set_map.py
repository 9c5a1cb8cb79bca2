"""`kumo.regex_set_map`: maps from regular expressions to values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from kumolog.api.calls import check_call
from kumolog.api.memoized import given_out, kept
from kumolog.api.registry import Registry
from kumolog.api.rustregex import Pattern, PatternError, compile_plain
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, quoted
from kumolog.params.arguments import method, text


def new(_registry: Registry, _place: str, *arguments: LuaValue) -> RegexSetMap:
    """A map of the pairs of a table, which cannot be changed; raises for a bad pattern."""
    (pairs,) = check_call("kumo.regex_set_map.new", arguments)
    # KumoMTA takes any match where several patterns do; here it is the first in sorted order, so
    # that every run gives the same.
    entries = [
        (_compiled(source), kept(value, f"setting {quoted(source)} in a RegexSetMap"))
        for source, value in sorted((pairs or {}).items())
    ]
    return RegexSetMap(entries)


class RegexSetMap(LuaObject):
    """Patterns in the syntax of Rust's ``regex`` crate, searched for anywhere in a key."""

    lua_name = "RegexSetMap"
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__index": "index", "__memoize": "memoize"}

    def __init__(self, entries: list[tuple[Pattern, LuaValue]]) -> None:
        self._entries = entries

    def index(self, key: LuaValue = None, *_: LuaValue) -> LuaValue:
        """The value of a pattern that matches somewhere in ``key``; None where none does."""
        searched = text(key, method(1, "RegexSetMap.__index"))
        for pattern, value in self._entries:
            if pattern.search(searched) is not None:
                return given_out(value)
        return None

    def memoize(self, *_: LuaValue) -> RegexSetMap:
        """The map itself: what a cache keeps of it."""
        return self


def _compiled(source: str) -> Pattern:
    try:
        return compile_plain(source)
    except PatternError as error:
        raise KumologError(f"kumo.regex_set_map.new: {quoted(source)}: {error}") from None
