"""The whole lines of one input, as far as they can be had at present."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Callable, Generator, Iterator
from typing import Final

import msgspec

from kumolog.errors import SegmentError
from kumolog.segments.reader import Decoded, GrowingFile, is_complete, open_decoded, torn_note
from kumolog.segments.segment import WRITE_BITS
from kumolog.sources.lines import MAX_LINE
from kumolog.sources.paths import Input, is_regular, readable
from kumolog.sources.stop import Stop

MOST_OPEN: Final = 32
"""Segments that are read, or waited for, at the same time; each takes some MiB."""

MERGED: Final = "merged segments"
"""What errors call the lines of several segments."""

_QUIET_SECONDS: Final = 10.0


class Reporter:
    """Tells of inputs that cannot be read to their end, and how far all reading has come."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report
        self.all_well = True
        self.consumed = 0
        """Bytes read of all inputs, as they are stored."""

    def failed(self, message: str) -> None:
        self.all_well = False
        self.report(message)


class Stream:
    """Iterate it, again and again until it has ``ended``: pieces of whole lines, each with its end.

    An iteration stops where nothing more is there for now. With ``follow`` a regular file ends when
    it is complete. A line of more than 16 MiB is passed on in parts where ``splits``, and otherwise
    left out and told of. What cannot be read is told, after all that comes before it.
    """

    def __init__(
        self, entry: Input, reporter: Reporter, stop: Stop, *, follow: bool, splits: bool
    ) -> None:
        self.entry = entry
        self.name = entry.name
        self.is_fresh = True
        """Whether it was not looked into yet."""
        self.ended = False
        self.status: os.stat_result | None = None
        """The state of the file when it ended."""
        self._before: tuple[int, ...] | None = None  # its version when it was last looked into
        self._parked: tuple[int, ...] | None = None
        self._reporter = reporter
        self._stop = stop
        self._follow = follow
        self._splits = splits
        self._given = self._held = self._consumed = 0
        self._pieces = self._read(0)

    def __iter__(self) -> Iterator[bytes]:
        # Before anything is read: a change while that goes on must not be missed.
        self._before = _version(self.entry.path)
        if self._is_as_parked():
            return
        self.is_fresh = False
        for piece in self._pieces:
            if not piece:
                return
            yield piece
            if self._stop.is_set():
                return
        self.ended = True

    def close(self) -> None:
        """Let go of the file, for good."""
        self._pieces.close()
        self.ended = True

    def park(self) -> None:
        """Let go of the file and all memory until it changes; it is then read anew up to here."""
        if self._before is None:  # gone: nothing more will come
            self.close()
            return
        self._parked = self._before
        self._pieces.close()
        self._pieces = self._read(self._given - self._held)

    @property
    def is_parked(self) -> bool:
        return self._parked is not None

    def is_complete(self) -> bool:
        """Whether nothing more is to come: it is read-only (KumoMTA: log segments), or gone."""
        try:
            return not os.stat(self.entry.path).st_mode & WRITE_BITS
        except OSError:
            return True

    def is_quiet(self) -> bool:
        """Whether nobody has written to it for some time."""
        return time.time() - self.modified() > _QUIET_SECONDS

    def modified(self) -> float:
        """When it was last written to, in Unix seconds; infinity where that cannot be told."""
        try:
            return os.stat(self.entry.path).st_mtime
        except OSError:
            return math.inf

    def _is_as_parked(self) -> bool:
        if self._parked is None:
            return False
        if self._before is None:
            self.close()
            return True
        if self._before == self._parked:
            return True
        if self._before[:2] != self._parked[:2]:  # another file that has its name now
            self._pieces = self._read(0)
        self._parked = None
        return False

    def _read(self, skip: int) -> Generator[bytes, None, None]:
        """An empty piece wherever there is nothing more for now."""
        self._given, self._held, self._consumed = skip, 0, 0
        try:
            with self.entry.open() as file:
                raw = GrowingFile(file) if self._grows(file) else readable(file, self._stop)
                decoded = open_decoded(raw, self.name)
                yield from self._whole_lines(decoded, skip)
                if decoded.torn and is_complete(file):
                    self._reporter.report(torn_note(self.name))
                self.status = os.fstat(file.fileno())
        except OSError as error:
            self._reporter.failed(f"reading {self.name}: {error.strerror}")

    def _grows(self, file: io.FileIO) -> bool:
        return self._follow and is_regular(file)

    def _whole_lines(self, decoded: Decoded, skip: int) -> Iterator[bytes]:
        lines = _WholeLines(self._splits)
        cut_off = True
        try:
            for data in decoded:
                self._reporter.consumed += decoded.consumed - self._consumed
                self._consumed = decoded.consumed
                piece = lines.feed(data[skip:])
                self._given += max(0, len(data) - skip)
                skip = max(0, skip - len(data))
                if lines.has_left_out:
                    self._tell_of_overlong(lines)
                if piece or not data:
                    self._held = lines.held
                    yield piece
            cut_off = decoded.torn or self._stop.is_set()
        except SegmentError as error:
            self._reporter.failed(str(error))
        if piece := lines.finish(cut_off):
            if len(piece) <= MAX_LINE and _is_part_of_record(piece):
                self._reporter.report(torn_note(self.name, "a line"))
            else:
                yield piece

    def _tell_of_overlong(self, lines: _WholeLines) -> None:
        lines.has_left_out = False
        self._reporter.failed(
            f"reading {self.name}: a line is longer than {MAX_LINE >> 20} MiB: it is no record"
        )


def _is_part_of_record(line: bytes) -> bool:
    """Whether a line, which may be of any text, begins as JSON and does not end so."""
    if not line.lstrip().startswith(b"{"):
        return False
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except msgspec.MsgspecError:
        return True
    return False


def _version(path: str) -> tuple[int, ...] | None:
    """What changes when anything is done to a file; the first two tell it from others."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode


class _WholeLines:
    """Holds back the line that is not at its end yet, unless it is too long to hold."""

    def __init__(self, splits: bool) -> None:
        self.held = 0
        """Bytes held back."""
        self.has_left_out = False
        """Whether a line was too long, and not to be split."""
        self._parts: list[bytes] = []
        self._splits = splits
        self._is_begun = False  # the line is too long, and its first part is gone

    def feed(self, data: bytes) -> bytes:
        """Return what can be given out now that ``data`` has come."""
        ready = b""
        if end := data.rfind(b"\n") + 1:
            if self._is_begun and not self._splits:
                ready = data[data.index(b"\n") + 1 : end]
            else:
                ready = b"".join((*self._parts, data[:end]))
            self._parts, self.held, self._is_begun = [], 0, False
        if end < len(data):
            self._parts.append(data[end:])
            self.held += len(data) - end
        if self.held > MAX_LINE:
            ready += self._let_go()
        return ready

    def finish(self, cut_off: bool) -> bytes:
        """Return the last line where it has no end of its own; a part of one if it is begun."""
        begun = self._is_begun
        last = b"" if cut_off or (begun and not self._splits) else b"".join(self._parts)
        return last + b"\n" if last or (begun and self._splits) else b""

    def _let_go(self) -> bytes:
        parts, self._parts, self.held = self._parts, [], 0
        if self._splits:
            self._is_begun = True
            return b"".join(parts)
        self.has_left_out = not self._is_begun
        self._is_begun = True
        return b""
