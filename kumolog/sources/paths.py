"""What the INPUT arguments name: standard input, files, directories of segments."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from kumolog.errors import KumologError
from kumolog.segments.reader import RawInput, open_file, shown_path
from kumolog.sources.stop import Stop, StoppableInput

STDIN = "-"


@dataclass(slots=True, frozen=True)
class Input:
    """One thing to read: a path, or ``-``."""

    path: str
    size: int | None = None
    """Bytes in it as they are stored, where that is known beforehand."""

    @property
    def name(self) -> str:
        return display_name(self.path)

    @property
    def is_regular(self) -> bool:
        """Whether it is a regular file, now."""
        return self.path != STDIN and os.path.isfile(self.path)

    def open(self) -> io.FileIO:
        """Open for unbuffered reading. Raises OSError."""
        if self.path == STDIN:
            return io.FileIO(0, closefd=False)
        return open_file(self.path)


def display_name(path: str) -> str:
    """Return ``path`` as `shown_path` does, or what ``-`` stands for."""
    return "stdin" if path == STDIN else shown_path(path)


def readable(file: io.FileIO, stop: Stop) -> RawInput:
    """Return ``file`` such that its reads never block for long once ``stop`` is set."""
    return file if is_regular(file) else StoppableInput(file, stop)


def is_regular(file: io.FileIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def expand(paths: Sequence[str], leave_out: str | None = None) -> list[Input]:
    """Return the inputs that ``paths`` name, in order; directories give their segments.

    The file ``leave_out`` is written meanwhile: it is passed over in directories, and refused where
    it is named itself. Raises KumologError for that, and for a path that is missing or not
    readable, before anything is read.
    """
    check_stdin(paths)
    written = _identity(leave_out)
    for path in paths:
        if written is not None and _identity(path) == written:
            raise KumologError(
                f"reading {display_name(path)}: it is the rejects file of this run, which grows as "
                "it is read; name another one with --rejects"
            )
    found = [entry for path in paths for entry in _expand_one(path)]
    return [entry for entry in found if written is None or _identity(entry.path) != written]


def check_stdin(paths: Sequence[str]) -> None:
    """Raise KumologError where ``-`` is more than one of ``paths``."""
    if paths.count(STDIN) > 1:
        raise KumologError("reading stdin: - is given twice, but it can be read only once")


def segments(directory: str) -> list[str]:
    """Return the paths of a directory's segments in name order.

    Regular files directly in it, dot files excepted (KumoMTA: a logger's start-up marking takes the
    same ones). Raises OSError.
    """
    with os.scandir(directory) as entries:
        names = [
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
        ]
    return [os.path.join(directory, name) for name in sorted(names, key=os.fsencode)]


def _expand_one(path: str) -> list[Input]:
    try:
        if path == STDIN:
            return [Input(path, _size(os.fstat(0)))]
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return [_checked(path, status)]
        return [_checked(file, os.stat(file)) for file in segments(path)]
    except OSError as error:
        raise KumologError(f"reading {display_name(path)}: {error.strerror}") from error


def _checked(path: str, status: os.stat_result) -> Input:
    if not os.access(path, os.R_OK):
        raise KumologError(f"reading {display_name(path)}: there is no permission to read it")
    return Input(path, _size(status))


def _identity(path: str | None) -> tuple[int, int] | None:
    """What tells a file from every other, whatever its name; None where there is none."""
    try:
        status = os.stat(path) if path not in (None, STDIN) else None
    except (OSError, ValueError):
        return None
    return None if status is None else (status.st_dev, status.st_ino)


def _size(status: os.stat_result) -> int | None:
    return status.st_size if stat.S_ISREG(status.st_mode) else None
