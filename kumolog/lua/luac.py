"""Reads what Lua 5.4's `string.dump` makes of a chunk: its functions and their lines.

The format has no specification but Lua's own `ldump.c`. Only dumps that were just made in this
process are read, and none is ever loaded again.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_HEADER = b"\x1bLua\x54\x00\x19\x93\r\n\x1a\n" + struct.pack("=BBBqd", 4, 8, 8, 0x5678, 370.5)
_INSTRUCTION = 4  # bytes
# The bytes of a constant behind its type: nil, false, true, an integer, a float.
_CONSTANTS = {0x00: 0, 0x01: 0, 0x11: 0, 0x03: 8, 0x13: 8}
_STRINGS = (0x04, 0x14)
_ABSOLUTE = 0x80  # instead of a difference: the line is in the table of absolute ones


class Prototype(NamedTuple):
    """A function of the text, by the lines of its beginning and its end, both 0 for a chunk.

    ``lines`` are those that have an instruction of its own, as `debug.getinfo(f, 'L')` gives them;
    ``returns_on`` is the one of them that has nothing but the return behind the last statement.
    """

    first: int
    last: int
    lines: frozenset[int]
    returns_on: int | None
    code: tuple[int, ...] = ()
    """Its instructions."""
    constants: tuple[str | None, ...] = ()
    """Those that are texts, a character for each byte; None for others."""


def prototypes(dump: bytes) -> list[Prototype]:
    """The chunk and all functions in it, each before those inside it, in the order of the text.

    Raises ValueError for what is no unstripped dump of this machine's Lua 5.4.
    """
    if not dump.startswith(_HEADER):
        raise ValueError("reading a dump of Lua code: not one of Lua 5.4 on this machine")
    reader = _Reader(dump, len(_HEADER) + 1)  # behind the number of upvalues
    reader.function()
    return reader.found


class _Reader:
    def __init__(self, dump: bytes, position: int) -> None:
        self._dump = dump
        self._position = position
        self.found: list[Prototype] = []

    def function(self) -> None:
        self._string()  # its source
        first, last = self._number(), self._number()
        is_vararg = self._bytes(3)[1]
        count = self._number()
        code = struct.unpack(f"={count}I", self._bytes(count * _INSTRUCTION))
        constants = tuple(self._constant() for _ in range(self._number()))
        self._bytes(self._number() * 3)  # upvalues
        place = len(self.found)
        for _ in range(self._number()):
            self.function()
        lines = self._lines(first)
        if is_vararg:
            del lines[0]  # only hands over the arguments, and has no line event
        returns_on = None if lines[-1] in lines[:-1] else lines[-1]
        found = Prototype(first, last, frozenset(lines), returns_on, code, constants)
        self.found.insert(place, found)
        self._names()

    def _lines(self, line: int) -> list[int]:
        differences = self._bytes(self._number())
        absolute = {self._number(): self._number() for _ in range(self._number())}
        lines = []
        for place, difference in enumerate(differences):
            if difference == _ABSOLUTE:
                line = absolute[place]
            else:
                line += difference - 256 if difference > _ABSOLUTE else difference
            lines.append(line)
        return lines

    def _names(self) -> None:
        for _ in range(self._number()):  # local variables, and where they live
            self._string()
            self._number()
            self._number()
        for _ in range(self._number()):  # upvalues
            self._string()

    def _constant(self) -> str | None:
        (kind,) = self._bytes(1)
        if kind in _STRINGS:
            return self._string()
        self._bytes(_CONSTANTS[kind])
        return None

    def _string(self) -> str:
        size = self._number()  # 0 for none, else one more than it has bytes
        return self._bytes(max(0, size - 1)).decode("latin-1")

    def _number(self) -> int:
        """Seven bits in a byte, the highest first; the last byte is marked."""
        number = 0
        while True:
            (byte,) = self._bytes(1)
            number = number << 7 | byte & 0x7F
            if byte & 0x80:
                return number

    def _bytes(self, count: int) -> bytes:
        start = self._position
        self._position += count
        return self._dump[start : self._position]
