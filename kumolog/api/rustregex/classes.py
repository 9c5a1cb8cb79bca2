"""Sets of characters: ``[...]`` with its set operations, ``\\p{...}``, ``\\d`` and their kin.

Every function gives the text of an expression for one character in the notation of the package
``regex`` (its version 1, in which sets nest).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import regex  # type: ignore[import-untyped] # ships no type information

from kumolog.api.rustregex.cursor import Cursor
from kumolog.api.rustregex.folding import orbits, variants, variants_of_range

PERL = frozenset("dDsSwW")
CONTROLS: Mapping[str, str] = MappingProxyType(
    {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
)
_HEX_DIGITS: Mapping[str, int] = MappingProxyType({"x": 2, "u": 4, "U": 8})
_HEX = re.compile(r"[0-9A-Fa-f]+")
_OPERATORS = ("&&", "--", "~~")
# KumoMTA: Rust's named sets are ASCII, also where letters are meant.
_POSIX: Mapping[str, str] = MappingProxyType(
    {
        "alnum": "0-9A-Za-z",
        "alpha": "A-Za-z",
        "ascii": r"\x00-\x7f",
        "blank": r"\t\x20",
        "cntrl": r"\x00-\x1f\x7f",
        "digit": "0-9",
        "graph": r"\x21-\x7e",
        "lower": "a-z",
        "print": r"\x20-\x7e",
        "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
        "space": r"\t\n\v\f\r\x20",
        "upper": "A-Z",
        "word": "0-9A-Za-z_",
        "xdigit": "0-9A-Fa-f",
    }
)
_POSIX_NAME = re.compile(r"\[:(\^?)([a-z]+):\]")
_SPECIAL_PROPERTIES: Mapping[str, str] = MappingProxyType(
    {"any": r"\s\S", "assigned": r"\P{gc=Cn}", "ascii": r"\x00-\x7f"}
)
_PROPERTY_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "gc": "gc",
        "generalcategory": "gc",
        "sc": "sc",
        "script": "sc",
        "scx": "scx",
        "scriptextensions": "scx",
    }
)


def spell(char: str) -> str:
    """One character, literally."""
    return char if char.isalnum() or not char.isascii() else f"\\x{ord(char):02x}"


def literal(char: str, cursor: Cursor) -> str:
    """One character, in any case under ``(?i)``."""
    alike = variants(char) if "i" in cursor.flags else char
    return spell(char) if len(alike) == 1 else f"[{''.join(map(spell, alike))}]"


def hexadecimal(kind: str, cursor: Cursor, at: int) -> str:
    """The character of ``\\x41``, ``\\x{41}``, ``\\u0041`` or ``\\U00000041``."""
    if cursor.take("{"):
        digits = cursor.until("}", "Invalid hex escape")
    else:
        digits = cursor.peek(_HEX_DIGITS[kind])
        cursor.at += len(digits)
        if len(digits) < _HEX_DIGITS[kind]:
            cursor.fail("Invalid hex escape", at)
    if _HEX.fullmatch(digits) is None or len(digits) > 8:
        cursor.fail("Invalid hex escape", at)
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        cursor.fail("Invalid codepoint for hex or unicode escape", at)
    return chr(code)


def unicode_property(kind: str, cursor: Cursor, at: int) -> str:
    """The set of ``\\pL``, ``\\p{Greek}``, ``\\P{gc=Lu}``; ``kind`` is ``p`` or ``P``."""
    name = cursor.next()
    if name == "{":
        name = cursor.until("}", "Unicode escape not closed")
    members = _property_members(name)
    if members is None:
        cursor.fail(f"Unicode property not found or not supported: {name}", at)
    if "i" in cursor.flags:
        members += _case_variants(members)
    return f"[{'^' if kind == 'P' else ''}{members}]"


@cache
def _property_members(name: str) -> str | None:
    kind, separator, value = name.replace(":", "=").partition("=")
    folded = re.sub(r"[\s_-]", "", kind.lower())
    if not separator and folded in _SPECIAL_PROPERTIES:
        return _SPECIAL_PROPERTIES[folded]
    kinds: tuple[str, ...] = (f"gc={kind}", f"sc={kind}", f"{kind}=Yes")
    if separator:
        kinds = (f"{_PROPERTY_KINDS[folded]}={value}",) if folded in _PROPERTY_KINDS else ()
    if re.fullmatch(r"[\w =:-]+", name, re.ASCII) is None:
        return None
    return next((rf"\p{{{text}}}" for text in kinds if _is_known(text)), None)


def _is_known(property_text: str) -> bool:
    try:
        regex.compile(rf"\p{{{property_text}}}", regex.V1)
    except regex.error:
        return False
    return True


@cache
def _case_variants(members: str) -> str:
    inside = regex.compile(f"[{members}]", regex.V1).match
    groups = {group for char, group in orbits().items() if inside(char)}
    return "".join(spell(char) for group in sorted(groups) for char in group)


class _Class:
    """One ``[...]``, read from behind its opening bracket."""

    def __init__(self, cursor: Cursor, *, nested: bool) -> None:
        self.cursor = cursor
        self.start = cursor.at - 1
        self.nested = nested

    def read(self) -> str:
        cursor = self.cursor
        negation = "^" if cursor.take("^") else ""
        first = self._leading()
        whole = self._union(first)
        while not cursor.take("]"):
            operator = cursor.peek(2)
            cursor.at += 2
            whole = f"[{whole}{operator}{self._union('')}]"
        return f"[^{whole}]" if negation else whole

    def _leading(self) -> str:
        """What is literal only at the beginning: dashes, or a closing bracket."""
        cursor = self.cursor
        dashes = ""
        while cursor.peek() == "-":
            cursor.at += 1
            dashes = spell("-")
        if dashes or cursor.peek() != "]":
            return dashes
        if self.nested:  # releases of the crate differ on where such a set ends
            cursor.fail("Invalid character class: escape the ] that is to be a member")
        return self._item()

    def _union(self, text: str) -> str:
        """All items up to a set operation or the end, as one set."""
        cursor = self.cursor
        while cursor.peek() != "]" and cursor.peek(2) not in _OPERATORS:
            text += self._item()
        if not text:
            cursor.fail("Invalid character class: nothing stands on one side of an operation")
        return f"[{text}]"

    def _item(self) -> str:
        cursor = self.cursor
        at = cursor.at
        named = _POSIX_NAME.match(cursor.source, at)
        if named is not None and named[2] in _POSIX:
            cursor.at = named.end()
            return self._posix(named[1], named[2])
        if cursor.take("["):
            return _Class(cursor, nested=True).read()
        first = self._member()
        if len(first) > 1:
            if cursor.peek() == "-" and cursor.peek(2) not in ("-]", "--"):
                cursor.fail("Invalid character class: a range begins with a set", at)
            return first
        if cursor.peek() != "-" or cursor.peek(2) in ("-]", "--", "-"):
            return self._range(first, first)
        cursor.at += 1
        if cursor.peek() == "[":
            cursor.fail("Invalid character class: a range ends with a set", at)
        last = self._member()
        if len(last) > 1 or last < first:
            cursor.fail("Invalid character class: a range ends before it begins", at)
        return self._range(first, last)

    def _range(self, first: str, last: str) -> str:
        text = spell(first) if first == last else f"{spell(first)}-{spell(last)}"
        if "i" in self.cursor.flags:
            text += "".join(map(spell, variants_of_range(first, last)))
        return text

    def _posix(self, negation: str, name: str) -> str:
        members = _POSIX[name]
        if "i" in self.cursor.flags:
            members += _case_variants(members)
        return f"[{negation}{members}]"

    def _member(self) -> str:
        """One character as it is, or the text of a set, which is longer."""
        cursor = self.cursor
        at = cursor.at
        char = cursor.next() if cursor.peek() else cursor.fail("Invalid character class", at)
        if char.isspace() and cursor.plain and "x" in cursor.flags:
            cursor.fail("Invalid character class: escape the blank under the flag x", at)
        return char if char != "\\" else set_escape(cursor, at)


def set_escape(cursor: Cursor, at: int) -> str:
    """What a backslash begins where a set or one character is meant; else PatternError."""
    kind = cursor.next()
    if kind in PERL:
        return f"\\{kind}"
    if kind in "pP":
        return unicode_property(kind, cursor, at)
    if kind in _HEX_DIGITS:
        return hexadecimal(kind, cursor, at)
    if kind in CONTROLS:
        return CONTROLS[kind]
    if kind in _FANCY_ESCAPES:
        cursor.fancy_only(f"\\{kind}", at)
        return _FANCY_ESCAPES[kind]
    if (kind.isascii() and kind.isalnum()) or (cursor.plain and not _is_plain_escape(kind, cursor)):
        cursor.fail(f"Invalid escape: \\{kind}", at)
    return kind


_FANCY_ESCAPES: Mapping[str, str] = MappingProxyType(
    {"e": "\x1b", "h": "[0-9A-Fa-f]", "H": "[^0-9A-Fa-f]", "b": "\b"}
)


def _is_plain_escape(char: str, cursor: Cursor) -> bool:
    return char.isascii() and (char not in " <>" or (char == " " and "x" in cursor.flags))


def read_class(cursor: Cursor) -> str:
    """A set whose opening bracket was just taken."""
    return _Class(cursor, nested=False).read()
