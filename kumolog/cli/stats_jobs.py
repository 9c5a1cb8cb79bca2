"""``kumolog stats`` of many files: they are shared out over processes, the counts added up."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any, Final

from kumolog.cli.stats_reading import Reading
from kumolog.sources.paths import Input
from kumolog.sources.stop import Stop
from kumolog.stats.rows import Path
from kumolog.stats.statistics import Statistics
from kumolog.stats.totals import Totals

_PROGRESS_SECONDS: Final = 0.2
_OTHER_END_GONE: Final = (EOFError, BrokenPipeError, ConnectionResetError)


class Jobs:
    """Counts ``inputs``, regular files all of them, in ``number`` processes.

    They are forked here: there must not be any threads yet. ``progress`` is told how many bytes
    and records were read up to now.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        by: Sequence[Path],
        number: int,
        progress: Callable[[int, int], None],
    ) -> None:
        self.totals = Totals(by)
        self.all_well = True
        self._inputs = inputs
        self._progress = progress
        # The largest come first: so all processes end at about the same time.
        self._left = sorted(range(len(inputs)), key=lambda place: inputs[place].size or 0)
        self._said: list[tuple[int, str]] = []
        self._workers: list[_Worker] = []
        self._hear: dict[str, Callable[..., None]] = {
            "next": self._hear_waiting,
            "went_on": self._hear_progress,
            "said": self._hear_said,
            "done": self._hear_done,
        }
        context = multiprocessing.get_context("fork")
        for _ in range(number):
            ours, theirs = multiprocessing.Pipe()
            process = context.Process(target=self._work, args=(by, ours, theirs), daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))

    @property
    def said(self) -> list[str]:
        """What there is to tell of the inputs, in their order."""
        return [message for _, message in sorted(self._said, key=lambda said: said[0])]

    def follow(self, stop: Stop) -> None:
        """Shares the inputs out until all are read or it is to stop, and adds up what comes."""
        running = {worker.connection: worker for worker in self._workers}
        stopping = [stop.fileno()]
        while running:
            heard = wait([*running, *stopping])
            if stopping and stop.is_set():
                stopping = []
                self._left = []
                for worker in running.values():
                    worker.answer(None)
            for worker in [running[connection] for connection in running if connection in heard]:
                try:
                    word, *about = worker.connection.recv()
                except _OTHER_END_GONE:
                    del running[worker.connection]
                    self._hear_end(worker)
                else:
                    self._hear[word](worker, *about)
        for place in self._left:
            self._lose(place, "no process is left to count it")

    def kill(self) -> None:
        """Ends all processes at once."""
        for worker in self._workers:
            worker.process.kill()

    def _work(self, by: Sequence[Path], ours: Connection, theirs: Connection) -> None:
        """In the process: without what would keep it and the others from seeing the parent end."""
        for connection in (ours, *(worker.connection for worker in self._workers)):
            connection.close()
        with suppress(*_OTHER_END_GONE):
            count_as_told(self._inputs, by, theirs)

    def _hear_waiting(self, worker: _Worker) -> None:
        if self._left:
            worker.given.append(self._left.pop())
            worker.answer(worker.given[-1])
        else:
            worker.answer(None)

    def _hear_progress(self, worker: _Worker, consumed: int, records: int) -> None:
        worker.consumed, worker.records = consumed, records
        self._progress(
            sum(worker.consumed for worker in self._workers),
            sum(worker.records for worker in self._workers),
        )

    def _hear_said(self, worker: _Worker, message: str) -> None:
        self._said.append((worker.given[-1], message))

    def _hear_done(self, worker: _Worker, totals: Totals, all_well: bool) -> None:
        worker.is_done = True
        self.totals.merge(totals)
        self.all_well &= all_well

    def _hear_end(self, worker: _Worker) -> None:
        worker.process.join()
        if not worker.is_done:
            code = worker.process.exitcode or 0
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
            for place in worker.given:
                self._lose(place, f"the process that counted it ended {how}: it is left out")

    def _lose(self, place: int, why: str) -> None:
        self.all_well = False
        self._said.append((place, f"reading {self._inputs[place].name}: {why}"))


class _Worker:
    """A process as its parent knows it."""

    def __init__(self, process: ForkProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.given: list[int] = []
        self.is_done = False
        self.consumed = 0
        self.records = 0

    def answer(self, place: int | None) -> None:
        with suppress(*_OTHER_END_GONE):  # that is heard of by itself
            self.connection.send(place)


def count_as_told(inputs: Sequence[Input], by: Sequence[Path], parent: Connection) -> None:
    """In one of the processes: counts the inputs it is given, until there are no more.

    What the parent says unasked, and its end, mean that it is to stop.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # whole groups get them: the parent passes them on
    statistics = Statistics(by)
    due = 0.0

    def tell(*what: Any) -> None:
        parent.send(what)

    def progress(consumed: int) -> None:
        nonlocal due
        if parent.poll():
            stop.set()
        elif (now := time.monotonic()) >= due:
            due = now + _PROGRESS_SECONDS
            tell("went_on", consumed, statistics.records)

    with Stop() as stop:
        reading = Reading(statistics, stop, lambda message: tell("said", message), progress)
        while not stop.is_set():
            tell("next")
            place = parent.recv()
            if place is None:
                break
            reading.read(inputs[place])
    tell("done", statistics.totals, reading.all_well)
