"""Compiled patterns, and searching with them in Rust's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import regex  # type: ignore[import-untyped] # ships no type information

from kumolog.api.rustregex.cursor import PatternError
from kumolog.api.rustregex.syntax import Translation, translate
from kumolog.errors import KumologError

# Seconds for one search. fancy_regex gives up after a million steps, which take a few milliseconds.
_PATIENCE = 1.0


class Match(NamedTuple):
    """Where a match lies in the text, and the texts of its groups, the whole as number 0."""

    start: int
    end: int
    groups: tuple[str | None, ...]


class Pattern:
    """A pattern that can be searched for; ``names`` are the numbers of the named groups."""

    def __init__(self, source: str, translation: Translation) -> None:
        self.source = source
        self.names: Mapping[str, int] = translation.names
        self._search = regex.compile(translation.text, regex.V1).search

    def search(self, text: str, start: int = 0) -> Match | None:
        """The leftmost match that begins at ``start`` or later.

        Raises KumologError for a search that does not end.
        """
        try:
            found: Any = self._search(text, start, timeout=_PATIENCE)
        except TimeoutError:
            raise KumologError(
                "Error executing regex: Max limit for backtracking count exceeded: "
                f"{self.source!r} backtracks too much on a text of {len(text)} characters"
            ) from None
        if found is None:
            return None
        return Match(found.start(), found.end(), (found[0], *found.groups()))

    def matches(self, text: str) -> Iterator[Match]:
        """All matches that do not overlap; an empty one right behind another does not count."""
        position, last_end = 0, -1
        while position <= len(text):
            found = self.search(text, position)
            if found is None:
                return
            empty = found.start == found.end
            position = found.end + 1 if empty else found.end
            if not (empty and found.end == last_end):
                last_end = found.end
                yield found


def compile_fancy(source: str) -> Pattern:
    """Compile a pattern of the crate ``fancy_regex``; raises PatternError."""
    return _compile(source, plain=False)


def compile_plain(source: str) -> Pattern:
    """Compile a pattern of the crate ``regex``, which looks neither around nor back."""
    return _compile(source, plain=True)


def _compile(source: str, *, plain: bool) -> Pattern:
    translation = translate(source, plain=plain)
    try:
        return Pattern(source, translation)
    except (regex.error, OverflowError, RecursionError) as error:
        raise PatternError(f"Error compiling regex: {error}") from None
