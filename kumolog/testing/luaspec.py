"""Specs in Lua: files that say what a policy does, in busted's words, run test by test."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kumolog.policy import Attach
from kumolog.pulse import Pulse
from kumolog.testing import PATTERNS as PATTERNS
from kumolog.testing import SECONDS as SECONDS
from kumolog.testing.specfailure import Failure, Place, failure_of
from kumolog.testing.specruntime import (
    Assertions,
    Modules,
    NoResources,
    Report,
    Resources,
    SpecRuntime,
)

MAX_MEMORY = 256 << 20  # bytes that the Lua of one spec file may hold
_TAG = re.compile(r"#([\w-]+)")


@dataclass(frozen=True, slots=True)
class SpecItem:
    """One test of a file, or a block that could not be collected.

    ``names`` lead from the outermost block to the test; ``tags`` are the words behind a ``#`` in
    them. ``pending`` is the reason why it is not to be run, ``broken`` the failure of its block.
    """

    number: int
    names: tuple[str, ...]
    place: Place
    tags: frozenset[str]
    pending: str | None = None
    broken: Failure | None = None

    @property
    def name(self) -> str:
        """The full name."""
        return " ".join(self.names)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended; ``reason`` says why one is pending, ``seconds`` how long it took."""

    state: Literal["passed", "failed", "pending"]
    failures: tuple[Failure, ...] = ()
    reason: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        """The failures one after another, or the reason."""
        return "\n\n".join(map(str, self.failures)) or self.reason


@dataclass
class SpecFile:
    """A spec file: its items, and running them; made by `load`.

    All items of a file share one Lua runtime, which no other file sees. After a test that had to be
    stopped, or that left no memory, it is torn down, and the next item runs in a fresh one.
    """

    path: Path
    modules: Modules
    assertions: Assertions
    resources: Resources
    seconds: float
    max_memory: int
    attach: Attach | None = None
    pulse: Callable[[], Pulse] = Pulse
    items: list[SpecItem] = field(default_factory=list)
    _lua: SpecRuntime | None = None
    _loaded: set[Path] = field(default_factory=set)

    @classmethod
    def load(
        cls,
        path: str | Path,
        modules: Modules | None = None,
        assertions: Assertions | None = None,
        *,
        resources: Resources | None = None,
        seconds: float = SECONDS,
        max_memory: int = MAX_MEMORY,
        attach: Attach | None = None,
        pulse: Callable[[], Pulse] = Pulse,
    ) -> SpecFile:
        """Runs the file, which declares its items; what is wrong with it becomes a failing item.

        ``modules`` gives, for each name that the spec may require, functions, which take (place of
        the call as ``file:line``, neutral arguments...), and values. ``assertions`` are offered as
        ``assert.NAME(...)``: such a function takes the same, and gives None where the assertion
        holds and a text where it does not. ``resources`` is told of each test. ``seconds`` is the
        time budget of a test and of each hook, ``max_memory`` the bytes that the file's Lua may
        hold. ``attach`` is given each runtime of the file before that loads anything; ``pulse``
        gives what is to tell other threads what it is at.
        """
        spec = cls(
            Path(path).absolute(),
            modules or {},
            assertions or {},
            resources or NoResources(),
            seconds,
            max_memory,
            attach,
            pulse,
        )
        spec.items = spec._collect(spec._runtime())
        return spec

    def run(self, item: SpecItem, following: SpecItem | None = None) -> Outcome:
        """Runs one item, after whatever setups of its blocks have not been run yet.

        ``following`` is the item of this file that will be run next: blocks that it is not in are
        torn down, all of them where there is none. Never raises for what a spec does.
        """
        if item.pending is not None:
            return Outcome("pending", reason=item.pending)
        if item.broken is not None:
            return Outcome("failed", (item.broken,))
        started = time.perf_counter()
        failures, reasons = self._run(item, following)
        seconds = time.perf_counter() - started
        if failures:
            return Outcome("failed", tuple(failures), seconds=seconds)
        if reasons:
            return Outcome("pending", reason=reasons[0], seconds=seconds)
        return Outcome("passed", seconds=seconds)

    def close(self) -> tuple[Failure, ...]:
        """Tears down what is still set up; gives what went wrong. May be called at any time."""
        self.loaded_files()
        lua, self._lua = self._lua, None
        return () if lua is None else tuple(_failures(lua, lua.finish(), None))

    def abandon(self) -> None:
        """Leaves the runtime as it is, since nothing comes back from it."""
        self._lua = None

    def overrun(self, item: SpecItem, problem: str) -> Outcome:
        """What is to be told of an item that did not come back."""
        return Outcome("failed", (Failure(problem, item.place),), seconds=self.seconds)

    def loaded_files(self) -> set[Path]:
        """The Lua files that it has loaded so far: itself, and what it required."""
        if self._lua is not None:
            self._loaded.update(map(Path, self._lua.loaded_files()))
        return self._loaded

    def resolve(self, name: str) -> Path:
        """The file that the spec names, as `find_file` does."""
        return find_file(self.path, name)

    def _runtime(self) -> SpecRuntime:
        directories = search_directories(self.path)
        return SpecRuntime(
            self.path,
            self.modules,
            self.assertions,
            self.resources,
            self.seconds,
            self.max_memory,
            directories,
            self.attach,
            self.pulse(),
        )

    def _collect(self, lua: SpecRuntime) -> list[SpecItem]:
        self._lua = lua
        return [_item(lua, number, report) for number, report in enumerate(lua.collect(), 1)]

    def _run(self, item: SpecItem, following: SpecItem | None) -> tuple[list[Failure], list[str]]:
        if self._lua is None:
            again = self._collect(self._runtime())
            if [other.names for other in again] != [other.names for other in self.items]:
                return [_changed(item)], []
        assert self._lua is not None
        reports = self._lua.run_item(item.number, following.number if following else None)
        reasons = [report["pending"] for report in reports if "pending" in report]
        failures = _failures(
            self._lua, [report for report in reports if "pending" not in report], item.place
        )
        if any(report.get("stopped") for report in reports) or not self._lua.has_room():
            failures.extend(self.close())
        return failures, reasons


def search_directories(spec: Path) -> list[Path]:
    """Where what a spec names is looked for: its directory, the one above, the working one."""
    beside = spec.absolute().parent
    return list(dict.fromkeys([beside, beside.parent, Path.cwd()]))


def find_file(spec: Path, name: str) -> Path:
    """The file that a test names: beside it, one directory above, or where kumolog runs.

    A file that is in none of these places is expected beside the test.
    """
    places = [directory / name for directory in search_directories(spec)]
    return next((path for path in places if path.exists()), places[0])


def _item(lua: SpecRuntime, number: int, report: Report) -> SpecItem:
    names = tuple(report["names"])
    place = Place.parse(report["at"]) or Place(str(lua.path), 1)
    broken = report.get("failure")
    return SpecItem(
        number,
        names,
        place,
        frozenset(_TAG.findall(" ".join(names))),
        report.get("pending"),
        None if broken is None else failure_of(broken, place, lua.explain),
    )


def _failures(lua: SpecRuntime, reports: Sequence[Report], place: Place | None) -> list[Failure]:
    return [failure_of(report, place, lua.explain) for report in reports]


def _changed(item: SpecItem) -> Failure:
    return Failure(
        f"running {item.name!r}: the file was loaded again, because a test before this one had to "
        "be stopped, and now declares other tests: what it declares must not change",
        item.place,
    )
