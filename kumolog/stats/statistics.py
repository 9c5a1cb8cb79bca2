"""Counting records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import repeat
from typing import Any, Final

from kumolog.stats.latency import latencies
from kumolog.stats.rows import Decoder, NoRecords, Path
from kumolog.stats.table import NONE, OUTCOMES, Table
from kumolog.stats.timeline import MINUTE, Timeline
from kumolog.stats.totals import Totals

CLASSIFIED: Final = frozenset(
    ("Bounce", "TransientFailure", "Expiration", "AdminBounce", "OOB", "Feedback", "Rejection")
)
"""The types whose ``bounce_classification`` says something (KumoMTA: bounce_classification)."""
_LONGEST: Final = 200
_HELD: Final = 64 << 20  # bytes of lines
_APART: Final = 20_000


class Statistics:
    """Give it blocks of lines; look at what it has counted at any time.

    ``by`` has the paths of fields that are counted besides. Of a record with several recipients the
    first one's domain counts. Values are cut after 200 characters. Raises KumologError for a path
    that cannot be counted by.

    Values are counted as they are written at first, and go into the tables after some MiB of
    records: so each is cut, or made lower case, once for many records.
    """

    def __init__(self, by: Sequence[Path] = ()) -> None:
        by = tuple(dict.fromkeys(by))
        self._decoder = Decoder(by)
        self._totals = Totals(by)
        self._written: defaultdict[str | None, _Written] = defaultdict(partial(_Written, len(by)))
        self._held = 0

    @property
    def totals(self) -> Totals:
        """Of all records up to now; what is added later is added to them."""
        self._fold()
        return self._totals

    def add(self, block: bytes | memoryview) -> tuple[int, NoRecords | None]:
        """Count the records of a block of whole lines.

        Returns how many there are, and what to say of lines without one.
        """
        rows, bad = self._decoder.rows(block)
        if bad:
            self._totals.no_records += bad.lines
        self._totals.records += len(rows)
        alike: defaultdict[str, list[Any]] = defaultdict(list)
        for row in rows:
            alike[row.type].append(row)
        for kind, some in alike.items():
            self._count(kind, some)
        self._held += len(block)
        if self._held > _HELD or sum(map(len, self._written.values())) > _APART:
            self._fold()
        return len(rows), bad

    def _count(self, kind: str, rows: list[Any]) -> None:
        """Count records of one type."""
        written = self._written[OUTCOMES.get(kind)]
        written.types[kind] += len(rows)
        written.domains.update(_domains(rows))
        written.sites.update([row.site for row in rows])
        written.codes.update(_codes(rows))
        if kind in CLASSIFIED:
            written.classifications.update([row.bounce_classification for row in rows])
        if kind == "Delivery":
            self._totals.latencies.add(latencies(rows))
        for number, counts in enumerate(written.by):
            counts.update(self._decoder.by(number, rows))
        self._count_minutes(written.minutes, [row.timestamp for row in rows])

    def _count_minutes(self, counts: Counter[int], timestamps: list[int]) -> None:
        moments = set(timestamps)
        self._totals.timeline.note_ends(moments)
        minutes = {moment // MINUTE for moment in moments}
        if len(minutes) == 1:
            counts[minutes.pop()] += len(timestamps)
        else:
            counts.update([timestamp // MINUTE for timestamp in timestamps])

    def _fold(self) -> None:
        """Put what is held into the tables."""
        totals = self._totals
        for outcome, written in self._written.items():
            _put(written.types, totals.types, outcome, _cut)
            _put(written.domains, totals.domains, outcome, _lowered)
            _put(written.sites, totals.sites, outcome, _cut)
            _put(written.codes, totals.codes, outcome, int)
            _put(written.classifications, totals.classifications, outcome, _cut)
            _put(written.minutes, totals.timeline, outcome, int)
            for counts, table in zip(written.by, totals.by.values(), strict=True):
                _put(counts, table, outcome, _cut)
        totals.limit()
        self._written.clear()
        self._held = 0


class _Written:
    """Values as they are written, of records with one outcome."""

    def __init__(self, by: int) -> None:
        self.types: Counter[str] = Counter()
        self.domains: Counter[str] = Counter()
        self.sites: Counter[str | None] = Counter()
        self.codes: Counter[int] = Counter()
        self.classifications: Counter[str | None] = Counter()
        self.minutes: Counter[int] = Counter()
        self.by: list[Counter[str]] = [Counter() for _ in range(by)]
        self._fixed: tuple[Counter[Any], ...] = (
            *(self.types, self.domains, self.sites),
            *(self.codes, self.classifications, self.minutes),
        )

    def __len__(self) -> int:
        return sum(map(len, (*self._fixed, *self.by)))


def _put(
    counts: Counter[Any],
    table: Table[Any] | Timeline,
    outcome: str | None,
    clean: Callable[[Any], Any],
) -> None:
    for value, count in counts.items():
        table.add(outcome, clean(value), count)


def _cut(value: str | None) -> str:
    return value[:_LONGEST] if value else ""


def _lowered(domain: str) -> str:
    return domain.lower()[:_LONGEST]


def _domains(rows: Iterable[Any]) -> list[str]:
    recipients = [row.recipient for row in rows]
    try:
        parted = map(str.rpartition, recipients, repeat("@"))
        return [domain if at else "" for _, at, domain in parted]
    except TypeError:  # one is missing, or there are several
        return list(map(_domain, recipients))


def _domain(recipient: str | list[str] | None) -> str:
    if isinstance(recipient, list):
        recipient = recipient[0] if recipient else None
    return recipient.rpartition("@")[2] if recipient and "@" in recipient else ""


def _codes(rows: Iterable[Any]) -> list[int]:
    try:
        return [row.response.code for row in rows]
    except AttributeError:
        return [row.response.code if row.response else NONE for row in rows]
