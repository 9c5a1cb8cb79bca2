"""Noticing which test files are to be run again, because a file that they need has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

Needs = Mapping[Path, Iterable[Path]]
"""For each test file, all files that its tests need; a directory stands for the Lua files in it."""
_Stamp = tuple[object, ...] | None


class Watched:
    """What is known of files; a file that is not there may come to be."""

    def __init__(self) -> None:
        self._needs: dict[Path, frozenset[Path]] = {}
        self._stamps: dict[Path, _Stamp] = {}

    def expect(self, test_files: Iterable[Path]) -> None:
        """Notes how test files are before they are run."""
        for path in map(Path.absolute, test_files):
            self._needs.setdefault(path, frozenset())
            self._stamps.setdefault(path, _stamp(path))

    def learn(self, needs: Needs, written: Iterable[Path] = ()) -> None:
        """Takes what the last run needed; ``written`` are the files that it wrote itself."""
        self._needs.update((path, frozenset(files)) for path, files in needs.items())
        for path in written:
            self._stamps[path] = _stamp(path)
        for path in frozenset().union(*self._needs.values()) - self._stamps.keys():
            self._stamps[path] = _stamp(path)

    def changed(self) -> list[Path]:
        """The files that are not as they were when this was last asked."""
        now = {path: _stamp(path) for path in self._stamps}
        changed = [path for path, stamp in now.items() if stamp != self._stamps[path]]
        self._stamps = now
        return changed

    def affected(self, changed: Iterable[Path]) -> set[Path]:
        """The test files that need one of these."""
        paths = frozenset(changed)
        return {test for test, files in self._needs.items() if test in paths or files & paths}

    def is_known(self, test_file: Path) -> bool:
        """Whether it has been run, or is about to be."""
        return test_file.absolute() in self._needs


def _stamp(path: Path) -> _Stamp:
    """What changes when the file does; None where there is none."""
    try:
        if path.is_dir():
            return tuple((file, _stamp(file)) for file in sorted(path.glob("*.lua")))
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
