"""Which files `kumolog test` runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from kumolog.errors import KumologError
from kumolog.testing import PATTERNS

# Where pytest does not look for tests either.
_SKIPPED = (".*", "*.egg", "CVS", "_darcs", "build", "dist", "node_modules", "venv")
SEPARATOR = "::"  # between a file and the test in it that is meant
_KINDS = (".lua", ".py")


@dataclass(frozen=True, slots=True)
class Target:
    """A test file; ``inside`` leads to the one test or block that is meant, else it is empty."""

    path: Path
    inside: str = ""

    def __str__(self) -> str:
        return f"{self.path}{self.inside}"

    @property
    def is_python(self) -> bool:
        """Whether its tests are Python's."""
        return self.path.suffix == ".py"


def find_targets(paths: Iterable[str]) -> list[Target]:
    """The files that paths mean, each once: of a directory, the specs below it.

    A path may be ``FILE::block::test``. Raises KumologError for what is no test file.
    """
    found: dict[Target, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_targets(path)))
    return list(found)


def _targets(path: str) -> Iterator[Target]:
    name, separator, inside = path.partition(SEPARATOR)
    file = Path(name)
    if file.is_dir() and not separator:
        yield from map(Target, spec_files(file))
    elif not file.exists():
        raise KumologError(f"running the tests of {name}: there is no such file or directory")
    elif file.suffix not in _KINDS:
        raise KumologError(
            f"running the tests of {path}: name a directory, a spec (.lua) or a Python test (.py)"
        )
    else:
        yield Target(file, separator + inside)


def spec_files(directory: Path) -> Iterator[Path]:
    """The specs below a directory, by name."""
    for parent, directories, names in os.walk(directory):
        directories[:] = sorted(name for name in directories if not _is_skipped(parent, name))
        yield from (Path(parent, name) for name in sorted(names) if _matches(name, PATTERNS))


def _is_skipped(parent: str, name: str) -> bool:
    return _matches(name, _SKIPPED) or os.path.exists(os.path.join(parent, name, "pyvenv.cfg"))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
