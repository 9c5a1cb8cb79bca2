"""Runs with a checkpoint over files, killed again and again until one comes to the end."""

from __future__ import annotations

import gzip
import random
import subprocess

import zstandard
from faults.account import Account, Tally, said
from faults.load import line
from faults.process import Home, start


class Resuming:
    """Some files of events; each has to be in the output at least once in the end."""

    def __init__(self, home: Home, *options: str) -> None:
        self._home = home
        self._options = ("--checkpoint", "reached", "--flush-interval", "50ms", *options)

    def run(self, kills: int, seed: int, events: int = 60_000, files: int = 6) -> Tally:
        """Kill up to so many times, then let it end."""
        tally = Tally()
        chance = random.Random(seed)
        inputs = [self._file(number, events // files) for number in range(files)]
        shortest, longest = 0.3, 1.0
        while tally.kills < kills and self._killed(inputs, chance.uniform(shortest, longest)):
            tally.kills += 1
            longest = min(longest * 1.02, 5)  # a busy machine takes longer to begin at all
        tally.other += start(self._home, *inputs, *self._options).wait() != 0
        tally.events = events // files * files
        account = Account(tally, once=False)
        account.add(self._home.root)
        for number in range(files):
            account.expect(number, events // files)
        said(self._home.diagnostics, tally, pauses_end=False)
        return tally

    def _killed(self, inputs: list[str], seconds: float) -> bool:
        """Whether a run had to be killed; it may end before."""
        process = start(self._home, *inputs, *self._options)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
        return False

    def _file(self, number: int, events: int) -> str:
        name = f"input-{number}"
        text = b"".join(line(number, event) for event in range(events))
        pack = (bytes, gzip.compress, zstandard.ZstdCompressor().compress)[number % 3]
        (self._home.directory / name).write_bytes(pack(text))
        return name
