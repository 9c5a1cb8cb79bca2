"""Measures the cases and the peers, each against the floor in the same rounds."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .cases import CASES, PEAK_MIB, SPLIT, Case, raw_split
from .measure import Contender, Usage, by_turns, floor, kumolog, ratio, run, spread
from .peers import installed
from .records import LEAST_EXTRAS, Shape, write_events, write_segments
from .report import Table, met, shown
from .verify import Log, check, expect

START_SECONDS = 0.25


class Bench:
    """Makes input in ``directory`` as it is needed, and measures with it."""

    def __init__(self, directory: Path, megabytes: float, pairs: int, shape: Shape) -> None:
        self.directory = directory
        self.megabytes = megabytes
        self.pairs = pairs
        self.shape = shape

    def warm_up(self, names: Sequence[str]) -> None:
        """Has Python compile what the cases need, which no run that counts should do."""
        events = self.directory / "few.jsonl"
        write_events(events, 0.01, replace(self.shape, extras=LEAST_EXTRAS))
        for case in (CASES[name] for name in names):
            run(kumolog(self.policy(case), events), self.directory)
            shutil.rmtree(self.directory / "out")

    def policy(self, case: Case) -> Path:
        path = self.directory / f"{case.name}.lua"
        path.write_text(case.policy)
        return path

    def events(self, extras: int = 0) -> Path:
        """A file of records with at least that many entries in meta and headers."""
        shape = replace(self.shape, extras=max(extras, self.shape.extras))
        path = self.directory / f"events-{shape.extras}.jsonl"
        if not path.exists():
            write_events(path, self.megabytes, shape)
        return path

    def segments(self) -> Path:
        """The same records as a directory of segments."""
        path = self.directory / "segments"
        if not path.exists():
            write_segments(self.events(), path)
        return path

    def source(self, case: Case) -> Path:
        """The input of a case."""
        return self.segments() if case.is_segments else self.events(case.extras)

    def expected(self, case: Case) -> dict[str, Log]:
        return expect(self.events(case.extras), case.placing)

    def contender(self, case: Case, expected: dict[str, Log]) -> Contender:
        """kumolog on a case."""
        checked = functools.partial(check, self.directory / "out", expected, header=case.header)
        return Contender("kumolog", kumolog(self.policy(case), self.source(case)), checked)

    def cases(self, names: Sequence[str]) -> Table:
        """kumolog on each of the cases."""
        rows, data = [], []
        for case in (CASES[name] for name in names):
            note(f"case {case.name}: {case.title}")
            row, numbers = self._case(case)
            rows.append(row)
            data.append(numbers)
        columns = ["case", "wall / zstd", "at most", "CPU / zstd", "at most", "seconds", "MiB"]
        title = "kumolog, as multiples of zstd -3 -T1 on the same bytes (median, least to greatest)"
        return Table("cases", title, [*columns, "met"], rows, data)

    def _case(self, case: Case) -> tuple[list[str], dict[str, Any]]:
        ours = self.contender(case, self.expected(case))
        usages = by_turns([floor(self.events(case.extras)), ours], self.pairs, self.directory)
        runs, floors = usages["kumolog"], usages["floor"]
        wall, cpu = ratio(runs, floors, "wall"), ratio(runs, floors, "cpu")
        seconds = spread([run.wall for run in runs]).median
        peak = max(run.peak for run in runs)
        is_met = wall.median <= case.wall and cpu.median <= case.cpu and peak <= PEAK_MIB
        row = [f"{case.name} {case.title}", shown(wall), f"{case.wall:g}"]
        row += [shown(cpu), f"{case.cpu:g}", f"{seconds:.2f}", f"{peak:.0f}", met(is_met)]
        numbers: dict[str, Any] = {
            "case": case.name,
            "wall_ratio": wall._asdict(),
            "cpu_ratio": cpu._asdict(),
            "wall_target": case.wall,
            "cpu_target": case.cpu,
            "seconds": seconds,
            "floor_seconds": spread([floor.wall for floor in floors]).median,
            "peak_mib": peak,
            "peak_target": PEAK_MIB,
            "met": is_met,
        }
        return row, numbers

    def peers(self) -> Table:
        """Other programs that do what case A does, with kumolog in the same rounds."""
        note("case G: other programs")
        events, peers = self.events(), installed()
        checked = functools.partial(check, self.directory / "out", expect(events, raw_split))
        contenders = [floor(events), self.contender(CASES["A"], self.expected(CASES["A"]))]
        contenders += [Contender(peer.name, peer.command(events), checked) for peer in peers]
        usages = by_turns(contenders, self.pairs, self.directory)
        targets = {peer.name: peer.target for peer in peers}
        rows, data = [], []
        for name in ("kumolog", *targets):
            row, numbers = _peer(name, usages, targets.get(name))
            rows.append(row)
            data.append(numbers)
        columns = ["program", "wall / zstd", "CPU / zstd", "wall / kumolog", "at least"]
        return Table("peers", "G: case A by other programs", [*columns, "met"], rows, data)

    def start(self) -> Table:
        """What it takes to check a small policy."""
        note("start: kumolog check")
        policy = self.directory / "small.lua"
        policy.write_text(SPLIT)
        command = [sys.executable, "-m", "kumolog", "check", str(policy)]
        bare = [sys.executable, "-c", "pass"]
        contenders = [Contender("python", bare), Contender("check", command)]
        usages = by_turns(contenders, max(self.pairs, 5), self.directory)
        times = {name: spread([run.cpu for run in runs]) for name, runs in usages.items()}
        is_met = times["check"].median <= START_SECONDS
        row = ["kumolog check", shown(times["check"]), f"{START_SECONDS:g}"]
        row += [shown(times["python"]), met(is_met)]
        numbers = {name: time._asdict() for name, time in times.items()} | {"met": is_met}
        columns = ["start", "CPU seconds", "at most", "of which Python", "met"]
        return Table("start", "Start of a small policy", columns, [row], [numbers])


def _peer(
    name: str, usages: dict[str, list[Usage]], target: float | None
) -> tuple[list[str], dict[str, Any]]:
    runs, floors = usages[name], usages["floor"]
    wall, cpu = ratio(runs, floors, "wall"), ratio(runs, floors, "cpu")
    slower = ratio(runs, usages["kumolog"], "wall")
    is_met = None if target is None else slower.median >= target
    row = [name, shown(wall), shown(cpu), shown(slower)]
    row += ["" if target is None else f"{target:g}", met(is_met)]
    numbers: dict[str, Any] = {
        "program": name,
        "wall_ratio": wall._asdict(),
        "cpu_ratio": cpu._asdict(),
        "times_kumolog": slower._asdict(),
        "target": target,
        "met": is_met,
    }
    return row, numbers


def note(text: str) -> None:
    """Says on standard error what is being measured."""
    print(text, file=sys.stderr, flush=True)
