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
from kumolog.cli.stats_jobs import Jobs
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
from kumolog.stats.summary import summary
from kumolog.stats.totals import Totals

_WORTH_SHARING = 8 << 20  # bytes as they are stored
_MOST_PROCESSES = 4  # they count as fast as one of them decompresses


def main(options: argparse.Namespace) -> int:
    """Counts the records of what the paths name; a signal ends the counting, not the showing."""
    terminal = Terminal(quiet=False)
    warn = partial(terminal.report, "warning")
    inputs = present_inputs([Place(path) for path in options.paths], warn)
    counting = _Counting(options.by, inputs, terminal)
    totals = counting.count()
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

    def __init__(self, by: Sequence[Path], inputs: Sequence[Input], terminal: Terminal) -> None:
        self.all_well = True
        self._inputs = inputs
        self._terminal = terminal
        self._total = total_size(inputs)
        self._jobs = Jobs(by, _further_processes(self._total), self._warn)

    def count(self) -> Totals:
        jobs = self._jobs
        # That starts a thread: only after forking.
        with jobs, Stop() as stop, orderly_end(stop.set, jobs.kill):
            reading = Reading(jobs, stop, self._warn, self._progress)
            for entry in self._inputs:
                reading.read(entry)
                if stop.is_set():
                    break
            totals = jobs.finish()
            if stop.is_set():
                self._warn("stopped early: only what was read so far is counted")
        self.all_well = reading.all_well and jobs.all_well
        return totals

    def _progress(self, consumed: int) -> None:
        total = self._total
        share = f"{100 * consumed // total:3d}% of {total:,} bytes, " if total else ""
        self._terminal.show(f"{share}{self._jobs.records:,} records")

    def _warn(self, message: str) -> None:
        self._terminal.report("warning", message)


def _further_processes(size: int | None) -> int:
    """How many processes are to help this one with so many bytes."""
    if size is not None and size < _WORTH_SHARING:
        return 0
    return min(len(os.sched_getaffinity(0)), _MOST_PROCESSES) - 1
