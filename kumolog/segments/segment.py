"""One open segment: records go in, finished zstd frames come out.

Plenty is compressed in frames of their own, about CHUNK of records each: that is faster than
streaming.  What trickles in goes into one frame that stays open, is flushed so that readers see it,
and ends as soon as there is plenty again or the segment is finished.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from math import inf
from typing import Literal, Protocol

import zstandard

from kumolog.lines import Lines
from kumolog.segments.names import Names, Record, Target, discard
from kumolog.segments.retry import Retry

CHUNK = 512 << 10
DEFAULT_LEVEL = 3  # KumoMTA: compression_level 0 is zstd's own default
WRITE_BITS = 0o222
# Up to this level zstd's tables for so much data, where they are not larger than the caches of a
# processor, are a fifth faster for any amount, and logs hardly larger. Slower levels search more.
_QUICK_LEVEL = 4
_QUICK_SIZE = 128 << 10
# Bounds the memory of an open frame (level 21: 69 MB, not 385) at no visible cost in size.
_TRICKLE_WINDOW = 4 << 20

Sync = Literal["never", "close", "flush"]
Batches = list[tuple[Target, Lines]]


@dataclass(slots=True)
class Totals:
    """What a writer did.

    ``bytes`` are those of the records written, uncompressed, newlines included, headers not;
    ``compressed_bytes`` those of the files.  ``unwritten`` are the records, as put, that a failing
    disk kept out of the segments at the end, for each key in order of arrival; ``reason``: the
    first failure.
    """

    written: int = 0
    segments: int = 0
    bytes: int = 0
    compressed_bytes: int = 0
    unwritten: list[Record] = field(default_factory=list)
    reason: str | None = None


class Stream(Protocol):
    """The part of zstandard's compression object that is used here."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self, flush_mode: int = ..., /) -> bytes: ...


class Bench:
    """What the segments of one writer share; for one thread only."""

    def __init__(
        self, level: int, sync: Sync, names: Names, retry: Retry, report: Callable[[str], None]
    ) -> None:
        self.sync = sync
        self.names = names
        self.retry = retry
        self.report = report
        self.totals = Totals()
        self._level = level or DEFAULT_LEVEL
        self.pack = (
            self._compressor(_QUICK_SIZE)
            if self._level <= _QUICK_LEVEL
            else zstandard.ZstdCompressor(level=self._level, write_checksum=True)
        ).compress

    def stream(self) -> Stream:
        # Objects made by one compressor corrupt each other, so each has a compressor of its own.
        return self._compressor(_TRICKLE_WINDOW).compressobj()

    def _compressor(self, source_size: int) -> zstandard.ZstdCompressor:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            self._level, source_size=source_size, write_checksum=True
        )
        return zstandard.ZstdCompressor(compression_params=parameters)


class Segment:
    """An open segment file.

    Every method may raise GaveUpError; after that only ``abandon`` is left.  ``size`` counts the
    bytes of the records added, newlines included.  ``expires`` and ``flush_due`` are the owner's
    notes of when to finish and when to flush (monotonic seconds); a flush clears the latter.
    """

    __slots__ = (
        "_added",
        "_bench",
        "_descriptor",
        "_durable",
        "_frame_open",
        "_header",
        "_in_flight",
        "_outbox",
        "_pending",
        "_safe",
        "_stream",
        "_sync_failed",
        "_target",
        "expires",
        "flush_due",
        "path",
        "size",
    )

    def __init__(self, target: Target, bench: Bench) -> None:
        act = f"creating a segment in {target.key[0]}"
        self.path, self._descriptor = bench.retry(act, lambda: bench.names.create(target))
        self.size = 0
        self.expires = inf
        self.flush_due = inf
        self._target = target
        self._bench = bench
        self._header = target.header
        self._pending: Batches = []  # not compressed yet
        self._in_flight: Batches = []  # compressed, not in the file yet
        self._added = 0  # bytes of the records pending
        self._outbox = memoryview(b"")
        self._safe = 0  # length of the file up to which it is in order
        self._frame_open = False  # whether the file ends within a frame there
        self._durable = 0  # length of the file up to which it was synced
        self._sync_failed = False
        self._stream: Stream | None = None

    def add(self, target: Target, lines: Lines) -> None:
        """Take records."""
        self._pending.append((target, lines))
        self.size += lines.size
        self._added += lines.size
        if self._added >= CHUNK:
            self._seal()
            if self._bench.sync != "flush":
                self.flush_due = inf

    def flush(self) -> None:
        """Make everything added visible to readers, and durable where that was asked for."""
        if self._pending:
            self._stream = self._stream or self._bench.stream()
            packed = self._stream.compress(self._take())
            packed += self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            self._drain(packed, frame_open=True)
        if self._bench.sync == "flush":
            self._persist(os.fdatasync)
        self.flush_due = inf

    def finish(self) -> None:
        """End the frame and mark the file complete by taking its write bits away."""
        if self._pending or self._stream is not None:
            self._seal()
        else:
            self._bench.retry(f"finishing {self.path}", self._write_outbox)
        if self._bench.sync != "never":
            self._persist(os.fsync)
        self._mark_complete()
        self._close()

    def abandon(self) -> list[Record]:
        """Close the file, cut back to what is in order in it; the records that are not in it."""
        try:
            os.ftruncate(self._descriptor, self._safe)
            if self._safe == 0:
                os.unlink(self.path)
            elif not self._frame_open:
                self._mark_complete()
        except OSError as error:
            self._bench.report(f"cutting {self.path} back to what is whole: {error.strerror}")
        self._close()
        batches = chain(self._in_flight, self._pending)
        return [(target, line) for target, lines in batches for line in lines]

    def _seal(self) -> None:
        """Put everything added into the file, in frames that are ended."""
        stream, self._stream = self._stream, None
        plenty = self._added >= CHUNK
        data = self._take()
        if stream is None:
            packed = self._bench.pack(data)
        elif plenty:
            packed = stream.flush() + self._bench.pack(data)
        else:
            packed = stream.compress(data) + stream.flush()
        self._drain(packed, frame_open=False)

    def _take(self) -> bytes:
        """The header, if still to be written, and the pending records, which are now in flight."""
        self._in_flight, self._pending, self._added = self._pending, [], 0
        header, self._header = self._header, b""
        return b"".join((header, *(lines.text for _, lines in self._in_flight)))

    def _drain(self, data: bytes, *, frame_open: bool) -> None:
        self._outbox = memoryview(data)
        self._bench.retry(f"writing to {self.path}", self._write_outbox)
        totals = self._bench.totals
        totals.segments += self._safe == 0
        totals.compressed_bytes += len(data)
        for _, lines in self._in_flight:
            totals.written += len(lines)
            totals.bytes += lines.size
        self._in_flight = []
        self._safe += len(data)
        self._frame_open = frame_open

    def _write_outbox(self) -> None:
        while self._outbox:
            self._outbox = self._outbox[os.write(self._descriptor, self._outbox) :]
        if os.fstat(self._descriptor).st_nlink == 0:
            self._move()

    def _move(self) -> None:
        """Go on in a new file with everything written so far: somebody deleted the present one."""
        path, descriptor = self._bench.names.create(self._target)
        try:
            copy_file(self._descriptor, descriptor)
        except OSError:
            discard(path, descriptor)
            raise
        self._bench.report(f"{self.path} was deleted while open; its records go on in {path}")
        self._close()
        self.path, self._descriptor = path, descriptor
        self._durable = 0

    def _persist(self, sync: Callable[[int], None]) -> None:
        self._bench.retry(f"syncing {self.path}", lambda: self._sync(sync))
        self._durable = self._safe

    def _sync(self, sync: Callable[[int], None]) -> None:
        if self._sync_failed:
            # The kernel has taken the pages for clean then: a second sync alone would do nothing.
            self._write_again()
        self._sync_failed = True
        sync(self._descriptor)
        self._sync_failed = False

    def _write_again(self) -> None:
        """Put what is not durable into the file once more, as it can be read there."""
        for offset in range(self._durable, self._safe, CHUNK):
            data = os.pread(self._descriptor, min(CHUNK, self._safe - offset), offset)
            while data:
                written = os.pwrite(self._descriptor, data, offset)
                data, offset = data[written:], offset + written

    def _close(self) -> None:
        try:
            os.close(self._descriptor)
        except OSError as error:
            # Closed all the same: a network file system tells of a write that failed long ago.
            self._bench.report(f"closing {self.path}: {error.strerror}")

    def _mark_complete(self) -> None:
        try:
            os.fchmod(self._descriptor, os.fstat(self._descriptor).st_mode & 0o7777 & ~WRITE_BITS)
        except OSError as error:
            # No record is at stake, and the next start marks it: nothing to stop intake for.
            self._bench.report(f"marking {self.path} read-only: {error.strerror}")


def copy_file(source: int, destination: int) -> None:
    offset = 0
    while sent := os.sendfile(destination, source, offset, 1 << 30):
        offset += sent
