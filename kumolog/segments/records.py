"""The records of one segment, out of its decoded bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from kumolog.errors import SegmentError
from kumolog.segments.reader import Decoded

T = TypeVar("T")

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of a line above which it is no record: four times what `kumolog run` reads."""

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Decode(Generic[T]):
    """Turns lines into records of a kind: Any for whatever the JSON is.

    Bytes that are not UTF-8 become U+FFFD (KumoMTA: tailer).
    """

    def __init__(self, kind: type[T] | Any = Any) -> None:
        self._one = msgspec.json.Decoder(kind).decode

    def __call__(self, lines: list[bytes]) -> tuple[list[T], str | None]:
        """The records of the lines up to the first that is none, and why that one is none."""
        try:
            return list(map(self._one, lines)), None
        except _UNREADABLE:
            return self._one_by_one(lines)

    def _one_by_one(self, lines: list[bytes]) -> tuple[list[T], str | None]:
        found: list[T] = []
        for line in lines:
            try:
                found.append(self._one(line.decode("utf-8", "replace").encode()))
            except _UNREADABLE as error:
                return found, str(error)
        return found, None


class Part(NamedTuple, Generic[T]):
    """Records that follow one another; ``first`` is the line of the first, from 0."""

    first: int
    records: list[T]


def records(
    decoded: Decoded, decode: Callable[[list[bytes]], tuple[list[T], str | None]], skip: float = 0
) -> Iterator[Part[T]]:
    """The records from the line ``skip`` on, some at a time.

    A part without any is given out where there is nothing more for now. A line that was cut off is
    not used. Raises SegmentError for what is corrupt, and for a line that is no record, after all
    that comes before.
    """
    number = 0
    for lines in _lines(decoded):
        fresh = lines[int(min(len(lines), max(0, skip - number))) :]
        first = number + len(lines) - len(fresh)
        found, problem = decode(fresh)
        if found or not lines:
            yield Part(first, found)
        if problem is not None:
            line = first + len(found) + 1
            raise SegmentError(f"reading {decoded.name}: line {line} is no record: {problem}")
        number += len(lines)


def _lines(decoded: Decoded) -> Iterator[list[bytes]]:
    """Whole lines without their ends, those of a piece at a time; none for an empty piece."""
    held: list[bytes] = []
    size = 0
    for piece in decoded:
        lines = piece.split(b"\n")
        rest = lines.pop()
        if lines:
            lines[0] = b"".join((*held, lines[0]))
            held, size = [], 0
        if rest:
            held.append(rest)
            size += len(rest)
        if lines or not piece:
            yield lines
        if size > LONGEST_LINE:
            raise SegmentError(
                f"reading {decoded.name}: a line is longer than {LONGEST_LINE >> 20} MiB: no record"
            )
    if held and not decoded.torn:
        yield [b"".join(held)]
