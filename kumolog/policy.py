"""A KumoMTA policy: loads it, fires its events, asks its filter handlers."""

from __future__ import annotations

import difflib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kumolog.api import events, install, message_methods_without_effect
from kumolog.api.registry import Hooks, Registry, Report
from kumolog.completion import complete
from kumolog.errors import KumologError, PolicyError
from kumolog.event import Batch
from kumolog.logger import ASK, FILTERED, Failure, Logger
from kumolog.lua.runtime import Runtime
from kumolog.luavalue import LuaValue, with_nulls
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.message import BatchMessages, Message, handler_methods, meta_key, meta_value
from kumolog.nodeid import NodeId
from kumolog.params.arguments import data, text
from kumolog.record import RECORD_TYPES, Record

HANDLER_SECONDS = 5.0  # for a filter handler, for one record
LOAD_SECONDS = 20.0  # for running the policy file, and for each event outside the record path
_NO_HURRY = 1e9  # seconds: tasks and scripts end when they like
_TASK_GRACE = 2.0  # seconds for a task to end in when the policy does
_MAX_COLUMNS = 64  # of a batch: a handler that makes up keys gets its values one by one
# KumoMTA searches these before Lua's own default path; the policy's own directory, wherever it is,
# stands before the one where KumoMTA expects a policy.
_SHARED_PATH = ("/opt/kumomta/share/?.lua", "/opt/kumomta/share/?/init.lua")
_POLICY_PATH = ("/opt/kumomta/etc/policy/?.lua", "/opt/kumomta/etc/policy/?/init.lua")
# One character for each kind: a batch's kinds are a string.
_CODES = {kind: chr(ord("A") + number) for number, kind in enumerate(RECORD_TYPES)}


class Policy:
    """``make_directory`` creates a log_dir as the policy names it; None when nothing may be made.

    ``validating`` is KumoMTA's ``--validate``: the policy can see it. ``load_seconds`` is the time
    budget of the policy file and of each event like ``init`` (``math.inf`` for none),
    ``handler_seconds`` that of a filter handler for one record.
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
        self.has_hooks = False
        multiple = [event.name for event in events() if event.handlers == "multiple"]
        self._runtime = Runtime(
            message_methods_without_effect()
            | handler_methods(self._message)
            | {"parse_mime": self._parse_mime},
            self._callbacks(),
            multiple,
            load_seconds,
        )
        self.registry.fire = self._fire_for_the_api
        install(self._runtime, self.registry)
        self._tasks: list[tuple[threading.Thread, Policy]] = []
        if make_directory is not None:
            self.registry.spawn = self._spawn
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

    def run(self, arguments: Sequence[str]) -> None:
        """Runs the file as a script: instead of the events of `load` only ``main`` is fired."""
        self._runtime.run_file(self.path)
        self.fire("main", *arguments)

    def fire(self, event: str, *arguments: Any) -> None:
        """Fires an event; raises PolicyError."""
        self.registry.stage = event
        self._runtime.fire(event, *map(self._runtime.convert.to_lua, arguments))

    def close(self) -> None:
        """Ends the tasks and the runtime; nothing may be fired or asked after it."""
        for thread, task in self._tasks:
            task.registry.ending.set()
            task.hurry()
            thread.join(_TASK_GRACE)
            if thread.is_alive():
                self.registry.report("warning", f"the task {thread.name} does not end: left behind")
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
        self.has_hooks = any(self.registry.state(Hooks).of("disposition"))
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
        answers, errors, released = self._runtime.ask(
            self._hold(messages), kinds, self._plan, self._handler_seconds, messages.weight
        )
        self._let_go(released)
        return answers, [Failure(*error) for error in errors]

    def show(self, batch: Batch, messages: BatchMessages) -> None:
        """Shows the records to the disposition hooks, whose errors are diagnostics.

        KumoMTA: records without a message, and those of log hooks, are not shown; nulls are not
        nil.
        """
        for hook in self.registry.state(Hooks).of("disposition"):
            event = f"log_disposition_{hook.name}"
            for place, record in enumerate(batch.records):
                if not hook.enables(record.type) or not _is_shown(record):
                    continue
                shown = with_nulls(msgspec.to_builtins(record) | {"meta": {}, "headers": {}})
                handle = self._hold(messages)
                try:
                    self._runtime.tell(
                        event, handle, len(batch), place, shown, self._handler_seconds
                    )
                except PolicyError as error:
                    self.registry.report("error", f"{event}: {error}")
                self._let_go(self._runtime.take_released())

    def _hold(self, messages: BatchMessages) -> int:
        """The handle under which Lua asks for the messages until it says it lets go of them."""
        self._next_handle += 1
        self._batches[self._next_handle] = messages
        return self._next_handle

    def _let_go(self, handles: Sequence[int]) -> None:
        for handle in handles:
            del self._batches[handle]

    def _spawn(self, event: str, arguments: Any) -> None:
        """Fires an event in a runtime and a thread of its own, as `kumo.spawn_task` does."""
        task = Policy(self.path, self.registry.report, load_seconds=_NO_HURRY)
        task.registry.share(self.registry)

        def run() -> None:
            try:
                task._runtime.run_file(self.path)
                if event not in task.registrations():
                    raise PolicyError(f"nobody handles its event: register kumo.on('{event}', ...)")
                task.fire(event, arguments)
            except PolicyError as error:
                if not task.registry.ending.is_set():
                    self.registry.report("error", f"the task {event}: {error}")

        thread = threading.Thread(target=run, name=event, daemon=True)
        self._tasks.append((thread, task))
        thread.start()

    def _fire_for_the_api(self, event: str, *arguments: Any) -> LuaValue:
        convert = self._runtime.convert
        result = self._runtime.fire(event, *map(convert.to_lua, arguments))
        return convert.from_lua(result)

    # Called from Lua ----------------------------------------------------------------------------

    def _callbacks(self) -> dict[str, Callable[..., Any]]:
        return {
            "column": self._column,
            "get_meta": self._get_meta,
            "set_meta": self._set_meta,
            "make_message": self._make_message,
        }

    def _make_message(
        self, sender: LuaValue = None, recipient: LuaValue = None, body: LuaValue = None, *_: Any
    ) -> int:
        """The handle of a batch that has only this new message."""
        envelope = {
            "sender": EnvelopeAddress.parse(text(sender, 1)).email,
            "recipient": EnvelopeAddress.parse(text(recipient, 2)).email,
        }
        content = data(body, 3)
        event = {"type": "Reception", **envelope}
        record = complete(event, len(content), NodeId(), time.time)
        batch = Batch([record], [b""], [0], [b""], data={0: content})
        return self._hold(BatchMessages(batch))

    def _parse_mime(self, handle: int, place: int, *_: LuaValue) -> Any:
        from kumolog.api.mimepart import mime_part  # few handlers look into a message's body

        return mime_part(self._message(handle, place - 1).data or b"")

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


def _is_shown(record: Record) -> bool:
    return record.type not in ("Rejection", "OOB") and record.reception_protocol != "LogRecord"


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
