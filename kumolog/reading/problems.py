"""What was wrong with single records while others went on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

_MOST_DISTINCT: Final = 20


class Problems:
    """Counts them; ``report`` is told of each distinct one once, when it is first met."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._counts: Counter[str] = Counter()
        self._others = 0

    def note(self, source: str, message: str) -> None:
        """A record of ``source`` could not be dealt with."""
        if message in self._counts:
            self._counts[message] += 1
        elif len(self._counts) < _MOST_DISTINCT:
            self._counts[message] = 1
            self._report(f"{source}: {message}")
        else:
            if not self._others:
                self._report(f"{source}: {message}; further messages are only counted")
            self._others += 1

    def sum_up(self) -> None:
        """Report how many there were, where that was not said yet."""
        if self.count > len(self._counts):
            self._report(f"{self.count:,} records were left out for such reasons")

    @property
    def count(self) -> int:
        return self._counts.total() + self._others
