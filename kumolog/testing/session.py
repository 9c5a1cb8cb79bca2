"""Running test files with pytest as `kumolog test` does, however a user's own pytest is set up."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kumolog.testing import plugin
from kumolog.testing.discovery import Target
from kumolog.testing.order import Shuffled
from kumolog.testing.reporter import Reporter
from kumolog.testing.stash import COVERAGE, SECONDS_OPTION

if TYPE_CHECKING:
    from kumolog.testing.coverage import Coverage

# No configuration file, no plugins that happen to be installed, and the output is ours.
_ARGUMENTS = (
    f"--config-file={os.devnull}",
    *("-p", "no:doctest"),
    *("-p", "no:terminal"),
    *("-p", "no:nfplugin"),  # would keep the names of all tests
    *("-o", "pythonpath=."),
    *("-o", "junit_suite_name=kumolog"),
    *("-o", "junit_family=xunit1"),  # with the file and the line
    "--continue-on-collection-errors",
)
_OWN = __name__.partition(".")[0]
_ENVIRONMENT = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tests are to be run and how.

    ``junit`` is where a report goes, ``seed`` that of the order if they are to be shuffled,
    ``seconds`` how long a test of a spec may take. ``only_list`` runs none.
    """

    targets: Sequence[Target]
    expression: str | None = None
    stop_at_first: bool = False
    junit: str | None = None
    update_golden: bool = False
    last_failed: bool = False
    seed: int | None = None
    seconds: float | None = None
    only_list: bool = False


def run_tests(
    asked: Asked, reporter: Reporter, coverage: Coverage | None = None
) -> pytest.ExitCode:
    """Runs the tests, and tells the reporter; gives pytest's exit code.

    ``coverage`` measures what policies do. What is wrong with the options, pytest says on standard
    error.
    """
    modules = set(sys.modules)
    with _own_environment():
        code = pytest.main(
            [*_ARGUMENTS, *_options(asked), *map(str, asked.targets)],
            plugins=[plugin, reporter, *_plugins(asked), *_measuring(coverage)],
        )
    files = _forget_modules(modules)
    for target in filter(lambda target: target.is_python, asked.targets):
        reporter.needs.setdefault(target.path.absolute(), set()).update(files)
    return pytest.ExitCode(code)


def _forget_modules(known: set[str]) -> list[Path]:
    """Lets a next run import anew what is below the working directory; gives those files."""
    here, files = Path.cwd(), []
    for name in sys.modules.keys() - known:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(here) and name.partition(".")[0] != _OWN:
            del sys.modules[name]
            files.append(Path(file))
    return files


def _options(asked: Asked) -> Iterator[str]:
    working = os.getcwd()
    yield f"--rootdir={working}"
    yield f"--confcutdir={working}"
    yield f"--override-ini=cache_dir={_cache_of(working)}"
    if not _has_python(asked):
        yield "--noconftest"
    if asked.expression is not None:
        yield f"-k={asked.expression}"
    if asked.stop_at_first:
        yield "--exitfirst"
    if asked.junit is not None:
        yield f"--junit-xml={asked.junit}"
    if asked.update_golden:
        yield "--kumolog-update-golden"
    if asked.last_failed:
        yield "--last-failed"
    if asked.only_list:
        yield "--collect-only"
    if asked.seconds is not None:
        yield f"--override-ini={SECONDS_OPTION}={asked.seconds}"


def _cache_of(directory: str) -> Path:
    """Where pytest notes what failed, outside the directory of the user's own files."""
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not os.path.isabs(caches):  # the user has no home
        caches = tempfile.gettempdir()
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(caches, _OWN, "tests", name)


class _Measuring:
    """Lets everything that loads a policy know what measures it."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage

    def pytest_configure(self, config: pytest.Config) -> None:
        """Puts it where they look."""
        config.stash[COVERAGE] = self._coverage


def _measuring(coverage: Coverage | None) -> list[object]:
    return [] if coverage is None else [_Measuring(coverage)]


def _plugins(asked: Asked) -> Iterator[object]:
    if not _has_python(asked):
        yield _PlainDirectories()
    if asked.seed is not None:
        yield Shuffled(asked.seed)


class _PlainDirectories:
    """Directories of specs alone are no Python packages, whose ``__init__.py`` would be run."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Dir:
        return pytest.Dir.from_parent(parent, path=path)


def _has_python(asked: Asked) -> bool:
    return any(target.is_python for target in asked.targets)


@contextmanager
def _own_environment() -> Iterator[None]:
    """Without what a user has set for their own runs of pytest."""
    kept = {name: os.environ.pop(name) for name in _ENVIRONMENT if name in os.environ}
    disabled = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        if disabled is not None:
            kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = disabled
        os.environ.update(kept)
