"""File operations that fail at random, by a library that is preloaded into kumolog."""

from __future__ import annotations

import mmap
import os
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from faults.account import Account, Tally, said
from faults.process import Home, Sender

MILLION = 1_000_000
PATIENCE = 30.0  # seconds


class CannotCompileError(Exception):
    """The library needs a C compiler."""


class Injection:
    """The library, and how often it lets operations below a directory fail.

    Raises CannotCompileError.
    """

    def __init__(self, directory: Path, below: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            raise CannotCompileError("there is no C compiler, cc")
        library = directory / "faults.so"
        source = Path(__file__).with_suffix("").with_name("faults.c")
        command = [compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"]
        subprocess.run(command, check=True)
        control = directory / "faults.control"
        control.write_bytes(bytes(8))
        descriptor = os.open(control, os.O_RDWR)
        self._control = mmap.mmap(descriptor, 8)
        os.close(descriptor)
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "KUMOLOG_FAULTS": str(control),
            "KUMOLOG_FAULTS_BELOW": str(below.resolve()),
        }

    def rate(self, share: float) -> None:
        """From now on that share of the operations fails."""
        self._control[:4] = struct.pack("I", int(share * MILLION))

    @property
    def count(self) -> int:
        """How many operations have failed."""
        return int(struct.unpack("I", self._control[4:])[0])


class Injected:
    """Feeds one kumolog for some seconds, in which operations fail; nothing may be missing."""

    def __init__(self, home: Home, injection: Injection, *options: str) -> None:
        self._home = home
        self._injection = injection
        self._options = ("--flush-interval", "50ms", "--rejects", "rejects", *options)

    def run(self, seconds: float, seed: int) -> Tally:
        tally = Tally()
        chance = random.Random(seed)
        environment = self._injection.environment
        sender = Sender(0, self._home, *self._options, environment=environment)
        while not any(self._home.root.rglob("2*")) and sender.process.poll() is None:
            sender.feed(1)  # without its directories kumolog does not start
            time.sleep(0.01)
        end = time.monotonic() + seconds
        # On a busy machine so little may be done meanwhile that nothing of it fails.
        while (now := time.monotonic()) < end or (
            self._injection.count == 0 and now < end + PATIENCE
        ):
            self._injection.rate(chance.choice((0, 0.01, 0.05, 0.3)))
            pause = time.monotonic() + chance.uniform(0.1, 1)
            while time.monotonic() < pause:
                sender.feed(chance.choice((1, 5, 50)))
                time.sleep(0.01)
        self._injection.rate(0)
        tally.other += sender.end() != 0
        tally.other += Sender(1, self._home, *self._options).end() != 0
        tally.faults, tally.events = self._injection.count, sender.fed
        account = Account(tally)
        account.add(self._home.root)
        account.expect(0, sender.fed)
        said(self._home.diagnostics, tally, pauses_end=True)
        return tally
