"""The pattern being read, and where."""

from __future__ import annotations

from typing import NoReturn

from kumolog.errors import KumologError


class PatternError(KumologError):
    """A pattern that Rust's engine refuses, or that has no exact counterpart here.

    The text names the byte at which reading stopped, as ``fancy_regex`` does.
    """


class Cursor:
    """A place in ``source``, of which ``plain`` tells that it is for Rust's ``regex`` crate itself.

    ``flags`` are the letters of the flags that are on: ``i``, ``m``, ``s``, ``x``, ``U``.
    """

    def __init__(self, source: str, *, plain: bool) -> None:
        self.source = source
        self.plain = plain
        self.at = 0
        self.flags: frozenset[str] = frozenset()

    def peek(self, length: int = 1) -> str:
        """The next characters, fewer at the end."""
        return self.source[self.at : self.at + length]

    def next(self) -> str:
        """Take one character; raises PatternError at the end."""
        char = self.peek()
        if not char:
            self.fail("the pattern ends too early")
        self.at += 1
        return char

    def take(self, text: str) -> bool:
        """Whether ``text`` comes next; if so it is taken."""
        found = self.source.startswith(text, self.at)
        if found:
            self.at += len(text)
        return found

    def until(self, end: str, reason: str) -> str:
        """Take all up to ``end``, and ``end`` itself; raises PatternError for lack of it."""
        stop = self.source.find(end, self.at)
        if stop < 0:
            self.fail(reason)
        text = self.source[self.at : stop]
        self.at = stop + len(end)
        return text

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        """Raise the PatternError for this place, or for the character ``at``."""
        before = self.source[: self.at if at is None else at]
        raise PatternError(f"Parsing error at position {len(before.encode())}: {reason}")

    def fancy_only(self, what: str, at: int) -> None:
        """Refuse ``what`` where the pattern is for the plain crate."""
        if self.plain:
            self.fail(f"{what}: this is not supported here, only in kumo.regex.compile", at)
