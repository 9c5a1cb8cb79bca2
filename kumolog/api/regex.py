"""`kumo.regex`: regular expressions in the syntax of Rust's ``fancy_regex``.

`kumolog.api.rustregex` says what differs from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final

from kumolog.api.registry import Registry
from kumolog.api.rustregex import Match, Pattern, PatternError, compile_fancy
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, quoted
from kumolog.params.arguments import integer, method, text

_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$#]")
# "$$", "$name", "${name}"; the longest name counts, so "$1a" is the group "1a".
_REFERENCE: Final = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")


def compile(_registry: Registry, _place: str, pattern: LuaValue = None, *_: LuaValue) -> Regex:
    """A pattern to search with; raises for one that is bad, or not supported here."""
    source = text(pattern, 1)
    try:
        return Regex(compile_fancy(source))
    except PatternError as error:
        raise KumologError(f"kumo.regex.compile({quoted(source)}): {error}") from None


def escape(_registry: Registry, _place: str, literal: LuaValue = None, *_: LuaValue) -> str:
    """A pattern that matches the text itself."""
    return _SPECIAL.sub(r"\\\g<0>", text(literal, 1))


class Regex(LuaObject):
    """A compiled pattern."""

    lua_name = "Regex"
    lua_methods: ClassVar[Mapping[str, str]] = {
        "captures": "captures",
        "find": "find",
        "find_all": "find_all",
        "is_match": "is_match",
        "replace": "replace",
        "replace_all": "replace_all",
        "replacen": "replacen",
        "split": "split",
    }

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern

    def captures(self, haystack: LuaValue = None, *_: LuaValue) -> dict[int | str, str] | None:
        """The groups of the first match, the whole as 0, named ones under both keys."""
        found = self._pattern.search(text(haystack, method(1, "Regex.captures")))
        if found is None:
            return None
        groups: dict[int | str, str | None] = dict(enumerate(found.groups))
        groups.update((name, found.groups[group]) for name, group in self._pattern.names.items())
        return {key: group for key, group in groups.items() if group is not None}

    def is_match(self, haystack: LuaValue = None, *_: LuaValue) -> bool:
        return self._pattern.search(text(haystack, method(1, "Regex.is_match"))) is not None

    def find(self, haystack: LuaValue = None, *_: LuaValue) -> str | None:
        """The text of the first match."""
        found = self._pattern.search(text(haystack, method(1, "Regex.find")))
        return None if found is None else found.groups[0]

    def find_all(self, haystack: LuaValue = None, *_: LuaValue) -> list[str | None]:
        """The texts of all matches."""
        searched = text(haystack, method(1, "Regex.find_all"))
        return [found.groups[0] for found in self._pattern.matches(searched)]

    def replace(self, haystack: LuaValue = None, replacement: LuaValue = None, *_: LuaValue) -> str:
        """The text with the first match replaced."""
        return self._replaced("replace", (haystack, replacement), 1)

    def replace_all(
        self, haystack: LuaValue = None, replacement: LuaValue = None, *_: LuaValue
    ) -> str:
        """The text with every match replaced."""
        return self._replaced("replace_all", (haystack, replacement), 0)

    def replacen(
        self,
        haystack: LuaValue = None,
        limit: LuaValue = None,
        replacement: LuaValue = None,
        *_: LuaValue,
    ) -> str:
        """The text with at most ``limit`` matches replaced; 0 stands for all."""
        most = integer(limit, method(2, "Regex.replacen"), "usize")
        return self._replaced("replacen", (haystack, replacement), most, 3)

    def split(self, haystack: LuaValue = None, *_: LuaValue) -> list[str]:
        """The texts between matches, also empty ones."""
        searched = text(haystack, method(1, "Regex.split"))
        pieces, end = [], 0
        for found in self._pattern.matches(searched):
            pieces.append(searched[end : found.start])
            end = found.end
        return [*pieces, searched[end:]]

    def _replaced(
        self, name: str, given: tuple[LuaValue, LuaValue], most: int, second: int = 2
    ) -> str:
        searched = text(given[0], method(1, f"Regex.{name}"))
        template = text(given[1], method(second, f"Regex.{name}"))
        pieces: list[str] = []
        end = 0
        for count, found in enumerate(self._pattern.matches(searched), 1):
            pieces += searched[end : found.start], self._expanded(template, found)
            end = found.end
            if count == most:
                break
        return "".join((*pieces, searched[end:]))

    def _expanded(self, template: str, found: Match) -> str:
        def value(reference: re.Match[str]) -> str:
            if reference[1]:
                return "$"
            name = reference[2] or reference[3]
            number = self._pattern.names.get(name)
            if number is None:
                number = int(name) if name.isascii() and name.isdigit() else -1
            return (found.groups[number] or "") if 0 <= number < len(found.groups) else ""

        return _REFERENCE.sub(value, template)
