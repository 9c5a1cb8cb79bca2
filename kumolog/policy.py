"""A KumoMTA policy: loads it, fires its events, asks its filter handlers."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kumolog.api import events, install, message_changes, message_methods_without_effect
from kumolog.api.interception import Interception
from kumolog.api.registry import Hooks, Refusal, Refusals, Registry, Report
from kumolog.asking import Asking
from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.completion import complete
from kumolog.decisions import Decisions, Row
from kumolog.errors import KumologError, PolicyError
from kumolog.event import Batch
from kumolog.files import FILES, Files
from kumolog.logger import ASK, DISABLED, FILTERED, PASSED, Failure, Logger
from kumolog.lua.runtime import FILTERS, OutOfMemoryError, Runtime, handler_named
from kumolog.luavalue import LuaValue
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.message import BatchMessages, Message
from kumolog.message_methods import handler_methods, meta_key, meta_value
from kumolog.nodeid import NodeId
from kumolog.params.arguments import data, text
from kumolog.pulse import Pulse, Visit
from kumolog.record import RECORD_TYPES, TYPE_CODES

if TYPE_CHECKING:
    from kumolog.hooks import Shower

HANDLER_SECONDS = 5.0  # for a filter handler, for one record
LOAD_SECONDS = 20.0  # for running the policy file, and for each event outside the record path
_EAGERNESS = ASK + PASSED + FILTERED + DISABLED
_NO_HURRY = 1e9  # seconds: tasks and scripts end when they like
_TASK_GRACE = 2.0  # seconds for a task to end in when the policy does
_MAX_COLUMNS = 64  # of a batch: a handler that makes up keys gets its values one by one
# KumoMTA searches these before Lua's own default path; the policy's own directory, wherever it is,
# stands before the one where KumoMTA expects a policy.
_SHARED_PATH = ("/opt/kumomta/share/?.lua", "/opt/kumomta/share/?/init.lua")
_POLICY_PATH = ("/opt/kumomta/etc/policy/?.lua", "/opt/kumomta/etc/policy/?/init.lua")
_BOUNCE_REPORT = "Reception with OOB"  # is asked about once for all its records
_CODES = TYPE_CODES | {_BOUNCE_REPORT: "*"}

Attach = Callable[[Runtime], None]


class Policy:
    """``make_directory`` creates a log_dir as the policy names it; None when nothing may be made.

    ``validating`` is KumoMTA's ``--validate``: the policy can see it. ``load_seconds`` is the time
    budget of the policy file and of each event like ``init`` (``math.inf`` for none),
    ``handler_seconds`` that of a filter handler for one record; ``max_memory`` the bytes that it
    may hold (None for the usual limit). ``clock`` is the time that the policy sees; budgets are
    real time. ``files`` are those that it finds, ``interception`` stands between it and the API.
    ``attach`` is given the runtime before that loads anything. ``pulse`` tells other threads what
    its code is at. With ``remembers`` handlers that only look at meta are asked once for each
    combination of values.
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
        max_memory: int | None = None,
        clock: Clock = SYSTEM_CLOCK,
        files: Files = FILES,
        interception: Interception | None = None,
        attach: Attach | None = None,
        pulse: Pulse | None = None,
        remembers: bool = False,
    ) -> None:
        self.path = path
        self._remembers = remembers
        self._decisions: Decisions | None = None
        self._remembering: tuple[Decisions, list[Row], dict[Row, int]] | None = None
        self._handler_seconds = handler_seconds
        self._batches: dict[int, BatchMessages] = {}
        self._next_handle = 0
        self._loggers: Sequence[Logger] = ()
        self._answers: list[dict[str, str]] = []
        self._tables: list[dict[int, str]] = []
        self._plan: Any = None
        self._handlers_named: list[str] = []  # for each logger what to call its handler
        self._asking = Asking("", ())
        self._hooks: list[Shower] = []
        self.has_hooks = False
        self._tasks: list[tuple[threading.Thread, Policy]] = []
        self._open_runtime = partial(
            self._opened, report, make_directory, validating, clock, files, interception, attach
        )
        self._new_runtime = partial(
            Runtime, seconds=load_seconds, max_memory=max_memory, pulse=pulse
        )
        self._open_runtime()

    def _opened(
        self,
        report: Report,
        make_directory: Callable[[str], None] | None,
        validating: bool,
        clock: Clock,
        files: Files,
        interception: Interception | None,
        attach: Attach | None,
    ) -> None:
        """Makes a registry and a runtime, into which nothing is loaded yet."""
        self.registry = Registry(report, make_directory, clock=clock, files=files)
        multiple = [event.name for event in events() if event.handlers == "multiple"]
        methods = (
            message_methods_without_effect()
            | handler_methods(self._message)
            | {"parse_mime": self._parse_mime}
        )
        changes = self._message_changes()
        if interception is not None:
            methods = {name: interception.message_method(name, m) for name, m in methods.items()}
            changes = {name: interception.message_change(name, c) for name, c in changes.items()}
        self._runtime = self._new_runtime(
            message_methods=methods,
            callbacks=self._callbacks(),
            multiple_events=multiple,
            message_changes=changes,
        )
        self.registry.fire = self.answer
        if clock.wait is SYSTEM_CLOCK.wait:  # another clock may let time pass without waiting
            self.registry.seconds_left = self._runtime.seconds_left
        self.registry.catches = self._runtime.catches
        install(self._runtime, self.registry, interception)
        if clock is not SYSTEM_CLOCK:
            self._runtime.use_clock(clock)
        if files is not FILES:
            self._runtime.redirect(files.to_read, files.to_write)
        if attach is not None:
            attach(self._runtime)
        if make_directory is not None:
            self.registry.spawn = self._spawn
        beside = self.path.parent
        self._runtime.add_package_path(
            *_SHARED_PATH, str(beside / "?.lua"), str(beside / "?" / "init.lua"), *_POLICY_PATH
        )
        if validating:
            self._runtime.set_global("_VALIDATING_CONFIG", True)
            self._runtime.withhold_commands(self._note_command)

    def _note_command(self, place: str, command: LuaValue) -> None:
        self.registry.withheld.append(f"{place}: os.execute is not run: {command!r:.200}")

    # Starting and ending ------------------------------------------------------------------------

    def load(self) -> None:
        """Runs the file, then ``pre_init`` and ``init``; raises PolicyError."""
        self._runtime.run_file(self.path)
        for event in ("pre_init", "init"):
            self.fire(event)
        self.registry.stage = "run"

    def run(self, arguments: Sequence[str]) -> None:
        """Runs the file as a script: instead of the events of `load` only ``main`` is fired.

        Its ``os.exit`` raises SystemExit.
        """
        self._runtime.allow_exit()
        self.registry.stage = "script"
        self._runtime.run_file(self.path)
        self.fire("main", *arguments)

    def fire(self, event: str, *arguments: Any) -> None:
        """Fires an event; raises PolicyError."""
        self._decisions = None
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

    def flush(self) -> None:
        """Brings out what handlers have written to standard output past ``print``."""
        self._runtime.close()

    def hurry(self) -> None:
        """Lets no handler take long any more; may be called from a signal handler."""
        self._runtime.hurry()

    def loaded_files(self) -> list[str]:
        """The paths of all Lua files that it has loaded so far, or tried to."""
        return self._runtime.loaded_files()

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
        self._loggers = loggers
        self._answers, self._handlers_named = [], []
        registered = self.registrations()
        if self.registry.state(Hooks).by_name:
            from kumolog.hooks import heard_hooks  # few policies have any

            self._hooks = heard_hooks(self.registry, registered, len(loggers))
            self.has_hooks = bool(self._hooks)
        for logger in loggers:
            event = logger.filter_event or ""
            self._handlers_named.append(handler_named(event, *registered.get(event, [""])[:1]))
            answers = {kind: logger.answer(kind) for kind in RECORD_TYPES}
            answers[_BOUNCE_REPORT] = min(answers["Reception"], answers["OOB"], key=_EAGERNESS.find)
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
                kinds,
                [logger.filter_event or "" for logger in loggers],
                ["".join(answers.values()) for answers in self._answers],
            )
            self._decisions = self._new_decisions() if self._remembers else None

    def _new_decisions(self) -> Decisions | None:
        """Where to remember what handlers say; None where any of them does more than look at meta.

        Then only these must run: what else the policy does may change what they say.
        """
        asked = [
            logger.filter_event or ""
            for logger, answers in zip(self._loggers, self._answers, strict=True)
            if ASK in answers.values()
        ]
        keys = [self._runtime.keys_asked(event) for event in asked]
        if self.has_hooks or None in keys:
            return None
        return Decisions(frozenset().union(*filter(None, keys)))

    def ask(self, batch: Batch, messages: BatchMessages) -> tuple[list[str], list[Failure]]:
        """What each logger does with each record: a string of answers for each logger.

        Handlers run record by record and, for each record, logger by logger.
        """
        if batch.is_bounce_report:
            return self._ask_about_bounces(batch, messages)
        return self._ask(batch.types, messages)

    def _ask(self, kinds: str, messages: BatchMessages) -> tuple[list[str], list[Failure]]:
        if self._plan is None:
            return [kinds.translate(table) for table in self._tables], []
        if self._decisions is not None and messages.are_unchanged:
            answers = self._remembered(self._decisions, kinds, messages)
            if answers is not None:
                return answers, []
        return self._ask_all(kinds, messages)

    def _remembered(
        self, decisions: Decisions, kinds: str, messages: BatchMessages
    ) -> list[str] | None:
        """The answers, if they are the same for equal values; handlers are asked what is new."""
        rows = decisions.rows(kinds, messages.column)
        new = None if rows is None else decisions.new(rows)
        if rows is None or new is None:
            return None
        if new:
            places = list(new.values())
            asked = "".join([kinds[place] for place in places])
            self._remembering = decisions, rows, new
            answers, failures = self._ask_all(asked, messages.some(places))
            self._remembering = None
            decisions.add(new, answers, [failure.place for failure in failures])
            if failures:  # every record is to have its own
                return None
        return decisions.answers(rows, len(self._loggers))

    def _ask_all(self, kinds: str, messages: BatchMessages) -> tuple[list[str], list[Failure]]:
        """Asks the handlers about every record."""
        asking = self._asking = Asking(kinds, self._tables)
        while asking.reached < len(kinds):
            if not self._runtime.has_room():
                self._load_anew()
            given = (self._plan, self._handler_seconds, messages.weight, asking.reached)
            try:
                asked = self._runtime.ask(self._hold(messages), kinds, *given)
            except OutOfMemoryError as error:
                self._add_until_broken_off(error.reason)
                self._load_anew()
            else:
                asking.add(asked.said, asked.reached, starmap(Failure, asked.failures))
                self._let_go(asked.released)
                if asked.is_full:
                    self._load_anew()
        return asking.answers, asking.failures

    def _add_until_broken_off(self, why: str) -> PolicyError:
        """Gathers what handlers have said; the error is that of the one that said nothing."""
        said, failures = self._runtime.said()

        def error(number: int) -> PolicyError:
            return PolicyError(f"{self._handlers_named[number]}: {why}")

        number = self._asking.add_until_broken_off(said, starmap(Failure, failures), error)
        return PolicyError(f"{self.path}: {why}") if number is None else error(number)

    def leave(self, visit: Visit) -> PolicyError:
        """What to say of code that never comes back from a visit; for another thread.

        The policy cannot be used any more, except that `broken_off` has what it last did.
        """
        if visit.what == FILTERS:
            return self._add_until_broken_off(visit.overrun)
        return PolicyError(f"{visit.what}: {visit.overrun}")

    def broken_off(self, batch: Batch) -> tuple[list[str], list[Failure]]:
        """As `ask`, for the records that it came to, after it raised or never came back."""
        answers, failures = self._asking.answers, self._asking.failures
        if self._remembering is not None:
            decisions, rows, new = self._remembering
            places = list(new.values())
            failures = [failure._replace(place=places[failure.place]) for failure in failures]
            return decisions.answers_until(rows, new, answers), failures
        return self._expanded(batch, answers) if batch.is_bounce_report else answers, failures

    def _load_anew(self) -> None:
        """Loads the policy again, when it keeps more than it may; raises PolicyError."""
        self.registry.report(
            "warning",
            f"{self.path}: the policy has used up its memory, so it is loaded anew; what it had "
            "kept is lost",
        )
        self.close()
        self._batches.clear()
        configured = [logs.params for logs in self.registry.local_logs]
        self._open_runtime()
        self.load()
        if [logs.params for logs in self.registry.local_logs] != configured:
            raise PolicyError(
                f"{self.path}: loaded anew, the policy configures other loggers than before"
            )
        if not self._runtime.has_room():
            raise PolicyError(f"{self.path}: the policy uses up its memory when it is loaded")
        self.prepare(self._loggers)

    def _ask_about_bounces(
        self, batch: Batch, messages: BatchMessages
    ) -> tuple[list[str], list[Failure]]:
        """A filter is asked once, about the message, where either kind of record is enabled."""
        answers, failures = self._ask(_CODES[_BOUNCE_REPORT], messages)
        messages.share_changes(len(batch))
        return self._expanded(batch, answers), failures

    def _expanded(self, batch: Batch, answers: list[str]) -> list[str]:
        return [
            "".join(
                DISABLED if logger_answers[record.type] == DISABLED else answer
                for record in batch.records
            )
            for answer, logger_answers in zip(answers, self._answers, strict=True)
        ]

    def show(self, batch: Batch, messages: BatchMessages) -> None:
        """Shows the records to the hooks, whose errors are diagnostics."""
        for hook in self._hooks:
            for shown in hook.shown(batch, messages):
                handle = self._hold(shown.messages)
                try:
                    self._tell(hook.event, handle, shown.size, shown.place, shown.argument)
                except PolicyError as error:
                    self.registry.report("error", f"{hook.event}: {error}")
                self._let_go(self._runtime.take_released())

    def receive(self, event: str, messages: BatchMessages, context: Any) -> Refusal | None:
        """Fires a reception handler with the one message; what it refuses it with, or None.

        ``context`` is the handler's second argument. Raises PolicyError where the handler fails.
        """
        handle = self._hold(messages)
        try:
            self._tell(event, handle, 1, 0, context)
        except PolicyError as error:
            refusal = self.registry.state(Refusals).take(error)
            if refusal is None:
                raise
            return refusal
        finally:
            self._let_go(self._runtime.take_released())
        return None

    def _tell(self, event: str, handle: int, size: int, place: int, argument: Any) -> None:
        self._decisions = None
        self._runtime.tell(event, handle, size, place, argument, self._handler_seconds)

    def answer(self, event: str, *arguments: Any) -> LuaValue:
        """Fires an event with JSON-like arguments; its first result. Raises PolicyError."""
        self._decisions = None
        convert = self._runtime.convert
        given = map(convert.to_lua, arguments)
        result = self._runtime.fire(event, *given, seconds=self._handler_seconds)
        return convert.from_lua(result)

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
                task.registry.spawn = self._spawn  # not before: the file would start itself again
                if event not in task.registrations():
                    raise PolicyError(f"nobody handles its event: register kumo.on('{event}', ...)")
                task.fire(event, arguments)
            except PolicyError as error:
                if not task.registry.ending.is_set():
                    self.registry.report("error", f"the task {event}: {error}")

        thread = threading.Thread(target=run, name=event, daemon=True)
        self._tasks.append((thread, task))
        thread.start()

    # Called from Lua ----------------------------------------------------------------------------

    def _callbacks(self) -> dict[str, Callable[..., Any]]:
        return {
            "column": self._column,
            "get_meta": self._get_meta,
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
        record = complete(event, len(content), NodeId(), self.registry.clock)
        return self._hold(BatchMessages.of_one(record, content))

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

    def _message_changes(self) -> dict[str, Callable[..., Any]]:
        changes = message_changes() | {"set_meta": _set_meta}
        return {name: partial(self._change, change) for name, change in changes.items()}

    def _change(
        self,
        change: Callable[..., tuple[Message, Any]],
        handle: int,
        place: int,
        logger: int | None,
        *arguments: LuaValue,
    ) -> Any:
        """``logger`` (from 1) is the one whose filter is being asked about this very message."""
        messages = self._batches[handle]
        message, result = change(messages.message(place - 1), *arguments)
        messages.change(place - 1, message, None if logger is None else logger - 1)
        return result


def _set_meta(
    message: Message, key: LuaValue = None, value: LuaValue = None, *_: LuaValue
) -> tuple[Message, None]:
    return message.with_meta({meta_key(key): meta_value(value)}), None


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
