"""Segments that a program writes line by line, in its own thread.

KumoMTA: kumo.jsonl.new_writer.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import inf

import zstandard

from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.duration import NANOS_PER_SECOND
from kumolog.errors import SegmentError
from kumolog.files import FILES, Files
from kumolog.segments.names import NO_LOCKS, Target
from kumolog.segments.segment import DEFAULT_LEVEL, WRITE_BITS

_FLUSH_SECONDS = 1.0
_LOWEST_LEVEL = -(2**17)  # zstd's; its highest is python-zstandard's to know


@dataclass(frozen=True, slots=True)
class LineWriterOptions:
    """``max_file_size`` in bytes of lines, ``max_segment_duration`` in seconds."""

    zone: tzinfo
    max_file_size: int = 134_217_728
    max_segment_duration: float = inf
    compression_level: int = DEFAULT_LEVEL


class LineWriter:
    """Writes segments of one suffix into one directory.

    Each is named after the moment at which it is made, with a fraction of a second, and is finished
    right after the line that reaches the size, or with which the duration has passed. An idle
    writer finishes none, but what was written more than a second before the last line can be read.
    """

    def __init__(
        self,
        target: Target,
        options: LineWriterOptions,
        clock: Clock = SYSTEM_CLOCK,
        files: Files = FILES,
    ) -> None:
        self._target = target
        self._options = options
        self._clock = clock
        self._files = files
        self._segment: _Segment | None = None

    def write(self, line: bytes) -> None:
        """Write a line, which ends itself.

        Raises SegmentError where the disk fails; what was written so far is then tried again with
        the next line, and by `finish`.
        """
        now = self._clock.monotonic()
        if self._segment is not None and self._segment.ended:
            self.finish()
        if self._segment is None:
            self._segment = _Segment(*self._create(), self._options.compression_level, now)
        segment = self._segment
        segment.write(line, now)
        if (
            segment.size >= self._options.max_file_size
            or now - segment.opened >= self._options.max_segment_duration
        ):
            self.finish()

    def finish(self) -> None:
        """Finish the segment that is open, if any. Raises SegmentError, and may be tried again."""
        if self._segment is not None:
            self._segment.finish()
            self._segment = None

    def _create(self) -> tuple[str, int]:
        directory, suffix = self._target.key
        moment = self._clock.wall_ns()
        while True:
            name = moment_name(moment, self._options.zone)
            path = os.path.join(directory, name + (suffix or ""))
            try:
                descriptor = _new_file(self._files.to_write(path))
            except OSError as error:
                raise SegmentError(f"creating the segment {path}: {error.strerror}") from None
            if descriptor is not None:
                return path, descriptor
            moment += 1


def moment_name(moment: int, zone: tzinfo) -> str:
    """Name a moment in nanoseconds since 1970: ``20230306-022811``, with ``.123`` where not whole.

    The fraction has 3, 6 or 9 digits, whichever is exact.
    """
    seconds, fraction = divmod(moment, NANOS_PER_SECOND)
    name = datetime.fromtimestamp(seconds, zone).strftime("%Y%m%d-%H%M%S")
    digits = f"{fraction:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{name}.{digits}" if digits else name


def _new_file(path: str) -> int | None:
    """Create and lock the file, and missing directories; None when the name is taken."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except FileExistsError:
        return None
    try:
        # A logger that starts on this directory leaves a locked file alone.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(descriptor)
            raise
    return descriptor


class _Segment:
    """An open file; ``size`` is that of its lines, ``opened`` when it was made.

    Once it has ``ended`` nothing can be added, but what the disk refused may still be missing.
    """

    def __init__(self, path: str, descriptor: int, level: int, now: float) -> None:
        self.size = 0
        self.opened = now
        within = max(_LOWEST_LEVEL, min(level, zstandard.MAX_COMPRESSION_LEVEL))
        compressor = zstandard.ZstdCompressor(level=within or DEFAULT_LEVEL, write_checksum=True)
        self._stream = compressor.compressobj()
        self.ended = False
        self._path = path
        self._descriptor = descriptor
        self._flushed = now
        self._unwritten = b""

    def write(self, line: bytes, now: float) -> None:
        packed = self._stream.compress(line)
        self.size += len(line)
        if now - self._flushed >= _FLUSH_SECONDS:
            packed += self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            self._flushed = now
        self._put(packed)

    def finish(self) -> None:
        end = b"" if self.ended else self._stream.flush()
        self.ended = True
        self._put(end)
        mode = os.fstat(self._descriptor).st_mode & 0o7777 & ~WRITE_BITS
        try:
            os.fchmod(self._descriptor, mode)
        except OSError as error:
            raise self._failed("finishing", error) from None
        os.close(self._descriptor)

    def _put(self, packed: bytes) -> None:
        self._unwritten += packed
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._descriptor, self._unwritten) :]
        except OSError as error:
            raise self._failed("writing to", error) from None

    def _failed(self, act: str, error: OSError) -> SegmentError:
        return SegmentError(f"{act} the segment {self._path}: {error.strerror}")
