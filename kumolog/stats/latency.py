"""Durations from created to delivered, and their quantiles in bounded memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from types import MappingProxyType
from typing import Any, Final

from kumolog.stats.timeline import UNDATED

RELATIVE_ERROR: Final = 0.01
"""A quantile, in whole milliseconds, is wrong by less than this share of itself."""

_LAST: Final = 320_000_000_000_000  # milliseconds: ten thousand years
_HELD: Final = 20_000


def _ends() -> Iterator[int]:
    end = 0
    while end < _LAST:
        yield end
        end = max(end + 1, end * 101 // 100)
    yield end


_ENDS: Final = tuple(_ends())  # the last milliseconds of the buckets
_MILLISECONDS: Final[Mapping[str, int]] = MappingProxyType(
    {"": 0, **{f"{number:03}": number for number in range(1000)}}
)


class Latencies:
    """Counts milliseconds in buckets, each of which ends one percent above the one before.

    Up to ten thousand years there are 3,000 of them. A bucket stands for the mean of what is in it:
    whole seconds up to a hundred are exact.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._sums: Counter[int] = Counter()
        self._held: list[int] = []

    @property
    def count(self) -> int:
        return sum(self._counts.values()) + len(self._held)

    def add(self, milliseconds: Iterable[int]) -> None:
        """Count durations; one below 0, which clocks that differ can give, counts as 0."""
        self._held.extend(milliseconds)
        if len(self._held) > _HELD:
            self._fold()

    def merge(self, other: Latencies) -> None:
        """Count all that ``other`` has counted."""
        self._counts.update(other._counts)
        self._sums.update(other._sums)
        self.add(other._held)

    def quantile(self, share: float) -> float | None:
        """Seconds that ``share`` of the durations do not exceed (nearest rank), if there are."""
        self._fold()
        rank = ceil(share * self.count)
        passed = 0
        for bucket in sorted(self._counts):
            passed += self._counts[bucket]
            if passed >= rank:
                return self._sums[bucket] / self._counts[bucket] / 1000
        return None

    def _fold(self) -> None:
        """Put what is held into the buckets: in order, a whole bucket at a time."""
        held = sorted(self._held)
        start = 0
        while start < len(held):
            bucket = bisect_left(_ENDS, held[start])
            end = bisect_right(held, _ENDS[bucket], start)
            self._counts[bucket] += end - start
            self._sums[bucket] += sum(held[start:end]) if bucket else 0
            start = end
        self._held = []


def latencies(deliveries: Iterable[Any]) -> list[int]:
    """Milliseconds from created to timestamp of the rows that have both."""
    rows = [row for row in deliveries if row.created != UNDATED and row.timestamp != UNDATED]
    try:
        return [
            (row.timestamp - row.created) * 1000
            + _MILLISECONDS[row.event_time[20:23]]
            - _MILLISECONDS[row.created_time[20:23]]
            for row in rows
        ]
    except (TypeError, KeyError):  # one has no such time, or it has one or two places
        return [(row.timestamp - row.created) * 1000 + _fraction(row) for row in rows]


def _fraction(row: Any) -> int:
    """What the RFC 3339 forms of the times add to their whole seconds, if both can be read."""
    if not row.event_time or not row.created_time:
        return 0
    try:
        return _milliseconds(row.event_time) - _milliseconds(row.created_time)
    except ValueError:
        return 0


def _milliseconds(time: str) -> int:
    return int(f"{time[20:-1][:3]:0<3}")
