"""The rejects file: every line that could not be logged, verbatim, with the reason."""

from __future__ import annotations

import base64
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from kumolog.errors import KumologError
from kumolog.segments.names import sync_directory
from kumolog.segments.retry import GaveUpError

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC


class RejectedLines(Protocol):
    """Where rejected lines go; see `Rejects`."""

    def add(
        self, source: str, line: int | None, error: str, text: bytes, log_dir: str | None = None
    ) -> None: ...
    def close(self) -> None: ...


class Retrying(Protocol):
    """Does a thing that a disk may refuse; see `kumolog.segments.retry.Retry`."""

    def __call__(self, act: str, operation: Callable[[], None]) -> None: ...


def _once(act: str, operation: Callable[[], None]) -> None:
    operation()


class Rejects:
    """JSON lines, appended; the file is made when the first line is rejected.

    Each line has ``source``, ``line`` (from 1, or null), ``error``, for a logger's failure its
    ``log_dir``, and the text as ``raw``, or as ``raw_base64`` where it is not UTF-8.

    Several processes may append to one file: each line is put there under the file's lock. What
    `persist` and `close` leave survives a power cut where that is asked for by ``durable``.

    A disk that fails is waited for as ``retry`` does; a device or a pipe is not. Raises
    KumologError when the file cannot be written: there is no other place left for the record. What
    can be known of that beforehand is found out at once.
    """

    def __init__(self, path: Path, *, durable: bool = False, retry: Retrying = _once) -> None:
        self._path = path
        self._retry = retry
        self._durable = durable
        self._unsynced = False
        self._end = -1  # of the file, after what was last written to it here
        self._descriptor: int | None = None
        with self._writing():
            try:
                self._descriptor = os.open(path, _FLAGS)
                if not _is_regular(self._descriptor):
                    self._retry = _once
            except FileNotFoundError:
                _check_creatable(path)

    def add(
        self, source: str, line: int | None, error: str, text: bytes, log_dir: str | None = None
    ) -> None:
        """Appends one rejected line; it is in the file when this returns."""
        data = msgspec.json.encode(rejected(source, line, error, text, log_dir)) + b"\n"
        with self._writing():
            self._retry(f"writing to the rejects file {self._path}", lambda: self._append(data))
        self._unsynced = self._durable

    def persist(self) -> None:
        """Makes durable what was added."""
        if self._unsynced and self._descriptor is not None:
            with self._writing():
                if _is_regular(self._descriptor):
                    os.fsync(self._descriptor)
                    sync_directory(str(self._path.parent))
            self._unsynced = False

    def close(self) -> None:
        """Closes the file, if there is one."""
        self.persist()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _append(self, data: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self._path, _FLAGS | os.O_CREAT, 0o666)
        end, self._end = self._end, -1
        with _locked(self._descriptor):
            status = os.fstat(self._descriptor)
            is_others = stat.S_ISREG(status.st_mode) and status.st_size != end
            if is_others and _ends_within_line(self._path):
                data = b"\n" + data  # a process was killed while it wrote
            _append_whole(self._descriptor, data)
            self._end = status.st_size + len(data)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except GaveUpError as error:
            raise KumologError(f"{error}; name another one with --rejects") from error
        except OSError as error:
            raise KumologError(
                f"writing to the rejects file {self._path}: {error.strerror}; "
                "name another one with --rejects"
            ) from error


def rejected(
    source: str, line: int | None, error: str, text: bytes, log_dir: str | None
) -> dict[str, Any]:
    """The entry of a rejected line, see `Rejects`."""
    entry: dict[str, Any] = {"source": source, "line": line, "error": displayable(error)}
    if log_dir is not None:
        entry["log_dir"] = log_dir
    try:
        entry["raw"] = text.decode()
    except UnicodeDecodeError:
        entry["raw_base64"] = base64.b64encode(text).decode()
    return entry


def displayable(text: str) -> str:
    """Text whose bytes that are no UTF-8 (surrogate escapes) stand as ``\\xff``: JSON has none."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _check_creatable(path: Path) -> None:
    """Raises the OSError that creating the file would, as far as that can be told."""
    path.parent.stat()
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _is_regular(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _ends_within_line(path: Path) -> bool:
    """Whether the last byte of a file is no newline; one that cannot be read is taken as whole."""
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            return size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
    except (PermissionError, FileNotFoundError):
        return False


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    with suppress(OSError):  # what cannot be locked is appended to all the same
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _append_whole(descriptor: int, data: bytes) -> None:
    """Appends all or nothing: a part of a line would spoil the next one, too."""
    status = os.fstat(descriptor)
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        if stat.S_ISREG(status.st_mode):
            os.ftruncate(descriptor, status.st_size)
        raise
