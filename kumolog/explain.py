"""Explaining a policy: for one event, what each logger decides, why, and what it would write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from kumolog.api.registry import LocalLogs, Report
from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.errors import KumologError
from kumolog.event import Batch, EventDecoder
from kumolog.host import Classify, load, prepared_loggers
from kumolog.logger import ASK, FAILED, FILTERED, OUTCOMES, PASSED, Logger
from kumolog.message import BatchMessages
from kumolog.nodeid import NodeId
from kumolog.policy import HANDLER_SECONDS
from kumolog.reception import Reception
from kumolog.rejects import displayable
from kumolog.segments.names import Names, Target
from kumolog.segments.segment import Totals
from kumolog.shown import shown
from kumolog.tracing import Handled, Problem, TracedPolicy

__all__ = ["Decision", "Explainer", "Explanation", "Hook", "Output", "Received", "RecordExplained"]


class Output(Struct):
    """What a logger would write, and where.

    ``segment`` is the name that a segment would get if it was opened now, below ``directory``;
    ``segment_header`` is what it would begin with. ``template`` is the template's text, None where
    the line is JSON. ``meta`` and ``headers`` are those that the logger selects. Where the line
    cannot be rendered it is None, as are these two if it is not the template's fault.
    """

    directory: str
    suffix: str | None
    segment: str
    segment_header: str
    template: str | None
    meta: dict[str, Any] | None
    headers: dict[str, Any] | None
    line: str | None


class Decision(Struct):
    """What one logger, configured at ``place``, makes of one record.

    ``outcome`` is ``written``, ``filtered``, ``disabled`` or ``failed``. ``entry`` is the key of
    ``per_record`` that is in force, None where none is. ``filter`` is the run of the handler of
    ``filter_event``, where it was asked. ``output`` is there for what passed, ``error`` for what
    failed.
    """

    log_dir: str
    place: str
    outcome: str
    enabled: bool
    entry: str | None
    filter_event: str | None
    filter: Handled | None = None
    output: Output | None = None
    error: Problem | None = None


class Hook(Struct):
    """A log or disposition hook that would be shown the record: its event and its handler."""

    event: str
    place: str


class RecordExplained(Struct):
    """One record: the event's own, or one that reception made of it."""

    type: str
    id: str
    recipient: str | list[str]
    loggers: list[Decision]
    hooks: list[Hook]


class Received(Struct):
    """What reception did: the handlers it ran, and what was wrong with a malformed report."""

    handlers: list[Handled]
    malformed_report: str | None = None


class Explanation(Struct):
    """One event, from a line of ``source``; ``type`` is as it came in.

    Where it is no event, or its reception failed, ``error`` says why and there are no records.
    """

    source: str
    line: int
    type: str | None = None
    error: str | None = None
    received: Received | None = None
    records: list[RecordExplained] = []

    @property
    def all_well(self) -> bool:
        """Whether it was a valid event and no handler or template failed."""
        decisions = [decision for record in self.records for decision in record.loggers]
        return self.error is None and all(decision.error is None for decision in decisions)


class _Caught:
    """Keeps the lines of a logger instead of writing them."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def start(self) -> None:
        """Nothing is to be started."""

    def put(self, _target: Target, lines: Sequence[bytes]) -> None:
        self.lines += lines

    def hurry(self) -> None:
        """Nothing is waited for."""

    def close(self) -> Totals:
        return Totals()


class Explainer:
    """A loaded policy to be asked about one event after the other.

    Makes, opens and writes nothing itself. The parameters are those of `kumolog.host.Host.open`;
    ``report`` hears what the policy says outside of its handlers. Raises PolicyError.
    """

    def __init__(
        self,
        policy: str | Path,
        *,
        report: Report,
        root: str | Path | None = None,
        allow_missing_handlers: bool = False,
        handler_timeout: float = HANDLER_SECONDS,
        receive: bool = True,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._policy = TracedPolicy(Path(policy), report, handler_timeout, clock)
        load(self._policy, allow_missing_handlers=allow_missing_handlers)
        below = None if root is None else Path(root)
        self._caught: list[_Caught] = []

        def logger(number: int, logs: LocalLogs, classify: Classify | None) -> Logger:
            self._caught.append(_Caught())
            return Logger(number, logs, below, self._caught[number], classify)

        self._loggers = prepared_loggers(self._policy, logger)
        self._decoder = EventDecoder(NodeId(), clock)
        self._receives = receive
        self._clock = clock

    def explain(self, line: bytes, source: str = "-", number: int = 1) -> Explanation:
        """Puts one event through the policy; ``source`` and ``number`` say where it came from."""
        explanation = Explanation(source, number)
        batch = self._decoder.decode([line])
        if batch.records:
            explanation.type = batch.records[0].type
        is_received = self._receives and 0 in batch.data and explanation.type == "Reception"
        for part in self._receive(batch, explanation) if is_received else (batch,):
            if part.rejected:
                explanation.error = displayable(part.rejected[0].error)
            explanation.records += self._explain(part)
        self._policy.flush()
        return explanation

    def close(self) -> None:
        """Ends the policy."""
        self._policy.close()

    def _receive(self, batch: Batch, explanation: Explanation) -> Sequence[Batch]:
        received = explanation.received = Received([])
        self._policy.fired = received.handlers

        def note_malformed(_level: str, text: str) -> None:
            received.malformed_report = displayable(text)

        # A new one tells every reason again.
        return list(Reception(self._policy, note_malformed).parts(batch))

    def _explain(self, batch: Batch) -> list[RecordExplained]:
        """Of a bounce report only the message was asked about, for all its records."""
        messages = BatchMessages(batch)
        answers, _ = self._policy.ask(batch, messages)
        explained = []
        for place, record in enumerate(batch.records):
            decisions = [
                self._decide(logger, batch, messages, place, answer[place])
                for logger, answer in zip(self._loggers, answers, strict=True)
            ]
            hooks = [Hook(*hook) for hook in self._policy.hooks_for(record)]
            explained.append(
                RecordExplained(record.type, record.id, record.recipient, decisions, hooks)
            )
        return explained

    def _decide(
        self, logger: Logger, batch: Batch, messages: BatchMessages, place: int, answer: str
    ) -> Decision:
        kind = batch.records[place].type
        run = self._policy.asked.get(logger.number) if logger.answer(kind) == ASK else None
        decision = Decision(
            displayable(logger.log_dir),
            shown(logger.config.place),  # bytes where the policy's path is not UTF-8
            OUTCOMES[answer],
            logger.routes[kind].enabled,
            logger.config.entry_for(kind),
            None if logger.filter_event is None else displayable(logger.filter_event),
            run,
            error=run.error if run else None,
        )
        if answer == PASSED:
            decision.output, failure = self._render(logger, batch, messages, place)
            if failure is not None:
                decision.outcome, decision.error = OUTCOMES[FAILED], Problem.of(failure)
        return decision

    def _render(
        self, logger: Logger, batch: Batch, messages: BatchMessages, place: int
    ) -> tuple[Output, KumologError | None]:
        """What the logger makes of one record, as if it had turned down the others."""
        answers = [FILTERED] * len(batch)
        answers[place] = PASSED
        failures = logger.log(batch, messages, "".join(answers))
        lines, self._caught[logger.number].lines = self._caught[logger.number].lines, []
        target, template = logger.routes[batch.records[place].type][1:]
        per_record = logger.config.params["per_record"]
        output = Output(
            displayable(os.fspath(target.directory)),
            target.suffix,
            self._segment(target),
            target.header.decode(),
            None if template is None else per_record[template]["template"],
            None,
            None,
            lines[0].decode() if lines else None,
        )
        try:
            record = logger.record(batch, messages, place)
        except KumologError as error:
            return output, error
        output.meta, output.headers = record["meta"], record["headers"]
        return output, failures[0].error if failures else None

    def _segment(self, target: Target) -> str:
        names = Names(self._clock.wall, sync_directory=False)
        path, _ = names.claim(target, lambda path, first: _is_free(path, first) or None)
        return displayable(os.path.relpath(path, target.directory))


def _is_free(path: str, first: str) -> bool:
    return not (os.path.lexists(path) or os.path.isfile(first))
