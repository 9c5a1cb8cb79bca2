"""Reading segments from Python programs: what is there, or what comes.

Records are dicts, or `kumolog.record.Record` objects where ``typed`` is asked for.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, Literal, TypeVar, overload

from kumolog.errors import SegmentError
from kumolog.record import Record
from kumolog.segments.batches import Batch, Batches, Consumer
from kumolog.segments.candidates import Candidates
from kumolog.segments.reader import is_complete, open_decoded, open_file, shown_path, torn_note
from kumolog.segments.records import Decode, records

__all__ = ["Batch", "Follower", "follow", "read"]

T = TypeVar("T")
StrPath = str | os.PathLike[str]
Dict = dict[str, Any]


@overload
def read(path: StrPath, *, pattern: str = ..., typed: Literal[False] = ...) -> Iterator[Dict]: ...
@overload
def read(path: StrPath, *, pattern: str = ..., typed: Literal[True]) -> Iterator[Record]: ...
def read(path: StrPath, *, pattern: str = "*", typed: bool = False) -> Iterator[Any]:
    """The records of a segment, or of a directory's segments in the order of their names.

    They are read as they are asked for. A file may be zstd, gzip or plain JSON lines. Of one that
    is still being written it gives what is there; of one that was cut off, its whole lines, and
    logs a warning. ``pattern`` is a glob for a directory: ``*_recv``, ``**``, ``{a,b}*``.
    With ``typed`` a line has to be a whole log record.

    Raises SegmentError where a file or directory cannot be read, is corrupt, or holds a line that
    is no record: after all records that come before. KumologError: the pattern is malformed.
    """
    name = os.fspath(path)
    decode = _decode(typed)
    if not os.path.isdir(name):
        yield from _read_one(name, decode)
        return
    candidates = Candidates(name, pattern)
    candidates.look()
    for segment in candidates.unread():
        yield from _read_one(segment, decode)


@overload
def follow(
    directory: StrPath,
    *,
    checkpoint: str | None = ...,
    pattern: str = ...,
    tail: bool = ...,
    batch_size: int = ...,
    latency: float = ...,
    filter: Callable[[Dict], bool] | None = ...,
    typed: Literal[False] = ...,
    report: Callable[[str], None] | None = ...,
) -> Follower[Dict]: ...
@overload
def follow(
    directory: StrPath,
    *,
    checkpoint: str | None = ...,
    pattern: str = ...,
    tail: bool = ...,
    batch_size: int = ...,
    latency: float = ...,
    filter: Callable[[Record], bool] | None = ...,
    typed: Literal[True],
    report: Callable[[str], None] | None = ...,
) -> Follower[Record]: ...
def follow(
    directory: StrPath,
    *,
    checkpoint: str | None = None,
    pattern: str = "*",
    tail: bool = False,
    batch_size: int = 100,
    latency: float = 1.0,
    filter: Callable[[Any], bool] | None = None,
    typed: bool = False,
    report: Callable[[str], None] | None = None,
) -> Follower[Any]:
    """Batches of the records of a directory's segments, from the first one on, as they come.

    A segment is waited for until it is complete, that is read-only; then comes the next one
    (KumoMTA: tailer). A batch has ``batch_size`` records, or fewer where ``latency`` seconds have
    passed since its first, or nothing more is there. ``filter`` tells which records are wanted.

    ``checkpoint`` names the file ``.NAME`` in the directory, in KumoMTA's form, that keeps what
    was committed: a later `follow` goes on there. Without one it starts anew; ``tail`` begins with
    the last segment that is there, and neither reads nor writes a checkpoint.

    A file that is corrupt, cut off, or holds a line that is no record is read up to there:
    ``report`` is told, or a warning logged, and it is not read again. Raises SegmentError where the
    directory cannot be read, and KumologError for a pattern or checkpoint that is none.
    """
    consumer = Consumer("default", batch_size, latency, checkpoint, filter)
    batches = Batches(
        os.fspath(directory),
        [consumer],
        report=report or _warn,
        pattern=pattern,
        tail=tail,
        decode=_decode(typed),
    )
    return Follower(batches)


class Follower(Generic[T]):
    """Iterate it for batches; each has ``records``, and `commit` once they are dealt with.

    It waits for records until it is closed, which another thread or a signal handler may do; it is
    its own context manager.
    """

    def __init__(self, batches: Batches[T]) -> None:
        self._batches = batches
        self._ended = threading.Event()

    def __iter__(self) -> Follower[T]:
        return self

    def __next__(self) -> Batch[T]:
        while not (self._ended.is_set() or self._batches.ended):
            for batch in self._batches.ready():
                return batch
            self._ended.wait(self._batches.pause())
        self._batches.close()
        raise StopIteration

    def close(self) -> None:
        """End the iteration."""
        self._ended.set()

    def __enter__(self) -> Follower[T]:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
        self._batches.close()


def _decode(typed: bool) -> Decode[Any]:
    return Decode(Record if typed else Any)


def _read_one(path: str, decode: Decode[T]) -> Iterator[T]:
    name = shown_path(path)
    try:
        with open_file(path) as file:
            decoded = open_decoded(file, name)
            for part in records(decoded, decode):
                yield from part.records
            if decoded.torn and is_complete(file):
                _warn(torn_note(name))
    except OSError as error:
        raise SegmentError(f"reading {name}: {error.strerror}") from None


def _warn(text: str) -> None:
    logging.getLogger("kumolog.segments").warning("%s", text)
