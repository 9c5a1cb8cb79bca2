"""A pattern of Rust's read by its grammar and written anew in the notation of ``regex``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from kumolog.api.rustregex.atoms import AtomReader, Piece

_MAX_DEPTH = 64  # of nested groups, as fancy_regex has it
_MOST_UNROLLED = 300_000  # atoms; Rust's engine takes about as many
_REPEAT = re.compile(r"\{(?P<low>\d*)(?P<comma>,?)(?P<high>\d*)\}")
_BLANK_REPEAT = re.compile(r"\{[\d,\s]*\}")
_QUANTIFIERS: Mapping[str, tuple[int, int | None]] = MappingProxyType(
    {"?": (0, 1), "*": (0, None), "+": (1, None)}
)
_FLAGS = frozenset("imsxUu")
_NAME = re.compile(r"\w+")
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)

# What follows the "(" of a group: its form anew, and whether it looks around.
_GROUPS: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "?=": ("?=", True),
        "?!": ("?!", True),
        "?<=": ("?<=", True),
        "?<!": ("?<!", True),
        "?>": ("?>", False),
    }
)


class Translation(NamedTuple):
    """``text`` for the engine, how many ``groups`` it captures, and the numbers of named ones."""

    text: str
    groups: int
    names: Mapping[str, int]


def translate(source: str, *, plain: bool) -> Translation:
    """Write a pattern anew; raises PatternError.

    ``plain`` is the grammar of the crate ``regex`` without what ``fancy_regex`` adds.
    """
    return _Translator(source, plain=plain).translation()


class _Translator(AtomReader):
    def __init__(self, source: str, *, plain: bool) -> None:
        super().__init__(source, plain=plain)
        self.depth = 0
        self.capturing = 0  # how many enclosing groups would lose flags set in them
        self.groups = 0
        self.unrolled = 0  # atoms, each as often as the repetitions around it ask for at least

    def translation(self) -> Translation:
        cursor = self.cursor
        piece = self._alternatives()
        if cursor.peek():
            cursor.fail("General parsing error: end of string not reached")
        for group, at in self.numbered.items():
            if group > self.groups:
                cursor.fail(f"Invalid back reference to group {group}", at)
            if self.names:
                cursor.fail("Numbered backref not allowed because named group was used", at)
        return Translation(piece.text, self.groups, self.names)

    # Sequences ----------------------------------------------------------------------------------

    def _alternatives(self) -> Piece:
        branches = [self._branch()]
        while self.cursor.take("|"):
            branches.append(self._branch())
        if len(branches) == 1:
            return branches[0]
        least = min(branch.least for branch in branches)
        fixed = all(branch.fixed and branch.least == least for branch in branches)
        text = "|".join(branch.text for branch in branches)
        return Piece(text, least, fixed, any(branch.hard for branch in branches))

    def _branch(self) -> Piece:
        pieces = []
        self._skip()
        while self.cursor.peek() not in ("", "|", ")"):
            piece = self._piece()
            if piece.text:
                pieces.append(piece)
            self._skip()
        if len(pieces) == 1:
            return pieces[0]
        return Piece(
            "".join(piece.text for piece in pieces),
            sum(piece.least for piece in pieces),
            all(piece.fixed for piece in pieces),
            any(piece.hard for piece in pieces),
        )

    def _piece(self) -> Piece:
        cursor = self.cursor
        at = cursor.at
        char = cursor.next()
        if char in _QUANTIFIERS:
            cursor.fail("Target of repeat operator is invalid", at)
        if char in "{}" and cursor.plain:
            cursor.fail("a brace that is no repetition: write a backslash before it", at)
        groups, before = self.groups, self.unrolled
        piece = self._group(at) if char == "(" else self.atom(char, at)
        self.unrolled += 1
        self._skip()
        return self._quantified(piece, self.groups > groups, before)

    def _quantified(self, piece: Piece, captures: bool, before: int) -> Piece:
        cursor = self.cursor
        at = cursor.at
        limits = self._limits()
        if limits is None:
            return piece
        low, high = limits
        if not piece.text or not piece.repeatable:
            cursor.fail("Target of repeat operator is invalid", at)
        if high is not None and high < low:
            cursor.fail("Invalid repeat syntax: the second number is below the first", at)
        if captures and (high == 0 or (high != 1 and not piece.least)):
            # Releases of the crate differ on the former, engines on what the group then holds.
            cursor.fail("a capturing group that is repeated no times, or repeated and empty", at)
        self.unrolled += max(low - 1, 0) * (self.unrolled - before)
        if self.unrolled > _MOST_UNROLLED:
            cursor.fail("Compiled regex exceeds size limit", at)
        self._skip()
        lazy = cursor.take("?") != ("U" in cursor.flags)
        text = f"{piece.text}{{{low},{'' if high is None else high}}}{'?' if lazy else ''}"
        whole = Piece(f"(?:{text})", piece.least * low, piece.fixed and low == high, piece.hard)
        if cursor.peek() != "+":
            return whole
        cursor.fancy_only("a possessive repetition", cursor.at)
        if not piece.least:  # engines differ on when such a loop has gone on for long enough
            cursor.fail("a possessive repetition of what may be empty", cursor.at)
        cursor.at += 1
        return whole._replace(text=f"(?>{text})", hard=True)

    def _limits(self) -> tuple[int, int | None] | None:
        """How often the piece repeats; None where no repetition follows."""
        cursor = self.cursor
        simple = _QUANTIFIERS.get(cursor.peek())
        if simple is not None:
            cursor.at += 1
            return simple
        match = _REPEAT.match(cursor.source, cursor.at)
        if match is None or not (match["low"] or match["comma"]):
            if "x" in cursor.flags and _BLANK_REPEAT.match(cursor.source, cursor.at):
                cursor.fail("Invalid repeat syntax: write it without blanks")
            return None  # the brace is literal
        if not match["low"]:
            cursor.fancy_only("a repetition without its lower limit", cursor.at)
        cursor.at = match.end()
        low = int(match["low"] or 0)
        if not match["comma"]:
            return low, low
        return low, int(match["high"]) if match["high"] else None

    def _skip(self) -> None:
        """Pass over comments, and over blanks where they do not count."""
        cursor = self.cursor
        while True:
            at = cursor.at
            if "x" in cursor.flags and cursor.peek() in (" ", "\t", "\r", "\n"):
                cursor.at += 1
            elif "x" in cursor.flags and cursor.peek() == "#":
                end = cursor.source.find("\n", at)
                cursor.at = len(cursor.source) if end < 0 else end + 1
            elif cursor.peek(3) == "(?#":
                cursor.fancy_only("a comment group", at)
                cursor.at += 3
                while (char := cursor.next()) != ")":
                    cursor.at += char == "\\"
            else:
                return

    # Groups -------------------------------------------------------------------------------------

    def _group(self, at: int) -> Piece:
        cursor = self.cursor
        self.depth += 1
        if self.depth >= _MAX_DEPTH:
            cursor.fail("Pattern too deeply nested", at)
        if "x" in cursor.flags and cursor.peek() in (" ", "\t", "\r", "\n", "#"):
            self._skip()
            if cursor.peek() == "?":
                cursor.fail("blanks between ( and ?", at)
        piece = self._opened(at)
        self.depth -= 1
        return piece

    def _opened(self, at: int) -> Piece:
        cursor = self.cursor
        if not cursor.peek().startswith("?"):
            return self._capture(None, at)
        for opening in ("?P<", "?<", "?'"):
            lookbehind = opening == "?<" and cursor.peek(3) in ("?<=", "?<!")
            if not lookbehind and cursor.take(opening):
                return self._named_group(opening, at)
        if cursor.take("?P="):
            return self.named_reference(cursor.until(")", "Could not parse group name"), at)
        for opening, (form, looks_around) in _GROUPS.items():
            if cursor.take(opening):
                cursor.fancy_only(f"({opening}", at)
                return self._special(form, looks_around, at)
        if cursor.peek(2) in ("?(", "?~", "?&") or cursor.peek(3) == "?P>":
            cursor.fail(f"({cursor.peek(3)}: this kind of group is not supported", at)
        return self._flags(at)

    def _named_group(self, opening: str, at: int) -> Piece:
        cursor = self.cursor
        if opening == "?'":
            cursor.fancy_only("(?'", at)
        name = cursor.until("'" if opening == "?'" else ">", "Could not parse group name")
        if (_PLAIN_NAME if cursor.plain else _NAME).fullmatch(name) is None:
            cursor.fail("Could not parse group name", at)
        if name in self.names:
            cursor.fail(f"two groups are named {name}", at)
        return self._capture(name, at)

    def _capture(self, name: str | None, at: int) -> Piece:
        self.groups += 1
        group = self.groups
        if name is not None:
            self.names[name] = group
        self.open_groups.append(group)
        inner = self._inside(at)
        self.open_groups.pop()
        return inner._replace(text=f"({inner.text})", repeatable=True)

    def _special(self, form: str, looks_around: bool, at: int) -> Piece:
        groups = self.groups
        inner = self._inside(at)
        text = f"({form}{inner.text})"
        if not looks_around:
            return inner._replace(text=text, hard=True, repeatable=True)
        if "<" in form and not inner.fixed and (inner.hard or self.groups > groups):
            self.cursor.fail("Look-behind assertion without constant size", at)
        return Piece(text, hard=True, repeatable=False)

    def _inside(self, at: int) -> Piece:
        """What a group that is no mere bracket holds, up to its closing parenthesis."""
        flags = self.cursor.flags
        self.capturing += 1
        inner = self._alternatives()
        self.capturing -= 1
        self._close(at)
        self.cursor.flags = flags
        return inner

    def _close(self, at: int) -> None:
        if not self.cursor.take(")"):
            self.cursor.fail("Opening parenthesis without closing parenthesis", at)

    def _flags(self, at: int) -> Piece:
        """``(?i)``, which holds to the end of the enclosing group, or ``(?i:...)``."""
        cursor = self.cursor
        before = cursor.flags
        cursor.at += 1
        letters = ""
        while (char := cursor.next()) not in ":)":
            letters += char
        on, minus, off = letters.partition("-")
        known = _FLAGS.issuperset(on + off) and "u" not in off
        if not known or (minus and not off) or (char == ")" and not letters):
            cursor.fail(f"Unknown group flag: (?{letters}", at)
        cursor.flags = (before | set(on)) - set(off) - {"u"}
        if char == ")":
            if self.capturing and not cursor.plain:
                cursor.fail("flags set inside a group: write (?flags:...) around it instead", at)
            return Piece("")
        capturing, self.capturing = self.capturing, 0
        inner = self._alternatives()
        self.capturing = capturing
        self._close(at)
        cursor.flags = before
        return inner._replace(text=f"(?:{inner.text})" if inner.text else "")
