"""How many records there are in each minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Final, NamedTuple

from kumolog.stats.table import CAPACITY, Counts, counted

MINUTE: Final = 60
_STEPS: Final = tuple(
    MINUTE * minutes
    for minutes in (1, 2, 10, 30, 60, 120, 360, 720, 1440, 10080, 4 * 10080, 52 * 10080)
)
"""Seconds; each is a multiple of the one before. The last has years to the year 9999 in 8,000."""
UNDATED: Final = -1
"""The timestamp of a record that has none."""

_Counts = Counter[tuple[str | None, int]]


class Span(NamedTuple):
    """A stretch of time that begins at ``start``, in Unix seconds, and its counts."""

    start: int
    counts: Counts


class Timeline:
    """Counts by minute; with more than ``capacity`` of them by two minutes, and so on to a year."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._counts: _Counts = Counter()
        self.seconds = MINUTE
        """What the counts are by."""
        self.first: int | None = None
        self.last: int | None = None

    def add(self, outcome: str | None, minute: int, number: int) -> None:
        """Count so many records of a minute, which is timestamp // `MINUTE`.

        Call `limit` from time to time, and `note_ends` with their timestamps.
        """
        key = outcome, minute * MINUTE // self.seconds  # of UNDATED it makes UNDATED
        self._counts[key] = self._counts.get(key, 0) + number

    def limit(self) -> None:
        """Make the spans longer where there are too many."""
        while len(self._counts) > self._capacity and self.seconds < _STEPS[-1]:
            self._lengthen(_STEPS[_STEPS.index(self.seconds) + 1])

    def merge(self, other: Timeline) -> None:
        """Count all that ``other`` has counted."""
        self._lengthen(max(self.seconds, other.seconds))
        self._counts.update(other._by(self.seconds))
        self.limit()
        if other.first is not None and other.last is not None:
            self.note_ends((other.first, other.last))

    def spans(self, at_most: int | None = None) -> tuple[int, list[Span]]:
        """Return the seconds that a span has, and those with records, in order.

        Spans are made longer until there are ``at_most`` of them, if that can be done.
        """
        counts, seconds = self._counts, self.seconds
        for seconds in _STEPS[_STEPS.index(self.seconds) :]:
            counts = self._by(seconds)
            if at_most is None or len({number for _, number in counts} - {UNDATED}) <= at_most:
                break
        by_span: dict[int, dict[str | None, int]] = {}
        for (outcome, number), count in counts.items():
            by_span.setdefault(number, {})[outcome] = count
        by_span.pop(UNDATED, None)
        return seconds, [Span(n * seconds, counted(by_span[n])) for n in sorted(by_span)]

    def note_ends(self, timestamps: Collection[int]) -> None:
        """Note the first and the last of the timestamps, of which there has to be one."""
        first = min(timestamps)
        if first == UNDATED:
            first = min((t for t in timestamps if t != UNDATED), default=UNDATED)
        if first != UNDATED:
            last = max(timestamps)
            self.first = first if self.first is None else min(self.first, first)
            self.last = last if self.last is None else max(self.last, last)

    def _lengthen(self, seconds: int) -> None:
        self._counts, self.seconds = self._by(seconds), seconds

    def _by(self, seconds: int) -> _Counts:
        factor = seconds // self.seconds
        longer: _Counts = Counter()
        for (outcome, number), count in self._counts.items():
            longer[outcome, number // factor] += count  # UNDATED stays what it is
        return longer
