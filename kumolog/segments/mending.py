"""One segment that nobody writes any more: looked at, mended where needed, marked complete."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import BinaryIO

import zstandard

from kumolog.segments.decoders import ZSTD_MAGIC
from kumolog.segments.names import NO_LOCKS, has_segment_form, sync_directory
from kumolog.segments.salvage import State, Survey, Tally, survey, whole_lines
from kumolog.segments.segment import WRITE_BITS, copy_file

REPAIR = ".kumolog-repair-"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_LINKS = frozenset((errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))


class Fate(Enum):
    """What became of a file; the value tells it."""

    SOUND = "complete"
    MARKED = "complete, marked read-only"
    REPAIRED = "was left unfinished; repaired"
    DAMAGED = "is damaged; repaired as far as it can be read"
    LIVE = "left alone: it is being written"
    FOREIGN = "left alone: it is no segment"
    FAILED = "left as it was"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A file and its fate.

    ``records`` are the complete lines of a repaired or damaged file; ``doubtful`` of them come from
    a damaged frame; ``left_out`` lines of such a frame are no records any more, ``unreadable``
    bytes of the file give nothing.  ``original`` is where the damaged file itself is kept;
    ``reason`` tells why it failed.
    """

    path: str
    fate: Fate
    records: int = 0
    doubtful: int = 0
    left_out: int = 0
    unreadable: int = 0
    original: str | None = None
    reason: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether nothing that was in the file is lost, and nothing is left to do."""
        return self.fate not in (Fate.DAMAGED, Fate.FAILED)

    def __str__(self) -> str:
        text = f"{self.path} {self.fate.value}"
        if self.fate is Fate.FAILED:
            return f"{text}: {self.reason}"
        if self.fate in (Fate.REPAIRED, Fate.DAMAGED):
            text += f", {self.records:,} record{'s' if self.records != 1 else ''} kept"
        if self.fate is Fate.DAMAGED:
            text += (
                f" ({self.doubtful:,} of them from a damaged frame), {self.left_out:,} spoiled "
                f"left out, {self.unreadable:,} bytes unreadable; the original is {self.original}"
            )
        return text


def finish_segment(path: str, *, is_segment: bool = False) -> Outcome | None:
    """At start: mend and mark a file; None for one that is finished, or no regular file.

    A file that is no segment is only marked.  ``is_segment``: it is one, whatever its name.
    """
    if not _is_unfinished(os.lstat(path)):
        return None
    with _unless_written(path) as descriptor:
        if descriptor is None:
            return Outcome(path, Fate.LIVE)
        if not _is_unfinished(os.fstat(descriptor)):
            return None  # its writer has just finished it
        outcome = _mend(path, descriptor, is_segment=is_segment)
        if outcome is None or outcome.fate is Fate.FOREIGN:
            _mark(descriptor)
            return Outcome(path, Fate.MARKED)
        return outcome


def repair_segment(path: str, *, is_segment: bool = False) -> Outcome:
    """By hand: the same, for finished segments too; a file that is no segment is left alone."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return Outcome(path, Fate.FOREIGN)
    with _unless_written(path) as descriptor:
        if descriptor is None:
            return Outcome(path, Fate.LIVE)
        outcome = _mend(path, descriptor, is_segment=is_segment)
        if outcome is not None:
            return outcome
        if not _is_unfinished(os.fstat(descriptor)):
            return Outcome(path, Fate.SOUND)
        _mark(descriptor)
        return Outcome(path, Fate.MARKED)


def remove_leftover(temporary: str) -> None:
    """Delete the temporary file of a repair that was killed, unless it is being written."""
    descriptor = os.open(temporary, _READ)
    try:
        if _lock(descriptor):
            os.unlink(temporary)
    finally:
        os.close(descriptor)


def _mend(path: str, descriptor: int, *, is_segment: bool) -> Outcome | None:
    """None for a complete segment, which needs no mending."""
    found = survey(descriptor)
    if found.state is State.COMPLETE:
        return None
    by_name = is_segment or has_segment_form(os.path.basename(path))
    if found.state is State.FOREIGN or not (by_name or _begins_as_zstd(descriptor)):
        return Outcome(path, Fate.FOREIGN)
    return _repair(path, descriptor, found)


def _begins_as_zstd(descriptor: int) -> bool:
    return os.pread(descriptor, len(ZSTD_MAGIC), 0) == ZSTD_MAGIC


def _is_unfinished(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and bool(status.st_mode & WRITE_BITS)


def _mark(descriptor: int) -> None:
    os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~WRITE_BITS)


@contextmanager
def _unless_written(path: str) -> Iterator[int | None]:
    """The file, open and locked; None when a live process writes it or has just replaced it."""
    descriptor = os.open(path, _READ)
    try:
        usable = _lock(descriptor) and not _has_writers(descriptor)
        usable = usable and os.path.samestat(os.fstat(descriptor), os.lstat(path))
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


def _repair(path: str, descriptor: int, found: Survey) -> Outcome:
    """Put a valid, read-only file with the complete lines in the place of a torn one."""
    directory = os.path.dirname(path)
    status = os.fstat(descriptor)
    temporary = os.path.join(directory, f"{REPAIR}{status.st_ino}")
    tally = Tally()
    original = None
    with open(_create_locked(temporary), "wb") as output:
        try:
            _recompress(whole_lines(descriptor, found, tally), output)
            _dress(output.fileno(), status)
            os.fsync(output.fileno())
            if found.state is State.DAMAGED:
                original = _keep_damaged(path, descriptor)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    sync_directory(directory)
    fate = Fate.REPAIRED if original is None else Fate.DAMAGED
    lines = (tally.kept, tally.doubtful, tally.left_out)
    return Outcome(path, fate, *lines, found.unreadable, original)


def _create_locked(temporary: str) -> int:
    """A new file that no other process takes for a leftover."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        descriptor = os.open(temporary, flags, 0o600)
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # one did, before the lock was there, and removes it


def _recompress(pieces: Iterable[bytes], output: BinaryIO) -> None:
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


def _keep_damaged(path: str, descriptor: int) -> str:
    """Give the damaged file a second name, ``.NAME.damaged``, numbered where that is taken."""
    directory, name = os.path.split(path)
    status = os.fstat(descriptor)
    for number in count(1):
        kept = os.path.join(directory, f".{name}.damaged" + (f"-{number}" if number > 1 else ""))
        try:
            _link(path, descriptor, kept)
        except FileExistsError:
            # An earlier repair may have been killed right after this step; anything else stays.
            if os.path.samestat(os.lstat(kept), status):
                break
        else:
            break
    return kept


def _link(path: str, descriptor: int, kept: str) -> None:
    try:
        os.link(path, kept)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with open(kept, "xb") as copy:  # a file system without links
            copy_file(descriptor, copy.fileno())
            os.fsync(copy.fileno())
