"""One batch while the filter handlers are asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from kumolog.errors import KumologError
from kumolog.logger import ASK, FAILED, Failure


class Asking:
    """What is known so far; ``kinds`` has a character for each record.

    ``tables`` say for each logger what it does with a kind. ``answers`` are strings in parallel,
    one for each logger, with a character for each record up to the one that was ``reached``.
    """

    def __init__(self, kinds: str, tables: Sequence[Mapping[int, str]]) -> None:
        self.kinds = kinds
        self.answers = [""] * len(tables)
        self.failures: list[Failure] = []
        self._tables = tables

    @property
    def reached(self) -> int:
        """How many records have been asked about."""
        return len(self.answers[0]) if self.answers else len(self.kinds)

    def add(self, said: str, count: int, failures: Iterable[Failure]) -> None:
        """Takes on the answers about so many records that follow, in the order of the calls."""
        kinds = self.kinds[self.reached : self.reached + count]
        added = [kinds.translate(table) for table in self._tables]
        asked = [number for number, answers in enumerate(added) if ASK in answers]
        if all(added[number].count(ASK) == len(kinds) for number in asked):
            for place, number in enumerate(asked):
                added[number] = said[place :: len(asked)]
        else:
            rest = iter(said)
            rows = [
                [next(rest) if answer == ASK else answer for answer in row]
                for row in zip(*added, strict=True)
            ]
            added = ["".join(column) for column in zip(*rows, strict=True)]
        self._add(added, failures)

    def _add(self, answers: Iterable[str], failures: Iterable[Failure]) -> None:
        self.answers = [former + new for former, new in zip(self.answers, answers, strict=True)]
        self.failures += failures

    def add_until_broken_off(
        self, said: str, failures: Iterable[Failure], error: Callable[[int], KumologError]
    ) -> int | None:
        """Takes on what the handlers said before one of them was left in the midst of its call.

        The record that this one was called for fails, for all loggers that had not got its answer:
        with ``error`` of the logger. Gives the number of the first of them, None where all handlers
        have answered.
        """
        rest = iter(said)
        added: list[list[str]] = [[] for _ in self.answers]
        first: int | None = None
        for place in range(self.reached, len(self.kinds)):
            for number, table in enumerate(self._tables):
                answer: str | None = table[ord(self.kinds[place])]
                if answer == ASK:
                    answer = next(rest, None)
                if answer is None:
                    answer = FAILED
                    first = number if first is None else first
                    self.failures.append(Failure(place, number, error(number)))
                added[number].append(answer)
            if first is not None:
                break
        self._add(map("".join, added), failures)
        return first
