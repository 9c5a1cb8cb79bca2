"""The policy on a bench: a `Policy` whose events can be fired one by one, and its messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from kumolog.api.registry import Refusals, Report
from kumolog.api.surface import surface
from kumolog.clock import Clock
from kumolog.errors import KumologError, PolicyError
from kumolog.event import Batch
from kumolog.logger import Failure
from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaTable
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.message import BatchMessages, Message
from kumolog.policy import Attach, Policy, nearest
from kumolog.pulse import Pulse
from kumolog.testing.bench_decisions import Notes
from kumolog.testing.bench_files import StandIns
from kumolog.testing.bench_mocks import Mocks


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A neutral value with each value in its tables changed."""
    if not isinstance(value, LuaTable):
        return change(value)
    items = [(change(key), mapped(item, change)) for key, item in value.items]
    return LuaTable(items, [mapped(item, change) for item in value.sequence], value.is_array)


class Rejection(NamedTuple):
    """What `kumo.reject` or `kumo.disconnect` answered with."""

    code: int
    text: str


class Fired(NamedTuple):
    """What an event gave: all results of its handler, or the rejection that ended it."""

    results: tuple[Any, ...]
    rejection: Rejection | None = None

    @property
    def value(self) -> Any:
        """The first result."""
        return self.results[0] if self.results else None


class BenchMessage(LuaObject):
    """A message of the policy's runtime.

    It has the methods that the policy finds in it, mocks included: ``message.get_meta("tenant")``.
    """

    lua_name = "Message"
    lua_methods: ClassVar[Mapping[str, str]] = {
        name: name
        for kind, _, name in (row.name.partition(":") for row in surface() if row.kind == "method")
        if kind == "message" and not name.startswith("__")
    }

    def __init__(
        self, policy: BenchPolicy, messages: BatchMessages, handle: int, place: int, lua: Any
    ) -> None:
        self._policy = policy
        self._messages = messages
        self.handle = handle
        self.place = place
        self.lua = lua

    def is_of(self, policy: BenchPolicy) -> bool:
        """Whether that policy has made it."""
        return self._policy is policy

    @property
    def state(self) -> Message:
        """The message as it is now."""
        return self._messages.message(self.place)

    def __getattr__(self, name: str) -> Any:
        if name not in self.lua_methods:
            raise AttributeError(name)
        return lambda *arguments: self._policy.call_method(self, name, *arguments)


class BenchAddress(LuaObject):
    """An envelope address, as the handlers of an SMTP server get it."""

    lua_name = "EnvelopeAddress"

    def __init__(self, text: str) -> None:
        """Raises KumologError for what is none."""
        self.address = EnvelopeAddress.parse(text)


class BenchPolicy(Policy):
    """``notes`` gets the failures of filters."""

    def __init__(
        self,
        path: Path,
        report: Report,
        clock: Clock,
        files: StandIns,
        notes: Notes,
        *,
        load_seconds: float,
        handler_seconds: float,
        max_memory: int | None,
        attach: Attach | None,
        pulse: Pulse | None,
    ) -> None:
        self.mocks = Mocks(lambda: self._runtime.place(), self._message_object)
        super().__init__(
            path,
            report,
            make_directory=lambda _: None,
            load_seconds=load_seconds,
            handler_seconds=handler_seconds,
            max_memory=max_memory,
            clock=clock,
            files=files,
            interception=self.mocks,
            attach=attach,
            pulse=pulse,
        )
        self._notes = notes

    def _opened(self, *options: Any) -> None:
        super()._opened(*options)
        self.registry.spawn = None  # a test fires the event of a task itself

    def ask(self, batch: Batch, messages: BatchMessages) -> tuple[list[str], list[Failure]]:
        answers, failures = super().ask(batch, messages)
        self._notes.failures = failures
        return answers, list(failures)

    def fire_event(self, event: str, arguments: tuple[Any, ...]) -> Fired:
        """All that an event gives; raises PolicyError where its handler fails."""
        registered = self.registrations()
        if event not in registered:
            near = nearest(event, list(registered))
            hint = f": did you mean `{near}`?" if near else ""
            raise KumologError(f"firing {event}: the policy has no handler for it{hint}")
        refusals = self.registry.state(Refusals)
        refusals.last = None
        self.registry.stage = event
        given = [self._to_lua(argument) for argument in arguments]
        try:
            results = self._runtime.fire_for_all(event, *given)
            return Fired(tuple(mapped(result, self._callable) for result in results))
        except PolicyError as error:
            refusal = refusals.take(error)
            if refusal is None:
                raise
            return Fired((), Rejection(refusal.code, refusal.text))
        finally:
            self.registry.stage = "run"
            self._let_go(self._runtime.take_released())

    def _callable(self, value: Any) -> Any:
        """A function of the policy as one to be called when the event is over."""
        if not isinstance(value, LuaFunction):
            return value

        def call(*arguments: Any) -> Any:
            given = map(self._to_lua, arguments)
            return mapped(self._runtime.call_again(value.own, *given), self._callable)

        return LuaFunction(call, value.owner, value.own)

    def message(self, batch: Batch) -> BenchMessage:
        """The message of a batch that has only it."""
        return self._new_message(BatchMessages(batch), len(batch), 0)

    def call_method(self, message: BenchMessage, method: str, *arguments: Any) -> Any:
        """What a method of a message gives; raises KumologError."""
        read = self.mocks.reader(method)
        if read is not None:
            return read(message.handle, message.place + 1, *arguments)
        if method == "get_meta":
            return self._get_meta(message.handle, message.place + 1, *arguments)
        # Lua takes a note of a change.
        return self._runtime.call_method(message.lua, method, *arguments)

    def _message_object(self, handle: int, place: int) -> BenchMessage:
        messages = self._batches[handle]
        return self._new_message(messages, place + 1, place)

    def _new_message(self, messages: BatchMessages, size: int, place: int) -> BenchMessage:
        handle = self._hold(messages)
        lua = self._runtime.new_message(handle, size, place)
        return BenchMessage(self, messages, handle, place, lua)

    def _to_lua(self, argument: Any) -> Any:
        if isinstance(argument, BenchMessage):
            if not argument.is_of(self):
                raise KumologError(
                    "handing over a message of another policy: each policy makes its own with "
                    "policy:message"
                )
            return argument.lua
        if isinstance(argument, BenchAddress):
            argument = argument.address
        return self._runtime.convert.to_lua(argument)
