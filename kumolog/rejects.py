"""The rejects file: every line that could not be logged, verbatim, with the reason."""

from __future__ import annotations

import base64
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from kumolog.errors import KumologError

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC


class RejectedLines(Protocol):
    """Where rejected lines go; see `Rejects`."""

    def add(
        self, source: str, line: int | None, error: str, text: bytes, log_dir: str | None = None
    ) -> None: ...
    def close(self) -> None: ...


class Rejects:
    """JSON lines, appended; the file is made when the first line is rejected.

    Each line has ``source``, ``line`` (from 1, or null), ``error``, for a logger's failure its
    ``log_dir``, and the text as ``raw``, or as ``raw_base64`` where it is not UTF-8.

    Raises KumologError when the file cannot be written: there is no other place left for the
    record. What can be known of that beforehand is found out at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        with self._writing():
            try:
                self._descriptor = os.open(path, _FLAGS)
            except FileNotFoundError:
                _check_creatable(path)

    def add(
        self, source: str, line: int | None, error: str, text: bytes, log_dir: str | None = None
    ) -> None:
        """Appends one rejected line; it is in the file when this returns."""
        data = msgspec.json.encode(rejected(source, line, error, text, log_dir)) + b"\n"
        with self._writing():
            if self._descriptor is None:
                self._descriptor = os.open(self._path, _FLAGS | os.O_CREAT, 0o666)
            _append_whole(self._descriptor, data)

    def close(self) -> None:
        """Closes the file, if there is one."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
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
