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

_STAMP_LENGTH = len("YYYYMMDD-HHMMSS")
_LONGEST_NAME = 255  # bytes; the limit of practically every file system
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
    """Refuses a suffix with which no segment can be made in its directory. Raises SegmentError."""
    parts = (suffix or "").split("/")
    if ".." in parts:
        raise SegmentError(f"suffix {suffix!r} leads out of its log_dir: `..` is not allowed in it")
    if len(parts) > 1 and parts[-1] in ("", "."):
        raise SegmentError(f"suffix {suffix!r} names a directory: it has to end in a file name")
    first, *rest = (len(part.encode("utf-8", "replace")) for part in parts)
    if max(first + _STAMP_LENGTH, *rest, 0) > _LONGEST_NAME:
        raise SegmentError(
            f"suffix {suffix!r} is too long: with the {_STAMP_LENGTH} characters before it, "
            f"a file name has at most {_LONGEST_NAME} bytes"
        )


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
    """Creates segment files; the names of one key sort in the order of creation.

    With ``sync_directory`` the entries that lead to a new file are durable when it is handed out.
    """

    def __init__(self, wall: Callable[[], float], *, sync_directory: bool) -> None:
        self._wall = wall
        self._sync_directory = sync_directory
        self._last: dict[Key, int] = {}
        self._durable: set[str] = set()  # log directories and those above that can be found again

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
        path, descriptor = self.claim(target, self._create_new)
        if self._sync_directory:
            try:
                self._make_durable(path, target)
            except OSError:
                discard(path, descriptor)
                raise
        return path, descriptor

    def _create_new(self, path: str, first: str) -> int | None:
        """Create and lock the file; None when the name is taken."""
        try:
            descriptor = self._open_with_parents(path)
        except FileExistsError:
            return None
        except NotADirectoryError:
            if os.path.isfile(first):
                return None
            raise
        return _locked(path, descriptor)

    def _open_with_parents(self, path: str) -> int:
        # Readable too: what was written must be copied if the file is deleted while it is open.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, flags, 0o666)
        self._durable = {directory for directory in self._durable if os.path.isdir(directory)}
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o666)

    def _make_durable(self, path: str, target: Target) -> None:
        """Sync the directory of a new file, and those above it that may be new, too."""
        log_dir = os.path.realpath(target.directory)
        directory = os.path.realpath(os.path.dirname(path))
        sync_directory(directory)
        while directory not in self._durable and (above := os.path.dirname(directory)) != directory:
            # A directory that may not be read was made by somebody else, before.
            with contextlib.suppress(PermissionError):
                sync_directory(above)
            if len(directory) <= len(log_dir):
                self._durable.add(directory)
            directory = above


def _locked(path: str, descriptor: int) -> int | None:
    """The descriptor of a new file with the lock on it; None where that came too late."""
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
