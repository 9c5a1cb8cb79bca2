"""Coverage in a session of pytest, also one of several processes (pytest-xdist)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kumolog.testing import PATTERNS
from kumolog.testing.coverage import Coverage
from kumolog.testing.stash import COVERAGE

_FAILED = pytest.ExitCode.TESTS_FAILED
_OUTPUT = "kumolog_coverage"  # what a worker hands over


class Measuring:
    """Measures what policies do, and shows it at the end; ``lcov`` is where a tracefile goes."""

    def __init__(self, config: pytest.Config, lcov: str | None) -> None:
        self._coverage = config.stash[COVERAGE] = Coverage(PATTERNS)
        self._output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        self._lcov = lcov

    def pytest_sessionfinish(self) -> None:
        """Hands over what a worker has measured, or writes the file."""
        if self._output is not None:
            self._output[_OUTPUT] = self._coverage.to_json()
        elif self._lcov is not None:
            path = Path(self._lcov)
            try:
                path.write_text(self._coverage.lcov(), "utf-8", "surrogateescape")
            except OSError as error:
                pytest.exit(f"writing the report {path}: {error.strerror}", _FAILED)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Takes what a worker has measured; one that crashed hands over nothing."""
        saved = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if saved is not None:
            self._coverage.merge(saved)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Shows the table."""
        terminalreporter.section("coverage of policies", sep="-")
        terminalreporter.write_line(self._coverage.report())
