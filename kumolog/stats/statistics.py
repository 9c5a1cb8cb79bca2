"""Counting records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Final

from kumolog.stats.latency import latencies
from kumolog.stats.rows import Decoder, NoRecords, Path
from kumolog.stats.table import NONE, OUTCOMES
from kumolog.stats.timeline import MINUTE
from kumolog.stats.totals import Totals

CLASSIFIED: Final = frozenset(
    ("Bounce", "TransientFailure", "Expiration", "AdminBounce", "OOB", "Feedback", "Rejection")
)
"""The types whose ``bounce_classification`` says something (KumoMTA: bounce_classification)."""
_LONGEST: Final = 200
_HELD: Final = 64 << 20  # bytes of lines
_APART: Final = 20_000

_Kind = tuple[str, int, str | None, int]  # type, code, classification, minute
_Way = tuple[str, str, str | None]  # type, domain as it is written, site


class Statistics:
    """Give it blocks of lines; look at what it has counted at any time.

    ``by`` has the paths of fields that are counted besides. Of a record with several recipients the
    first one's domain counts. Values are cut after 200 characters. Raises KumologError for a path
    that cannot be counted by.

    Records that are alike are counted as one at first: what their type says of the message, and
    into which tables they go, is looked at only after some MiB of them.
    """

    def __init__(self, by: Sequence[Path] = ()) -> None:
        by = tuple(dict.fromkeys(by))
        self._decoder = Decoder(by)
        self._totals = Totals(by)
        self._kinds: Counter[_Kind] = Counter()
        self._ways: Counter[_Way] = Counter()
        self._by: list[Counter[tuple[str, str]]] = [Counter() for _ in by]
        self._held = 0

    @property
    def records(self) -> int:
        return self._totals.records

    @property
    def totals(self) -> Totals:
        """Of all records up to now; what is added later is added to them."""
        self._fold()
        return self._totals

    def add(self, block: bytes) -> NoRecords | None:
        """Count the records of a block of whole lines; returns what to say of lines without one."""
        rows, bad = self._decoder.rows(block)
        if bad:
            self._totals.no_records += bad.lines
        if rows:
            self._totals.records += len(rows)
            self._count(rows)
        self._held += len(block)
        if self._held > _HELD or len(self._ways) + len(self._kinds) > _APART:
            self._fold()
        return bad

    def _count(self, rows: list[Any]) -> None:
        types = [row.type for row in rows]
        timestamps = [row.timestamp for row in rows]
        moments = set(timestamps)
        minute_of = {moment: moment // MINUTE for moment in moments}
        minutes = map(minute_of.__getitem__, timestamps)
        classifications = [row.bounce_classification for row in rows]
        self._kinds.update(zip(types, _codes(rows), classifications, minutes, strict=True))
        self._ways.update(zip(types, _domains(rows), [row.site for row in rows], strict=True))
        for number, counts in enumerate(self._by):
            counts.update(zip(types, self._decoder.by(number, rows), strict=True))
        self._totals.latencies.add(latencies(rows))
        self._totals.timeline.note_ends(moments)

    def _fold(self) -> None:
        """Put what is held into the tables."""
        self._fold_kinds()
        self._fold_ways()
        for counts, table in zip(self._by, self._totals.by.values(), strict=True):
            for (kind, value), count in counts.items():
                table.add(OUTCOMES.get(kind), value[:_LONGEST], count)
            table.limit()
            counts.clear()
        self._held = 0

    def _fold_kinds(self) -> None:
        totals = self._totals
        for (kind, code, classification, minute), count in self._kinds.items():
            outcome = OUTCOMES.get(kind)
            totals.types.add(outcome, kind[:_LONGEST], count)
            totals.codes.add(outcome, code, count)
            totals.timeline.add(outcome, minute, count)
            if kind in CLASSIFIED:
                totals.classifications.add(outcome, (classification or "")[:_LONGEST], count)
        for limited in (totals.types, totals.codes, totals.timeline, totals.classifications):
            limited.limit()
        self._kinds.clear()

    def _fold_ways(self) -> None:
        domains, sites = self._totals.domains, self._totals.sites
        for (kind, domain, site), count in self._ways.items():
            outcome = OUTCOMES.get(kind)
            domains.add(outcome, domain.lower()[:_LONGEST], count)
            sites.add(outcome, (site or "")[:_LONGEST], count)
        domains.limit()
        sites.limit()
        self._ways.clear()


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
    responses = [row.response for row in rows]
    try:
        return [response.code for response in responses]
    except AttributeError:
        return [response.code if response else NONE for response in responses]
