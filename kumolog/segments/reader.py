"""Read segments, and anything else that may hold records: zstd, gzip or plain text."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import Protocol

from kumolog.errors import SegmentError
from kumolog.segments.decoders import (
    GZIP_MAGIC,
    SKIPPABLE_MAGICS,
    ZSTD_MAGIC,
    CorruptError,
    Decoder,
    GzipDecoder,
    PlainDecoder,
    ZstdDecoder,
)
from kumolog.segments.segment import WRITE_BITS

# More than the longest zstd block, so that a whole one always fits.
_BUFFER = 256 * 1024

_FORMATS: tuple[tuple[bytes, Callable[[], Decoder]], ...] = (
    (ZSTD_MAGIC, ZstdDecoder),
    *((magic, ZstdDecoder) for magic in SKIPPABLE_MAGICS),
    (GZIP_MAGIC, GzipDecoder),
)


class RawInput(Protocol):
    """An unbuffered binary input, such as ``open(path, "rb", buffering=0)``."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Put what is there into ``buffer``: its length, 0 at the end, None for "nothing yet"."""


class GrowingFile:
    """A file whose end is not the end while somebody may write to it."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def readinto(self, buffer: memoryview, /) -> int | None:
        # Asked before reading: what is written between the two must not be missed.
        complete = is_complete(self._file)
        count = self._file.readinto(buffer)
        return count if count or complete else None


def is_complete(file: io.FileIO) -> bool:
    """Whether nothing more is to come: read-only means finished (KumoMTA: log segments)."""
    status = os.fstat(file.fileno())
    return not status.st_mode & WRITE_BITS or status.st_nlink == 0


def open_file(path: str) -> io.FileIO:
    """Open for unbuffered reading. Raises OSError."""
    # A named pipe without a writer would block here, where no stop is heard.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    return io.FileIO(os.open(path, flags))


def shown_path(path: str) -> str:
    """Return ``path`` as it can stand in a message or a JSON string, whatever its bytes are."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def torn_note(name: str, inside: str = "a compressed frame") -> str:
    """Say that an input stops inside something."""
    return (
        f"reading {name}: it ends inside {inside} (cut off, or still being written); "
        "the whole lines up to there were read"
    )


class Decoded:
    """The decoded bytes of one input, in pieces of a few hundred KiB at most; iterate it once.

    A piece is given out before the next read of the raw input, so a live input comes out as it
    arrives. Where the raw input has nothing yet (``readinto`` returned None), an empty piece is
    given out, and the iteration can go on later. Memory is bounded whatever the data says: some
    hundred KiB, and for zstd the frame's window besides (at most 128 MiB, 2 MiB for a segment of
    level 3).

    After the end ``torn`` tells that the data stops inside a frame; all that could be had of it was
    given out. Corrupt data raises SegmentError after all that comes before the fault.
    """

    def __init__(self, raw: RawInput, name: str) -> None:
        self.name = name
        self.torn = False
        self.consumed = 0
        """Bytes taken from the raw input so far."""
        self._raw = raw
        self._buffer = memoryview(bytearray(_BUFFER))
        self._start = self._end = 0

    def __iter__(self) -> Iterator[bytes]:
        ended = False
        while (decoder := _choose(bytes(self._rest()[:4]), ended)) is None:
            count = self._fill()
            ended = count == 0
            if count is None:
                yield b""
        if isinstance(decoder, PlainDecoder) and _is_nearly_zstd(bytes(self._rest()[:4])):
            raise SegmentError(
                f"reading {self.name}: corrupt at byte 0: one byte of zstd's magic number is wrong"
            )
        yield from self._decode(decoder)

    def _decode(self, decoder: Decoder) -> Iterator[bytes]:
        try:
            while True:
                piece, used = decoder.decode(self._rest())
                self._start += used
                if piece:
                    yield piece
                elif not used:
                    count = self._fill()
                    if count is None:
                        yield b""
                    elif not count:
                        break
            piece, self.torn = decoder.finish(self._rest())
        except CorruptError as error:
            at = self.consumed - (self._end - self._start)
            raise SegmentError(f"reading {self.name}: corrupt at byte {at}: {error}") from error
        if piece:
            yield piece

    def _rest(self) -> memoryview:
        return self._buffer[self._start : self._end]

    def _fill(self) -> int | None:
        left = self._end - self._start
        self._buffer[:left] = self._rest()
        self._start, self._end = 0, left
        try:
            count = self._raw.readinto(self._buffer[left:])
        except OSError as error:
            raise SegmentError(
                f"reading {self.name} at byte {self.consumed}: {error.strerror}"
            ) from error
        if count:
            self._end += count
            self.consumed += count
        return count


def open_decoded(raw: RawInput, name: str) -> Decoded:
    """Decode ``raw``, told by its first bytes: zstd, gzip, else plain text as it is.

    ``name`` stands in the messages. ``raw`` stays the caller's to close.
    """
    return Decoded(raw, name)


def _is_nearly_zstd(head: bytes) -> bool:
    """Whether one byte of the four is not zstd's: no text begins so."""
    equal = sum(a == b for a, b in zip(head, ZSTD_MAGIC, strict=False))
    return equal == len(ZSTD_MAGIC) - 1


def _choose(head: bytes, ended: bool) -> Decoder | None:
    """Return the decoder for data that begins with ``head``, or None if more bytes must tell."""
    for magic, decoder in _FORMATS:
        if head.startswith(magic):
            return decoder()
    candidates = [decoder for magic, decoder in _FORMATS if magic.startswith(head)]
    if not candidates:
        return PlainDecoder()
    if not ended:
        return None
    # Too short to tell, and nothing more to come: text where it can be text.
    return PlainDecoder() if head.isascii() else candidates[0]()
