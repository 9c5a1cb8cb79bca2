"""What can be read of a segment that nobody finished."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from kumolog.segments.decoders import (
    SKIPPABLE_MAGICS,
    ZSTD_MAGIC,
    CorruptError,
    ZstdDecoder,
)

_READ = 256 * 1024  # a zstd block at least, so that each read gets further


class State(Enum):
    """How a file ends."""

    FOREIGN = "no zstd"
    COMPLETE = "all frames ended"
    TORN = "the last frame cut short"
    DAMAGED = "something that is no zstd in the middle"


@dataclass(frozen=True, slots=True)
class Survey:
    """``whole``: the length, uncompressed, up to the end of the last complete line; ``damaged_at``:
    the offset in the file from which on nothing can be read.
    """

    state: State
    whole: int = 0
    damaged_at: int | None = None


class _Reader:
    """The uncompressed bytes of a file, in bounded pieces, as far as they can be read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.state = State.COMPLETE
        self.offset = 0

    def __iter__(self) -> Iterator[bytes]:
        decoder = ZstdDecoder()
        try:
            while data := os.pread(self._descriptor, _READ, self.offset):
                piece, used = decoder.decode(memoryview(data))
                if not used:
                    break
                self.offset += used
                yield piece
            piece, cut = decoder.finish(memoryview(data))
            self.state = State.TORN if cut else State.COMPLETE
            yield piece
        except CorruptError:
            self.state = State.DAMAGED


def survey(descriptor: int) -> Survey:
    """Read the whole file.  OSError: it cannot be read."""
    start = os.pread(descriptor, len(ZSTD_MAGIC), 0)
    if len(start) < len(ZSTD_MAGIC) and ZSTD_MAGIC.startswith(start):
        return Survey(State.TORN)
    if start != ZSTD_MAGIC and start not in SKIPPABLE_MAGICS:
        return Survey(State.FOREIGN)
    reader = _Reader(descriptor)
    length = whole = 0
    for piece in reader:
        newline = piece.rfind(b"\n")
        if newline >= 0:
            whole = length + newline + 1
        length += len(piece)
    damaged_at = reader.offset if reader.state is State.DAMAGED else None
    return Survey(reader.state, whole, damaged_at)


def whole_lines(descriptor: int, found: Survey) -> Iterator[bytes]:
    """The complete lines that ``survey`` found, in pieces of any length."""
    left = found.whole
    for piece in _Reader(descriptor):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return
