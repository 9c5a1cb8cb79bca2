"""A thread that is watched from outside: it may be left behind where nothing can end what it does.

A hook ends Lua code that runs for too long, but not one call of a function in C: a pattern that
backtracks, ``os.execute('sleep 1000')``. Only the end of the process ends that. What was accepted
until then is not to be lost, so it is another thread that waits here, and then puts all in order.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from kumolog.pulse import Pulse, Visit

T = TypeVar("T")

GRACE: Final = 2.0  # seconds beyond the time that the policy's code may take
_INTERVAL: Final = 0.25
_NAME: Final = "kumolog-watched"


class StuckError(Exception):
    """The policy does not come back from a visit; its thread was left behind."""

    def __init__(self, visit: Visit) -> None:
        super().__init__(f"{visit.what}: {visit.overrun}")
        self.visit = visit


class Watchdog:
    """Runs functions one after the other, in one thread of its own.

    What they do in Lua they note with ``pulse``. Intervals without a sign of life are counted, and
    not the time that has passed: a process that was stopped for a while has missed nothing.
    """

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._is_stuck = False
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._main, name=_NAME, daemon=True)
        self._thread.start()

    def run(self, function: Callable[[], T]) -> T:
        """What the function returns or raises; raises StuckError where it never will."""
        results: list[T] = []
        errors: list[BaseException] = []
        done = threading.Event()

        def work() -> None:
            try:
                results.append(function())
            except BaseException as error:
                errors.append(error)
            finally:
                done.set()

        self._work.put(work)
        self._wait(done)
        for error in errors:
            raise error
        return results[0]

    def end(self) -> None:
        """Ends the thread, if it can be ended."""
        if not self._is_stuck:
            self._work.put(None)
            self._thread.join()

    def _main(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _wait(self, done: threading.Event) -> None:
        state, waited = self._pulse.state, 0.0
        while not done.wait(_INTERVAL):
            now = self._pulse.state
            waited = waited + _INTERVAL if now == state else 0.0
            state = now
            if waited:
                self._pulse.alarm()
            if waited > self._pulse.patience + GRACE:
                visit = self._pulse.abandon(state)
                if visit is not None:
                    self._is_stuck = True
                    raise StuckError(visit)


def leave_process(code: int) -> None:
    """Ends the process with an exit code if some thread was left behind; else it does nothing.

    Programs that the policy was waiting for are ended: they have what others wait to be closed.
    """
    if not any(thread.name == _NAME for thread in threading.enumerate()):
        return
    _within(1.0, _flush_output)
    _kill(_descendants(os.getpid()))
    os._exit(code)


def end_programs(thread: int) -> None:
    """Kills what a thread, by its number in the system, has started and now may be waiting for."""
    started = Path(f"/proc/self/task/{thread}/children").read_text("ascii")
    for program in map(int, started.split()):
        _kill([program, *_descendants(program)])


def _kill(processes: Iterable[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _within(seconds: float, function: Callable[[], Any]) -> None:
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(seconds)


def _flush_output() -> None:
    """Brings out what the policy printed, which the library of C still may hold back."""
    import ctypes  # hardly ever needed

    ctypes.CDLL(None).fflush(None)


def _descendants(ancestor: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            status = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            parents[int(entry.name)] = int(status[1])
    found = [ancestor]
    for process in found:
        found += (child for child, parent in parents.items() if parent == process)
    return found[1:]
