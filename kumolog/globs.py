"""Shell patterns for paths: `kumo.fs.glob`, the config monitor, tailers: whoever looks for files.

``?`` and ``*`` match neither a ``/`` nor a dot at the start of a name, ``[...]`` and ``[!...]`` one
character, ``{a,b}`` alternatives, ``\\`` quotes, and ``**`` as a whole component stands for any
number of directories, hidden ones excepted. KumoMTA: globs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from msgspec import Struct

from kumolog.errors import KumologError
from kumolog.files import FILES, Files

_SPECIAL: Final = frozenset("*?[{\\")
_MEMBER: Final = re.compile(r"\\(.)|(.)", re.DOTALL)
_NOT_HIDDEN: Final = r"(?!\A\.)"
_MOST_ROWS: Final = 1000

_Parts = tuple[str | re.Pattern[str] | None, ...]
_Identity = tuple[int, int]


class Glob(Struct, frozen=True):
    """A pattern; ``parts`` are its components: a name, a regex for names, or None for ``**``."""

    pattern: str
    parts: _Parts
    is_absolute: bool

    @classmethod
    def parse(cls, pattern: str) -> Glob:
        """Raises KumologError for a pattern that is none."""
        try:
            parts = tuple(_part(name) for name in _components(pattern) if name)
        except ValueError as error:
            raise KumologError(f"the glob {pattern!r} is malformed: {error}") from None
        return cls(pattern, parts, pattern.startswith("/"))

    def paths(self, base: str = ".", files: Files = FILES) -> list[str]:
        """The sorted paths that match, relative to ``base`` unless the pattern is absolute.

        What cannot be listed is passed over. Raises KumologError for a name that is not UTF-8.
        """
        return sorted(map(utf8, self.found(base, files)))

    def found(self, base: str, files: Files = FILES) -> set[str]:
        """As `paths`, in no order, and with surrogates for what is not UTF-8."""
        top = "/" if self.is_absolute else base
        prefix = "/" if self.is_absolute else ""
        return {prefix + path for path in _Tree(top, files).walk("", self.parts) if path}


def utf8(path: str) -> str:
    """``path``; raises KumologError where Python had to decode it with surrogates."""
    if not is_utf8(path):
        raise KumologError(f"the path {os.fsencode(path)!r} is not UTF-8")
    return path


def is_utf8(text: str) -> bool:
    """Whether Python had not to decode it with surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Tree(NamedTuple):
    """The directories below ``top``, in which the walk looks."""

    top: str
    files: Files

    def walk(self, path: str, parts: _Parts) -> Iterator[str]:
        """The paths below ``path`` that match, each with ``path`` before it."""
        if not parts:
            yield path
            return
        first, rest = parts[0], parts[1:]
        if isinstance(first, str):
            inner = os.path.join(path, first)
            if os.path.lexists(self._place(inner)):
                yield from self.walk(inner, rest)
        elif first is None:
            own = self._directory(path)
            if own is not None:
                yield from self._walk_all(path, rest, frozenset((own,)))
        else:
            for name in self._names(path):
                if first.fullmatch(name):
                    yield from self.walk(os.path.join(path, name), rest)

    def _walk_all(self, path: str, rest: _Parts, above: frozenset[_Identity]) -> Iterator[str]:
        """As `walk`, in the directory and all below it; links to what is above are not followed."""
        yield from self.walk(path, rest)
        for name in self._names(path):
            if name.startswith("."):
                continue
            inner = os.path.join(path, name)
            identity = self._directory(inner)
            if identity is not None and identity not in above:
                yield from self._walk_all(inner, rest, above | {identity})
            elif not rest:
                yield inner

    def _place(self, path: str) -> str:
        return self.files.to_read(os.path.join(self.top, path))

    def _directory(self, path: str) -> _Identity | None:
        """What tells one directory from another; None where there is no directory."""
        try:
            found = os.stat(os.path.join(self._place(path), ""))
        except (OSError, ValueError):
            return None
        return found.st_dev, found.st_ino

    def _names(self, path: str) -> list[str]:
        try:
            return self.files.names(os.path.join(self.top, path))
        except (OSError, ValueError):  # missing, unreadable, no such name: nothing in it matches
            return []


def _components(pattern: str) -> list[str]:
    """The pattern split at each ``/`` that is not within brackets."""
    components, start, position = [], 0, 0
    while position < len(pattern):
        if pattern[position] == "/":
            components.append(pattern[start:position])
            start = position + 1
        position = _after(pattern, position)
    return [*components, pattern[start:]]


def _after(pattern: str, position: int) -> int:
    """Where the element that begins at ``position`` ends."""
    char = pattern[position]
    if char == "\\":
        if position + 1 == len(pattern):
            raise ValueError("nothing follows the last \\")
        return position + 2
    if char == "[":
        return _after_class(pattern, position)
    if char == "{":
        return _after_alternatives(pattern, position)
    return position + 1


def _after_class(pattern: str, position: int) -> int:
    position += 2 if pattern[position + 1 : position + 2] == "!" else 1
    is_first = True  # a ] that comes first is a member
    while position < len(pattern):
        if pattern[position] == "]" and not is_first:
            return position + 1
        position += 2 if pattern[position] == "\\" else 1
        is_first = False
    raise ValueError("a [ is never closed")


def _after_alternatives(pattern: str, position: int) -> int:
    position += 1
    while position < len(pattern):
        if pattern[position] == "}":
            return position + 1
        if pattern[position] == "/":
            raise ValueError("a / cannot stand between { and }")
        position = _after(pattern, position)
    raise ValueError("a { is never closed")


def _part(name: str) -> str | re.Pattern[str] | None:
    if name == "**":
        return None
    if _SPECIAL.isdisjoint(name):
        return name
    return re.compile(_regex(name), re.DOTALL)


def _regex(pattern: str) -> str:
    return "|".join(map(_regex_of_row, _rows(pattern)))


def _rows(pattern: str) -> list[list[str]]:
    """The elements of the pattern, once for each choice that its alternatives leave."""
    rows: list[list[str]] = [[]]
    position = 0
    while position < len(pattern):
        end = _after(pattern, position)
        element = pattern[position:end]
        choices = [[element]]
        if element.startswith("{"):
            choices = [row for inner in _alternatives(element[1:-1]) for row in _rows(inner)]
        if len(rows) * len(choices) > _MOST_ROWS:
            raise ValueError(f"its alternatives leave more than {_MOST_ROWS} choices")
        rows = [row + choice for row in rows for choice in choices]
        position = end
    return rows


def _regex_of_row(row: list[str]) -> str:
    """Without alternatives, what follows a ``*`` is best found where it comes first.

    So only the last ``*`` ever has to give anything back, and no name takes long.
    """
    stretches: list[list[str]] = [[]]
    for before, element in pairwise(["", *row]):
        if element != "*":
            stretches[-1].append(_element(element))
        elif before != "*":
            stretches.append([])
    first, *others = map("".join, stretches)
    early = [f"(?>{_NOT_HIDDEN}[^/]*?{stretch})" for stretch in others[:-1]]
    return "".join((first, *early, *(f"{_NOT_HIDDEN}[^/]*{stretch}" for stretch in others[-1:])))


def _element(element: str) -> str:
    first = element[0]
    if first == "?":
        return f"{_NOT_HIDDEN}[^/]"
    if first == "[":
        return _class(element[1:-1])
    return re.escape(element[1:] if first == "\\" else element)


def _alternatives(inside: str) -> list[str]:
    found, start, position = [], 0, 0
    while position < len(inside):
        if inside[position] == ",":
            found.append(inside[start:position])
            start = position + 1
        position = _after(inside, position)
    return [*found, inside[start:]]


def _class(inside: str) -> str:
    negated = inside.startswith("!")
    # Each member as its character and whether it was quoted, for a quoted - makes no range.
    members = [
        (found[1] or found[2], bool(found[1])) for found in _MEMBER.finditer(inside, negated)
    ]
    parts, position = [], 0
    while position < len(members):
        low = members[position][0]
        if members[position + 1 : position + 2] == [("-", False)] and position + 2 < len(members):
            high = members[position + 2][0]
            if low > high:
                raise ValueError(f"the range {low}-{high} is empty")
            parts.append(f"{re.escape(low)}-{re.escape(high)}")
            position += 3
        else:
            parts.append(re.escape(low))
            position += 1
    return f"[{'^/' if negated else ''}{''.join(parts)}]"
