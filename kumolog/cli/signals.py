"""SIGTERM and SIGINT: the first one asks for an orderly end, the second one ends the process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def orderly_end(
    request: Callable[[], None], at_once: Callable[[], object] = list
) -> Iterator[None]:
    """Calls ``request`` at the first signal, in another thread; at the second the process ends.

    It calls ``at_once`` before that. Python runs its signal handlers in the main thread only,
    between two instructions of its own: not while a handler of the policy runs, nor while a slow
    disk is written to. So the handler does nothing, and a thread is woken by the byte that the
    signal leaves in a pipe.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writer, False)
    listener = threading.Thread(
        target=_listen, args=(reader, request, at_once), name="kumolog-signals", daemon=True
    )
    listener.start()
    former_wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    former = {number: signal.signal(number, _ignore) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former_wakeup)
        os.close(writer)
        listener.join()
        os.close(reader)


def _ignore(_number: int, _frame: object) -> None:
    """Only because Python leaves its byte in the pipe for signals that have a handler."""


def _listen(reader: int, request: Callable[[], None], at_once: Callable[[], object]) -> None:
    requested = False
    while number := os.read(reader, 1):
        if number[0] not in _SIGNALS:
            continue
        if requested:
            at_once()
            os._exit(128 + number[0])
        requested = True
        request()
