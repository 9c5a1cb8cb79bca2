"""All that was counted, to be shown, or added to what others counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kumolog.stats.latency import Latencies
from kumolog.stats.rows import Path
from kumolog.stats.table import Counts, Table
from kumolog.stats.timeline import Timeline


class Totals:
    """``by`` has the paths of fields that are counted besides."""

    def __init__(self, by: Sequence[Path] = ()) -> None:
        self.types: Table[str] = Table()
        self.domains: Table[str] = Table()
        self.sites: Table[str] = Table()
        self.classifications: Table[str] = Table()
        self.codes: Table[int] = Table()
        self.by: dict[str, Table[str]] = {".".join(path): Table() for path in by}
        self.timeline = Timeline()
        self.latencies = Latencies()
        self.records = 0
        self.no_records = 0

    @property
    def counts(self) -> Counts:
        """Of all records."""
        return self.types.sums

    def limit(self) -> None:
        """Forget values, and make spans longer, where there are too many."""
        for table in self._tables:
            table.limit()
        self.timeline.limit()

    def merge(self, other: Totals) -> None:
        """Add what was counted of other records, by the same fields."""
        for table, others in zip(self._tables, other._tables, strict=True):
            table.merge(others)
        self.timeline.merge(other.timeline)
        self.latencies.merge(other.latencies)
        self.records += other.records
        self.no_records += other.no_records

    @property
    def _tables(self) -> list[Table[Any]]:
        fixed = (self.types, self.domains, self.sites, self.classifications, self.codes)
        return [*fixed, *self.by.values()]
