"""Which segment of a directory is to be read next, while others go on making them.

KumoMTA: tailer, candidates and their order.
"""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from kumolog.errors import SegmentError
from kumolog.files import FILES, Files
from kumolog.globs import Glob
from kumolog.segments.reader import shown_path

POLL_SECONDS = 0.2
"""How long a reader that has come to the end waits before it looks again."""


class Identity(NamedTuple):
    """What tells a file that was read to its end from every other, also under another name."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Identity:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Candidates:
    """The segments of ``directory`` that match ``pattern``, each given out once, by full path.

    Regular files only. KumoMTA's tailer never looks back; here a name that appears below one that
    was read comes next, since several loggers or suffixes in a directory make such names. A file
    that was read and is renamed is not given out again; one that was deleted and made anew is.

    ``left_out`` are paths that are no segments. Raises KumologError for a malformed pattern.
    """

    def __init__(
        self,
        directory: str,
        pattern: str = "*",
        *,
        left_out: Collection[str] = (),
        files: Files = FILES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = directory
        self._glob = Glob.parse(pattern)
        self._left_out = frozenset(left_out)
        self._files = files
        self._now = now
        self._looked = -math.inf
        self._unread: dict[str, Identity] = {}  # in order
        self._read: dict[str, Identity] = {}
        self._current: tuple[str, Identity] | None = None

    def next(self) -> str | None:
        """The path to read next, None while there is none; `done` says that it has been read.

        Raises SegmentError where the directory cannot be listed.
        """
        if not self._unread:
            self.look()
        self.look_if_due()
        path = next(iter(self._unread), None)
        if path is not None:
            self._current = path, self._unread.pop(path)
        return path

    def done(self, status: os.stat_result | None = None) -> None:
        """The current segment was read, for good or ill; ``status`` is what it ended as."""
        if self._current is not None:
            path, seen = self._current
            self._read[path] = seen if status is None else Identity.of(status)
            self._current = None

    def unread(self) -> Collection[str]:
        """What waits to be read besides the current one, in order, as of the last look."""
        return self._unread.keys()

    def pass_over(self, path: str) -> None:
        """Take an unread segment as read."""
        self._read[path] = self._unread.pop(path)

    def read_after(self, path: str) -> list[str]:
        """The segments whose names come after ``path``, and that were read all the same."""
        return [name for name in self._read if name > path]

    def look_if_due(self) -> None:
        """As `look`, unless that was only just done."""
        if self._now() - self._looked >= POLL_SECONDS:
            self.look()

    def look(self) -> None:
        """List the directory anew. Raises SegmentError."""
        present = self._listed()
        fresh = present - self._read.keys() - self._unread.keys() - self._left_out
        if fresh:
            self._meet(fresh)
        self._read = {path: read for path, read in self._read.items() if path in present}
        self._unread = {path: self._unread[path] for path in sorted(self._unread.keys() & present)}
        self._looked = self._now()

    def _meet(self, fresh: set[str]) -> None:
        current_path, current = self._current or (None, None)
        finished = set(self._read.values())
        for path in fresh:
            status = self._regular(path)
            if status is None or path == current_path:
                continue
            identity = Identity.of(status)
            if identity in finished:
                self._read[path] = identity
            elif current is None or current[:2] != identity[:2]:
                self._unread[path] = identity

    def _listed(self) -> set[str]:
        try:
            os.close(os.open(self._files.to_read(self.directory), os.O_RDONLY | os.O_DIRECTORY))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SegmentError(f"reading {shown_path(self.directory)}: {reason}") from None
        found = self._glob.found(self.directory, self._files)
        return {os.path.join(self.directory, path) for path in found}

    def _regular(self, path: str) -> os.stat_result | None:
        try:
            status = os.lstat(self._files.to_read(path))
        except OSError:  # gone again
            return None
        return status if stat.S_ISREG(status.st_mode) else None
