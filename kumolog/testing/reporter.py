"""What `kumolog test` shows: a line for each file, then what failed, then the counts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

import pytest

from kumolog.testing.stash import GOLDENS, NEEDS, REJECTED

State = Literal["passed", "failed", "pending", "broken"]
_WORST_FIRST: tuple[State, ...] = ("broken", "failed", "pending", "passed")
_STYLES = {"passed": "good", "failed": "bad", "broken": "bad", "pending": "off"}
_SKIPPED = "Skipped: "  # what pytest puts before a reason
_WIDTH = 8  # of a state


@dataclass
class Told:
    """What is known of one test, or of a file or block that could not be collected.

    ``texts`` say what went wrong, ``printed`` what was written meanwhile, by its name.
    """

    file: str
    name: str
    place: str
    state: State = "passed"
    seconds: float = 0.0
    reason: str = ""
    texts: list[str] = field(default_factory=list)
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def rejected(self) -> str:
        """What was rejected though it passed."""
        return self.printed.get(_section(REJECTED), "") if self.state == "passed" else ""

    def add(self, state: State) -> None:
        """Another part of it ended like this: the worst one counts."""
        self.state = min(self.state, state, key=_WORST_FIRST.index)


class Reporter:
    """A plugin for pytest's session, of which it shows what comes and keeps what came.

    ``write`` takes output, ``paint`` colours a text, ``progress`` shows what is being done right
    now. ``verbose`` shows every test.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        paint: Callable[[str, str], str],
        progress: Callable[[str], None],
        stopping: Callable[[], bool],
        *,
        verbose: bool,
    ) -> None:
        self.tests: list[Told] = []
        self.golden_written: list[Path] = []
        self.needs: dict[Path, set[Path]] = {}
        self.collected: list[pytest.Item] = []
        self.deselected = 0
        self._write = write
        self._paint = paint
        self._progress = progress
        self._stopping = stopping
        self._verbose = verbose
        self._paths: dict[str, str] = {}
        self._running: Told | None = None
        self._started = time.monotonic()
        self._session: pytest.Session | None = None

    @property
    def has_run_nothing(self) -> bool:
        """Whether there was no test, nor anything that went wrong."""
        return not self.tests

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._started

    def counts(self) -> Counter[State]:
        """How many tests ended how."""
        return Counter(told.state for told in self.tests)

    # What pytest tells --------------------------------------------------------------------------

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remembers the session."""
        self._session = session

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """Remembers where a node is: its id is not always a path from here."""
        self._paths[collector.nodeid] = _from_here(collector.path)
        self._stop_if_asked()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file or a block that could not be collected is as good as a test that failed."""
        if not report.failed:
            return
        file = self._paths.get(report.nodeid, report.nodeid)
        told = Told(file, _name(report.nodeid), file, "broken")
        told.texts.append(report.longreprtext)
        told.printed.update(_printed(report.sections))
        self._end(told)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Counts the tests that were not asked for."""
        self.deselected += len(items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remembers the tests that will be run."""
        self.collected = list(session.items)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """As for a collector."""
        self._paths[item.nodeid] = _from_here(item.path)

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """A test begins."""
        file, line, _ = location
        place = file if line is None else f"{file}:{line + 1}"
        self._running = Told(self._paths[nodeid], _name(nodeid), place)
        done = f"{len(self.tests) + 1}/{len(self.collected)}"
        self._progress(f"{done} {self._running.file}: {self._running.name}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended: what comes before it, the test itself, or what follows."""
        told = self._running
        assert told is not None
        told.seconds += report.duration
        told.printed.update(_printed(report.sections))
        if report.failed:
            told.add("failed")
            told.texts.append(report.longreprtext)
        elif report.skipped:
            told.add("pending")
            told.reason = _reason(report)

    def pytest_runtest_logfinish(self) -> None:
        """All parts have ended."""
        assert self._running is not None
        self._end(self._running)
        self._stop_if_asked()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Shows the last file, and keeps what is known of files."""
        self._show_file()
        self.needs = session.config.stash.get(NEEDS, {})
        for goldens in session.config.stash.get(GOLDENS, []):
            self.golden_written += goldens.written

    def _stop_if_asked(self) -> None:
        if self._stopping() and self._session is not None:
            self._session.shouldstop = "interrupted"

    # What the user sees -------------------------------------------------------------------------

    def _end(self, told: Told) -> None:
        if not self.tests or self.tests[-1].file != told.file:
            self._show_file()
            if self._verbose:
                self._write(f"{told.file}\n")
        self.tests.append(told)
        if self._verbose:
            self._write(self._line(told))

    def _line(self, told: Told) -> str:
        state = self._paint(_STYLES[told.state], f"{told.state:{_WIDTH}}")
        reason = f": {told.reason}" if told.reason else ""
        seconds = self._paint("quiet", f"({_seconds(told.seconds)})")
        return f"  {state}{told.name}{reason} {seconds}\n"

    def _show_file(self) -> None:
        """The line of the last file."""
        if not self.tests or self._verbose:
            return
        file = self.tests[-1].file
        counts = Counter(told.state for told in self.tests if told.file == file)
        self._write(f"{file}: {self._counts(counts)}\n")

    def _counts(self, counts: Counter[State]) -> str:
        return ", ".join(
            self._paint(_STYLES[state], f"{counts[state]} {state}")
            for state in reversed(_WORST_FIRST)
            if counts[state]
        )

    def show_failures(self) -> None:
        """Shows all that went wrong, and what did although the test passed."""
        for _, group in groupby(self.tests, lambda told: (told.texts, told.printed)):
            alike = list(group)  # for the same reason, such as a policy that cannot be loaded
            if alike[0].texts:
                self._write("".join(self._failure(alike)))
            else:
                self._write("".join(self._doubt(told) for told in alike if told.rejected))

    def _failure(self, alike: Sequence[Told]) -> Iterator[str]:
        yield "\n"
        for told in alike:
            title = self._paint("bad", f"{told.state}: {told.name}")
            yield f"{title} {self._paint('quiet', f'({told.place})')}\n"
        told = alike[0]
        for text in told.texts:
            yield f"\n{_indented(text)}"
        for name, text in told.printed.items():
            yield f"\n  {self._paint('quiet', f'{name}:')}\n{_indented(text, 4)}"

    def _doubt(self, told: Told) -> str:
        title = self._paint(
            "off", f"passed, but events were rejected that it did not ask about: {told.name}"
        )
        place = self._paint("quiet", f"({told.place})")
        return f"\n{title} {place}\n\n{_indented(told.rejected)}"

    def show_summary(self) -> None:
        """Shows the golden files that were written, and the counts."""
        for path in self.golden_written:
            self._write(f"wrote {_from_here(path)}\n")
        files = len({told.file for told in self.tests})
        rest = f", {self.deselected} not asked for" if self.deselected else ""
        ended = "interrupted: " if self._stopping() else ""
        self._write(
            f"\n{ended}{self._counts(self.counts())}{rest} in "
            f"{files} {'file' if files == 1 else 'files'} ({_seconds(self.seconds)})\n"
        )

    def show_collected(self, write: Callable[[str], None]) -> None:
        """Shows the tests that there are, for each its place and its name."""
        for item in self.collected:
            file, line, _ = item.location
            place = file if line is None else f"{file}:{line + 1}"
            write(f"{place}: {_name(item.nodeid)}\n")


def _from_here(path: Path) -> str:
    """A path as people name it: relative to the working directory where it is below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _name(nodeid: str) -> str:
    return " > ".join(nodeid.split("::")[1:]) or "the file"


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix(_SKIPPED)
    return str(getattr(report, "wasxfail", ""))


def _printed(sections: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {_section(name): text for name, text in sections}


def _section(name: str) -> str:
    return name.removeprefix("Captured ").removesuffix(" call")


def _indented(text: str, width: int = 2) -> str:
    return "".join(f"{' ' * width}{line}".rstrip() + "\n" for line in text.rstrip("\n").split("\n"))


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
