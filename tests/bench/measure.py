"""Runs programs by turns and compares what they took.

Peak memory is what the system gives for a child, which begins with what its parent had: so whatever
runs here has to stay small, and reads and writes data line by line.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Usage(NamedTuple):
    """Seconds, and MiB resident at the peak, of one run with all its processes."""

    wall: float
    cpu: float
    peak: float


class Spread(NamedTuple):
    """The median of some values, the least and the greatest of them."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Contender:
    """A command to run in a directory; ``check`` is called after each run to look at its output."""

    name: str
    command: Sequence[str]
    check: Callable[[], None] = lambda: None


Usages = dict[str, list[Usage]]
"""By contender; those of one round stand at the same place."""


def environment() -> dict[str, str]:
    """One in which Python finds this kumolog, and may keep its bytecode."""
    kept = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}


def run(command: Sequence[str], directory: Path) -> Usage:
    """One run; raises SystemExit with what the program said where it fails."""
    with (directory / "stderr").open("w+b") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=directory, stdout=subprocess.DEVNULL, stderr=errors, env=environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)  # or it would be waited for again
        if status:
            errors.seek(0)
            said = errors.read().decode(errors="replace")
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {said}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def by_turns(contenders: Sequence[Contender], pairs: int, directory: Path) -> Usages:
    """Runs all contenders ``pairs`` times: each once a round, in an order that changes."""
    rng = random.Random(pairs)
    usages: Usages = {contender.name: [] for contender in contenders}
    for _ in range(pairs):
        for contender in rng.sample(contenders, len(contenders)):
            shutil.rmtree(directory / "out", ignore_errors=True)
            (directory / "out").mkdir()
            usages[contender.name].append(run(contender.command, directory))
            contender.check()
    return usages


def ratio(above: Sequence[Usage], below: Sequence[Usage], what: str) -> Spread:
    """The ratios, round by round, of the ``wall`` or ``cpu`` of two contenders."""
    pairs = zip(above, below, strict=True)
    return spread([getattr(one, what) / getattr(other, what) for one, other in pairs])


def floor(*events: Path) -> Contender:
    """What everything is compared with: compressing the same bytes."""
    paths = " ".join(map(str, events))
    return Contender("floor", ["sh", "-c", f"exec zstd -3 -T1 -q -c {paths} > out/floor.zst"])


def kumolog(policy: Path, *inputs: Path, options: Sequence[str] = ()) -> list[str]:
    """The command that puts inputs through a policy."""
    command = [sys.executable, "-m", "kumolog", "run", str(policy), *map(str, inputs)]
    return [*command, "--root", "out", "--quiet", *options]
