"""Split decoded bytes into lines, a block of them at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

from kumolog.lines import Lines

MAX_LINE = 16 * 1024 * 1024
"""Bytes of a line, its end not counted, above which it comes as Overlong pieces."""

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
# What is made of so many bytes, records and all, stays in the processor's own cache.
_PIECE = 128 * 1024


@dataclass(slots=True, frozen=True)
class Block:
    """Whole lines that follow one another in one input, without their ends; never empty.

    Blank lines are left out, but counted: ``numbers[i]`` is the 1-based number of ``lines[i]``.
    """

    source: str
    lines: Lines
    numbers: Sequence[int]

    @property
    def first_line(self) -> int:
        return self.numbers[0]

    def line_number(self, index: int) -> int:
        return self.numbers[index]

    def last(self) -> tuple[int, int, bytes]:
        """Return the number of the last line, which part of it this is, and its text."""
        return self.numbers[-1], 0, self.lines[-1]

    def find(self, line: int, part: int) -> bytes | None:
        """Return the text of a part of a line; None where it is not among these."""
        return self.lines[self.numbers.index(line)] if not part and line in self.numbers else None

    def after(self, line: int) -> Block | None:
        """Return what comes after the line of that number."""
        start = bisect_right(self.numbers, line)
        if start == len(self.lines):
            return None
        return Block(self.source, self.lines[start:], self.numbers[start:])


@dataclass(slots=True, frozen=True)
class Overlong:
    """A piece of a line longer than the limit, verbatim; ``part`` counts from 0."""

    source: str
    line: int
    part: int
    text: bytes

    def last(self) -> tuple[int, int, bytes]:
        return self.line, self.part, self.text

    def find(self, line: int, part: int) -> bytes | None:
        return self.text if (line, part) == (self.line, self.part) else None

    def after(self, line: int) -> Overlong | None:
        return self if self.line > line else None


@dataclass(slots=True, frozen=True)
class Refused:
    """What is no event, and stays where it is: the line in ``source`` where it begins, and why."""

    source: str
    line: int
    error: str


class LineSplitter:
    """Cuts the pieces of one input into lines; holds one unfinished line between them.

    A byte order mark at the very start and a carriage return at a line's end are dropped, except in
    an overlong line.
    """

    def __init__(self, source: str, max_line: int = MAX_LINE) -> None:
        self._source = source
        self._max_line = max_line
        self._next_line = 1
        self._held: list[bytes] = []
        self._held_size = 0
        self._part = 0

    @property
    def unfinished(self) -> int:
        """Bytes held of a line whose end has not come."""
        return self._held_size

    def feed(self, data: bytes) -> Iterator[Block | Overlong]:
        """Give out the lines that end in ``data``, in order."""
        step = min(_PIECE, self._max_line)
        for start in range(0, len(data), step):
            yield from self._split(data[start : start + step])

    def finish(self) -> Iterator[Block | Overlong]:
        """At the true end of the input: the last line, if it has no end of its own."""
        if self._held_size or self._part:
            yield from self._split(b"\n")

    def _split(self, data: bytes) -> Iterator[Block | Overlong]:
        lines = BytesIO(data).readlines()  # each with its end
        rest = b"" if data.endswith(b"\n") else lines.pop()
        start = 0
        if lines and (self._part or self._held_size + len(lines[0]) - 1 > self._max_line):
            start = len(lines[0])
            self._hold(lines.pop(0)[:-1])
            yield from self._overlong(whole=True)
            self._next_line += 1
            self._held, self._held_size, self._part = [], 0, 0
        if lines:
            text = b"".join((*self._held, data[start : len(data) - len(rest)]))
            lines[0] = b"".join((*self._held, lines[0]))
            self._held, self._held_size, self._part = [], 0, 0
            yield from self._block(lines, text)
        self._hold(rest)
        if self._held_size > self._max_line:
            yield from self._overlong(whole=False)

    def _hold(self, data: bytes) -> None:
        if data:
            self._held.append(data)
            self._held_size += len(data)

    def _overlong(self, *, whole: bool) -> Iterator[Overlong]:
        """Give out what is held in pieces as long as allowed; a shorter last one if ``whole``."""
        held = b"".join(self._held)
        start = 0
        while len(held) - start >= self._max_line or (whole and start < len(held)):
            text = held[start : start + self._max_line]
            yield Overlong(self._source, self._next_line, self._part, text)
            self._part += 1
            start += len(text)
        self._held, self._held_size = [held[start:]], len(held) - start

    def _block(self, lines: list[bytes], text: bytes | None) -> Iterator[Block]:
        """``text`` is all the lines, with their ends as they have."""
        first = self._next_line
        self._next_line += len(lines)
        numbers: Sequence[int] = range(first, self._next_line)
        if first == 1 and lines[0].startswith(_BOM):
            lines[0] = lines[0].removeprefix(_BOM)
            text = None
        # One comparison a line in C finds both blank lines and those that may be: no record
        # begins with a byte up to the space.
        if min(lines) < b"!":
            kept = [i for i, line in enumerate(lines) if line.strip(_BLANK)]
            lines = [lines[i] for i in kept]
            numbers = [first + i for i in kept]
            text = None
        if text is None or b"\r" in text:
            lines = [line[:-2] + b"\n" if line.endswith(b"\r\n") else line for line in lines]
            text = None
        if lines:
            yield Block(self._source, Lines.split(lines, text), numbers)
