"""Doing a thing until the disk lets it be done."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_WAIT = 0.1
LONGEST_WAIT = 30.0
_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class GaveUpError(Exception):
    """The time allowed for retries at the end is used up; the text says what failed and why."""


class Retry:
    """Repeats operations that fail with OSError, with growing waits.

    For ever, as long as ``hurry`` is not set: that is what makes intake pause.  From then on the
    waits of all operations together last at most ``grace`` seconds.  ``report`` hears one line when
    an operation begins to fail and one when it has gone through.
    """

    def __init__(self, report: Callable[[str], None], hurry: threading.Event, grace: float) -> None:
        self._report = report
        self._hurry = hurry
        self._grace = grace

    def __call__(self, act: str, operation: Callable[[], T]) -> T:
        """What ``operation`` returns.

        It is called again after each OSError, so it must go on from where it failed.  ``act``
        begins the diagnostics: ``writing to out/20230306-022811``.
        GaveUpError: still failing at the end of the grace.
        """
        try:
            return operation()
        except OSError as error:
            failure = error
        until = "there is room" if failure.errno in _NO_ROOM else "that is mended"
        self._report(f"{act}: {failure.strerror}; intake pauses until {until}")
        delay = FIRST_WAIT
        while self._wait(delay):
            delay = min(delay * 2, LONGEST_WAIT)
            try:
                result = operation()
            except OSError as error:
                failure = error
            else:
                self._report(f"{act}: works again; intake goes on")
                return result
        raise GaveUpError(f"{act}: {failure.strerror}")

    def _wait(self, delay: float) -> bool:
        """Wait before the next attempt; False when there shall be none."""
        if not self._hurry.is_set():
            self._hurry.wait(delay)
            return True
        if self._grace <= 0:
            return False
        delay = min(delay, self._grace, 1.0)
        self._grace -= delay
        time.sleep(delay)
        return True
