"""Decoders that turn the bytes of an input into text, a bounded piece at a time."""

from __future__ import annotations

import zlib
from typing import Protocol

import zstandard

OUTPUT = 256 * 1024
"""Decoded bytes after which a decoder hands out what it has; it may overshoot by one block."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGICS = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
GZIP_MAGIC = b"\x1f\x8b"

_BLOCK_MAX = 128 * 1024
_RLE, _RESERVED = 1, 3
_BLOCK_HEADER, _CHECKSUM, _SKIPPABLE_HEADER = 3, 4, 8
_SHORTEST_FRAME = 9


class CorruptError(Exception):
    """The data given is not what its format allows, from its first byte on."""


class Decoder(Protocol):
    """One format's way from encoded to decoded bytes."""

    def decode(self, data: memoryview, /) -> tuple[bytes, int]:
        """Return decoded bytes and how much of ``data`` they used up.

        Nothing of either means that more input is needed. Raises CorruptError only when all that
        came before the fault has been handed out.
        """

    def finish(self, rest: memoryview, /) -> tuple[bytes, bool]:
        """At the end of input: what ``rest`` still gives, and whether the data was cut off."""


class PlainDecoder:
    """Text as it is."""

    def decode(self, data: memoryview, /) -> tuple[bytes, int]:
        return bytes(data), len(data)

    def finish(self, rest: memoryview, /) -> tuple[bytes, bool]:
        return bytes(rest), False


class ZstdDecoder:
    """Zstandard frames, walked block by block (RFC 8878 section 3.1).

    libzstd is given one whole block at a time. A block decodes to at most 128 KiB, so no input can
    make the output of a call large; and a block is what a writer's flush ends, so a file that was
    cut off gives all that was flushed, and a fault costs nothing that lies before its own block.
    """

    def __init__(self) -> None:
        # libzstd's own bound on the window (128 MiB) holds here too.
        self._zstd = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
        self._in_frame = False
        self._blocks_done = False
        self._has_checksum = False
        self._skip = 0
        self._fault = ""
        self._decoded = 0
        self._begun = 0  # decoded bytes before the frame
        self._promised = -1  # decoded bytes that the frame's header tells of, or -1
        self.sound = 0
        """Decoded bytes up to the end of the last frame that ended well."""

    def decode(self, data: memoryview, /) -> tuple[bytes, int]:
        pieces: list[bytes] = []
        size = position = 0
        try:
            while size < OUTPUT and not self._fault:
                length = self._next_length(data, position)
                if not length or position + length > len(data):
                    break
                piece = self._zstd.decompress(data[position : position + length])
                if piece:
                    pieces.append(piece)
                    size += len(piece)
                    self._decoded += len(piece)
                self._passed(data, position)
                position += length
            position += self._skip_some(len(data) - position)
        except (CorruptError, zstandard.ZstdError) as error:
            self._fault = str(error)
        if self._fault and not position:
            raise CorruptError(self._fault)
        return b"".join(pieces), position

    def finish(self, rest: memoryview, /) -> tuple[bytes, bool]:
        if self._in_frame:
            try:
                # Of a block that is stored as it is, libzstd hands out even a part.
                return self._zstd.decompress(rest), True
            except zstandard.ZstdError as error:
                raise CorruptError(str(error)) from error
        if rest and not could_begin_zstd(bytes(rest[:4])):
            raise CorruptError("no zstd frame begins here")
        return b"", bool(rest) or self._skip > 0

    def _next_length(self, data: memoryview, position: int) -> int:
        """Bytes of the unit that begins at ``position``; 0 where too few are here to tell."""
        left = len(data) - position
        if not self._in_frame:
            return 0 if self._skip else self._header_length(data[position:])
        if self._blocks_done:
            return _CHECKSUM
        if left < _BLOCK_HEADER:
            return 0
        kind, size = data[position] >> 1 & 3, _block_size(data, position)
        if kind == _RESERVED or size > _BLOCK_MAX:
            raise CorruptError("impossible zstd block")
        return _BLOCK_HEADER + (1 if kind == _RLE else size)

    def _header_length(self, data: memoryview) -> int:
        if len(data) < _SKIPPABLE_HEADER:
            return 0
        magic = bytes(data[:4])
        if magic in SKIPPABLE_MAGICS:
            self._skip = _SKIPPABLE_HEADER + int.from_bytes(data[4:8], "little")
            return 0
        if magic != ZSTD_MAGIC:
            raise CorruptError("no zstd frame begins here")
        return zstandard.frame_header_size(data[:_SHORTEST_FRAME])

    def _passed(self, data: memoryview, position: int) -> None:
        """Note which unit comes after the one at ``position``."""
        if not self._in_frame:
            self._in_frame, self._has_checksum = True, bool(data[position + 4] & 4)
            self._promised = zstandard.frame_content_size(data[position:])
            self._begun = self._decoded
        elif self._blocks_done:
            self._in_frame = self._blocks_done = False
        elif data[position] & 1:
            self._in_frame = self._blocks_done = self._has_checksum
        if not self._in_frame:
            # libzstd itself does not look where the last block is empty.
            if self._promised not in (-1, self._decoded - self._begun):
                raise CorruptError("the frame is not as long as its header says")
            self.sound = self._decoded

    def _skip_some(self, available: int) -> int:
        skipped = min(self._skip, available)
        self._skip -= skipped
        return skipped


def _block_size(data: memoryview, position: int) -> int:
    return data[position] >> 3 | data[position + 1] << 5 | data[position + 2] << 13


def could_begin_zstd(head: bytes) -> bool:
    """Whether more bytes after ``head`` can make a frame of it."""
    return any(magic.startswith(head[:4]) for magic in (ZSTD_MAGIC, *SKIPPABLE_MAGICS))


class GzipDecoder:
    """Gzip members one after the other (RFC 1952 section 2.2)."""

    def __init__(self) -> None:
        self._member = _new_member()
        self._begun = False
        self._fault = ""

    def decode(self, data: memoryview, /) -> tuple[bytes, int]:
        pieces: list[bytes] = []
        size = position = 0
        while size < OUTPUT and not self._fault:
            piece, used = self._inflate(data[position:])
            if not piece and not used:
                break
            pieces.append(piece)
            size += len(piece)
            position += used
        if self._fault and not (size or position):
            raise CorruptError(self._fault)
        return b"".join(pieces), position

    def finish(self, rest: memoryview, /) -> tuple[bytes, bool]:
        return b"", self._begun

    def _inflate(self, data: memoryview) -> tuple[bytes, int]:
        if not self._begun and not data:
            return b"", 0
        before = self._member.copy()
        try:
            piece = self._member.decompress(data, OUTPUT)
        except zlib.error as error:
            self._fault = str(error)
            return _inflate_up_to_fault(before, data)
        self._begun = not self._member.eof
        if self._begun:
            return piece, len(data) - len(self._member.unconsumed_tail)
        # At the end of a member unconsumed_tail can hold the same bytes as unused_data.
        used = len(data) - len(self._member.unused_data)
        self._member = _new_member()
        return piece, used


def _new_member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=31)


def _inflate_up_to_fault(member: zlib._Decompress, data: memoryview) -> tuple[bytes, int]:
    """zlib throws away a call's output when it meets a fault: go there in the smallest steps."""
    good = bytearray()
    for position in range(len(data)):
        try:
            good += member.decompress(data[position : position + 1])
        except zlib.error:
            return bytes(good), position
    return bytes(good), len(data)
