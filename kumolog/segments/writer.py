"""The writer: a thread that takes lines from a bounded queue and keeps one open segment per key."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

from kumolog.errors import SegmentError
from kumolog.segments.intake import Intake
from kumolog.segments.names import Key, Names, Target
from kumolog.segments.retry import GaveUpError, Retry
from kumolog.segments.segment import Bench, Segment, Sync, Totals

GRACE = 5.0


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """``max_file_size`` in uncompressed bytes, newlines included; ``max_segment_duration`` (None:
    unlimited) and ``flush_interval`` in seconds; ``compression_level`` 0 to 21; ``back_pressure``
    in records.
    """

    max_file_size: int = 1_000_000_000
    max_segment_duration: float | None = None
    compression_level: int = 0
    back_pressure: int = 128_000
    flush_interval: float = 1.0
    sync: Sync = "never"


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds: ``wall`` since 1970, for names; ``monotonic`` for durations."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


class Writer:
    """Writes the records of one logger.

    A disk that fails does not lose records: the thread tries on, the queue fills and ``put`` waits.
    ``report`` hears one-line diagnostics, in the writer's thread.  ``grace`` is how many seconds
    ``close`` goes on trying.
    """

    def __init__(
        self,
        options: WriterOptions,
        *,
        report: Callable[[str], None],
        clock: Clock | None = None,
        grace: float = GRACE,
    ) -> None:
        clock = clock or Clock()
        self._options = options
        self._now = clock.monotonic
        self._intake = Intake(options.back_pressure)
        names = Names(clock.wall, sync_directory=options.sync != "never")
        retry = Retry(report, self._intake.hurry, grace)
        self._bench = Bench(options.compression_level, options.sync, names, retry, report)
        duration = options.max_segment_duration
        self._duration = inf if duration is None else duration
        # KumoMTA: a duration of zero gives every record its own segment, as a size of zero does.
        self._limit = options.max_file_size if self._duration > 0 else 0
        # The writer thread's own:
        self._open: dict[Key, Segment] = {}
        self._failed: set[Key] = set()
        self._next_due = inf
        self._thread = threading.Thread(target=self._main, name="kumolog-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, target: Target, lines: Sequence[bytes]) -> None:
        """Queue records without their line ends; waits while the queue is full.

        Each gets a newline when it is written, whatever it contains; an empty one is an empty line.
        The records are accepted all or none; ``lines`` must not be changed afterwards.  With a
        ``back_pressure`` of 0 it also waits until the thread has taken them.
        SegmentError: the writer is closed or broken; the records are not accepted.
        """
        if lines:
            self._intake.put(target, lines)

    def hurry(self) -> None:
        """Let a waiting ``put`` through and stop waiting long for failing disks, as ``close`` does.

        For a signal handler that wants the program to end although intake stands still.
        """
        self._intake.hurry_up()

    def close(self) -> Totals:
        """Write everything queued, finish all segments and end the thread.

        What a failing disk does not take within the grace is in the totals' ``unwritten``.
        SegmentError: the thread ended by a fault of the program.
        """
        self._intake.close()
        if self._thread.ident is None:
            self._thread.start()
        self._thread.join()
        if (crash := self._intake.crash) is not None:
            raise SegmentError(f"the segment writer broke: {crash!r}") from crash
        return self._bench.totals

    # The writer thread.

    def _main(self) -> None:
        try:
            while (hand := self._intake.take(self._next_due - self._now())) is not None:
                self._sweep()
                while hand:
                    self._store(*hand.popleft())
            for key in list(self._open):
                with self._giving_up(key):
                    self._finish(key)
        except BaseException as error:
            # The thread's end is not the place to show it: put() and close() raise it.
            self._intake.broke(error)

    def _sweep(self) -> None:
        """Finish what has expired, flush what has waited long enough."""
        now = self._now()
        if now < self._next_due:
            return
        for key, segment in list(self._open.items()):
            with self._giving_up(key):
                if now >= segment.expires:
                    self._finish(key)
                elif now >= segment.flush_due:
                    segment.flush()
        self._next_due = min(
            (min(s.expires, s.flush_due) for s in self._open.values()), default=inf
        )

    def _store(self, target: Target, lines: Sequence[bytes], size: int) -> None:
        """Add records to their segment; rotate right after the record that reaches the limit."""
        key = target.key
        start = 0
        while start < len(lines) and key not in self._failed:
            with self._giving_up(key):
                segment = self._segment(target)
                room = self._limit - segment.size
                end, taken = (len(lines), size) if size < room else _fill(lines, start, room)
                part = lines if end - start == len(lines) else lines[start:end]
                start, size = end, size - taken
                segment.add(target, part, taken)
                if segment.size >= self._limit:
                    self._finish(key)
        self._bench.totals.unwritten.extend((target, line) for line in lines[start:])

    def _segment(self, target: Target) -> Segment:
        """The key's open segment, where a record is about to be added."""
        segment = self._open.get(target.key)
        now = self._now()
        if segment is not None and now >= segment.expires:
            self._finish(target.key)
            segment = None
        if segment is None:
            segment = Segment(target, self._bench)
            segment.expires = (self._now() + self._duration) if self._limit else inf
            self._open[target.key] = segment
        if segment.flush_due == inf:
            segment.flush_due = now + self._options.flush_interval
            self._next_due = min(self._next_due, segment.flush_due, segment.expires)
        return segment

    def _finish(self, key: Key) -> None:
        self._open[key].finish()
        del self._open[key]

    @contextmanager
    def _giving_up(self, key: Key) -> Iterator[None]:
        """Where retries have ended: keep the key's records for ``unwritten`` from now on."""
        try:
            yield
        except GaveUpError as error:
            totals = self._bench.totals
            totals.reason = totals.reason or str(error)
            self._failed.add(key)
            segment = self._open.pop(key, None)
            if segment is not None:
                totals.unwritten.extend(segment.abandon())


def _fill(lines: Sequence[bytes], start: int, room: int) -> tuple[int, int]:
    """Where to cut right after the record that reaches ``room``; the bytes from start to there."""
    taken = 0
    for end in range(start, len(lines)):
        taken += len(lines[end]) + 1
        if taken >= room:
            return end + 1, taken
    return len(lines), taken
