"""What became of every event at every logger."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kumolog.api.registry import LocalLogs
from kumolog.event import Batch
from kumolog.host import Classify
from kumolog.logger import FAILED, OUTCOMES, Failure, Logger
from kumolog.message import BatchMessages
from kumolog.record import Record
from kumolog.segments.names import Key
from kumolog.segments.space import FreeSpace
from kumolog.testing.bench_segments import MemorySegment, MemoryWriter, Stored


class Written(NamedTuple):
    """Where a record went.

    ``log_dir`` is that of its kind; ``suffix`` is None where the policy gives none; ``line`` is the
    line without its end, ``is_rendered`` tells that a template made it.
    """

    log_dir: str
    suffix: str | None
    segment: MemorySegment
    line: str
    is_rendered: bool

    @property
    def record(self) -> Any:
        """The record, or the text of a template."""
        return self.line if self.is_rendered else msgspec.json.decode(self.line)


class Decision(NamedTuple):
    """What one logger made of one record.

    ``event`` counts the events logged from 1: one that is a bounce report gives several records.
    ``type`` and ``id`` are the record's; ``log_dir`` is the logger's own and ``place`` the
    ``file:line`` that configured it. ``outcome`` is a value of `kumolog.logger.OUTCOMES`. ``entry``
    is the key of ``per_record`` that is in force, None where none is. ``filter`` is the event that
    asks and ``handler`` the place of its handler, where it was asked; ``error`` says why it
    ``failed``.
    """

    event: int
    type: str
    id: str
    log_dir: str
    place: str
    outcome: str
    entry: str | None
    filter: str | None = None
    handler: str | None = None
    error: str | None = None
    written: Written | None = None


class Notes:
    """The decisions so far; ``failures`` are those of the filters for the batch that is logged."""

    def __init__(self) -> None:
        self.event = 0
        self.decisions: list[Decision] = []
        self.failures: list[Failure] = []
        self.handlers: Mapping[str, list[str]] = {}


class NotingLogger(Logger):
    """A logger that takes notes of what it decides."""

    def __init__(
        self,
        number: int,
        config: LocalLogs,
        writer: MemoryWriter,
        classify: Classify | None,
        notes: Notes,
    ) -> None:
        super().__init__(number, config, None, writer, classify)
        self.space = FreeSpace(Path())  # no limits: there is no disk
        self._writer = writer
        self._notes = notes

    def log(self, batch: Batch, messages: BatchMessages, answers: str) -> list[Failure]:
        failures = super().log(batch, messages, answers)
        stored = self._take_stored()
        errors = {failure.place: str(failure.error) for failure in failures}
        for place, (record, answer) in enumerate(zip(batch.records, answers, strict=True)):
            outcome = OUTCOMES[FAILED if place in errors else answer]
            written = self._written(record, stored) if outcome == "written" else None
            error = errors.get(place)
            if answer == FAILED:
                error = self._filter_error(place)
            self._notes.decisions.append(self._decision(record, outcome, error, written))
        return failures

    def sweep(self) -> None:
        """Finishes the segments that have expired."""
        self._writer.sweep()

    def _take_stored(self) -> Callable[[Key], Stored]:
        queues: dict[Key, deque[Stored]] = defaultdict(deque)
        for stored in self._writer.stored:
            queues[stored.target.key].append(stored)
        self._writer.stored.clear()
        return lambda key: queues[key].popleft()

    def _written(self, record: Record, take: Callable[[Key], Stored]) -> Written:
        route = self.routes[record.type]
        stored = take(route.target.key)
        directory, suffix = route.target.key
        line = stored.line.decode()
        return Written(directory, suffix, stored.segment, line, route.template is not None)

    def _filter_error(self, place: int) -> str:
        """Of a bounce report only the first record was asked about."""
        mine = [failure for failure in self._notes.failures if failure.logger == self.number]
        found = next((failure for failure in mine if failure.place == place), mine[0])
        return str(found.error)

    def _decision(
        self, record: Record, outcome: str, error: str | None, written: Written | None
    ) -> Decision:
        asks = outcome != "disabled" and record.type != "Rejection" and self.filter_event
        handlers = self._notes.handlers.get(self.filter_event or "", ())
        return Decision(
            self._notes.event,
            record.type,
            record.id,
            self.log_dir,
            self.config.place,
            outcome,
            self.config.entry_for(record.type),
            (self.filter_event or None) if asks else None,
            handlers[0] if asks and handlers else None,
            error,
            written,
        )
