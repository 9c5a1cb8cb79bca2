"""Hours of mixed load: what a process has of memory, threads and descriptors must stay flat."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from faults.account import Account, Tally, files, remove, said
from faults.load import TREES
from faults.process import Home, Sender


@dataclass(frozen=True)
class Sample:
    """What a process has at a moment; ``rss`` in KiB."""

    second: float
    rss: int
    threads: int
    descriptors: int


class LongRun:
    """Feeds one kumolog bursts and trickles; finished segments are read and deleted meanwhile."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._sender = Sender(0, home, "--flush-interval", "200ms")
        self.samples: list[Sample] = []

    def run(self, seconds: float, seed: int, progress: Callable[[int], None]) -> Tally:
        tally = Tally()
        account = Account(tally)
        chance = random.Random(seed)
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < seconds:
            burst, pause = chance.choice(((1, 0.002), (20, 0.02), (500, 0.3), (5000, 1.0)))
            phase = time.monotonic() + chance.uniform(0.5, 3)
            while time.monotonic() < phase:
                self._sender.feed(burst)
                time.sleep(pause)
            self._collect(account)
            self.samples.append(sample(self._sender.process.pid, passed))
            progress(int(passed))
        tally.other += self._sender.end() != 0
        self._collect(account)
        tally.events = self._sender.fed
        account.expect(0, self._sender.fed)
        said(self._home.diagnostics, tally, pauses_end=True)
        return tally

    def _collect(self, account: Account) -> None:
        for tree in TREES:
            done = [p for p in files(self._home.root, tree) if not p.stat().st_mode & 0o222]
            account.add_segments(tree, done)
            remove(done)

    def figures(self) -> dict[str, float]:
        """At the start, which is over after a tenth of the time, and at the end, and the slope."""
        steady = self.samples[len(self.samples) // 10 :]
        seconds = [sample.second for sample in steady]
        figures: dict[str, float] = {"seconds": round(seconds[-1]), "samples": len(steady)}
        for name in ("rss", "threads", "descriptors"):
            values = [float(asdict(sample)[name]) for sample in steady]
            tenth = max(len(values) // 10, 1)
            slope = statistics.linear_regression(seconds, values).slope * 3600
            figures[f"{name} first"] = round(statistics.fmean(values[:tenth]), 1)
            figures[f"{name} last"] = round(statistics.fmean(values[-tenth:]), 1)
            figures[f"{name} max"] = max(values)
            figures[f"{name} an hour"] = round(slope, 1)
        return figures


def sample(pid: int, second: float) -> Sample:
    """Look at a process."""
    process = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    descriptors = len(list((process / "fd").iterdir()))
    return Sample(second, int(status["VmRSS"].split()[0]), int(status["Threads"]), descriptors)
