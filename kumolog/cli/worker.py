"""One of the processes of ``kumolog run --jobs``.

It is forked before any policy is loaded and before there are threads, loads the policy for itself,
and asks the parent for one input after the other. It ends in order when the parent lets go of the
``leash``, or ends itself.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

from kumolog.cli.work import Resumption, Work
from kumolog.errors import KumologError
from kumolog.sources.paths import Input
from kumolog.sources.stop import Stop

_PROGRESS_SECONDS = 0.2


def work_as_told(
    options: argparse.Namespace,
    inputs: Sequence[Input],
    resumption: Resumption | None,
    connection: Connection,
    leash: int,
) -> None:
    """Opens a host when told to, and puts the inputs through it that it is given.

    ``leash`` is a pipe that the parent holds the other end of.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # whole groups get them: the parent passes them on
    held = _Leash(leash)
    voice = _Voice(connection)
    if not voice.ask("waits"):
        return
    with Stop() as stop:
        try:
            work = Work(
                options,
                _given(inputs, voice),
                None,
                resumption and Resumption(resumption.known, voice.deliver),
                report=voice.report,
                stop=stop,
            )
        except KumologError as error:
            voice.tell("unusable", error)
            return
        voice.tell("ready")
        outcome = work.run(held.ending, voice.progress)
    voice.tell("done", outcome)


class _Voice:
    """What a worker tells its parent, from any of its threads: a word and what it is about.

    Where the parent is gone nobody has to be told: the work is ended in order all the same.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._progress_due = 0.0

    def tell(self, word: str, *about: Any) -> None:
        with self._lock, suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send((word, *about))

    def ask(self, word: str) -> Any:
        """The parent's answer; None where it is gone."""
        self.tell(word)
        try:
            return self._connection.recv()
        except (EOFError, ConnectionResetError):
            return None

    def report(self, level: str, text: str) -> None:
        self.tell("said", level, text)

    def deliver(self, reached: dict[str, Any]) -> None:
        self.tell("reached", reached)

    def progress(self, read: int, consumed: int, _total: int | None) -> None:
        now = time.monotonic()
        if now >= self._progress_due:
            self._progress_due = now + _PROGRESS_SECONDS
            self.tell("went_on", read, consumed)


class _Leash:
    """Hears when the parent lets go: at first that ends the process, then what is asked for."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self._let_go = False
        self._lock = threading.Lock()
        self._end: Callable[[], None] = lambda: os._exit(0)  # nothing was begun
        threading.Thread(target=self._listen, name="kumolog-leash", daemon=True).start()

    @contextmanager
    def ending(self, request: Callable[[], None]) -> Iterator[None]:
        """Calls ``request`` when it is let go, in another thread, or now if it was already."""
        self._now_ends_with(request)
        try:
            yield
        finally:
            self._now_ends_with(lambda: None)

    def _now_ends_with(self, end: Callable[[], None]) -> None:
        with self._lock:
            self._end = end
            if self._let_go:
                end()

    def _listen(self) -> None:
        os.read(self._reader, 1)
        with self._lock:
            self._let_go = True
            self._end()


def _given(inputs: Sequence[Input], voice: _Voice) -> Iterator[Input]:
    while (place := voice.ask("next")) is not None:
        yield inputs[place]
