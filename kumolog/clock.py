"""What time it is, for everything in kumolog that asks: a test can put another clock in."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import NamedTuple


def _wait(waiting: Callable[[float], bool], seconds: float) -> bool:
    return waiting(seconds)


class Clock(NamedTuple):
    """The system's clock, where nothing else is given.

    ``wall`` gives seconds since 1970 and ``wall_ns`` the same in nanoseconds; ``monotonic`` seconds
    for durations; ``uuid1`` a UUID made from the present (RFC 9562 version 1). ``wait`` lets at
    most so many seconds pass: it takes a function that waits so long for what ends the wait early
    and tells whether that came, as `threading.Event.wait` does, and hands on its answer.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns
    uuid1: Callable[[], uuid.UUID] = uuid.uuid1
    wait: Callable[[Callable[[float], bool], float], bool] = _wait


SYSTEM_CLOCK = Clock()
