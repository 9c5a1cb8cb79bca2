"""What a pytest session keeps about its test files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kumolog.testing import SECONDS

if TYPE_CHECKING:
    from kumolog.policy import Attach
    from kumolog.testing.bench import PolicyBench
    from kumolog.testing.coverage import Coverage
    from kumolog.testing.golden import Goldens

SECONDS_OPTION = "kumolog_seconds"
"""What in a configuration file of pytest gives tests more time, or less."""
NEEDS = pytest.StashKey[dict[Path, set[Path]]]()
"""For each test file the files that its tests need; a directory stands for the Lua files in it."""
GOLDENS: pytest.StashKey[list[Goldens]] = pytest.StashKey()
"""The golden files of each test file."""
BENCHES: pytest.StashKey[list[tuple[PolicyBench, int]]] = pytest.StashKey()
"""Of a test: the benches that it used, and how many events each had been shown before."""
REJECTED = "Captured rejected call"
"""The section of a report on a test that passed in which events were rejected."""
COVERAGE: pytest.StashKey[Coverage] = pytest.StashKey()
"""What measures the policies of a session, where that was asked for."""


def seconds_of(config: pytest.Config) -> float:
    """How long a test of a Lua spec may take; raises UsageError."""
    given = config.getini(SECONDS_OPTION)
    try:
        seconds = float(given or SECONDS)
    except ValueError:
        seconds = 0.0
    if seconds > 0:
        return seconds
    raise pytest.UsageError(f"{SECONDS_OPTION} must be a number of seconds, not {given!r}")


def attach_of(config: pytest.Config) -> Attach | None:
    """What is to hear of every runtime before that loads anything."""
    return config.stash[COVERAGE].attach if COVERAGE in config.stash else None


def add_needs(config: pytest.Config, test_file: Path, files: Iterable[str | Path]) -> None:
    """Notes that a test file needs others."""
    needs = config.stash.setdefault(NEEDS, {}).setdefault(_absolute(test_file), set())
    needs.update(map(_absolute, files))


def add_directories(config: pytest.Config, test_file: Path) -> None:
    """Notes that a test file failed, so that whatever comes to be beside its files may mend it."""
    needs = config.stash.setdefault(NEEDS, {}).setdefault(_absolute(test_file), set())
    needs.update([path.parent for path in needs])


def goldens_of(config: pytest.Config, test_file: Path) -> Goldens:
    """The golden files of a test file, in this session."""
    from kumolog.testing.golden import Goldens

    goldens = Goldens(test_file, update=bool(config.getoption("kumolog_update_golden")))
    config.stash.setdefault(GOLDENS, []).append(goldens)
    return goldens


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(path))
