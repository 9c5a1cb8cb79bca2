"""``kumolog test``."""

from __future__ import annotations

import argparse
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kumolog.cli import FAILED, OK, UNUSABLE
from kumolog.cli.paint import painter
from kumolog.cli.signals import orderly_end
from kumolog.cli.streams import OutputError, put_out
from kumolog.cli.terminal import Terminal
from kumolog.errors import KumologError
from kumolog.testing import PATTERNS
from kumolog.testing.discovery import SEPARATOR, Target, find_targets
from kumolog.testing.watch import Watched

if TYPE_CHECKING:
    from kumolog.testing.coverage import Coverage
    from kumolog.testing.reporter import Reporter

_POLL_SECONDS = 0.3
_SEEDS = 100_000
_EXIT_CODES = {
    "OK": OK,
    "TESTS_FAILED": FAILED,
    "INTERRUPTED": FAILED,
    "INTERNAL_ERROR": FAILED,
    "USAGE_ERROR": UNUSABLE,
    "NO_TESTS_COLLECTED": UNUSABLE,
}
"""For each exit code of pytest ours."""


def main(options: argparse.Namespace) -> int:
    """Runs the tests once, or again and again as files change."""
    for name, given in (("fail-under", options.fail_under), ("lcov", options.lcov)):
        if given is not None and not options.coverage:
            raise KumologError(f"--{name} is about coverage: give --coverage as well")
    if find_spec("pytest") is None:
        raise KumologError("tests are run by pytest, which is missing: pip install 'kumolog[test]'")
    options.paths = options.paths or ["."]
    targets = find_targets(options.paths)
    if not targets:
        raise KumologError(_no_specs(options.paths))
    for report in filter(None, (options.junit, options.lcov)):
        _check_writable(report)
    stop = threading.Event()
    with orderly_end(stop.set):
        runs = _Runs(options, stop)
        if options.watch:
            runs.watch(targets)
            return OK
        return runs.once(targets)


class _Runs:
    """The runs of one command, which ends when ``stop`` is set."""

    def __init__(self, options: argparse.Namespace, stop: threading.Event) -> None:
        self._options = options
        self._stop = stop
        self._terminal = Terminal(quiet=False)
        self._output_error: OutputError | None = None

    def once(self, targets: Sequence[Target]) -> int:
        """Runs tests, and shows what came of it; the exit code."""
        code, reporter = self._run(targets)
        if reporter.has_run_nothing and not self._stop.is_set() and code == UNUSABLE:
            raise KumologError(_nothing_to_run(self._options.expression, targets))
        return code

    def watch(self, targets: Sequence[Target]) -> None:
        """Runs tests, then those again that a change affects, until the command ends."""
        watched = Watched()
        while targets:
            watched.expect(target.path for target in targets)
            _, reporter = self._run(targets)
            watched.learn(reporter.needs, reporter.golden_written)
            self._write("waiting for changes; Ctrl-C ends it\n")
            targets = self._next_targets(watched)

    def _next_targets(self, watched: Watched) -> list[Target]:
        """What a change affects, once there is one; nothing when the command is to end."""
        while not self._stop.wait(_POLL_SECONDS):
            changed = watched.changed()
            affected = watched.affected(changed)
            targets = [
                target
                for target in find_targets(filter(_is_there, self._options.paths))
                if target.path.absolute() in affected or not watched.is_known(target.path)
            ]
            if targets:
                self._write(f"\n{_news(changed, targets)}\n")
                return targets
        return []

    def _run(self, targets: Sequence[Target]) -> tuple[int, Reporter]:
        from kumolog.testing.coverage import Coverage
        from kumolog.testing.reporter import Reporter
        from kumolog.testing.results import as_json
        from kumolog.testing.session import Asked, run_tests

        options = self._options
        specs = [str(target.path) for target in targets]
        coverage = Coverage([*PATTERNS, *specs]) if options.coverage else None
        stopping = self._stop.is_set
        write = _unheard if options.json or options.list else self._write
        reporter = Reporter(
            write, painter(), self._terminal.show, stopping, verbose=options.verbose
        )
        seed = self._seed()
        asked = Asked(
            targets,
            options.expression,
            options.stop_at_first,
            options.junit,
            options.update_golden,
            options.last_failed,
            seed,
            options.timeout,
            options.list,
        )
        code = _EXIT_CODES[run_tests(asked, reporter, coverage).name]
        if options.list:
            reporter.show_collected(self._write)
        if not reporter.has_run_nothing:
            reporter.show_failures()
            reporter.show_summary()
            if seed is not None:
                write(f"the order is that of --seed {seed}\n")
            judged = self._judge(coverage, write)
            code = code or judged
        if options.json:
            self._write(f"{as_json(reporter, coverage, seed)}\n")
        if self._output_error is not None:
            raise self._output_error
        return code, reporter

    def _seed(self) -> int | None:
        """Of the order in which tests are run, if it is to be another one than theirs."""
        given: int | None = self._options.seed
        if given is None and self._options.shuffle:
            return secrets.randbelow(_SEEDS)
        return given

    def _judge(self, coverage: Coverage | None, write: Callable[[str], None]) -> int:
        """Shows what was covered; the exit code for it."""
        if coverage is None:
            return OK
        write(f"\n{coverage.report()}\n")
        if self._options.lcov is not None:
            _write_report(self._options.lcov, coverage.lcov())
        least = self._options.fail_under
        if least is None or coverage.meets(least):
            return OK
        write(f"\nreached {coverage.percent:.2f}% of the lines, fewer than {least:g}%\n")
        return FAILED

    def _write(self, text: str) -> None:
        """Writes output; where that fails, the tests go on to their end all the same."""
        self._terminal.clear()
        try:
            put_out(text)
        except OutputError as error:
            self._output_error = error


def _no_specs(paths: Sequence[str]) -> str:
    names = " or ".join(PATTERNS)
    return f"there are no specs below {', '.join(paths)}: their names are like {names}"


def _nothing_to_run(expression: str | None, targets: Sequence[Target]) -> str:
    files = f"{len(targets)} file{'s' if len(targets) > 1 else ''}"
    if expression is None:
        return (
            f"there are no tests in {files}: a test is declared with it('...', function() ... end)"
        )
    return f"no test in {files} matches -k {expression!r}"


def _check_writable(report: str) -> None:
    """Tells before the tests are run that a report on them could not be written."""
    path = Path(report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise KumologError(f"writing the report {report}: {error.strerror}") from error


def _write_report(report: str, text: str) -> None:
    try:
        Path(report).write_text(text, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise KumologError(f"writing the report {report}: {error.strerror}") from error


def _unheard(_text: str) -> None:
    """What people would read."""


def _is_there(path: str) -> bool:
    return Path(path.partition(SEPARATOR)[0]).exists()


def _news(changed: Sequence[Path], targets: Sequence[Target]) -> str:
    files = [os.path.relpath(path) for path in changed if not path.is_dir()]
    what = f"{', '.join(files)} changed" if files else "there are new files"
    return f"{what}: running {', '.join(map(str, targets))}"
