"""The text of an input in blocks of whole lines."""

from __future__ import annotations

from collections.abc import Iterator

from kumolog.segments.reader import Decoded

LONGEST_LINE = 16 << 20
"""Bytes of a line above which it is no record: what `kumolog run` reads."""
TOO_LONG = b'"a line of more than 16 MiB"\n'
"""What is given out in the place of such a line: JSON, but no record."""


def blocks(decoded: Decoded, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Whole lines that follow one another, some hundred KiB at a time.

    A last line without an end of its own is whole where the input is; of one that was cut off
    nothing is given out. Raises SegmentError as ``decoded`` does, after all that comes before.
    """
    held: list[bytes] = []
    size = 0  # of the line that has begun; what is over the limit is not held
    for piece in decoded:
        end = piece.rfind(b"\n") + 1
        if end and size + piece.find(b"\n") > longest:
            yield TOO_LONG
            yield piece[piece.find(b"\n") + 1 : end]
        elif end:
            # A view, because the lines are copied only once so; and not at all where all are whole.
            lines = piece if end == len(piece) else memoryview(piece)[:end]
            yield b"".join((*held, lines))
        if end:
            held, size = [], 0
        size += len(piece) - end
        if size > longest:
            held = []
        elif end < len(piece):
            held.append(piece[end:])
    if size and not decoded.torn:
        yield b"".join(held) if size <= longest else TOO_LONG
