"""What filter handlers that look at nothing but meta have answered, by the values that they saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from kumolog.errors import KumologError

_MOST_KNOWN: Final = 1 << 16
_LEAST_ALIKE: Final = 2  # records for each new row: with fewer it is quicker to ask about all
_MOST_VAIN: Final = 64  # batches in a row that have fewer, until nothing is remembered any more
# Equal values of one of these types are the same to Lua; 1 and 1.0 are equal, too, and are not.
_TYPES: Final = (frozenset((str, type(None))), frozenset((int, type(None))))

Row = tuple[Any, ...]
"""The kind of a record and its meta values."""


class Decisions:
    """``keys`` are those of the meta that any of the handlers looks at."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = sorted(keys)
        self._known: dict[Row, str | None] = {}  # None: some handler has failed
        self._vain = 0

    def rows(self, kinds: str, column: Callable[[str], list[Any]]) -> list[Row] | None:
        """One for each record; None where its values cannot be remembered.

        ``column`` gives a meta value of every record.
        """
        if self._vain == _MOST_VAIN:
            return None
        try:
            columns = [column(key) for key in self._keys]
        except KumologError:  # a value of some message that is none of Lua's: it is told in time
            return None
        if not all(any(types.issuperset(map(type, c)) for types in _TYPES) for c in columns):
            return None
        return list(zip(kinds, *columns, strict=True))

    def new(self, rows: Sequence[Row]) -> dict[Row, int] | None:
        """The rows of which nothing is known, in order, with the places of their first records.

        None where all have to be asked about: some handler fails for one of them.
        """
        known = self._known
        distinct = dict.fromkeys(rows)
        unknown = [row for row in distinct if known.get(row) is None]
        if any(row in known for row in unknown):
            return None
        new = {row: rows.index(row) for row in unknown}
        self._vain = self._vain + 1 if len(new) * _LEAST_ALIKE > len(rows) else 0
        return new

    def add(self, rows: Iterable[Row], answers: Sequence[str], failed: Iterable[int]) -> None:
        """Remembers the answers of each logger about rows, but of those at places that failed."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        said: list[str | None] = ["".join(answer) for answer in zip(*answers, strict=True)]
        for place in failed:
            said[place] = None
        self._known.update(zip(rows, said, strict=True))

    def answers(self, rows: Sequence[Row], loggers: int) -> list[str]:
        """For each logger its answers about rows that all are known."""
        known: Any = self._known
        said = "".join(map(known.__getitem__, rows))
        return [said[number::loggers] for number in range(loggers)]

    def answers_until(
        self, rows: Sequence[Row], new: Mapping[Row, int], answers: Sequence[str]
    ) -> list[str]:
        """The same for as many rows as there are answers to, those about some new rows included."""
        said = dict(zip(new, map("".join, zip(*answers, strict=True)), strict=False))
        rows_said: list[str] = []
        for row in rows:
            answer = said.get(row) or self._known.get(row)
            if answer is None:
                break
            rows_said.append(answer)
        return ["".join(column) for column in zip(*rows_said, strict=True)] or ["" for _ in answers]
