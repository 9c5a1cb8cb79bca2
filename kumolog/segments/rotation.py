"""Which segment a record goes into, and when a segment ends.

One open segment for each key; wherever those are made, the rules are these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Generic, Protocol, TypeVar

from kumolog.lines import Lines
from kumolog.segments.names import Key, Record, Target
from kumolog.segments.retry import GaveUpError
from kumolog.segments.segment import Sync, Totals


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """``max_file_size`` in uncompressed bytes, newlines included; ``max_segment_duration`` (None:
    unlimited) and ``flush_interval`` in seconds; ``compression_level`` 0 to 21; ``back_pressure``
    in records.
    """

    max_file_size: int = 1_000_000_000
    max_segment_duration: float | None = None
    compression_level: int = 0
    back_pressure: int = 128_000
    flush_interval: float = 1.0
    sync: Sync = "never"


class OpenSegment(Protocol):
    """A segment that is being written; see `kumolog.segments.segment.Segment`."""

    size: int
    expires: float
    flush_due: float

    def add(self, target: Target, lines: Lines) -> None: ...
    def flush(self) -> None: ...
    def finish(self) -> None: ...
    def abandon(self) -> list[Record]: ...


S = TypeVar("S", bound=OpenSegment)


class Rotation(Generic[S]):
    """The open segments of one logger; for one thread.

    ``now`` gives monotonic seconds, ``create`` opens a segment. Where a segment gives up, its
    records and those that follow for its key are in the ``unwritten`` of ``totals``.
    """

    def __init__(
        self,
        options: WriterOptions,
        now: Callable[[], float],
        create: Callable[[Target], S],
        totals: Totals,
    ) -> None:
        duration = options.max_segment_duration
        self.next_due = inf  # when `sweep` has something to do
        self._now = now
        self._create = create
        self._totals = totals
        self._flush_interval = options.flush_interval
        self._duration = inf if duration is None else duration
        # KumoMTA: a duration of zero gives every record its own segment, as a size of zero does.
        self._limit = options.max_file_size if self._duration > 0 else 0
        self._open: dict[Key, S] = {}
        self._failed: set[Key] = set()
        self._stored = 0
        self._unflushed_from: dict[Key, int] = {}  # where `flush_due` is set: since which batch
        self._flushed = 0

    def flushed(self) -> int:
        """How many of the batches stored, counted from the first, are flushed in all their parts.

        What failed is not flushed: from then on it stands still.
        """
        if not self._failed:
            waiting = [
                self._unflushed_from[key]
                for key, segment in self._open.items()
                if segment.flush_due != inf
            ]
            self._flushed = min(waiting, default=self._stored + 1) - 1
        return self._flushed

    def sweep(self) -> None:
        """Finish what has expired, flush what has waited long enough."""
        now = self._now()
        if now < self.next_due:
            return
        for key, segment in list(self._open.items()):
            with self._giving_up(key):
                if now >= segment.expires:
                    self._finish(key)
                elif now >= segment.flush_due:
                    segment.flush()
        self.next_due = min((min(s.expires, s.flush_due) for s in self._open.values()), default=inf)

    def store(self, target: Target, lines: Lines) -> None:
        """Add records to their segment; rotate right after the record that reaches the limit."""
        key = target.key
        self._stored += 1
        start, left = 0, lines.size
        while start < len(lines) and key not in self._failed:
            with self._giving_up(key):
                segment = self._segment(target)
                room = self._limit - segment.size
                end, taken = (len(lines), left) if left < room else _fill(lines, start, room)
                part = lines[start:end]
                start, left = end, left - taken
                segment.add(target, part)
                if segment.size >= self._limit:
                    self._finish(key)
        self._totals.unwritten.extend((target, line) for line in lines[start:])

    def finish(self) -> None:
        """Finish all segments."""
        for key in list(self._open):
            with self._giving_up(key):
                self._finish(key)

    def _segment(self, target: Target) -> S:
        """The key's open segment, where a record is about to be added."""
        segment = self._open.get(target.key)
        now = self._now()
        if segment is not None and now >= segment.expires:
            self._finish(target.key)
            segment = None
        if segment is None:
            segment = self._create(target)
            segment.expires = (self._now() + self._duration) if self._limit else inf
            self._open[target.key] = segment
        if segment.flush_due == inf:
            segment.flush_due = now + self._flush_interval
            self._unflushed_from[target.key] = self._stored
            self.next_due = min(self.next_due, segment.flush_due, segment.expires)
        return segment

    def _finish(self, key: Key) -> None:
        self._open[key].finish()
        del self._open[key]

    @contextmanager
    def _giving_up(self, key: Key) -> Iterator[None]:
        """Where retries have ended: keep the key's records for ``unwritten`` from now on."""
        try:
            yield
        except GaveUpError as error:
            totals = self._totals
            totals.reason = totals.reason or str(error)
            self._failed.add(key)
            segment = self._open.pop(key, None)
            if segment is not None:
                totals.unwritten.extend(segment.abandon())


def _fill(lines: Lines, start: int, room: int) -> tuple[int, int]:
    """Where to cut right after the record that reaches ``room``; the bytes from start to there."""
    taken = 0
    for end in range(start, len(lines)):
        taken += len(lines.ended[end])
        if taken >= room:
            return end + 1, taken
    return len(lines), taken
