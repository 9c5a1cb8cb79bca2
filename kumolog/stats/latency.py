"""Durations from created to delivered, and their quantiles in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil, log, log1p
from types import MappingProxyType
from typing import Any, Final

from kumolog.stats.timeline import UNDATED

RELATIVE_ERROR: Final = 0.01
"""A quantile is wrong by less than this share of itself: milliseconds are told apart up to 0.1 s."""

_PER_FACTOR_E: Final = 1 / log1p(RELATIVE_ERROR)
_MILLISECONDS: Final[Mapping[str, int]] = MappingProxyType(
    {"": 0, **{f"{number:03}": number for number in range(1000)}}
)


class Latencies:
    """Counts milliseconds in buckets, each of which ends one percent above the one before.

    Up to ten thousand years there are 3,400 of them. A bucket stands for the mean of what is in
    it: whole seconds up to a hundred are exact.
    """

    def __init__(self) -> None:
        self.count = 0
        self._counts: Counter[int] = Counter()
        self._sums: Counter[int] = Counter()

    def add(self, milliseconds: Mapping[int, int]) -> None:
        """Count durations, each so often as it says.

        One below 0, which clocks that differ can give, counts as 0.
        """
        for value, number in milliseconds.items():
            bucket = ceil(log(value) * _PER_FACTOR_E) if value > 0 else -1
            self._counts[bucket] += number
            self._sums[bucket] += max(value, 0) * number
            self.count += number

    def merge(self, other: Latencies) -> None:
        """Count all that ``other`` has counted."""
        self._counts.update(other._counts)
        self._sums.update(other._sums)
        self.count += other.count

    def quantile(self, share: float) -> float | None:
        """Seconds that ``share`` of the durations do not exceed (nearest rank), if there are."""
        rank = ceil(share * self.count)
        passed = 0
        for bucket in sorted(self._counts):
            passed += self._counts[bucket]
            if passed >= rank:
                return self._sums[bucket] / self._counts[bucket] / 1000
        return None


def latencies(rows: Iterable[Any]) -> list[int]:
    """Milliseconds from created to timestamp of the deliveries that have both."""
    deliveries = [
        row
        for row in rows
        if row.type == "Delivery" and row.timestamp != UNDATED and row.created != UNDATED
    ]
    try:
        return [
            (row.timestamp - row.created) * 1000
            + _MILLISECONDS[row.event_time[20:23]]
            - _MILLISECONDS[row.created_time[20:23]]
            for row in deliveries
        ]
    except (TypeError, KeyError):  # one has no such time, or it has one or two places
        return [(row.timestamp - row.created) * 1000 + _fraction(row) for row in deliveries]


def _fraction(row: Any) -> int:
    """What the RFC 3339 forms of the times add to their whole seconds, if both can be read."""
    try:
        return _milliseconds(row.event_time) - _milliseconds(row.created_time)
    except (TypeError, ValueError):
        return 0


def _milliseconds(time: str) -> int:
    return int(f"{time[20:-1][:3]:0<3}")
