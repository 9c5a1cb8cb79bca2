"""``kumolog stats``."""

from __future__ import annotations

import argparse
import difflib
import io
import shutil
from collections.abc import Sequence

import msgspec

from kumolog.cli import FAILED, OK
from kumolog.cli.paint import painter
from kumolog.cli.signals import orderly_end
from kumolog.cli.stats_shown import shown
from kumolog.cli.streams import put_out
from kumolog.cli.terminal import Terminal
from kumolog.errors import SegmentError
from kumolog.record import RECORD_FIELDS
from kumolog.segments.reader import is_complete, open_decoded, torn_note
from kumolog.sources.inputs import find_inputs, total_size
from kumolog.sources.paths import Input, readable
from kumolog.sources.stop import Stop
from kumolog.stats.blocks import blocks
from kumolog.stats.rows import NoRecords
from kumolog.stats.statistics import Statistics
from kumolog.stats.summary import summary


def main(options: argparse.Namespace) -> int:
    """Counts the records of what the paths name; a signal ends the counting, not the showing."""
    statistics = Statistics(options.by)
    terminal = Terminal(quiet=False)
    with Stop() as stop, orderly_end(stop.set):
        reading = _Reading(statistics, terminal, stop)
        reading.read(options.paths)
    terminal.clear()
    _warn_of_fields(statistics, terminal)
    if options.json:
        put_out(msgspec.json.encode(summary(statistics, options.top)).decode() + "\n")
    else:
        width = shutil.get_terminal_size().columns
        put_out(shown(statistics, options.top, width, painter()))
    return OK if reading.all_well else FAILED


def _warn_of_fields(statistics: Statistics, terminal: Terminal) -> None:
    """Tells of fields to count by that no record has: they may be misspelt."""
    for field, table in statistics.by.items():
        if statistics.records and [row.value for row in table.top(2).rows] == [""]:
            near = difflib.get_close_matches(field, RECORD_FIELDS, 1, 0.8)
            hint = f": did you mean {near[0]}?" if near and near[0] != field else ""
            terminal.report("warning", f"no record has a value for {field}{hint}")


class _Reading:
    """Puts inputs into the statistics; what cannot be read is told, and the others go on."""

    def __init__(self, statistics: Statistics, terminal: Terminal, stop: Stop) -> None:
        self.all_well = True
        self._statistics = statistics
        self._terminal = terminal
        self._stop = stop
        self._done = 0
        self._total: int | None = None

    def read(self, paths: Sequence[str]) -> None:
        """Raises KumologError for a path that is missing, before anything is read."""
        inputs = find_inputs(paths, self._warn, None)
        self._total = total_size(inputs)
        for entry in inputs:
            try:
                with entry.open() as file:
                    self._read(entry, file)
            except OSError as error:
                self._failed(f"reading {entry.name}: {error.strerror}")
            if self._stop.is_set():
                self._warn("stopped early: only what was read so far is counted")
                return

    def _read(self, entry: Input, file: io.FileIO) -> None:
        decoded = open_decoded(readable(file, self._stop), entry.name)
        found = _Found()
        try:
            for block in blocks(decoded):
                if self._stop.is_set():
                    break
                before = self._statistics.records
                found.add(self._statistics.add(block), self._statistics.records - before)
                self._show(decoded.consumed)
        except SegmentError as error:
            self._failed(f"{error}; the whole lines before it are counted")
        self._done += decoded.consumed
        if found.no_records:
            self._failed(f"reading {entry.name}: {found}")
        if decoded.torn and is_complete(file) and not self._stop.is_set():
            self._warn(torn_note(entry.name))

    def _show(self, consumed: int) -> None:
        done = self._done + consumed
        share = f"{100 * done // self._total:3d}% of {self._total:,} bytes, " if self._total else ""
        self._terminal.show(f"{share}{self._statistics.records:,} records")

    def _failed(self, message: str) -> None:
        self.all_well = False
        self._warn(message)

    def _warn(self, message: str) -> None:
        self._terminal.report("warning", message)


class _Found:
    """Of one input: its records, and its lines that are none."""

    def __init__(self) -> None:
        self.records = 0
        self.no_records = 0
        self._first = ""

    def add(self, bad: NoRecords | None, records: int) -> None:
        if bad is not None:
            if not self.no_records:
                after = self.records + bad.after
                self._first = f"the first one, after {after:,} records: {bad.fault}"
            self.no_records += bad.lines
        self.records += records

    def __str__(self) -> str:
        lines = (
            "1 line is no record"
            if self.no_records == 1
            else f"{self.no_records:,} lines are no records"
        )
        return f"{lines}; {self._first}"
