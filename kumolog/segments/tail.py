"""The records of a directory's segments as they come, and how far they were consumed.

KumoMTA: tailer. It looks again every 200 ms: that is soon enough for what a writer flushes once a
second, is the same on every file system, and costs one `stat` and one `read`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from kumolog.errors import SegmentError
from kumolog.files import FILES, Files
from kumolog.segments.candidates import Candidates
from kumolog.segments.checkpoint import Position
from kumolog.segments.reader import (
    GrowingFile,
    is_complete,
    open_decoded,
    open_file,
    shown_path,
    torn_note,
)
from kumolog.segments.records import Decode, records

T = TypeVar("T")


class Chunk(NamedTuple, Generic[T]):
    """Records of one segment that follow one another; ``first`` is their first line, from 0."""

    path: str
    first: int
    records: list[T]


class Tail(Generic[T]):
    """Iterate it: chunks, and None wherever there is nothing more for now; it has no end.

    A segment is read to its end, and waited for until it is complete, before the next one. One that
    cannot be read is reported, and the rest of it ignored. ``skip`` has how many lines of a segment
    are not wanted. SegmentError: the directory cannot be listed.
    """

    def __init__(
        self,
        candidates: Candidates,
        decode: Decode[T],
        report: Callable[[str], None],
        skip: Mapping[str, float],
        files: Files = FILES,
    ) -> None:
        self.exhausted = False
        """Whether every segment that is there was read to its end."""
        self._candidates = candidates
        self._decode = decode
        self._report = report
        self._skip = skip
        self._files = files

    def __iter__(self) -> Iterator[Chunk[T] | None]:
        while True:
            path = self._candidates.next()
            self.exhausted = path is None
            if path is None:
                yield None
            else:
                yield from self._follow(path)

    def position(self, path: str, line: int, skip: Mapping[str, float]) -> Position:
        """Where a consumer goes on later that has consumed ``line`` lines of the segment read last.

        ``skip`` has the lines of segments that it had consumed before.
        """
        candidates = self._candidates
        candidates.look_if_due()
        done = {name: lines for name, lines in skip.items() if name in candidates.unread()}
        done[path] = max(line, skip.get(path, 0))
        wanted = (name for name in candidates.unread() if done.get(name) != math.inf)
        first = min(path, next(wanted, path))
        done |= dict.fromkeys(candidates.read_after(first), math.inf)
        ahead = {name: _whole(lines) for name, lines in done.items() if name > first}
        lines = done.get(first, 0)
        return Position(first, line if lines == math.inf else int(lines), ahead or None)

    def _follow(self, path: str) -> Iterator[Chunk[T] | None]:
        name = shown_path(path)
        status = None
        try:
            with open_file(self._files.to_read(path)) as file:
                decoded = open_decoded(GrowingFile(file), name)
                try:
                    for part in records(decoded, self._decode, self._skip.get(path, 0)):
                        yield Chunk(path, *part) if part.records else None
                    if decoded.torn and is_complete(file):
                        self._report(torn_note(name))
                except SegmentError as error:
                    self._report(f"{error}; the rest of it is ignored")
                status = os.fstat(file.fileno())
        except OSError as error:
            self._report(f"reading {name}: {error.strerror}; it is ignored")
        self._candidates.done(status)


def _whole(lines: float) -> int | None:
    return None if lines == math.inf else int(lines)
