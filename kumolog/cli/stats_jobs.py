"""Counting blocks of lines, in processes of their own where that is worth it."""

from __future__ import annotations

import mmap
import select
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Final, Self

from kumolog.stats.rows import NoRecords, Path
from kumolog.stats.statistics import Statistics
from kumolog.stats.totals import Totals

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

Tell = Callable[[int, NoRecords | None], None]
"""Is called with how many records there are in a block, and what to say of lines without one."""

_ROOM: Final = 512 << 10  # bytes for a block; those with very long lines are larger
_BLOCKS: Final = 3  # that a process may have at a time, while this one reads and counts the next
_OTHER_END_GONE: Final = (EOFError, BrokenPipeError, ConnectionResetError)


class Jobs:
    """Counts blocks, in this process and in ``number`` more.

    Those are forked here: there must not be any threads yet. A block goes to one of them while it
    has few to count, else it is counted at once. ``report`` hears of processes that end too early.
    Raises KumologError for a path in ``by`` that cannot be counted by.
    """

    def __init__(self, by: Sequence[Path], number: int, report: Callable[[str], None]) -> None:
        self.all_well = True
        self.records = 0
        """Counted up to now."""
        self._statistics = Statistics(by)
        self._report = report
        self._queue: deque[tuple[_Worker | None, Callable[[], None]]] = deque()
        self._workers: list[_Worker] = []
        self._free: deque[tuple[_Worker, int]] = deque()
        if number:
            self._start(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()  # after `finish` there are none

    def count(self, block: bytes, tell: Tell) -> None:
        """Count the records of a block of whole lines; ``tell`` is called later, but in order."""
        self._go_on()
        if self._free and len(block) <= _ROOM:
            worker, place = self._free.popleft()
            part = slice(place, place + len(block))
            self._room[part] = block
            worker.tell(part)
            self._queue.append((worker, partial(self._hear, worker, part, tell)))
        else:
            self.then(partial(self._tell, tell, *self._statistics.add(block)))

    def then(self, act: Callable[[], None]) -> None:
        """Call ``act`` when all blocks are counted that came before."""
        self._queue.append((None, act))
        self._go_on()

    def finish(self) -> Totals:
        """Return what was counted; the processes end."""
        while self._queue:
            self._queue.popleft()[1]()
        totals = self._statistics.totals
        for worker in self._workers:
            worker.tell(None)
        for worker in self._workers.copy():
            try:
                totals.merge(worker.connection.recv())
            except _OTHER_END_GONE:
                self._lose(worker)
            worker.process.join()
        return totals

    def kill(self) -> None:
        """End all processes at once."""
        for worker in self._workers:
            worker.process.kill()

    def _start(self, number: int) -> None:
        import multiprocessing  # takes a while

        self._room = memoryview(mmap.mmap(-1, number * _BLOCKS * _ROOM))
        context = multiprocessing.get_context("fork")
        for _ in range(number):
            ours, theirs = multiprocessing.Pipe()
            process = context.Process(target=self._work, args=(ours, theirs), daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))
        places = range(0, len(self._room), _ROOM)
        self._free.extend(zip(cycle(self._workers), places))

    def _work(self, ours: Connection, parent: Connection) -> None:
        """In one of the processes: counts the parts of the room that it is told of."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # whole groups get them: the parent reads no more
        # What would keep this process and the others from seeing the parent end.
        for connection in (ours, *(worker.connection for worker in self._workers)):
            connection.close()
        with suppress(*_OTHER_END_GONE):
            while (part := parent.recv()) is not None:
                parent.send(self._statistics.add(self._room[part]))
            parent.send(self._statistics.totals)

    def _go_on(self) -> None:
        """Do what is next in the queue, as far as there is no need to wait for it."""
        while self._queue:
            worker, act = self._queue[0]
            if worker and not worker.has_answered:
                break
            self._queue.popleft()
            act()

    def _hear(self, worker: _Worker, part: slice, tell: Tell) -> None:
        try:
            records, bad = worker.connection.recv()
        except _OTHER_END_GONE:
            self._lose(worker)
            self._tell(tell, *self._statistics.add(self._room[part]))
        else:
            worker.records += records
            self._free.append((worker, part.start))
            self._tell(tell, records, bad)

    def _tell(self, tell: Tell, records: int, bad: NoRecords | None) -> None:
        self.records += records
        tell(records, bad)

    def _lose(self, worker: _Worker) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._free = deque(free for free in self._free if free[0] is not worker)
        self.all_well = False
        worker.process.join()
        code = worker.process.exitcode or 0
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        self._report(
            f"counting: a process ended {how}: {worker.records:,} records that it had counted are "
            "left out"
        )


class _Worker:
    """A process as its parent knows it."""

    def __init__(self, process: ForkProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.records = 0
        self._answers = select.poll()
        self._answers.register(connection, select.POLLIN)

    @property
    def has_answered(self) -> bool:
        """Whether there is something to hear of it: an answer, or its end."""
        return bool(self._answers.poll(0))

    def tell(self, part: slice | None) -> None:
        with suppress(*_OTHER_END_GONE):  # that is noticed when its answer does not come
            self.connection.send(part)
