"""Limits of free space and inodes (KumoMTA: min_free_space, min_free_inodes)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Limit(Protocol):
    """A share of the total, in percent, or a number: bytes of space, or inodes."""

    @property
    def percent(self) -> int | None: ...
    @property
    def bytes(self) -> int | None: ...


class FreeSpace:
    """Watches the file system that a log directory is on.

    Counted is what an unprivileged user may use.  A limit of None is off; what equals its limit is
    enough.
    """

    def __init__(
        self, path: Path, min_space: Limit | None = None, min_inodes: Limit | None = None
    ) -> None:
        self._path = path
        self._space = min_space
        self._inodes = min_inodes

    def shortage(self) -> str | None:
        """What is short, as a diagnostic, or why it cannot be told; None when there is enough."""
        if self._space is None and self._inodes is None:
            return None
        try:
            fs = os.statvfs(_nearest(self._path))
        except OSError as error:
            return f"measuring the free space of {self._path}: {error.strerror}"
        reasons = (
            _short("space", self._space, fs.f_bavail, fs.f_blocks, fs.f_frsize, " bytes"),
            _short("inodes", self._inodes, fs.f_favail, fs.f_files, 1, ""),
        )
        found = [reason for reason in reasons if reason]
        return f"{self._path}: {' and '.join(found)}" if found else None


def _nearest(path: Path) -> Path:
    """The directory, or while it is missing the nearest above it: the writer will make it."""
    path = path.absolute()
    return next((place for place in (path, *path.parents) if place.exists()), path)


def _short(
    what: str, limit: Limit | None, available: int, total: int, unit: int, name: str
) -> str | None:
    if limit is None:
        return None
    # Some file systems do not count their inodes: a total of zero has no shares.
    if limit.percent is not None and total:
        percent = available * 100 // total
        if percent < limit.percent:
            return f"{percent}% of the {what} free, min_free_{what} is {limit.percent}%"
    if limit.bytes is not None and available * unit < limit.bytes:
        return f"{available * unit}{name} of {what} free, min_free_{what} is {limit.bytes}"
    return None
