"""What a host is at: which of the lines that it was given have been dealt with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kumolog.event import Batch
from kumolog.lines import Lines
from kumolog.message import BatchMessages


class Origin(NamedTuple):
    """Where lines come from, and their numbers there."""

    source: str
    numbers: Sequence[int]


class Underway:
    """Lines that go through the loggers as parts of a batch, or several.

    ``part`` is the one that does so now, None between two of them; ``is_logged`` is set once no
    record of it can be lost any more. ``messages`` are those of the part.
    """

    def __init__(self, lines: Lines, origin: Origin) -> None:
        self.lines = lines
        self.origin = origin
        self.part: Batch | None = None
        self.is_logged = False
        self._done: list[tuple[Batch, int | None]] = []

    def begin(self, part: Batch) -> None:
        """Goes on to the next part."""
        self.part = part
        self.is_logged = False
        self.messages = BatchMessages(part)

    def end(self, reached: int | None = None) -> None:
        """Is done with the part, or with so many of its records and what it rejects."""
        part, self.part = self.part, None
        if part is not None:
            self._done.append((part, reached))

    @property
    def untouched(self) -> list[int]:
        """The positions of the lines that have not been dealt with, in order."""
        left = set(range(len(self.lines)))
        for part, reached in self._done:
            left.difference_update(part.positions[:reached])
            left.difference_update(line.position for line in part.rejected)
        return sorted(left)
