"""What a host is at: which of the lines that it was given have been dealt with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kumolog.event import Batch
from kumolog.message import BatchMessages


class Origin(NamedTuple):
    """Where lines come from, and their numbers there."""

    source: str
    numbers: Sequence[int]


class Underway:
    """A batch that goes through the loggers in parts.

    ``part`` is the one that does so now, None between two of them; ``is_logged`` is set once no
    record of it can be lost any more. ``messages`` are those of the part.
    """

    def __init__(self, batch: Batch, origin: Origin) -> None:
        self.batch = batch
        self.origin = origin
        self.part: Batch | None = None
        self.is_logged = False
        self._done: set[int] = set()

    def begin(self, part: Batch) -> None:
        """Goes on to the next part."""
        self.part = part
        self.is_logged = False
        self.messages = BatchMessages(part)

    def end(self, reached: int | None = None) -> None:
        """Is done with the part, or with so many of its records and what it rejects."""
        part, self.part = self.part, None
        if part is not None and (part is not self.batch or reached is not None):
            self._done.update(part.positions[:reached])
            self._done.update(line.position for line in part.rejected)

    @property
    def untouched(self) -> list[int]:
        """The positions of the lines that have not been dealt with, in order."""
        every = {*self.batch.positions, *(line.position for line in self.batch.rejected)}
        return sorted(every - self._done)
