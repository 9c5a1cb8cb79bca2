"""Kills kumolog, fills and breaks its disk, and accounts for every record.

``python -m tests.faults [--kills 200] [--seconds 20] [--only NAME ...] [--long SECONDS] [--json]``:
prints a table; the exit code is 1 when a record was lost, doubled or spoiled, or a segment is not
readable. ``--long`` runs a mixed load instead, and shows memory, threads and descriptors.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.account import Tally
from faults.disk import FailingDisk, small_disk
from faults.injected import Injected, Injection
from faults.kills import Killing
from faults.longrun import LongRun
from faults.process import Home
from faults.resume import Resuming

Progress = Callable[[int], None]


def main() -> int:
    options = _options()
    if options.long is not None:
        return _long(options)
    rows: dict[str, Tally] = {}
    for name in options.only or SCENARIOS:
        with tempfile.TemporaryDirectory(prefix="kumolog-faults-") as directory:
            rows[name] = SCENARIOS[name](Path(directory), options)
    sys.stdout.write(_json(rows) if options.json else _table(rows))
    return 0 if all(tally.is_well for tally in rows.values()) else 1


def _kills(directory: Path, options: argparse.Namespace) -> Tally:
    killing = Killing(Home(directory), longest=options.longest, slack=options.slack)
    return killing.run(options.kills, options.seed, _progress)


def _disk(directory: Path, options: argparse.Namespace) -> Tally:
    with small_disk(directory) as disk:
        return FailingDisk(Home(directory, disk)).run(options.seconds, options.seed)


def _resume(directory: Path, options: argparse.Namespace) -> Tally:
    events = max(options.kills * 1000, 10_000)
    return Resuming(Home(directory)).run(options.kills, options.seed, events)


def _injected(directory: Path, options: argparse.Namespace) -> Tally:
    home = Home(directory)
    injection = Injection(directory, home.root)
    return Injected(home, injection, "--sync", "flush").run(options.seconds, options.seed)


def _injected_and_killed(directory: Path, options: argparse.Namespace) -> Tally:
    home = Home(directory)
    injection = Injection(directory, home.root)
    injection.rate(0.02)
    # What waits for the disk cannot be there in time: what was seen has to be, and no more.
    killing = Killing(
        home,
        "--sync",
        "flush",
        longest=options.longest,
        slack=3600,
        environment=injection.environment,
    )
    tally = killing.run(options.kills, options.seed, _progress)
    tally.faults = injection.count
    return tally


def _long(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="kumolog-faults-") as directory:
        run = LongRun(Home(Path(directory)))
        tally = run.run(options.long, options.seed, _progress)
    figures = tally.row() | run.figures()
    if options.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.writelines(f"{name:>24} {figure:>12,}\n" for name, figure in figures.items())
    return 0 if tally.is_well else 1


SCENARIOS: dict[str, Callable[[Path, argparse.Namespace], Tally]] = {
    "kills": _kills,
    "checkpoint": _resume,
    "disk": _disk,
    "errors": _injected,
    "errors, kills": _injected_and_killed,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    add = parser.add_argument
    add("--kills", type=int, default=200)
    add("--seconds", type=float, default=20.0, help="how long each scenario without kills takes")
    add("--slack", type=float, default=0.5, help="seconds that a flush may be late")
    add("--longest", type=float, default=4.0, help="seconds that a process lives at most")
    add("--long", type=float, metavar="SECONDS", help="a long run instead")
    add("--seed", type=int, default=random.randrange(1 << 30))
    add("--only", choices=list(SCENARIOS), nargs="+")
    add("--json", action="store_true")
    return parser.parse_args()


def _progress(count: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{count:,}")


def _json(rows: dict[str, Tally]) -> str:
    return json.dumps({name: tally.row() for name, tally in rows.items()}) + "\n"


def _table(rows: dict[str, Tally]) -> str:
    lines = ["".join(f"{title:>15}" for title in ("", *Tally.columns()))]
    for name, tally in rows.items():
        lines.append(f"{name:>15}" + "".join(f"{figure:>12,}" for figure in tally.row().values()))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
