"""Whether a policy's code gets on, for another thread to see.

Nothing can look into Lua while it runs. So whoever enters it leaves a note here, and what runs in
it gives a sign of life now and then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf
from typing import NamedTuple


def _none() -> int:
    return 0


def _nothing() -> None: ...


class Visit(NamedTuple):
    """A stay in Lua: what runs there, each call of it for at most so many ``seconds``.

    ``calls`` gives the number of calls that came to an end; from any thread.
    """

    what: str
    seconds: float
    calls: Callable[[], int] = _none

    @property
    def overrun(self) -> str:
        """Why it had to be given up, in the words of an error."""
        return f"it did not come back within {self.seconds:g}s, from a call that nothing can end"


class Pulse:
    """The signs of life of one policy, whose code runs in one thread."""

    def __init__(self) -> None:
        self.visit: Visit | None = None
        self.hurried = False
        self.alarm: Callable[[], None] = _nothing
        """To be called, from any thread, where the code has not got on for a while."""
        self._beats = 0
        self._abandoned = False
        self._lock = threading.Lock()

    # In the thread of the policy ----------------------------------------------------------------

    def enter(self, visit: Visit) -> Visit | None:
        """Begins a visit; gives the one that it is a part of, for `leave`."""
        outer, self.visit = self.visit, visit
        return outer

    def leave(self, outer: Visit | None) -> None:
        """Ends the visit; does not return once it was abandoned."""
        with self._lock:
            self.visit = outer
            self._beats += 1
        self._stop_if_abandoned()

    def beat(self) -> None:
        """Gives a sign of life; does not return once the visit was abandoned."""
        self._beats += 1
        self._stop_if_abandoned()

    def _stop_if_abandoned(self) -> None:
        if self._abandoned:
            threading.Event().wait()  # for the end of the process: all that it did was cleared up

    # In any other -------------------------------------------------------------------------------

    @property
    def state(self) -> tuple[int, int]:
        """What changes while the code gets on; asks for the `calls` of the visit."""
        visit = self.visit
        return (self._beats, 0 if visit is None else visit.calls())

    @property
    def patience(self) -> float:
        """How many seconds the code that runs now may go on without a sign of life."""
        visit = self.visit
        if visit is None:
            return inf
        return 0.0 if self.hurried else visit.seconds

    def abandon(self, state: tuple[int, int]) -> Visit | None:
        """Gives up the visit that still is in this state, and nobody comes back from it then.

        None where it has got on.
        """
        with self._lock:
            visit = self.visit
            if visit is None or self.state != state:
                return None
            self._abandoned = True
            return visit
