"""kumolog as a process that is fed by a pipe, and killed."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from faults.load import POLICY, line

REPOSITORY = Path(__file__).parents[2]
PIPE = 1 << 20


class Home:
    """Where kumologs are run: their policy, what they say, and the root of what they write."""

    def __init__(self, directory: Path, root: Path | None = None) -> None:
        self.directory = directory
        self.root = root or directory / "logs"
        self.diagnostics = directory / "diagnostics"
        self.diagnostics.touch()
        (directory / "init.lua").write_text(POLICY)


def start(
    home: Home, *arguments: str, environment: Mapping[str, str] | None = None, **settings: Any
) -> subprocess.Popen[bytes]:
    """Run the policy; what it has to say goes to the home's diagnostics."""
    with open(home.diagnostics, "ab") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "kumolog", "run", "init.lua", *arguments, "--root", home.root],
            cwd=home.directory,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)} | dict(environment or {}),
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            **settings,
        )


class Sender:
    """One process, and what was fed to it.

    ``fed`` counts the events whose line is in the pipe in full; `taken_before` tells how many the
    process had read by a moment.
    """

    def __init__(
        self,
        number: int,
        home: Home,
        *options: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.number = number
        self.fed = 0
        self._rest = b""
        self._bytes = 0
        self._ends: list[int] = []  # position in the pipe after each event
        self._taken: list[tuple[float, int]] = []
        self.process = start(home, *options, environment=environment, stdin=subprocess.PIPE)
        assert self.process.stdin is not None
        self._pipe = self.process.stdin.fileno()
        os.set_blocking(self._pipe, False)
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE)

    def feed(self, count: int) -> None:
        """Put events into the pipe, as many as fit at once."""
        for _ in range(count):
            if not self._rest:
                self._rest = line(self.number, self.fed)
            try:
                written = os.write(self._pipe, self._rest)
            except (BlockingIOError, BrokenPipeError):
                break
            self._bytes += written
            self._rest = self._rest[written:]
            if not self._rest:
                self._ends.append(self._bytes)
                self.fed += 1
        self._note()

    def _note(self) -> None:
        unread = struct.unpack("i", fcntl.ioctl(self._pipe, termios.FIONREAD, b"\0" * 4))[0]
        self._taken.append((time.monotonic(), bisect_right(self._ends, self._bytes - unread)))

    def taken_before(self, moment: float) -> int:
        """How many events the process had read by then, at least."""
        return max((count for when, count in self._taken if when <= moment), default=0)

    def kill(self) -> float:
        """SIGKILL, at the moment that is returned."""
        moment = time.monotonic()
        self.process.kill()
        self.process.wait()
        self._close()
        return moment

    def end(self, meanwhile: Callable[[], None] = lambda: None, timeout: float = 120) -> int:
        """End its input after a whole line and wait for an orderly end; the exit code."""
        end = time.monotonic() + timeout
        while self.process.poll() is None and time.monotonic() < end:
            if self._rest:
                self.feed(1)
            else:
                self._close()
            meanwhile()
            time.sleep(0.01)
        return self.process.wait(0)

    def _close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
