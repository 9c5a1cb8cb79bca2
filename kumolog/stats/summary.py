"""What was counted, as one JSON object for tools."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kumolog.stats.latency import RELATIVE_ERROR
from kumolog.stats.table import Counts, Table
from kumolog.stats.timeline import Timeline
from kumolog.stats.totals import Totals


def summary(totals: Totals, top: int) -> dict[str, Any]:
    """Counts, rates and latencies; of each table ``top`` rows and the sum of the ``other`` ones.

    Rates are null where no message has come to an end, latencies (in seconds) where none was
    delivered; a row's value is null where records have none. ``missing`` is how many records of
    each row may be in ``other``: 0 where the counts are exact.
    """
    timeline, latencies = totals.timeline, totals.latencies
    return {
        **_counts(totals.counts),
        "no_records": totals.no_records,
        "first": _time(timeline.first),
        "last": _time(timeline.last),
        "latency": {
            "deliveries": latencies.count,
            "median": latencies.quantile(0.5),
            "p95": latencies.quantile(0.95),
            "relative_error": RELATIVE_ERROR,
        },
        "types": _table(totals.types, top),
        "domains": _table(totals.domains, top),
        "sites": _table(totals.sites, top),
        "classifications": _table(totals.classifications, top),
        "codes": _table(totals.codes, top),
        "timeline": _timeline(timeline),
        "by": {field: _table(table, top) for field, table in totals.by.items()},
    }


def _counts(counts: Counts) -> dict[str, Any]:
    rates = {"delivery_rate": counts.delivery_rate, "bounce_rate": counts.bounce_rate}
    return counts._asdict() | rates


def _table(table: Table[Any], number: int) -> dict[str, Any]:
    top = table.top(number)
    return {
        "rows": [{"value": row.value or None, **_counts(row.counts)} for row in top.rows],
        "other": {"values": top.other_values, **_counts(top.other)},
        "missing": top.missing,
    }


def _timeline(timeline: Timeline) -> dict[str, Any]:
    seconds, spans = timeline.spans()
    rows = [{"start": _time(span.start), **_counts(span.counts)} for span in spans]
    return {"seconds": seconds, "rows": rows}


def _time(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
