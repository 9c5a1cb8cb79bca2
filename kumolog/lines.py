"""Lines that follow one another, handled as one text wherever nobody asks for a single one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import compress
from typing import overload


class Lines(Sequence[bytes]):
    """As a sequence, the lines without their ends; may be compared with other sequences of lines.

    ``size`` is the bytes of all lines with their ends. Of `Lines.of` a line may have line breaks
    inside, of `Lines.split` it may not.
    """

    __slots__ = ("_count", "_ended", "_text", "size")

    def __init__(self, ended: Sequence[bytes] | None, text: bytes | None, count: int) -> None:
        self._ended = ended
        self._text = text
        self._count = count
        self.size = len(text) if text is not None else sum(map(len, ended or ()))

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> Lines:
        """These lines, which have no ends."""
        if isinstance(lines, Lines):
            return lines
        return cls([line + b"\n" for line in lines], None, len(lines))

    @classmethod
    def split(cls, ended: Sequence[bytes], text: bytes | None = None) -> Lines:
        """Lines with their ends; ``text`` is all of them, where that is at hand."""
        return cls(ended, text, len(ended))

    @property
    def text(self) -> bytes:
        """All lines with their ends."""
        return b"".join(self.ended) if self._text is None else self._text

    @property
    def ended(self) -> Sequence[bytes]:
        """The lines with their ends."""
        if self._ended is None:
            # Twice as fast as bytes.split, which looks at every byte by itself.
            self._ended = BytesIO(self._text or b"").readlines()
        return self._ended

    def chosen(self, mask: bytes, count: int) -> Lines:
        """The lines, so many, for which the byte at their place in a mask is not zero."""
        if count == self._count:
            return self
        return Lines(None, b"".join(compress(self.ended, mask)), count)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> Lines: ...

    def __getitem__(self, place: int | slice) -> bytes | Lines:
        if isinstance(place, slice):
            if place.indices(self._count) == (0, self._count, 1):
                return self
            ended = self.ended[place]
            return Lines(ended, None, len(ended))
        return self.ended[place][:-1]

    def __iter__(self) -> Iterator[bytes]:
        return iter([line[:-1] for line in self.ended])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # as of a list: equal ones may be other objects

    def __repr__(self) -> str:
        return f"Lines.of({list(self)!r})"
