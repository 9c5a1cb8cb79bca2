"""What was counted, for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from kumolog.cli.bars import BarRow, bar_table
from kumolog.cli.paint import Paint
from kumolog.stats.table import Counts, Table
from kumolog.stats.timeline import Timeline
from kumolog.stats.totals import Totals
from kumolog.testing.differences import visible

_NONE: Final = "-"  # as `kumolog cat` shows what is missing
_MOST_SPANS: Final = 24
_DAY: Final = 86400
_SPANS: Final = ((7 * _DAY, "week"), (_DAY, "day"), (3600, "hour"), (60, "minute"))
_DURATIONS: Final = ((_DAY, "days"), (3600, "h"), (60, "min"))
_OUTCOMES: Final = ("records", "delivered", "bounced", "rate")
_SHARES: Final = ("records", "share")

_Cells = Callable[[Counts], list[str]]


def shown(totals: Totals, top: int, width: int, paint: Paint) -> str:
    """The text for a terminal ``width`` columns wide: totals, then a table for each field.

    With fields that were asked for, their tables alone.
    """

    def outcomes(title: str, table: Table[Any]) -> list[str]:
        rows = _rows(table, top, _outcomes)
        return bar_table((title, *_OUTCOMES), rows, width, paint) if rows else []

    def shares(title: str, table: Table[Any]) -> list[str]:
        total = table.sums.records
        rows = _rows(table, top, lambda counts: [_percent(counts.records / total)])
        return bar_table((title, *_SHARES), rows, width, paint) if rows else []

    parts = [list(_head(totals, paint))]
    if totals.by:
        parts += [outcomes(name, table) for name, table in totals.by.items()]
    else:
        parts += [
            shares("type", totals.types),
            _timeline(totals.timeline, width, paint),
            outcomes("recipient domain", totals.domains),
            outcomes("site", totals.sites),
            shares("response code", totals.codes),
            shares("bounce classification", totals.classifications),
        ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _head(totals: Totals, paint: Paint) -> Iterator[str]:
    counts, timeline = totals.counts, totals.timeline
    between = ""
    if timeline.first is not None and timeline.last is not None:
        first, last = (_moment(end, "%Y-%m-%d %H:%M:%S") for end in (timeline.first, timeline.last))
        between = f", {first} to {last} UTC"
    yield paint("strong", f"{counts.records:,} records") + between
    if bad := totals.no_records:
        lines = "1 line that is no record" if bad == 1 else f"{bad:,} lines that are no records"
        yield paint("bad", lines)
    size = len(f"{max(counts[1:]):,}")
    yield f"delivered  {counts.delivered:>{size},}  {_percent(counts.delivery_rate)}"
    yield f"bounced    {counts.bounced:>{size},}  {_percent(counts.bounce_rate)}"
    yield f"transient  {counts.transient:>{size},}"
    median, p95 = (totals.latencies.quantile(share) for share in (0.5, 0.95))
    if median is not None and p95 is not None:
        yield f"latency    {_duration(median)} median, {_duration(p95)} p95"


def _rows(table: Table[Any], number: int, cells: _Cells) -> list[BarRow]:
    top = table.top(number)
    rows = [
        BarRow(visible(row.value) or _NONE, row.counts.records, cells(row.counts))
        for row in top.rows
    ]
    if top.other.records:
        values = "" if top.other_values is None else f"{top.other_values:,} "
        note = f", with up to {top.missing:,} of each above" if top.missing else ""
        label = f"{values}others{note}"
        rows.append(BarRow(label, top.other.records, cells(top.other), is_sum=True))
    return rows


def _timeline(timeline: Timeline, width: int, paint: Paint) -> list[str]:
    seconds, spans = timeline.spans(_MOST_SPANS)
    unit, name = next(span for span in _SPANS if seconds % span[0] == 0)
    title = f"per {name}" if seconds == unit else f"per {seconds // unit} {name}s"
    form = "%Y-%m-%d" if seconds >= _DAY else "%Y-%m-%d %H:%M"
    rows = [
        BarRow(_moment(span.start, form), span.counts.records, _outcomes(span.counts))
        for span in spans
    ]
    return bar_table((title, *_OUTCOMES), rows, width, paint) if rows else []


def _outcomes(counts: Counts) -> list[str]:
    return [f"{counts.delivered:,}", f"{counts.bounced:,}", _percent(counts.delivery_rate)]


def _moment(seconds: int, form: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def _percent(share: float | None) -> str:
    return _NONE if share is None else f"{100 * share:.1f} %"


def _duration(seconds: float) -> str:
    for unit, name in _DURATIONS:
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} s"
