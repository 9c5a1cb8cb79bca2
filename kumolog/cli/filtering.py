"""A policy's filter handler that decides which records are shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from types import TracebackType
from typing import Self

from kumolog.api.registry import LocalLogs
from kumolog.cli.streams import output_kept_clean, tell
from kumolog.errors import PolicyError
from kumolog.event import EventDecoder
from kumolog.logger import PASSED, Logger
from kumolog.luavalue import LuaTable
from kumolog.message import BatchMessages
from kumolog.nodeid import NodeId
from kumolog.params import LOCAL_LOGS, check
from kumolog.policy import Policy, nearest
from kumolog.reading.problems import Problems
from kumolog.segments.names import Target
from kumolog.segments.segment import Totals

_OPTION = "--filter"


class _Unwritten:
    """Writes nothing: the logger is only asked."""

    def start(self) -> None:
        """Nothing is to be started."""

    def put(self, _target: Target, _lines: Sequence[bytes]) -> None:
        """Nothing is put anywhere."""

    def hurry(self) -> None:
        """Nothing is waited for."""

    def close(self) -> Totals:
        return Totals()


class PolicyFilter:
    """Passes the records that a logger with this ``filter_event`` would log.

    That is KumoMTA's rule: nil, false and errors turn a record down; a Rejection, which has no
    message, is not asked about and passes. What a handler changes is not shown. Makes and opens
    nothing; what the policy prints goes to standard error. Raises PolicyError.
    """

    def __init__(self, policy: str, event: str, problems: Problems) -> None:
        self._problems = problems
        self._decoder = EventDecoder(NodeId())
        with output_kept_clean():
            self._policy = Policy(Path(policy), _say)
            self._policy.load()
        registered = self._policy.registrations()
        if event not in registered:
            near = nearest(event, list(registered))
            hint = f"did you mean {near}?" if near else f"register it with kumo.on('{event}', ...)"
            raise PolicyError(f"{_OPTION}: {policy} has no handler of {event}: {hint}")
        params = check(LOCAL_LOGS, LuaTable([("log_dir", "."), ("filter_event", event)], [], False))
        self._policy.prepare([Logger(0, LocalLogs(params, None, _OPTION), None, _Unwritten())])

    def __call__(self, lines: list[bytes], source: str) -> list[bytes]:
        """The lines whose records pass; ``source`` is what they come from."""
        batch = self._decoder.decode(lines)
        for rejected in batch.rejected:
            self._problems.note(source, f"a line is no record: {rejected.error}")
        with output_kept_clean():
            (answers,), failures = self._policy.ask(batch, BatchMessages(batch))
            self._policy.flush()
        for failure in failures:
            self._problems.note(source, str(failure.error))
        passed = [answer == PASSED for answer in answers]
        return [lines[place] for place in compress(batch.positions, passed)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with output_kept_clean():
            self._policy.close()


def _say(level: str, text: str) -> None:
    if level != "debug":
        tell(f"kumolog: {level}: {text}\n")
