"""Where segments go and what they are called.

A segment is named after the second (UTC) in which it was opened, followed by its suffix
(KumoMTA: configure_local_logs, suffix).  Files are created exclusively: a name that is taken is
passed over for the next free second, so nothing is ever appended to or overwritten.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from kumolog.errors import SegmentError

T = TypeVar("T")
Key = tuple[str, str | None]
Record = tuple["Target", bytes]

_FORM = re.compile(r"\d{8}-\d{6}")
# File systems without flock go without: the lock only tells other kumologs that this one lives.
NO_LOCKS = frozenset((errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP))


@dataclass(frozen=True, slots=True)
class Target:
    """Where the records of one kind go.

    ``directory`` is the effective one; ``suffix`` is appended to the name literally, so one with
    ``/`` gives nested directories; ``header`` is written verbatim when a record of this kind opens
    a segment.
    Targets of equal ``key`` share an open segment; a suffix of None is not the suffix ``''``.
    SegmentError: the directory or suffix cannot be part of a file name.
    """

    directory: Path
    suffix: str | None = None
    header: bytes = b""
    key: Key = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        directory = os.fspath(self.directory)
        for what, text in (("log_dir", directory), ("suffix", self.suffix or "")):
            if not _is_writable_name(text):
                raise SegmentError(
                    f"{what} {text!r} cannot name a file: "
                    "NUL and characters that the file system's encoding lacks are not allowed"
                )
        check_suffix(self.suffix)
        object.__setattr__(self, "key", (directory, self.suffix))


def check_suffix(suffix: str | None) -> None:
    """Refuses a suffix that leads out of its directory. Raises SegmentError."""
    if ".." in (suffix or "").split("/"):
        raise SegmentError(f"suffix {suffix!r} leads out of its log_dir: `..` is not allowed in it")


def _is_writable_name(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def segment_name(second: int, suffix: str | None) -> str:
    """The name of a segment opened in that Unix second: ``20230306-022811_recv``."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(second)) + (suffix or "")


def has_segment_form(name: str) -> bool:
    """Whether a file name begins as the names of segments do."""
    return _FORM.match(name) is not None


class Names:
    """Creates segment files; the names of one key sort in the order of creation."""

    def __init__(self, wall: Callable[[], float], *, sync_directory: bool) -> None:
        self._wall = wall
        self._sync_directory = sync_directory
        self._last: dict[Key, int] = {}

    def claim(self, target: Target, take: Callable[[str, str], T | None]) -> tuple[str, T]:
        """The path of the next segment, and what taking it gave.

        ``take`` gets a path, and as much of it as the name's first part: with a suffix such as
        ``/sub/x`` that is a directory to be, and a file that stands there takes the name.  It
        gives None when the name is taken.
        """
        directory, suffix = target.key
        second = max(int(self._wall()), self._last.get(target.key, -1) + 1)
        while True:
            name = segment_name(second, suffix)
            path = os.path.join(directory, name)
            taken = take(path, os.path.join(directory, name.partition("/")[0]))
            if taken is not None:
                break
            second += 1
        self._last[target.key] = second
        return path, taken

    def create(self, target: Target) -> tuple[str, int]:
        """Make the next segment's file: its path, and a descriptor that holds the lock on it.

        Missing directories are made.  OSError: it cannot be created; nothing is left behind that a
        second attempt would stumble over.
        """
        path, descriptor = self.claim(target, _create_new)
        if self._sync_directory:
            try:
                sync_directory(os.path.dirname(path))
            except OSError:
                discard(path, descriptor)
                raise
        return path, descriptor


def _create_new(path: str, first: str) -> int | None:
    """Create and lock the file; None when the name is taken."""
    try:
        descriptor = _open_with_parents(path)
    except FileExistsError:
        return None
    except NotADirectoryError:
        if os.path.isfile(first):
            return None
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # Another kumolog's start-up came upon it before the lock did, and is finishing it.
        os.close(descriptor)
        return None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            discard(path, descriptor)
            raise
    if os.fstat(descriptor).st_nlink == 0:
        os.close(descriptor)
        return None
    return descriptor


def _open_with_parents(path: str) -> int:
    # Readable too: what was written must be copied if the file is deleted while it is open.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, flags, 0o666)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return os.open(path, flags, 0o666)


def discard(path: str, descriptor: int) -> None:
    """Undo the creation of a file; it may have been deleted already."""
    os.close(descriptor)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def sync_directory(directory: str) -> None:
    """Make the directory's entries durable."""
    descriptor = os.open(directory or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
