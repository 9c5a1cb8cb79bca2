"""The records of segments as they are, also of those that are still being written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from kumolog.errors import SegmentError
from kumolog.segments.candidates import POLL_SECONDS, Candidates
from kumolog.segments.reader import Decoded, GrowingFile, is_complete, open_decoded, torn_note
from kumolog.sources.inputs import empty_note
from kumolog.sources.lines import MAX_LINE
from kumolog.sources.paths import STDIN, Input, expand, is_regular, readable, segments
from kumolog.sources.stop import Stop


def cat(
    paths: Sequence[str],
    out: BinaryIO,
    *,
    follow: bool,
    report: Callable[[str], None],
    stop: Stop,
) -> bool:
    """Write the lines of files and directories of segments to ``out``, in order.

    With ``follow`` it goes on until ``stop`` is set: a writable segment may grow, and once it is
    read-only and read to its end, the directory's newer ones follow (KumoMTA: tailer). Only whole
    lines are written, save one of more than 16 MiB, which is passed on as it comes.

    Returns whether everything was read; ``report`` is told of what was not. Raises KumologError for
    a path that is missing or not readable, and OSError where ``out`` fails.
    """
    reader = _Reader(follow, report, stop)
    inputs = expand(paths)
    for path in paths:
        if not follow and os.path.isdir(path) and not segments(path):
            report(empty_note(path))
    if follow:
        tails = [reader.follow(path) for path in paths]
    else:
        tails = [reader.read(entry) for entry in inputs]
    while tails and not stop.is_set():
        tails = [tail for tail in tails if _waits_after(tail, out, stop)]
        out.flush()
        if tails:
            stop.wait(POLL_SECONDS)
    return reader.all_well


def _waits_after(tail: Iterator[bytes], out: BinaryIO, stop: Stop) -> bool:
    """Write what ``tail`` has now; whether there may be more later."""
    for piece in tail:
        out.write(piece)
        if not piece or stop.is_set():
            return True
    return False


def _nothing(_status: os.stat_result | None = None) -> None:
    """Nobody asks what has become of the file."""


class _Reader:
    """Gives out whole lines, and an empty piece wherever there is nothing more for now."""

    def __init__(self, follow: bool, report: Callable[[str], None], stop: Stop) -> None:
        self._follow = follow
        self._report = report
        self._stop = stop
        self.all_well = True

    def follow(self, path: str) -> Iterator[bytes]:
        if path == STDIN or not os.path.isdir(path):
            yield from self.read(Input(path))
            return
        candidates = Candidates(path)
        try:
            while True:
                segment = candidates.next()
                if segment is None:
                    yield b""
                else:
                    yield from self.read(Input(segment), candidates.done)
        except SegmentError as error:
            self._failed(str(error))

    def read(self, entry: Input, done: Callable[..., None] = _nothing) -> Iterator[bytes]:
        """``done`` is told the status of the file in the end, nothing if it cannot be opened."""
        try:
            with entry.open() as file:
                growing = self._follow and is_regular(file)
                raw = GrowingFile(file) if growing else readable(file, self._stop)
                decoded = open_decoded(raw, entry.name)
                yield from self._whole_lines(decoded)
                if decoded.torn and is_complete(file):
                    self._report(torn_note(entry.name))
                done(os.fstat(file.fileno()))
        except OSError as error:
            self._failed(f"reading {entry.name}: {error.strerror}")
            done()

    def _whole_lines(self, decoded: Decoded) -> Iterator[bytes]:
        lines = _WholeLines()
        cut_off = True
        try:
            for data in decoded:
                piece = lines.feed(data)
                if piece or not data:
                    yield piece
            cut_off = decoded.torn or self._stop.is_set()
        except SegmentError as error:
            self._failed(str(error))
        yield from lines.finish(cut_off)

    def _failed(self, message: str) -> None:
        self.all_well = False
        self._report(message)


class _WholeLines:
    """Holds back the line that is not at its end yet, unless it is too long to hold."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._spilled = False

    def feed(self, data: bytes) -> bytes:
        """Return what can be written now that ``data`` has come."""
        end = data.rfind(b"\n") + 1
        ready = b""
        if end:
            ready = b"".join((*self._held, data[:end]))
            self._held, self._size, self._spilled = [], 0, False
        if end < len(data):
            self._held.append(data[end:])
            self._size += len(data) - end
        if self._size > MAX_LINE:
            ready += b"".join(self._held)
            self._held, self._size, self._spilled = [], 0, True
        return ready

    def finish(self, cut_off: bool) -> Iterator[bytes]:
        """Give out the last line where it has no end of its own; a part of one if it is begun."""
        last = b"" if cut_off else b"".join(self._held)
        if last or self._spilled:
            yield last + b"\n"
