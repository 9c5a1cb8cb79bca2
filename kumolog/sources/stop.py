"""A request to stop, and a way to make a blocked read hear it."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Iterable


class Stop:
    """Like threading.Event, but one that a poll can wait for; ``set`` may run in a signal handler.

    It holds a pipe: ``close`` it, or use it as a context manager.
    """

    def __init__(self) -> None:
        self._requested = False
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def set(self) -> None:
        if not self._requested:
            self._requested = True
            os.write(self._waker, b"\0")

    def is_set(self) -> bool:
        return self._requested

    def wait(self, seconds: float, also: Iterable[int] = ()) -> bool:
        """Sleep until set, for so long, or until ``also`` has a readable descriptor.

        Tells whether it is set.
        """
        poll = select.poll()
        for descriptor in (self._wake, *also):
            poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
        return self._requested

    def fileno(self) -> int:
        """Return a descriptor that becomes readable, for good, when this is set."""
        return self._wake

    def close(self) -> None:
        os.close(self._wake)
        os.close(self._waker)

    def __enter__(self) -> Stop:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class StoppableInput:
    """A pipe, terminal or other stream whose reads end, as at its end, when ``stop`` is set."""

    def __init__(self, file: io.FileIO, stop: Stop) -> None:
        self._file = file
        self._stop = stop
        self._poll = select.poll()
        self._poll.register(file, select.POLLIN)
        self._poll.register(stop, select.POLLIN)

    def readinto(self, buffer: memoryview, /) -> int | None:
        count = None
        while count is None:
            self._poll.poll()
            if self._stop.is_set():
                return 0
            count = self._file.readinto(buffer)
        return count
