"""Segments in memory: the rules of the real ones, without a thread, a disk or compression."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import inf
from pathlib import PurePath
from typing import NamedTuple

from kumolog.clock import Clock
from kumolog.lines import Lines
from kumolog.segments.names import Names, Record, Target
from kumolog.segments.rotation import Rotation, WriterOptions
from kumolog.segments.segment import Totals


class Stored(NamedTuple):
    """A line and the segment that it went into."""

    target: Target
    segment: MemorySegment
    line: bytes


class Shelf:
    """All segments of a policy, in the order of their creation."""

    def __init__(self) -> None:
        self.segments: list[MemorySegment] = []
        self._files: set[str] = set()
        self._directories: set[str] = set()

    def take(self, path: str, first: str) -> bool | None:
        """Takes a path as creating a file would; None where its name is taken."""
        if path in self._files or first in self._files or path in self._directories:
            return None
        self._files.add(path)
        self._directories.update(map(str, PurePath(path).parents))
        return True


class MemorySegment:
    """``name`` is the file's below its ``log_dir``; ``header`` comes before all ``records``."""

    def __init__(self, path: str, target: Target, totals: Totals, stored: list[Stored]) -> None:
        self.size = 0
        self.expires = inf
        self.flush_due = inf
        self.path = path
        self.log_dir = target.key[0]
        self.name = os.path.relpath(path, self.log_dir)
        self.suffix = target.suffix
        self.header = target.header
        self.records: list[bytes] = []
        self.finished = False
        self._stored = stored
        self._totals = totals
        totals.segments += 1

    def add(self, target: Target, lines: Lines) -> None:
        self.size += lines.size
        self.records += lines
        self._stored += [Stored(target, self, line) for line in lines]
        self._totals.written += len(lines)
        self._totals.bytes += lines.size

    def flush(self) -> None:
        self.flush_due = inf

    def finish(self) -> None:
        self.finished = True

    def abandon(self) -> list[Record]:
        return []


class MemoryWriter:
    """Takes the lines of one logger at once.

    ``stored`` are the lines put since it was last emptied, in order for each key of their targets.
    """

    def __init__(self, options: WriterOptions, clock: Clock, shelf: Shelf) -> None:
        self._totals = Totals()
        self._shelf = shelf
        self._names = Names(clock.wall, sync_directory=False)
        self._rotation = Rotation(options, clock.monotonic, self._open, self._totals)
        self.stored: list[Stored] = []

    def start(self) -> None:
        """Nothing is to be started here."""

    def put(self, target: Target, lines: Sequence[bytes]) -> None:
        if not lines:
            return
        self.sweep()
        self._rotation.store(target, Lines.of(lines))

    def sweep(self) -> None:
        """Finishes what has expired."""
        self._rotation.sweep()

    def hurry(self) -> None:
        """Nothing is waited for here."""

    def close(self) -> Totals:
        self._rotation.finish()
        return self._totals

    def _open(self, target: Target) -> MemorySegment:
        path, _ = self._names.claim(target, self._shelf.take)
        segment = MemorySegment(path, target, self._totals, self.stored)
        self._shelf.segments.append(segment)
        return segment
