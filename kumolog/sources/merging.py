"""Segments as one, in the order of time."""

from __future__ import annotations

import re
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from math import inf
from typing import IO, Any, Final, Protocol, cast

import zstandard

from kumolog.errors import KumologError
from kumolog.reading.fields import Fields
from kumolog.segments.reader import RawInput, open_decoded
from kumolog.sources.streams import MERGED, MOST_OPEN

_BATCH: Final = 1000  # lines
_TIMESTAMP: Final = ("timestamp",)
_EVENT_TIME: Final = ("event_time",)
_FRACTION: Final = re.compile(r".{19}(\.[0-9]+)Z")
_NUMBERS: Final = (int, float)

Choose = Callable[[bytes, str], list[bytes]]
"""Takes a piece of whole lines and the name of what it is from; gives the lines that are wanted."""


class Pieces(Protocol):
    """Whole lines of one source, in pieces; see `kumolog.sources.streams.Stream`."""

    name: str

    def __iter__(self) -> Iterator[bytes]: ...


class Timestamps:
    """The times of lines in Unix seconds, None for a line without one.

    A ``timestamp`` is a whole number; where there is an ``event_time``, which is the same moment
    (KumoMTA: log record), its fraction counts too.
    """

    def __init__(self) -> None:
        self._fields = Fields([_TIMESTAMP, _EVENT_TIME])

    def of(self, lines: list[bytes]) -> list[float | None]:
        good, rows = self._fields.lines.rows(lines, _ignored)
        if len(good) < len(lines):  # headers of segments, say
            return [None] if len(lines) == 1 else [self.of([line])[0] for line in lines]
        seconds = map(_number, self._fields.column(rows, _TIMESTAMP))
        texts = self._fields.column(rows, _EVENT_TIME)
        if not any(texts):
            return list(seconds)
        return [
            None if second is None else second + _fraction(text)
            for second, text in zip(seconds, texts, strict=True)
        ]

    def first(self, lines: list[bytes]) -> float | None:
        """The first that there is."""
        return next((time for time in self.of(lines) if time is not None), None)


def _number(value: Any) -> float | None:
    return value if value.__class__ in _NUMBERS else None


def _fraction(text: Any) -> float:
    """What an RFC 3339 time in UTC has behind its seconds."""
    found = _FRACTION.fullmatch(text) if isinstance(text, str) else None
    return float(found[1]) if found else 0.0


def _ignored(_reason: str) -> None:
    """A line that is no record stays where it is; whoever shows it will tell."""


class Merge:
    """Orders the lines of several sources by their times.

    Each source is nearly in order itself: its lines are never reordered among themselves. One that
    is older than a line before it, or has no timestamp, comes with that one. Equal times come
    source by source.

    At most ``most_open`` sources are read at a time. Where more of them overlap in time, some are
    merged into a temporary file first, so memory and open files are bounded.
    """

    def __init__(self, choose: Choose, most_open: int = MOST_OPEN) -> None:
        self._choose = choose
        self._most_open = most_open
        self._timestamps = Timestamps()

    def lines(self, sources: Iterable[tuple[Pieces, float | None]]) -> Iterator[list[bytes]]:
        """The lines as far as they can be had now, some at a time.

        With each source comes its first timestamp: it is not read before that is due. None: at
        once.
        """
        cursors = [
            _Cursor(source, rank, -inf if first is None else first, self._choose, self._timestamps)
            for rank, (source, first) in enumerate(sources)
        ]
        batch: list[bytes] = []
        for lines in self._merged(cursors):
            batch += lines
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _merged(self, cursors: Sequence[_Cursor]) -> Iterator[list[bytes]]:
        heap = [(cursor.key, cursor.rank, cursor) for cursor in cursors]
        heapify(heap)
        is_open = sum(cursor.is_open for cursor in cursors)
        while heap:
            cursor = heappop(heap)[2]
            if not cursor.is_open:
                if is_open >= self._most_open:
                    heap = self._with_some_merged(heap)
                    is_open = sum(entry[2].is_open for entry in heap)
                is_open += 1
            else:
                key, rank, _ = heap[0] if heap else (inf, inf, None)
                yield cursor.take(key, rank)
            if cursor.has_lines or cursor.fill():
                heappush(heap, (cursor.key, cursor.rank, cursor))
            else:
                is_open -= 1

    def _with_some_merged(self, heap: list[_Entry]) -> list[_Entry]:
        """Makes one source of those that are open; of such sources again only if need be."""
        opened = [entry[2] for entry in heap if entry[2].is_open]
        depth = min(cursor.depth for cursor in opened)
        chosen = [cursor for cursor in opened if cursor.depth == depth]
        if len(chosen) == 1:
            chosen = opened
        key, rank = min((cursor.key, cursor.rank) for cursor in chosen)
        deeper = max(cursor.depth for cursor in chosen) + 1
        spilled = _Spilled(self._merged(chosen))
        merged = _Cursor(spilled, rank, key, _split, self._timestamps, deeper)
        gone = set(map(id, chosen))
        rest = [entry for entry in heap if id(entry[2]) not in gone]
        if merged.fill():
            rest.append((merged.key, merged.rank, merged))
        heapify(rest)
        return rest


class _Cursor:
    """A source, and those of its lines that are next."""

    def __init__(
        self,
        source: Pieces,
        rank: int,
        key: float,
        choose: Choose,
        timestamps: Timestamps,
        depth: int = 0,
    ) -> None:
        self.rank = rank
        self.key = key
        """The time of the next line."""
        self.depth = depth
        """How often its lines were merged before."""
        self.is_open = False
        self._source = source
        self._choose = choose
        self._timestamps = timestamps
        self._lines: list[bytes] = []
        self._keys: list[float] = []
        self._at = 0

    @property
    def has_lines(self) -> bool:
        return self._at < len(self._lines)

    def fill(self) -> bool:
        """Get the next lines; whether there are any now."""
        self.is_open = True
        for piece in self._source:
            self._lines, self._at = self._choose(piece, self._source.name), 0
            if self._lines:
                self._keys = self._ascending(self._timestamps.of(self._lines))
                self.key = self._keys[0]
                return True
        self._lines, self.is_open = [], False
        return False

    def take(self, key: float, rank: float) -> list[bytes]:
        """The lines that come before the other source's next one, which has this time and rank."""
        bisect = bisect_right if self.rank < rank else bisect_left
        end = bisect(self._keys, key, self._at)
        lines = self._lines[self._at : end]
        self._at = end
        if self.has_lines:
            self.key = self._keys[end]
        return lines

    def _ascending(self, timestamps: Iterable[float | None]) -> list[float]:
        latest = self.key
        keys = []
        for timestamp in timestamps:
            if timestamp is not None and timestamp > latest:
                latest = timestamp
            keys.append(latest)
        return keys


_Entry = tuple[float, int, _Cursor]


class _Spilled:
    """Merged lines, put into a temporary file to wait in."""

    name = MERGED

    def __init__(self, batches: Iterator[list[bytes]]) -> None:
        self._pieces = _read(_written(batches))

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def _written(batches: Iterator[list[bytes]]) -> IO[bytes]:
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed when it was read
    try:
        with zstandard.ZstdCompressor(level=1).stream_writer(file, closefd=False) as writer:
            for lines in batches:
                writer.write(b"\n".join(lines) + b"\n")
        file.seek(0)
    except OSError as error:
        file.close()
        raise KumologError(
            f"merging segments: writing a temporary file: {error.strerror or error}"
        ) from None
    return file


def _read(file: IO[bytes]) -> Iterator[bytes]:
    """Pieces of whole lines."""
    rest = b""
    with file:
        for piece in open_decoded(cast(RawInput, file), MERGED):
            text = rest + piece
            end = text.rfind(b"\n") + 1
            rest = text[end:]
            if end:
                yield text[:end]


def _split(piece: bytes, _name: str) -> list[bytes]:
    lines = piece.split(b"\n")
    lines.pop()
    return lines
