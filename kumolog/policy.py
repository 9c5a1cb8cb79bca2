"""A KumoMTA policy: loads it, fires its events, asks its filter handlers."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kumolog.api import events, install
from kumolog.api.registry import Registry, Report
from kumolog.errors import KumologError, PolicyError
from kumolog.event import Batch
from kumolog.logger import ASK, FILTERED, Failure, Logger
from kumolog.lua.runtime import Runtime
from kumolog.luavalue import LuaValue
from kumolog.message import BatchMessages, Message, handler_methods, meta_key, meta_value
from kumolog.record import RECORD_TYPES

HANDLER_SECONDS = 5.0  # for a filter handler, for one record
LOAD_SECONDS = 60.0  # for running the policy file, and for each event outside the record path
_MAX_COLUMNS = 64  # of a batch: a handler that makes up keys gets its values one by one
# KumoMTA searches these before Lua's own default path; the policy's own directory, wherever it is, stands
# before the one where KumoMTA expects a policy.
_SHARED_PATH = ("/opt/kumomta/share/?.lua", "/opt/kumomta/share/?/init.lua")
_POLICY_PATH = ("/opt/kumomta/etc/policy/?.lua", "/opt/kumomta/etc/policy/?/init.lua")
# One character for each kind: a batch's kinds are a string.
_CODES = {kind: chr(ord("A") + number) for number, kind in enumerate(RECORD_TYPES)}


class Policy:
    """``make_directory`` creates a log_dir as the policy names it; None when nothing may be made.

    ``validating`` is KumoMTA's ``--validate``: the policy can see it. ``load_seconds`` is the time
    budget of the policy file and of each event like ``init``, ``handler_seconds`` that of a filter
    handler for one record.
    """

    def __init__(
        self,
        path: Path,
        report: Report,
        *,
        make_directory: Callable[[str], None] | None = None,
        validating: bool = False,
        load_seconds: float = LOAD_SECONDS,
        handler_seconds: float = HANDLER_SECONDS,
    ) -> None:
        self.path = path
        self.registry = Registry(report, make_directory)
        self._handler_seconds = handler_seconds
        self._batches: dict[int, BatchMessages] = {}
        self._next_handle = 0
        self._answers: list[dict[str, str]] = []
        self._tables: list[dict[int, str]] = []
        self._plan: Any = None
        multiple = [event.name for event in events() if event.handlers == "multiple"]
        self._runtime = Runtime(
            handler_methods(self._message), self._callbacks(), multiple, load_seconds
        )
        install(self._runtime, self.registry)
        beside = path.parent
        self._runtime.add_package_path(
            *_SHARED_PATH, str(beside / "?.lua"), str(beside / "?" / "init.lua"), *_POLICY_PATH
        )
        if validating:
            self._runtime.set_global("_VALIDATING_CONFIG", True)

    # Starting and ending ------------------------------------------------------------------------

    def load(self) -> None:
        """Runs the file, then ``pre_init`` and ``init``; raises PolicyError."""
        self._runtime.run_file(self.path)
        for event in ("pre_init", "init"):
            self.fire(event)
        self.registry.stage = "run"

    def fire(self, event: str) -> None:
        """Fires an event without arguments; raises PolicyError."""
        self.registry.stage = event
        self._runtime.fire(event)

    def close(self) -> None:
        """Ends the runtime; nothing may be fired or asked after it."""
        self._runtime.close()

    def hurry(self) -> None:
        """Lets no handler take long any more; may be called from a signal handler."""
        self._runtime.hurry()

    def registrations(self) -> dict[str, list[str]]:
        """For each event that has handlers, their places."""
        return self._runtime.registrations()

    def missing_handlers(self) -> list[PolicyError]:
        """One error for each logger whose filter event nobody handles."""
        registered = self.registrations()
        return [
            _missing_handler(logs.params["filter_event"], logs.place, registered)
            for logs in self.registry.local_logs
            if logs.params["filter_event"] is not None
            and logs.params["filter_event"] not in registered
        ]

    # The record path ----------------------------------------------------------------------------

    def prepare(self, loggers: Sequence[Logger]) -> None:
        """Decides what can be decided before any record comes: who is asked about which kind."""
        registered = self.registrations()
        for logger in loggers:
            answers = {kind: logger.answer(kind) for kind in RECORD_TYPES}
            if logger.filter_event not in registered:  # only where the operator allows it
                answers = {k: FILTERED if a == ASK else a for k, a in answers.items()}
            self._answers.append(answers)
        self._tables = [
            {ord(_CODES[kind]): answer for kind, answer in answers.items()}
            for answers in self._answers
        ]
        if any(ASK in answers.values() for answers in self._answers):
            kinds = "".join(_CODES.values())
            self._plan = self._runtime.plan(
                [
                    (logger.filter_event or "", kinds, "".join(answers.values()))
                    for logger, answers in zip(loggers, self._answers, strict=True)
                ]
            )

    def ask(self, batch: Batch, messages: BatchMessages) -> tuple[list[str], list[Failure]]:
        """What each logger does with each record: a string of answers for each logger.

        Handlers run record by record and, for each record, logger by logger.
        """
        kinds = "".join([_CODES[record.type] for record in batch.records])
        if self._plan is None:
            return [kinds.translate(table) for table in self._tables], []
        handle = self._next_handle
        self._next_handle += 1
        self._batches[handle] = messages
        answers, errors, released = self._runtime.ask(
            handle, kinds, self._plan, self._handler_seconds, messages.weight
        )
        for unneeded in released:
            del self._batches[unneeded]
        return answers, [Failure(*error) for error in errors]

    # Called from Lua ----------------------------------------------------------------------------

    def _callbacks(self) -> dict[str, Callable[..., Any]]:
        return {
            "column": self._column,
            "get_meta": self._get_meta,
            "set_meta": self._set_meta,
        }

    def _message(self, handle: int, place: int) -> Message:
        return self._batches[handle].message(place)

    def _column(self, handle: int, key: LuaValue) -> Any:
        """The meta values of a batch, or None where they have to be asked for one by one."""
        messages = self._batches[handle]
        name = meta_key(key)
        if messages.columns_given >= _MAX_COLUMNS:
            return None
        messages.columns_given += 1
        try:
            return self._runtime.convert.column(messages.column(name))
        except KumologError:  # one value is too deep for Lua: the others are none the worse for it
            return None

    def _get_meta(self, handle: int, place: int, key: LuaValue) -> Any:
        return self._message(handle, place - 1).get_meta(meta_key(key))

    def _set_meta(
        self,
        handle: int,
        place: int,
        key: LuaValue,
        value: LuaValue,
        logger: int | None,
    ) -> None:
        number = None if logger is None else logger - 1
        self._batches[handle].set_meta(place - 1, meta_key(key), meta_value(value), number)


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The name that was probably meant."""
    found = difflib.get_close_matches(name, names, 1)
    return found[0] if found else None


def _missing_handler(event: str, place: str, registered: dict[str, list[str]]) -> PolicyError:
    near = nearest(event, list(registered))
    hint = f"did you mean `{near}`?" if near else f"register it with kumo.on('{event}', ...)"
    return PolicyError(
        f"{place}: the filter_event `{event}` has no handler, so this logger would drop every "
        f"record: {hint}"
    )
