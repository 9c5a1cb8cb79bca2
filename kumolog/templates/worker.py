"""Rendering in a process of its own, which may run out of memory or time without any harm."""

from __future__ import annotations

import pickle
import resource
import select
import subprocess
import sys
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from kumolog.errors import KumologError

MEMORY: Final = 512 << 20  # bytes, beyond what the process begins with
SECONDS: Final = 5.0
LONGEST: Final = 64 << 20  # characters of one text
_START: Final = (
    "import sys; sys.path[:] = {path!r}; from kumolog.templates.worker import serve; serve()"
)
_LENGTH: Final = 8  # bytes, before each message


class WorkerError(Exception):
    """What went wrong with one rendering, in a line; the next one is none the worse for it."""


class Worker:
    """A process that calls ``make(argument)``, then for each `ask` what that gave.

    ``make`` and the arguments must be such that `pickle` takes them. The process is started when it
    is first needed, again after it died of something, and ends with this object. For one thread.
    """

    def __init__(self, make: Callable[[Any], Callable[..., str]], argument: Any) -> None:
        self._setup = pickle.dumps((make, argument))
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, *arguments: Any) -> str:
        """The text that the process answers with; raises WorkerError."""
        process = self._process = self._process or self._started()
        try:
            _send(_pipe(process.stdin), pickle.dumps(arguments))
            _await(_pipe(process.stdout))
            answer = _received(_pipe(process.stdout))
        except TimeoutError:
            self._end()
            raise WorkerError(f"it took longer than {SECONDS:g} s") from None
        except (OSError, EOFError):
            self._end()
            raise WorkerError(f"it took more than {MEMORY >> 20} MB of memory") from None
        except BaseException:
            self._end()
            raise
        ok, text = answer[:1] == b"+", answer[1:].decode("utf-8", "surrogatepass")
        if not ok:
            raise WorkerError(text)
        return text

    def _started(self) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", _START.format(path=sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for the one who waits for it
            )
            self._stop = weakref.finalize(self, _stop, process)
            _send(_pipe(process.stdin), self._setup)
            _received(_pipe(process.stdout))  # it is ready: its start is nobody's fault
        except (OSError, EOFError) as error:
            raise WorkerError(f"the process to render it in does not start: {error}") from error
        return process

    def _end(self) -> None:
        self._stop()
        self._process = None


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # what could not be sent is of no use any more
            _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # both were asked for
    return pipe


def serve() -> None:
    """What the process does: answers until its input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    make, argument = pickle.loads(_received(requests))
    answer = make(argument)
    _send(answers, b"")
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY)
    while True:
        try:
            arguments = pickle.loads(_received(requests))
        except EOFError:
            return
        # Who asks may be gone: nobody else would end what does not end itself.
        spent = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(spent.ru_utime + spent.ru_stime + SECONDS) + 1)
        _send(answers, _answer(answer, arguments))


def _limit(what: int, limit: int) -> None:
    _, most = resource.getrlimit(what)
    resource.setrlimit(what, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _answer(answer: Callable[..., str], arguments: tuple[Any, ...]) -> bytes:
    try:
        text = answer(*arguments)
        if len(text) > LONGEST:
            raise KumologError(f"the text is longer than {LONGEST >> 20} million characters")
        return b"+" + text.encode("utf-8", "surrogatepass")
    except KumologError as error:
        return b"-" + str(error).encode("utf-8", "surrogatepass")


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(len(message).to_bytes(_LENGTH, "big"))
    pipe.write(message)
    pipe.flush()


def _received(pipe: IO[bytes]) -> bytes:
    """The next message; raises EOFError."""
    head = pipe.read(_LENGTH)
    length = int.from_bytes(head, "big")
    message = pipe.read(length)
    if len(head) < _LENGTH or len(message) < length:
        raise EOFError
    return message


def _await(pipe: IO[bytes]) -> None:
    """Raises TimeoutError when the next message does not begin in time."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    if not poll.poll(SECONDS * 1000):
        raise TimeoutError
