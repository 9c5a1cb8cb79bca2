"""Where records go: chosen, counted and shown, then written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import BinaryIO

Step = Callable[[list[bytes], str], list[bytes]]
"""Takes lines and the name of what they come from; gives the lines to go on with."""


class Sink:
    """Writes the records that pass every step of ``choose`` to ``out``, as ``show`` makes them.

    Without steps, ``show`` and ``limit`` what comes is written byte for byte. ``limit`` is how many
    records are written at most, ``tail`` how many of the last ones that are there at first.
    ``header`` stands before everything.
    """

    def __init__(
        self,
        out: BinaryIO,
        *,
        choose: Sequence[Step] = (),
        show: Step | None = None,
        header: bytes = b"",
        limit: int | None = None,
        tail: int | None = None,
    ) -> None:
        self.tail = tail
        self._out = out
        self._steps = choose
        self._show = show
        self._header = header
        self._left = limit
        self.takes_all = not choose and show is None and limit is None
        """Whether pieces go through as they are."""

    @property
    def is_full(self) -> bool:
        """Whether as many records as wanted are written."""
        return self._left == 0

    def put(self, piece: bytes, source: str) -> None:
        """Take whole lines, each with its end, from a source of that name."""
        if self.takes_all:
            self._write(piece)
        else:
            self.put_lines(self.chosen(piece, source), source)

    def chosen(self, piece: bytes, source: str) -> list[bytes]:
        """The lines of a piece that are wanted, without their ends."""
        lines = piece.split(b"\n")
        lines.pop()
        for step in self._steps:
            if lines:
                lines = step(lines, source)
        return lines

    def put_lines(self, lines: list[bytes], source: str) -> None:
        """Take lines that were chosen."""
        if self._left is not None:
            lines = lines[: self._left]
            self._left -= len(lines)
        if lines and self._show is not None:
            lines = self._show(lines, source)
        if lines:
            self._write(b"\n".join(lines) + b"\n")

    def put_last(self, last: LastLines) -> None:
        """Take those lines."""
        for lines, source in last.parts:
            self.put_lines(lines, source)

    def flush(self) -> None:
        """Let nothing wait here."""
        if self._header:
            self._write(b"")
        self._out.flush()

    def _write(self, data: bytes) -> None:
        if self._header:
            data, self._header = self._header + data, b""
        self._out.write(data)


class LastLines:
    """The last ``count`` lines of those added; holds few more."""

    def __init__(self, count: int) -> None:
        self.parts: deque[tuple[list[bytes], str]] = deque()
        self.count = count
        self._held = 0

    @property
    def is_full(self) -> bool:
        return self._held >= self.count

    def add(self, lines: list[bytes], source: str) -> None:
        """Lines that come after those that are here."""
        self._held += len(lines)
        self.parts.append((lines, source))
        while self.parts and (spare := self._held - self.count) > 0:
            first, name = self.parts[0]
            if len(first) > spare:
                self.parts[0] = first[spare:], name
            else:
                self.parts.popleft()
            self._held -= min(len(first), spare)

    def put_before(self, earlier: LastLines) -> None:
        """Lines that come before those that are here, as many as there is room for."""
        for lines, source in reversed(earlier.parts):
            room = self.count - self._held
            if room <= 0:
                return
            self.parts.appendleft((lines[-room:], source))
            self._held += len(lines[-room:])
