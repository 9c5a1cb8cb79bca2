"""Having the records of inputs counted, one input after the other."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

from kumolog.cli.stats_jobs import Jobs
from kumolog.errors import SegmentError
from kumolog.segments.reader import is_complete, open_decoded, torn_note
from kumolog.sources.paths import Input, readable
from kumolog.sources.stop import Stop
from kumolog.stats.blocks import blocks
from kumolog.stats.rows import NoRecords


class Reading:
    """What cannot be read is told to ``report``, and the others go on.

    ``progress`` is told, after each block, how many bytes of the inputs were read up to now, as
    they are stored.
    """

    def __init__(
        self,
        jobs: Jobs,
        stop: Stop,
        report: Callable[[str], None],
        progress: Callable[[int], None],
    ) -> None:
        self.all_well = True
        self._jobs = jobs
        self._stop = stop
        self._report = report
        self._progress = progress
        self._done = 0

    def read(self, entry: Input) -> None:
        """Have the records of one input counted, or, once it is to stop, of its beginning."""
        try:
            with entry.open() as file:
                self._read(entry, file)
        except OSError as error:
            self._failed(f"reading {entry.name}: {error.strerror}")

    def _read(self, entry: Input, file: io.FileIO) -> None:
        decoded = open_decoded(readable(file, self._stop), entry.name)
        found = _Found()
        try:
            for block in blocks(decoded):
                if self._stop.is_set():
                    break
                self._jobs.count(block, found.add)
                self._progress(self._done + decoded.consumed)
        except SegmentError as error:
            self._failed(f"{error}; the whole lines before it are counted")
        self._done += decoded.consumed
        self._jobs.then(partial(self._tell_of, found, entry))
        if decoded.torn and is_complete(file) and not self._stop.is_set():
            self._jobs.then(partial(self._report, torn_note(entry.name)))

    def _tell_of(self, found: _Found, entry: Input) -> None:
        if found.no_records:
            self.all_well = False
            self._report(f"reading {entry.name}: {found}")

    def _failed(self, message: str) -> None:
        self.all_well = False
        self._jobs.then(partial(self._report, message))


class _Found:
    """Of one input: its records, and its lines that are none."""

    def __init__(self) -> None:
        self.records = 0
        self.no_records = 0
        self._first = ""

    def add(self, records: int, bad: NoRecords | None) -> None:
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
