"""The thread in which the Lua of specs runs, so that a test which never ends can be left behind.

A hook ends loops of Lua, but not one call of a function in C, such as a pattern that backtracks for
ever. Nothing ends that but the end of the process; until then it gets only what time nobody else
wants.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import TypeVar

from kumolog.pulse import Pulse
from kumolog.watchdog import StuckError, Watchdog, end_programs

T = TypeVar("T")

_LEAST_PRIORITY = 19


class OverrunError(Exception):
    """A spec, or a policy that it runs, does not come back; the text is for its author."""

    def __init__(self, stuck: StuckError, seconds: float) -> None:
        super().__init__(
            f"{stuck.visit.what} did not come back within {min(seconds, stuck.visit.seconds):g}s "
            "from a call that nothing can end, such as a search for a pattern with many `-`, `*` "
            "or `+`, or os.execute"
        )


class SpecThread:
    """Runs the functions that belong to one spec file, each in a thread.

    ``seconds`` is how long the Lua in them may go on without a sign of life, which it gives to
    ``pulse``.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.pulse = SpecPulse(seconds)

    def run(self, function: Callable[[], T]) -> T:
        """What the function returns or raises; raises OverrunError where it never will.

        After that, and after what something else raised here (KeyboardInterrupt), nothing that the
        function has used may be used again: it may go on. ``pulse`` is another one then.
        """
        numbers: list[int] = []
        ended = threading.Event()

        def call() -> T:
            numbers.append(threading.get_native_id())
            try:
                return function()
            finally:
                ended.set()

        watchdog = Watchdog(self.pulse)
        try:
            result = watchdog.run(call)
        except StuckError as stuck:
            self._leave(numbers)
            raise OverrunError(stuck, self._seconds) from None
        except BaseException:
            if ended.is_set():
                watchdog.end()
            else:
                self._leave(numbers)
            raise
        watchdog.end()
        return result

    def _leave(self, numbers: list[int]) -> None:
        self.pulse.give_up()
        self.pulse = SpecPulse(self._seconds)
        for number in numbers:
            with suppress(ProcessLookupError, FileNotFoundError):  # it may have come to its end now
                os.setpriority(os.PRIO_PROCESS, number, _LEAST_PRIORITY)
                end_programs(number)


class SpecPulse(Pulse):
    """Of a spec and all policies that it runs, which have no more time than the spec itself."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    @property
    def patience(self) -> float:
        return inf if self.visit is None else min(super().patience, self._seconds)

    def give_up(self) -> None:
        """Lets nobody come back from Lua, wherever the code is."""
        self._abandoned = True
