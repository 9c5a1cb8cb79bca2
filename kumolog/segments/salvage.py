"""What can be read of a segment that nobody finished, or that was damaged since.

Frames stand for themselves: what a fault makes unreadable ends where the next frame begins, so
reading goes on there.  The lines of a frame that ends in a fault are doubtful, for its checksum is
only at its end: those of them that cannot have been written are left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

from kumolog.segments.decoders import (
    SKIPPABLE_MAGICS,
    ZSTD_MAGIC,
    CorruptError,
    ZstdDecoder,
)

_READ = 256 * 1024  # a zstd block at least, so that each read gets further
_LONGEST_DOUBTFUL = 32 << 20  # bytes of a line; a run of garbage must not fill the memory
_FLIPPED_BITS = 2
_SAMPLED_STRETCHES, _SAMPLED_LINES, _NEARLY_ALL = 8, 200, 0.9
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class State(Enum):
    """How a file ends."""

    FOREIGN = "no zstd"
    COMPLETE = "all frames ended"
    TORN = "the last frame cut short"
    DAMAGED = "something that is no zstd in the middle"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames that can be read one after the other from ``offset`` in the file on.

    They decode to ``whole`` bytes up to the end of the last complete line; those from ``sound`` on
    are of a frame with a fault in it.
    """

    offset: int
    whole: int
    sound: int


@dataclass(frozen=True, slots=True)
class Survey:
    """``damaged_at``: where in the file the first damage is; ``unreadable``: bytes of the file that
    give nothing because of damage.
    """

    state: State
    stretches: tuple[Stretch, ...] = ()
    damaged_at: int | None = None
    unreadable: int = 0


@dataclass(slots=True)
class Tally:
    """Complete lines: those kept, how many of these come from a damaged frame, those left out."""

    kept: int = 0
    doubtful: int = 0
    left_out: int = 0


class _Reader:
    """The uncompressed bytes of a file from an offset on, in bounded pieces."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self.decoder = ZstdDecoder()
        self.state = State.COMPLETE
        self.offset = offset

    def __iter__(self) -> Iterator[bytes]:
        decoder = self.decoder
        try:
            while data := _read(self._descriptor, self.offset):
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
    if start == ZSTD_MAGIC or start in SKIPPABLE_MAGICS:
        return _survey(descriptor)
    # A lost block reads as zeros.
    if _has_flipped_bits(start) or ZSTD_MAGIC.startswith(start.rstrip(b"\0")):
        return _survey(descriptor, damaged_at=0)
    return Survey(State.FOREIGN)


def _survey(descriptor: int, damaged_at: int | None = None) -> Survey:
    stretches = []
    unreadable = 0
    offset: int | None = 0
    while offset is not None:
        reader = _Reader(descriptor, offset)
        whole, sound = _measure(reader)
        following = None
        if reader.state is not State.COMPLETE:
            following = _next_frame(descriptor, reader.offset + 1)
        hurt = reader.state is State.DAMAGED or following is not None
        if hurt:
            damaged_at = reader.offset if damaged_at is None else damaged_at
            end = os.fstat(descriptor).st_size if following is None else following
            unreadable += end - reader.offset
        if whole:
            stretches.append(Stretch(offset, whole, sound if hurt else whole))
        offset = following
    state = reader.state if damaged_at is None else State.DAMAGED
    return Survey(state, tuple(stretches), damaged_at, unreadable)


def _measure(reader: _Reader) -> tuple[int, int]:
    """The bytes up to the end of the last complete line: of all, and of the frames that ended."""
    length = whole = sound = ended = 0
    for piece in reader:
        if reader.decoder.sound > ended:
            ended = reader.decoder.sound
            newline = piece.rfind(b"\n", 0, ended - length)
            sound = whole if newline < 0 else length + newline + 1
        newline = piece.rfind(b"\n")
        if newline >= 0:
            whole = length + newline + 1
        length += len(piece)
    return whole, sound


def _read(descriptor: int, offset: int) -> bytes:
    """The next bytes; a damaged magic number at the start of the file reads as it should be."""
    data = os.pread(descriptor, _READ, offset)
    if not offset and _has_flipped_bits(data[: len(ZSTD_MAGIC)]):
        return ZSTD_MAGIC + data[len(ZSTD_MAGIC) :]
    return data


def _has_flipped_bits(start: bytes) -> bool:
    """Whether it is the magic number but for a bit or two."""
    different = int.from_bytes(start, "little") ^ int.from_bytes(ZSTD_MAGIC, "little")
    return len(start) == len(ZSTD_MAGIC) and 0 < different.bit_count() <= _FLIPPED_BITS


def _next_frame(descriptor: int, offset: int) -> int | None:
    """Where the next frame begins that something can be read of."""
    overlap = len(ZSTD_MAGIC) - 1
    while len(data := os.pread(descriptor, _READ, offset)) > overlap:
        found = data.find(ZSTD_MAGIC)
        while found >= 0:
            if _gives_anything(descriptor, offset + found):
                return offset + found
            found = data.find(ZSTD_MAGIC, found + 1)
        offset += len(data) - overlap
    return None


def _gives_anything(descriptor: int, offset: int) -> bool:
    return any(_Reader(descriptor, offset))


def whole_lines(descriptor: int, found: Survey, tally: Tally) -> Iterator[bytes]:
    """The complete lines that ``survey`` found, in pieces of any length; ``tally`` counts them."""
    screen = _Screen(tally, _may_be_text)
    if any(stretch.sound < stretch.whole for stretch in found.stretches):
        screen = _Screen(tally, _usual_test(descriptor, found.stretches))
    for stretch in found.stretches:
        for sound, doubtful in _pieces(descriptor, stretch):
            tally.kept += sound.count(b"\n")
            yield sound + screen.passed(doubtful)


def _pieces(descriptor: int, stretch: Stretch) -> Iterator[tuple[bytes, bytes]]:
    """The whole lines of a stretch, each piece in its sound and its doubtful part."""
    position = 0
    for piece in _Reader(descriptor, stretch.offset):
        piece = piece[: stretch.whole - position]
        cut = max(stretch.sound - position, 0)
        yield piece[:cut], piece[cut:]
        position += len(piece)
        if position >= stretch.whole:
            break


def _usual_test(descriptor: int, stretches: Sequence[Stretch]) -> Callable[[bytes], bool]:
    """What a line has to be: a JSON object where nearly all are, and otherwise text."""
    sampled = stretches[:_SAMPLED_STRETCHES]
    firsts = [next(filter(any, _pieces(descriptor, stretch))) for stretch in sampled]
    sample = b"".join(sound for sound, _ in firsts) or b"".join(rest for _, rest in firsts)
    lines = sample.split(b"\n")[:_SAMPLED_LINES]
    lines.pop()
    objects = sum(map(_is_object, lines))
    return _is_object if objects >= _NEARLY_ALL * max(len(lines), 1) else _may_be_text


class _Screen:
    """Lets the doubtful lines through that may be what was written."""

    def __init__(self, tally: Tally, test: Callable[[bytes], bool]) -> None:
        self._tally = tally
        self._test = test
        self._begun: list[bytes] = []
        self._length = 0

    def passed(self, data: bytes) -> bytes:
        """The lines that end in ``data``, with their ends, as far as they can be right."""
        first, *lines = data.split(b"\n")
        self._begin(first)
        if not lines:
            return b""
        whole = [b"".join(self._begun)] if self._length <= _LONGEST_DOUBTFUL else []
        self._begun, self._length = [], 0
        self._begin(lines.pop())
        good = [line for line in whole + lines if self._test(line)]
        self._tally.kept += len(good)
        self._tally.doubtful += len(good)
        self._tally.left_out += 1 + len(lines) - len(good)
        return b"".join(line + b"\n" for line in good)

    def _begin(self, part: bytes) -> None:
        self._length += len(part)
        if self._length <= _LONGEST_DOUBTFUL:
            self._begun.append(part)


def _may_be_text(line: bytes) -> bool:
    """Whether it is text and, where it begins or ends as a JSON object, is one."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return False
    looks_like_object = line.startswith(b"{") or line.endswith(b"}")
    return _CONTROL.search(text) is None and (not looks_like_object or _is_object(line))


def _is_object(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
