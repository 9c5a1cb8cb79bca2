"""``kumolog stats``."""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
from collections.abc import Sequence
from functools import partial

import msgspec

from kumolog.cli import FAILED, OK
from kumolog.cli.paint import painter
from kumolog.cli.signals import orderly_end
from kumolog.cli.stats_reading import Reading
from kumolog.cli.stats_shown import shown
from kumolog.cli.streams import put_out
from kumolog.cli.terminal import Terminal
from kumolog.record import RECORD_FIELDS
from kumolog.sources.inputs import total_size
from kumolog.sources.paths import Input
from kumolog.sources.places import Place, present_inputs
from kumolog.sources.stop import Stop
from kumolog.stats.rows import Path
from kumolog.stats.statistics import Statistics
from kumolog.stats.summary import summary
from kumolog.stats.totals import Totals

_WORTH_SHARING = 8 << 20  # bytes as they are stored


def main(options: argparse.Namespace) -> int:
    """Counts the records of what the paths name; a signal ends the counting, not the showing."""
    terminal = Terminal(quiet=False)
    warn = partial(terminal.report, "warning")
    counting = _Counting(options.by, terminal)
    inputs = present_inputs([Place(path) for path in options.paths], warn)
    totals = counting.count(inputs)
    terminal.clear()
    _warn_of_fields(totals, terminal)
    if options.json:
        put_out(msgspec.json.encode(summary(totals, options.top)).decode() + "\n")
    else:
        width = shutil.get_terminal_size().columns
        put_out(shown(totals, options.top, width, painter()))
    return OK if counting.all_well else FAILED


def _warn_of_fields(totals: Totals, terminal: Terminal) -> None:
    """Tells of fields to count by that no record has: they may be misspelt."""
    for field, table in totals.by.items():
        if totals.records and [row.value for row in table.top(2).rows] == [""]:
            near = difflib.get_close_matches(field, RECORD_FIELDS, 1, 0.8)
            hint = f": did you mean {near[0]}?" if near and near[0] != field else ""
            terminal.report("warning", f"no record has a value for {field}{hint}")


class _Counting:
    """Raises KumologError for fields that cannot be counted by."""

    def __init__(self, by: Sequence[Path], terminal: Terminal) -> None:
        self.all_well = True
        self._by = by
        self._statistics = Statistics(by)
        self._terminal = terminal
        self._total: int | None = None

    def count(self, inputs: Sequence[Input]) -> Totals:
        self._total = total_size(inputs)
        number = _processes(inputs)
        return self._count_shared(inputs, number) if number > 1 else self._count_here(inputs)

    def _count_here(self, inputs: Sequence[Input]) -> Totals:
        with Stop() as stop, orderly_end(stop.set):
            reading = Reading(self._statistics, stop, self._warn, self._progress)
            for entry in inputs:
                reading.read(entry)
                if stop.is_set():
                    self._warn_of_stop()
                    break
        self.all_well = reading.all_well
        return self._statistics.totals

    def _count_shared(self, inputs: Sequence[Input], number: int) -> Totals:
        from kumolog.cli.stats_jobs import Jobs  # takes a while to import

        jobs = Jobs(inputs, self._by, number, self._show)
        with Stop() as stop, orderly_end(stop.set, jobs.kill):  # a thread: only after forking
            jobs.follow(stop)
            for message in jobs.said:
                self._warn(message)
            if stop.is_set():
                self._warn_of_stop()
        self.all_well = jobs.all_well
        return jobs.totals

    def _progress(self, consumed: int) -> None:
        self._show(consumed, self._statistics.records)

    def _show(self, consumed: int, records: int) -> None:
        total = self._total
        share = f"{100 * consumed // total:3d}% of {total:,} bytes, " if total else ""
        self._terminal.show(f"{share}{records:,} records")

    def _warn_of_stop(self) -> None:
        self._warn("stopped early: only what was read so far is counted")

    def _warn(self, message: str) -> None:
        self._terminal.report("warning", message)


def _processes(inputs: Sequence[Input]) -> int:
    """In how many processes to count."""
    size = total_size(inputs) or 0
    if size < _WORTH_SHARING or not all(entry.is_regular for entry in inputs):
        return 1
    return min(len(os.sched_getaffinity(0)), len(inputs))
