"""The writer: a thread that takes lines from a bounded queue and writes them into segments."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.errors import SegmentError
from kumolog.lines import Lines
from kumolog.segments.intake import Intake
from kumolog.segments.names import Names, Target
from kumolog.segments.retry import Retry
from kumolog.segments.rotation import Rotation, WriterOptions
from kumolog.segments.segment import Bench, Segment, Totals

GRACE = 5.0
_PATIENCE = 0.02  # seconds, which hardly count in a flush interval


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
        clock: Clock = SYSTEM_CLOCK,
        grace: float = GRACE,
    ) -> None:
        self._now = clock.monotonic
        self._intake = Intake(options.back_pressure, min(_PATIENCE, options.flush_interval))
        names = Names(clock.wall, sync_directory=options.sync != "never")
        retry = Retry(report, self._intake.hurry, grace)
        bench = Bench(options.compression_level, options.sync, names, retry, report)
        self._totals = bench.totals
        self.flushed = 0
        """How many batches, counted from the first one put, are in segments and flushed there."""
        self.busy = 0.0
        """Seconds that the thread has spent with what was put, not waiting for it."""
        # The writer thread's own:
        self._rotation = Rotation(options, self._now, partial(_open, bench), bench.totals)
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
            self._intake.put(target, Lines.of(lines))

    @property
    def batches_put(self) -> int:
        """How many batches were put so far, those without any record not counted."""
        return self._intake.batches_put

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
        return self._totals

    def _main(self) -> None:
        rotation = self._rotation
        try:
            while (hand := self._intake.take(rotation.next_due - self._now())) is not None:
                with self._working():
                    rotation.sweep()
                    while hand:
                        rotation.store(*hand.popleft())
                        rotation.sweep()  # a hand may take longer than a flush interval
                        self.flushed = rotation.flushed()
                    self.flushed = rotation.flushed()
            with self._working():
                rotation.finish()
        except BaseException as error:
            # The thread's end is not the place to show it: put() and close() raise it.
            self._intake.broke(error)

    @contextmanager
    def _working(self) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.busy += time.perf_counter() - begun


def _open(bench: Bench, target: Target) -> Segment:
    return Segment(target, bench)
