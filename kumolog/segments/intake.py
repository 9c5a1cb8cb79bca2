"""The bounded queue between those who log and the thread that writes."""

from __future__ import annotations

import threading
from collections import deque

from kumolog.errors import SegmentError
from kumolog.lines import Lines
from kumolog.segments.names import Target
from kumolog.segments.segment import CHUNK

QUEUE_BYTES = 8 << 20

Batch = tuple[Target, Lines]


class Intake:
    """A queue bounded by ``max_records`` and by QUEUE_BYTES.

    A batch larger than that is let through when the queue is empty.  With ``max_records`` 0 putting
    also waits for the taker (KumoMTA: back_pressure).  Whoever takes what is less than CHUNK waits
    for more to come, ``patience`` seconds: to be woken for each batch would cost more than it.
    """

    def __init__(self, max_records: int, patience: float = 0.0) -> None:
        self._max_records = max_records
        self._patience = patience if max_records else 0.0
        self.hurry = threading.Event()
        # Re-entrant, so that a signal handler may call hurry_up() in a thread that is putting.
        lock = threading.RLock()
        self._arrived = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._queue: deque[Batch] = deque()
        self._records = 0
        self._bytes = 0
        self._is_full = False  # somebody waits to put more
        self._awaited = 1  # bytes for which the taker is to be woken
        self.batches_put = 0
        self._batches_taken = 0
        self._closed = False
        self.crash: BaseException | None = None

    def put(self, target: Target, lines: Lines) -> None:
        """Queue lines, all or none.  SegmentError: closed; nothing is queued."""
        count, size = len(lines), lines.size
        with self._room:
            while not self._fits(count, size):
                self._is_full = True
                self._arrived.notify()
                self._room.wait()
            self._queue.append((target, lines))
            self._records += count
            self._bytes += size
            self.batches_put += 1
            if self._bytes >= self._awaited:
                self._arrived.notify()
            if not self._max_records:
                self._await_taker(self.batches_put)

    def take(self, timeout: float) -> deque[Batch] | None:
        """Everything queued; nothing after ``timeout`` seconds; None once closed and empty."""
        with self._arrived:
            self._await(1, timeout)
            if self._queue and not self._is_full:
                self._await(CHUNK, min(timeout, self._patience))
            if not self._queue and self._closed:
                return None
            taken, self._queue = self._queue, deque()
            self._records = self._bytes = 0
            self._is_full = False
            self._batches_taken = self.batches_put
            self._room.notify_all()
            return taken

    def _await(self, size: int, seconds: float) -> None:
        if self._bytes < size and not self._closed and seconds > 0:
            self._awaited = size
            self._arrived.wait(min(seconds, threading.TIMEOUT_MAX))

    def hurry_up(self) -> None:
        """From now on putting does not wait."""
        with self._room:
            self.hurry.set()
            self._room.notify_all()

    def close(self) -> None:
        """Refuse what comes from now on."""
        with self._room:
            self._closed = True
            self._arrived.notify()
            self.hurry_up()

    def broke(self, crash: BaseException) -> None:
        """Nobody takes any more."""
        with self._room:
            self.crash = crash
            self._room.notify_all()

    def _fits(self, count: int, size: int) -> bool:
        if self._closed or self.crash is not None:
            raise SegmentError("putting records into a writer that is closed") from self.crash
        if not self._queue or self.hurry.is_set():
            return True
        return self._records + count <= self._max_records and self._bytes + size <= QUEUE_BYTES

    def _await_taker(self, batch: int) -> None:
        while self._batches_taken < batch and not self.hurry.is_set() and self.crash is None:
            self._room.wait()
