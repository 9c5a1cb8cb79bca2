"""At start: finish the segments that an earlier process left open.

KumoMTA takes the write bits of every file in a log directory then; kumolog does so too, but first
makes sure that nobody is writing the file, and repairs a segment that ends within a frame.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from kumolog.segments.decoders import ZSTD_MAGIC
from kumolog.segments.names import NO_LOCKS, has_segment_form, sync_directory
from kumolog.segments.salvage import State, Survey, survey, whole_lines
from kumolog.segments.segment import WRITE_BITS

_REPAIR = ".kumolog-repair-"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(slots=True)
class Finished:
    """How many files were only marked read-only, and how many were repaired."""

    marked: int = 0
    repaired: int = 0


def finish_earlier_segments(directory: Path, report: Callable[[str], None]) -> Finished:
    """Mark complete, after repair where needed, what is left open directly inside a directory.

    That is every regular file that still has write bits and that no live process writes.  Names
    that begin with a dot or are not UTF-8, symbolic links and directories are left alone, and so is
    a directory that is missing.  A torn segment keeps its complete lines; one that broke off before
    its first becomes a valid empty one.  What follows damage in the middle cannot be read: the
    original then stays beside the repaired file as ``.NAME.damaged``.  ``report`` hears one line
    for each repair and for each file that could not be finished, which stays as it was.
    """
    finished = Finished()
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return finished
    except OSError as error:
        report(f"listing {directory}: {error.strerror}")
        return finished
    for name in names:
        path = os.path.join(directory, name)
        try:
            if name.startswith(_REPAIR):
                _remove_leftover(path)
            elif not name.startswith(".") and _is_utf8(name):
                _finish(path, finished, report)
        except OSError as error:
            if os.path.lexists(path):  # else somebody took it away meanwhile
                report(f"finishing {path}, left by an earlier process: {error.strerror}")
    return finished


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finish(path: str, finished: Finished, report: Callable[[str], None]) -> None:
    if not _is_unfinished(os.lstat(path)):
        return
    with _unless_written(path) as descriptor:
        if descriptor is None:
            return
        found = survey(descriptor)
        if found.state in (State.TORN, State.DAMAGED) and _is_segment(path, descriptor):
            _repair(path, descriptor, found)
            finished.repaired += 1
            report(_describe(path, found))
        else:
            os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~WRITE_BITS)
            finished.marked += 1


def _is_unfinished(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & WRITE_BITS)


def _is_segment(path: str, descriptor: int) -> bool:
    """Whether a file that may be zstd is: where too little is there to tell, by its name."""
    return os.fstat(descriptor).st_size >= len(ZSTD_MAGIC) or has_segment_form(
        os.path.basename(path)
    )


def _describe(path: str, found: Survey) -> str:
    text = f"{path} was left unfinished; repaired, {found.whole} bytes of complete lines kept"
    if found.state is State.DAMAGED:
        kept = os.path.basename(_damaged_path(path))
        text += f"; damaged from byte {found.damaged_at} on, original kept as {kept}"
    return text


@contextmanager
def _unless_written(path: str) -> Iterator[int | None]:
    """The file, open and locked; None when a live process writes it or has just finished it."""
    descriptor = os.open(path, _READ)
    try:
        usable = _lock(descriptor) and not _has_writers(descriptor)
        opened = os.fstat(descriptor)
        usable = usable and _is_unfinished(opened) and os.path.samestat(opened, os.lstat(path))
        yield descriptor if usable else None
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether no live kumolog holds the file; it is held by us then."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _has_writers(descriptor: int) -> bool:
    """Whether a process, such as a mail server that takes no locks, has the file open for writing.

    Asked by way of a read lease, which is granted only where there are none; where leases are not
    to be had (not Linux, another user's file, some file systems) the answer is no.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        # Should somebody open it at this very moment: an ignored signal, not the fatal SIGIO.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _repair(path: str, descriptor: int, found: Survey) -> None:
    """Put a valid, read-only file with the complete lines in the place of a torn one."""
    directory = os.path.dirname(path)
    status = os.fstat(descriptor)
    temporary = os.path.join(directory, f"{_REPAIR}{status.st_ino}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o600), "wb") as output:
        try:
            _lock(output.fileno())
            _recompress(whole_lines(descriptor, found), output)
            _dress(output.fileno(), status)
            os.fsync(output.fileno())
            if found.state is State.DAMAGED:
                _keep_damaged(path, status)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    sync_directory(directory)


def _recompress(pieces: Iterator[bytes], output: BinaryIO) -> None:
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    for piece in pieces:
        output.write(compressor.compress(piece))
    output.write(compressor.flush())
    output.flush()


def _dress(descriptor: int, like: os.stat_result) -> None:
    """Give a file the owner, mode (less the write bits) and times of another."""
    if like.st_uid != os.geteuid():
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(like.st_mode) & ~WRITE_BITS)
    os.utime(descriptor, ns=(like.st_atime_ns, like.st_mtime_ns))


def _damaged_path(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.damaged")


def _keep_damaged(path: str, status: os.stat_result) -> None:
    kept = _damaged_path(path)
    try:
        os.link(path, kept)
    except FileExistsError:
        # An earlier repair may have been killed right after this step; anything else stays.
        if not os.path.samestat(os.lstat(kept), status):
            raise


def _remove_leftover(temporary: str) -> None:
    """Delete the temporary file of a repair that was killed, unless it is being written."""
    descriptor = os.open(temporary, _READ)
    try:
        if _lock(descriptor):
            os.unlink(temporary)
    finally:
        os.close(descriptor)
