"""How many records have each value of a field, and what became of their messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Generic, NamedTuple, TypeVar

OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Delivery": "delivered",
        "Bounce": "bounced",
        "Expiration": "bounced",
        "AdminBounce": "bounced",
        "TransientFailure": "transient",
    }
)
"""What became of the message, by record type; none for the types that do not say."""

V = TypeVar("V", str, int)

NONE: Final = 0
"""Stands for no number; "" stands for no text."""
CAPACITY: Final = 50_000
"""Values of a field that are counted apart, each outcome of one for itself."""


class Counts(NamedTuple):
    """Records, and how many of them say that a message was delivered, bounced or has to wait."""

    records: int = 0
    delivered: int = 0
    bounced: int = 0
    transient: int = 0

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override] # sums, not longer tuples
        return Counts(*map(sum, zip(self, other, strict=True)))

    @property
    def delivery_rate(self) -> float | None:
        """Delivered / (delivered + bounced); None where no message has come to an end."""
        ended = self.delivered + self.bounced
        return self.delivered / ended if ended else None

    @property
    def bounce_rate(self) -> float | None:
        """Bounced / (delivered + bounced); None where no message has come to an end."""
        ended = self.delivered + self.bounced
        return self.bounced / ended if ended else None


class Row(NamedTuple):
    """A value and its counts; the value "" stands for none."""

    value: str
    counts: Counts


class Top(NamedTuple):
    """The most frequent values of a field, and the sums of all others."""

    rows: list[Row]
    other: Counts
    other_values: int | None
    """How many values ``other`` sums up; None where that was forgotten."""
    missing: int
    """Up to so many records of each row may be in ``other``; 0 where the counts are exact."""


class Table(Generic[V]):
    """Counts values; with more than ``capacity`` it forgets the rarer half of them.

    What is forgotten stays in the sum of the others, so totals are exact, and no count is too high.
    A value that was forgotten and comes again is counted anew: it is then too low by `Top.missing`
    at most, the sum of what the most frequent one forgotten had each time.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._counts: Counter[tuple[str | None, V]] = Counter()
        self._forgotten: Counter[str | None] = Counter()
        self._missing = 0

    def add(self, outcome: str | None, value: V, number: int) -> None:
        """Count so many records; call `limit` from time to time."""
        key = outcome, value
        self._counts[key] = self._counts.get(key, 0) + number

    def limit(self) -> None:
        """Forget values where there are too many."""
        if len(self._counts) > self._capacity:
            self._forget()

    def merge(self, other: Table[V]) -> None:
        """Count all that ``other`` has counted, and forgotten."""
        self._counts.update(other._counts)
        self._forgotten.update(other._forgotten)
        self._missing += other._missing
        self.limit()

    @property
    def sums(self) -> Counts:
        """Of all values."""
        sums = self._forgotten.copy()
        for (outcome, _), count in self._counts.items():
            sums[outcome] += count
        return counted(sums)

    def top(self, number: int) -> Top:
        """Return the ``number`` most frequent values, most records first, then by value."""
        by_value = _by_value(self._counts)
        rows = sorted(
            (Row(str(value or ""), counted(counts)) for value, counts in by_value.items()),
            key=lambda row: (-row.counts.records, row.value),
        )
        other = sum((row.counts for row in rows[number:]), counted(self._forgotten))
        values = None if self._missing else len(rows[number:])
        return Top(rows[:number], other, values, self._missing)

    def _forget(self) -> None:
        by_value = _by_value(self._counts)
        totals = {value: sum(counts.values()) for value, counts in by_value.items()}
        limit = sorted(totals.values())[len(totals) // 2]
        self._missing += limit
        kept: Counter[tuple[str | None, V]] = Counter()
        for (outcome, value), count in self._counts.items():
            if totals[value] > limit:
                kept[outcome, value] = count
            else:
                self._forgotten[outcome] += count
        self._counts = kept


def counted(by_outcome: Mapping[str | None, int]) -> Counts:
    """Make counts of the records of each outcome."""
    delivered, bounced, transient = (
        by_outcome.get(outcome, 0) for outcome in ("delivered", "bounced", "transient")
    )
    return Counts(sum(by_outcome.values()), delivered, bounced, transient)


def _by_value(counts: Mapping[tuple[str | None, V], int]) -> dict[V, dict[str | None, int]]:
    by_value: dict[V, dict[str | None, int]] = {}
    for (outcome, value), count in counts.items():
        by_value.setdefault(value, {})[outcome] = count
    return by_value
