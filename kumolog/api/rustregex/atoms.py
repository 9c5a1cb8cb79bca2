"""The parts of a pattern that hold no others: characters, sets, assertions, references."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from kumolog.api.rustregex.classes import literal, read_class, set_escape
from kumolog.api.rustregex.cursor import Cursor

_WORD_START, _WORD_END = r"(?:(?<!\w)(?=\w))", r"(?:(?<=\w)(?!\w))"
_BOUNDARIES: Mapping[str, str] = MappingProxyType(
    {
        "start": _WORD_START,
        "end": _WORD_END,
        "start-half": r"(?<!\w)",
        "end-half": r"(?!\w)",
    }
)
_ASSERTIONS: Mapping[str, str] = MappingProxyType(
    {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B", "<": _WORD_START, ">": _WORD_END}
)


class Piece(NamedTuple):
    """A part written anew, ready for a quantifier.

    ``least`` is how many characters it takes at least, ``fixed`` whether always so many, ``hard``
    whether Rust's linear engine lacks it.
    """

    text: str
    least: int = 0
    fixed: bool = True
    hard: bool = False
    repeatable: bool = True


_FANCY: Mapping[str, Piece] = MappingProxyType(
    {
        "Z": Piece(r"(?=\n*\Z)", hard=True, repeatable=False),
        "K": Piece(r"\K", hard=True, repeatable=False),
        "O": Piece(r"[\s\S]", 1),
    }
)


class AtomReader:
    """Reads such parts, and keeps what is known of the groups that they refer to.

    ``names`` are the numbers of the named groups, ``numbered`` the groups referred to by number and
    where that is first done.
    """

    def __init__(self, source: str, *, plain: bool) -> None:
        self.cursor = Cursor(source, plain=plain)
        self.open_groups: list[int] = []
        self.names: dict[str, int] = {}
        self.numbered: dict[int, int] = {}
        self._atoms: Mapping[str, Callable[[int], Piece]] = {
            ".": self._dot,
            "^": self._line_start,
            "$": self._line_end,
            "\\": self._escape,
            "[": self._class,
        }

    def atom(self, char: str, at: int) -> Piece:
        """The part that begins with ``char``, which stood at ``at`` and was taken."""
        read = self._atoms.get(char)
        return Piece(literal(char, self.cursor), 1) if read is None else read(at)

    def _dot(self, _at: int) -> Piece:
        return Piece(r"[\s\S]" if "s" in self.cursor.flags else r"[^\n]", 1)

    def _line_start(self, _at: int) -> Piece:
        return Piece(r"(?:(?<![^\n]))" if "m" in self.cursor.flags else r"(?:\A)")

    def _line_end(self, _at: int) -> Piece:
        return Piece(r"(?:(?![^\n]))" if "m" in self.cursor.flags else r"(?:\Z)")

    def _class(self, _at: int) -> Piece:
        return Piece(read_class(self.cursor), 1)

    def _escape(self, at: int) -> Piece:
        cursor = self.cursor
        kind = cursor.peek() or cursor.fail("Backslash without following character", at)
        if kind in "bB" and cursor.source[cursor.at + 1 : cursor.at + 2] == "{":
            braced = self._braced_boundary(kind)
            if braced is not None:
                return braced
        if kind in _ASSERTIONS:
            cursor.at += 1
            return Piece(f"(?:{_ASSERTIONS[kind]})", hard=kind not in "Az")
        if kind in _FANCY:
            cursor.fancy_only(f"\\{kind}", at)
            cursor.at += 1
            return _FANCY[kind]
        if kind.isascii() and kind.isdigit():
            return self._numbered_reference(at)
        if kind == "k":
            cursor.at += 1
            close = {"<": ">", "'": "'"}.get(cursor.next()) or cursor.fail("Invalid group name", at)
            return self.named_reference(cursor.until(close, "Could not parse group name"), at)
        text = set_escape(cursor, at)
        return Piece(literal(text, cursor) if len(text) == 1 else text, 1)

    def _braced_boundary(self, kind: str) -> Piece | None:
        cursor = self.cursor
        end = cursor.source.find("}", cursor.at)
        inner = cursor.source[cursor.at + 2 : end]
        if inner[:1].isdigit() or inner[:1] == ",":
            return None  # a repetition of the assertion
        if kind == "B" or inner not in _BOUNDARIES:
            cursor.fail(f"Invalid escape: \\{kind}{{{inner}}}", cursor.at - 1)
        cursor.at = end + 1
        return Piece(f"(?:{_BOUNDARIES[inner]})", hard=True)

    # References ---------------------------------------------------------------------------------

    def _numbered_reference(self, at: int) -> Piece:
        cursor = self.cursor
        digits = ""
        while cursor.peek().isascii() and cursor.peek().isdigit():
            digits += cursor.next()
        self.numbered.setdefault(int(digits), at)
        return self._reference(int(digits), at)

    def named_reference(self, name: str, at: int) -> Piece:
        """What matches the text of a group again."""
        if name not in self.names:
            self.cursor.fail(f"Invalid group name in back reference: {name}", at)
        return self._reference(self.names[name], at)

    def _reference(self, group: int, at: int) -> Piece:
        self.cursor.fancy_only("a back reference", at)
        if group == 0 or group in self.open_groups:
            self.cursor.fail(f"Invalid back reference to group {group}", at)
        scope = "i" if "i" in self.cursor.flags else ""
        return Piece(rf"(?{scope}:\g<{group}>)", 0, fixed=False, hard=True)
