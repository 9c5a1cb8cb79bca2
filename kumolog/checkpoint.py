"""The checkpoint of a run: which lines of which inputs are in its output for good.

Inputs are told by their path. That the file there still is the same shows by the text of the last
line that was put through, so a file that grew goes on where it ended, and one that took the place
of another is read from its start.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from kumolog.errors import KumologError
from kumolog.segments.names import NO_LOCKS, sync_directory

PATIENCE: Final = 5.0  # seconds until a checkpoint that is held is taken to be in use


class Reached(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How far an input was put through: up to and with part ``part`` of line ``line`` (from 1).

    Lines within the limit have one part, 0. ``length`` and ``crc32`` are those of that part's text.
    ``size`` and ``mtime_ns`` are there once the input was read to its end, and are what the file
    had before: while it has them there is nothing new in it.
    """

    line: int = 0
    part: int = 0
    length: int = 0
    crc32: int = 0
    size: int | None = None
    mtime_ns: int | None = None

    @classmethod
    def at(cls, line: int, part: int, text: bytes) -> Reached:
        return cls(line, part, len(text), zlib.crc32(text))

    def whole(self, status: os.stat_result) -> Reached:
        """The same for an input that has been read to its end, and had that status before."""
        return msgspec.structs.replace(self, size=status.st_size, mtime_ns=status.st_mtime_ns)

    def covers(self, status: os.stat_result) -> bool:
        """Whether a file with that status was read to its end."""
        return (self.size, self.mtime_ns) == (status.st_size, status.st_mtime_ns)

    def knows(self, text: bytes) -> bool:
        """Whether that is the text it ends with, or what has become of it since."""
        return len(text) >= self.length and zlib.crc32(text[: self.length]) == self.crc32


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    """The file: whose output it speaks for, and the inputs by their real paths."""

    policy: str
    root: str | None
    inputs: dict[str, Reached]


class Checkpoint:
    """The file, held by this run alone until it is closed; JSON, replaced as a whole.

    It is made for one policy file and one root: to another one, what it knows was never shown.
    Inputs that are not among its own are new to it. Raises KumologError for a file that is none,
    that was made for another policy or root, that another run holds (for ``patience`` seconds from
    now), or that cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        policy: str | Path,
        root: str | Path | None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self.path = os.path.realpath(path)
        self._name = os.fspath(path)
        self._content = _Content(
            os.path.realpath(policy), None if root is None else os.path.realpath(root), {}
        )
        self._unsaved = False
        with self._acting("opening"):
            self._descriptor = _open_locked_in_time(self.path, patience)
        try:
            with self._acting("reading"):
                self._load()
        except KumologError:
            self.close()
            raise

    @property
    def inputs(self) -> Mapping[str, Reached]:
        """How far each input was put through, by its real path."""
        return self._content.inputs

    def note(self, reached: Mapping[str, Reached]) -> None:
        """Takes in how far inputs have come since; to be saved."""
        self._content.inputs.update(reached)
        self._unsaved = self._unsaved or bool(reached)

    def save(self) -> None:
        """Makes what was noted last. Raises KumologError; the file is as it was then."""
        if not self._unsaved:
            return
        text = json.dumps(msgspec.to_builtins(self._content), indent=0)
        directory, name = os.path.split(self.path)
        temporary = os.path.join(directory, f".{name}.new")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with self._acting("writing"):
            descriptor = os.open(temporary, flags, 0o666)
            try:
                _write(descriptor, text.encode())
                os.fsync(descriptor)
                _lock(descriptor)
                os.replace(temporary, self.path)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(self._descriptor)
            self._descriptor = descriptor
            sync_directory(directory)
        self._unsaved = False

    def close(self) -> None:
        """Lets go of the file; one that was never written is taken away."""
        if not os.fstat(self._descriptor).st_size:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _load(self) -> None:
        data = _read(self._descriptor)
        if not data:
            return
        try:
            found = msgspec.convert(json.loads(data), _Content)
        except (ValueError, RecursionError, msgspec.ValidationError) as error:
            raise KumologError(
                f"reading the checkpoint {self._name}: it is none of kumolog run: {error}; name "
                "another one with --checkpoint, or delete it to begin again"
            ) from None
        mine = self._content
        for what in ("policy", "root"):
            theirs, ours = getattr(found, what), getattr(mine, what)
            if theirs != ours:
                raise KumologError(
                    f"reading the checkpoint {self._name}: it was made with the {what} {theirs}, "
                    f"and this run has {ours}, which has not seen what it tells of: name another "
                    "one with --checkpoint"
                )
        # An input that was deleted does not come back; one whose directory is gone may.
        mine.inputs = {
            path: reached
            for path, reached in found.inputs.items()
            if os.path.lexists(path) or not os.path.isdir(os.path.dirname(path))
        }

    @contextlib.contextmanager
    def _acting(self, act: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise KumologError(
                f"{act} the checkpoint {self._name}: {error.strerror or error}"
            ) from error


def _open_locked_in_time(path: str, patience: float) -> int:
    """As `_open_locked`; waits for the processes of a run that was killed, which soon end, too."""
    end = time.monotonic() + patience
    while True:
        try:
            return _open_locked(path)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
        time.sleep(0.1)


def _open_locked(path: str) -> int:
    """The file at a path, made if need be, locked; raises BlockingIOError where another run is."""
    directory = os.path.dirname(path)
    if not os.access(directory, os.W_OK | os.X_OK):
        os.stat(directory)
        raise PermissionError(0, "its directory is not writable, and it is replaced as a whole")
    while True:
        descriptor = _open(path)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(0, "it is no regular file")
            _lock(descriptor)
            # The run that held it may have replaced it, or taken it away, in between.
            if os.path.lexists(path) and os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _open(path: str) -> int:
    flags = os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        # In a log directory the start of another run may have taken its write bits.
        return os.open(path, flags | os.O_RDONLY)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(0, "another run uses it") from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise


def _read(descriptor: int) -> bytes:
    pieces = []
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
