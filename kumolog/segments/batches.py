"""Records of segments in batches, for consumers that keep track of what they have dealt with.

KumoMTA: tailer, batches and checkpoints.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from kumolog.files import FILES, Files
from kumolog.segments.candidates import POLL_SECONDS, Candidates
from kumolog.segments.checkpoint import Checkpoint, Position
from kumolog.segments.records import Decode
from kumolog.segments.tail import Tail

T = TypeVar("T")


class Consumer(NamedTuple):
    """Who gets batches, and of what.

    A batch is ready with ``max_batch_size`` records, or ``max_batch_latency`` seconds after its
    first one. ``filter`` tells which records are wanted. With a ``checkpoint_name`` the consumer
    goes on where its last commit left off.
    """

    name: str = "default"
    max_batch_size: int = 100
    max_batch_latency: float = 1.0
    checkpoint_name: str | None = None
    filter: Callable[[Any], bool] | None = None


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Records in order, for the consumer of that name."""

    consumer: str
    records: list[T]
    _position: Position
    _checkpoint: Checkpoint | None

    def commit(self) -> None:
        """Note that all up to the end of this batch was dealt with. Raises KumologError.

        Without a checkpoint nothing is noted, and after a commit of a later batch less is.
        """
        if self._checkpoint is not None:
            self._checkpoint.save(self._position)


class _Gathering(Generic[T]):
    """The batch to be of one consumer."""

    def __init__(self, consumer: Consumer, checkpoint: Checkpoint | None) -> None:
        self.consumer = consumer
        self.checkpoint = checkpoint
        self._resumed = None if checkpoint is None else checkpoint.load()
        self.skip: dict[str, float] = {}
        self.records: list[T] = []
        self.due = math.inf

    def consumed(self, path: str) -> float:
        """How many lines of a segment were consumed before, infinity for all."""
        return 0.0 if self._resumed is None else self._resumed.consumed(path)

    def offer(self, path: str, line: int, record: T, now: float) -> None:
        consumer = self.consumer
        if line < self.skip.get(path, 0):
            return
        if consumer.filter is not None and not consumer.filter(record):
            return
        if not self.records:
            self.due = now + consumer.max_batch_latency
        self.records.append(record)
        if len(self.records) >= consumer.max_batch_size:
            self.due = -math.inf

    def take(self, position: Position) -> Batch[T]:
        batch = Batch(self.consumer.name, self.records, position, self.checkpoint)
        self.records, self.due = [], math.inf
        return batch


class Batches(Generic[T]):
    """Batches out of ``directory`` for several consumers, which read it together.

    ``tail`` begins with the last segment that is there, whatever the checkpoints say, and writes
    none. ``report`` is told of segments that cannot be read; ``now`` gives monotonic seconds.
    Raises KumologError: no directory, no pattern, no checkpoint.
    """

    def __init__(
        self,
        directory: str,
        consumers: Sequence[Consumer],
        *,
        report: Callable[[str], None],
        pattern: str = "*",
        tail: bool = False,
        decode: Decode[T] | None = None,
        poll: float = POLL_SECONDS,
        now: Callable[[], float] = time.monotonic,
        files: Files = FILES,
    ) -> None:
        self.ended = False
        self._gathering: list[_Gathering[T]] = []
        for each in consumers:
            name = None if tail else each.checkpoint_name
            checkpoint = None if name is None else Checkpoint(directory, name, files)
            self._gathering.append(_Gathering(each, checkpoint))
        left_out = [each.checkpoint.path for each in self._gathering if each.checkpoint]
        candidates = Candidates(directory, pattern, left_out=left_out, files=files, now=now)
        skip = self._start(candidates, tail)
        self._poll = poll
        self._now = now
        self._tail = Tail(candidates, decode or Decode(), report, skip, files)
        self._stream = self._records()
        self._at = ("", 0)

    def ready(self) -> list[Batch[T]]:
        """The batches that are ready, at most one for each consumer; never waits.

        None is ready where nothing more is there for now: look again in `pause` seconds. Raises
        KumologError where the directory cannot be listed any more, and whatever a filter raises;
        that is the end.
        """
        try:
            return self._gather()
        except BaseException:
            self.close()
            raise

    def pause(self) -> float:
        """How many seconds there may be nothing new to be had from `ready`."""
        due = min((each.due for each in self._gathering), default=math.inf)
        return max(0.0, min(self._poll, due - self._now()))

    def close(self) -> None:
        """Let go of the segment that is being read; nothing is ready any more."""
        self.ended = True
        self._stream.close()

    def _gather(self) -> list[Batch[T]]:
        for item in self._stream:
            if item is None:
                due = math.inf if self._tail.exhausted else self._now()
                return self._take(due)
            path, line, record = item
            self._at = path, line + 1
            now = self._now()
            for gathering in self._gathering:
                gathering.offer(path, line, record, now)
            if batches := self._take(now):
                return batches
        return []

    def _take(self, now: float) -> list[Batch[T]]:
        due = [each for each in self._gathering if each.records and each.due <= now]
        if not due:
            return []
        return [each.take(self._tail.position(*self._at, each.skip)) for each in due]

    def _start(self, candidates: Candidates, tail: bool) -> dict[str, float]:
        """Has each consumer skip what it has seen; gives the lines that nobody wants."""
        candidates.look()
        skip: dict[str, float] = {}
        present = list(candidates.unread())
        for path in present:
            is_old = tail and path != present[-1]
            for each in self._gathering:
                if lines := math.inf if is_old else each.consumed(path):
                    each.skip[path] = lines
            skip[path] = min((each.skip.get(path, 0.0) for each in self._gathering), default=0.0)
            if skip[path] == math.inf:
                candidates.pass_over(path)
        return skip

    def _records(self) -> Generator[tuple[str, int, T] | None, None, None]:
        for chunk in self._tail:
            if chunk is None:
                yield None
            else:
                for line, record in enumerate(chunk.records, chunk.first):
                    yield chunk.path, line, record
