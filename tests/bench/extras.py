"""What is asked beside the cases: cost against size, of several processes, and of a profile."""

from __future__ import annotations

import functools
import shutil
from typing import Any

from .cases import CASES, Case
from .measure import Contender, Spread, Usage, by_turns, floor, kumolog, ratio, spread
from .report import Table, met, shown
from .running import Bench, note
from .verify import check

JOBS_GAIN = 1.6
PROFILE_COST = 1.03
DISK_SHARE = 0.6  # of the input: what the floor and kumolog write, with room to spare


def sizes(bench: Bench, gigabytes: list[float]) -> Table:
    """Case A with more and more input: the smallest size, given again and again."""
    smallest, largest = min(gigabytes), max(gigabytes)
    needed = (largest * DISK_SHARE + smallest) * 1e9
    if shutil.disk_usage(bench.directory).free < needed:
        raise SystemExit(f"{bench.directory} lacks the room for {needed / 1e9:.1f} GB")
    bench.megabytes = smallest * 1000
    events, policy = bench.events(), bench.policy(CASES["A"])
    expected = bench.expected(CASES["A"])
    usages: dict[float, dict[str, list[Usage]]] = {}
    for repeats in sorted({round(size / smallest) for size in gigabytes}):
        note(f"sizes: {repeats * smallest:g} GB")
        inputs = [events] * repeats
        checked = functools.partial(check, bench.directory / "out", expected, repeats=repeats)
        contenders = [floor(*inputs), Contender("kumolog", kumolog(policy, *inputs), checked)]
        usages[repeats * smallest] = by_turns(contenders, bench.pairs, bench.directory)
    return against_size(usages)


def against_size(usages: dict[float, dict[str, list[Usage]]]) -> Table:
    """The times, and how far each is from the line through the first and the last."""
    walls = {size: spread([run.wall for run in by["kumolog"]]) for size, by in usages.items()}
    first, last = min(walls), max(walls)
    slope = (walls[last].median - walls[first].median) / (last - first) if last > first else 0.0
    rows, data = [], []
    for size, by in usages.items():
        off = walls[size].median / (walls[first].median + slope * (size - first)) - 1
        cpu = spread([run.cpu for run in by["kumolog"]])
        against = ratio(by["kumolog"], by["floor"], "wall")
        peak = max(run.peak for run in by["kumolog"])
        row = [f"{size:g} GB", shown(walls[size]), shown(cpu), f"{off:+.1%}", shown(against)]
        rows.append([*row, f"{peak:.0f}"])
        numbers = {"gigabytes": size, "wall": walls[size]._asdict(), "cpu": cpu._asdict()}
        numbers |= {"off_the_line": off, "wall_ratio": against._asdict(), "peak_mib": peak}
        data.append(numbers)
    columns = ["case A", "wall seconds", "CPU seconds", "off the line", "wall / zstd", "MiB"]
    return Table("sizes", "Time and memory against size", columns, rows, data)


def jobs(bench: Bench) -> Table:
    """Case B by one process and by two, which leave the order between segments open."""
    note("jobs: case B")
    one, two = "--jobs 1", "--jobs 2"
    options = {one: ["--jobs", "1"], two: ["--jobs", "2"]}
    usages = _usages(bench, CASES["B"], options, is_ordered=False)
    gain = ratio(usages[one], usages[two], "wall")
    verdict = f"times as fast (at least {JOBS_GAIN:g})"
    is_met = gain.median >= JOBS_GAIN
    return _compared("jobs", "Case B by two processes", usages, verdict, gain, is_met)


def profile(bench: Bench) -> Table:
    """Case A with --profile and without."""
    note("profile: case A")
    without, with_it = "without", "--profile"
    usages = _usages(bench, CASES["A"], {without: [], with_it: ["--profile"]}, is_ordered=True)
    cost = ratio(usages[with_it], usages[without], "cpu")
    verdict = f"times the CPU time (at most {PROFILE_COST:g})"
    is_met = cost.median <= PROFILE_COST
    return _compared("profile", "Case A with --profile", usages, verdict, cost, is_met)


def _usages(
    bench: Bench, case: Case, options: dict[str, list[str]], *, is_ordered: bool
) -> dict[str, list[Usage]]:
    """What a case takes with each of some options."""
    out, expected = bench.directory / "out", bench.expected(case)
    checked = functools.partial(check, out, expected, is_ordered=is_ordered)
    policy, source = bench.policy(case), bench.source(case)
    contenders = [
        Contender(label, kumolog(policy, source, options=given), checked)
        for label, given in options.items()
    ]
    return by_turns(contenders, bench.pairs, bench.directory)


def _compared(
    name: str,
    title: str,
    usages: dict[str, list[Usage]],
    verdict: str,
    value: Spread,
    is_met: bool,
) -> Table:
    """A row for each way; the last one has the verdict."""
    rows, data = [], []
    for label, runs in usages.items():
        wall, cpu = (spread([getattr(run, what) for run in runs]) for what in ("wall", "cpu"))
        peak = max(run.peak for run in runs)
        rows.append([label, shown(wall), shown(cpu), f"{peak:.0f}", "", ""])
        numbers: dict[str, Any] = {"option": label, "wall": wall._asdict(), "cpu": cpu._asdict()}
        data.append(numbers | {"peak_mib": peak})
    rows[-1][-2:] = [shown(value), met(is_met)]
    data[-1] |= {"ratio": value._asdict(), "met": is_met}
    columns = [name, "wall seconds", "CPU seconds", "MiB", verdict, "met"]
    return Table(name, title, columns, rows, data)
