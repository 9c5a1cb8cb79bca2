"""A policy that is watched: what its handlers ask a message, do to it, say and answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from kumolog.api.connection import Connection
from kumolog.api.interception import Function
from kumolog.api.registry import Refusal, Report
from kumolog.api.surface import Row
from kumolog.clock import Clock
from kumolog.errors import KumologError, PolicyError
from kumolog.event import Batch
from kumolog.logger import Failure, Logger
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.message import BatchMessages
from kumolog.policy import Policy
from kumolog.record import Record
from kumolog.rejects import displayable
from kumolog.shown import shown

_MESSAGE, _CONNECTION = "msg", "conn"  # what policies call them


class Call(Struct):
    """One method call, such as ``msg:get_meta``; ``error`` is set where it raised."""

    method: str
    arguments: list[Any]
    is_change: bool
    result: Any = None
    error: str | None = None


class Said(Struct):
    """A line that a handler printed or logged; ``level`` as in `kumolog.api.registry.Report`."""

    level: str
    text: str


class Problem(Struct):
    """An error; ``frames`` are the policy's, innermost first."""

    message: str
    frames: list[str]

    @classmethod
    def of(cls, error: KumologError) -> Problem:
        frames = error.frames if isinstance(error, PolicyError) else ()
        return cls(displayable(str(error)), [displayable(frame) for frame in frames])


class Refused(Struct):
    """The reply that a reception handler refused a message with."""

    code: int
    text: str


class Handled(Struct):
    """One run of a handler, which is registered at ``place``.

    ``calls`` are in order; of those that change nothing, equal ones with equal results only once.
    ``returned`` is the first result, None for nil and for nothing, and where a reception handler
    returns, since that counts for nothing. At most one of ``refused`` and ``error`` is set.
    """

    event: str
    place: str
    calls: list[Call] = []
    returned: Any = None
    said: list[Said] = []
    refused: Refused | None = None
    error: Problem | None = None


class TracedPolicy(Policy):
    """Makes no directory and starts no task. ``report`` hears what is said outside of handlers.

    ``asked`` has, by the number of the logger, the filter handlers that the last `ask` ran, and
    ``fired`` the other handlers since it was last emptied, in order.
    """

    def __init__(self, path: Path, report: Report, handler_seconds: float, clock: Clock) -> None:
        self.asked: dict[int, Handled] = {}
        self.fired: list[Handled] = []
        self._outside = report
        self._running: Handled | None = None
        self._watched: BatchMessages | None = None
        self._seen: set[bytes] = set()
        self._filters: list[str] = []
        super().__init__(
            path,
            self._say,
            make_directory=_nowhere,
            handler_seconds=handler_seconds,
            clock=clock,
            interception=_Watch(self),
        )

    def _opened(self, *options: Any) -> None:
        super()._opened(*options)
        self.registry.spawn = None
        self._runtime.redirect_print(partial(self._say, "info"))

    def hooks_for(self, record: Record) -> list[tuple[str, str]]:
        """The hooks that would be shown a record: event and place of each."""
        hearing = [hook.event for hook in self._hooks if hook.hears(record)]
        places = self.registrations()
        return [(displayable(event), displayable(places[event][0])) for event in hearing]

    # What the path calls ------------------------------------------------------------------------

    def prepare(self, loggers: Sequence[Logger]) -> None:
        super().prepare(loggers)
        self._filters = [logger.filter_event or "" for logger in loggers]
        if self._plan is not None:
            self._runtime.observe(self._plan, self._begin_asking, self._end_asking)

    def ask(self, batch: Batch, messages: BatchMessages) -> tuple[list[str], list[Failure]]:
        self.asked = {}
        self._watched = messages
        answers, failures = super().ask(batch, messages)
        for failure in failures:
            if failure.logger not in self.asked:  # no memory was left to begin it
                self._begin_asking(failure.logger + 1)
            self.asked[failure.logger].error = Problem.of(failure.error)
        self._running = None
        return answers, failures

    def receive(self, event: str, messages: BatchMessages, context: Any) -> Refusal | None:
        self._watched = messages
        with self._firing(event) as handled:
            refusal = super().receive(event, messages, context)
            if refusal is not None:
                handled.refused = Refused(refusal.code, displayable(refusal.text))
        return refusal

    def answer(self, event: str, *arguments: Any) -> LuaValue:
        """One that a handler fires itself is a part of that."""
        if self._running is not None or event not in self.registrations():
            return super().answer(event, *arguments)
        with self._firing(event) as handled:
            answer = super().answer(event, *arguments)
            handled.returned = shown(answer)
        return answer

    def note(
        self,
        method: str,
        arguments: Sequence[Any],
        call: Callable[[], Any],
        is_change: bool = False,
    ) -> Any:
        """Makes a call that the running handler asks for, and notes it."""
        if self._running is None:
            return call()
        noted = Call(method, [shown(argument) for argument in arguments], is_change)
        try:
            result = call()
            noted.result = shown(result)
        except (KumologError, ValueError) as error:
            noted.error = displayable(str(error))
            raise
        finally:
            self._add(noted)
        return result

    def is_watched(self, handle: int) -> bool:
        """Whether messages are those that the running handler was given, not its own."""
        return self._batches[handle] is self._watched

    # Called from Lua ----------------------------------------------------------------------------

    def _column(self, handle: int, key: LuaValue) -> Any:
        """None, so that every value is asked for one by one."""
        return None

    def _get_meta(self, handle: int, place: int, key: LuaValue) -> Any:
        find = super()._get_meta
        if not self.is_watched(handle):
            return find(handle, place, key)
        return self.note(f"{_MESSAGE}:get_meta", [key], lambda: find(handle, place, key))

    def _begin_asking(self, number: int) -> None:
        event = self._filters[number - 1]
        self.asked[number - 1] = self._new_run(event)

    def _end_asking(self, number: int, returned: LuaValue = None) -> None:
        self.asked[number - 1].returned = shown(returned)
        self._running = None

    # Notes --------------------------------------------------------------------------------------

    def _say(self, level: str, text: str) -> None:
        if self._running is None:
            self._outside(level, text)
        else:
            self._running.said.append(Said(level, displayable(text)))

    def _new_run(self, event: str) -> Handled:
        self._seen.clear()
        place = self.registrations()[event][0]
        self._running = Handled(displayable(event), displayable(place))
        return self._running

    @contextmanager
    def _firing(self, event: str) -> Iterator[Handled]:
        handled = self._new_run(event)
        self.fired.append(handled)
        try:
            yield handled
        except PolicyError as error:
            handled.error = Problem.of(error)
            raise
        finally:
            self._running = None

    def _add(self, call: Call) -> None:
        form = msgspec.json.encode(call)
        if self._running is not None and (call.is_change or form not in self._seen):
            self._seen.add(form)
            self._running.calls.append(call)


class _Watch:
    """Notes the calls of methods; everything goes on as it would."""

    def __init__(self, policy: TracedPolicy) -> None:
        self._policy = policy

    def function(self, row: Row, function: Function) -> Function:
        return function

    def message_method(self, name: str, method: Function) -> Function:
        def call(handle: int, place: int, *arguments: Any) -> Any:
            if not self._policy.is_watched(handle):
                return method(handle, place, *arguments)
            return self._policy.note(
                f"{_MESSAGE}:{name}", arguments, lambda: method(handle, place, *arguments)
            )

        return call

    def message_change(self, name: str, change: Function) -> Function:
        def call(handle: int, place: int, logger: int | None, *arguments: Any) -> Any:
            def change_it() -> Any:
                return change(handle, place, logger, *arguments)

            if not self._policy.is_watched(handle):
                return change_it()
            return self._policy.note(f"{_MESSAGE}:{name}", arguments, change_it, is_change=True)

        return call

    def object_method(self, value: LuaObject, name: str, method: Function) -> Function:
        if not isinstance(value, Connection):
            return method
        return lambda *arguments: self._policy.note(
            f"{_CONNECTION}:{name}", arguments, lambda: method(*arguments), name == "set_meta"
        )


def _nowhere(_log_dir: str) -> None:
    """Makes no directory, in a policy that is to load as if it was made."""
