"""`kumo.mpsc`: queues in this process, by name, of many senders and one receiver at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import TIMEOUT_MAX, Condition, Lock
from time import monotonic
from typing import ClassVar, Final

from msgspec import Struct, field

from kumolog.api.calls import check_call
from kumolog.api.memoized import given_out, kept
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import integer, method, number

_LOOK_UP_SECONDS: Final = 0.2  # after which a call that waits looks whether its policy ends


def define(registry: Registry, _place: str, *arguments: LuaValue) -> Queue:
    """The queue of a name; the first call decides how many values it holds."""
    name, limit = check_call("kumo.mpsc.define", arguments)
    if limit == 0:
        raise KumologError("kumo.mpsc.define: a queue has to have room for one value at least")
    return Queue(registry.state(Channels).get(name, limit), registry)


class Channel(Struct):
    """What threads share of a queue; ``limit`` is how many values it holds, None for no limit."""

    name: str
    limit: int | None
    values: deque[LuaValue] = field(default_factory=deque)
    changed: Condition = field(default_factory=Condition)
    is_closed: bool = False
    is_receiving: bool = False

    def is_full(self) -> bool:
        """Whether there is no room; a closed queue is not waited for."""
        return not self.is_closed and self.limit is not None and len(self.values) >= self.limit

    def has_answer(self) -> bool:
        """Whether a receiver need not wait."""
        return bool(self.values) or self.is_closed


class Channels(Struct):
    """The queues that the policy and its tasks have defined, by name."""

    known: dict[str, Channel] = {}
    lock: Lock = field(default_factory=Lock)

    def get(self, name: str, limit: int | None) -> Channel:
        with self.lock:
            return self.known.setdefault(name, Channel(name, limit))


class Queue(LuaObject):
    """A queue as the policy of ``registry``, or a task of it, has it.

    Waiting ends in a KumologError when the time budget of the waiting call is used up: a handler
    must not hang because nobody sends; in a task it ends when the policy does. KumoMTA: the queue
    objects of kumo.mpsc; closing ends a waiting receiver as its documentation has it, and its code
    does not.
    """

    lua_name = "MpscQueue"
    lua_methods: ClassVar[Mapping[str, str]] = {
        "close": "close",
        "is_closed": "is_closed",
        "is_empty": "is_empty",
        "len": "len",
        "recv": "recv",
        "recv_many": "recv_many",
        "send": "send",
        "send_timeout": "send_timeout",
        "try_recv": "try_recv",
        "try_send": "try_send",
    }

    def __init__(self, channel: Channel, registry: Registry) -> None:
        self.channel, self._registry = channel, registry

    def send(self, value: LuaValue = None, *_: LuaValue) -> None:
        """Waits while the queue is full."""
        self._send("send", value, None)

    def send_timeout(self, value: LuaValue = None, seconds: LuaValue = None, *_: LuaValue) -> None:
        """Waits while the queue is full, but no longer than so many seconds, and raises then."""
        wanted = number(seconds, method(2, "MpscQueue.send_timeout"))
        if not wanted >= 0:
            raise self._failed("send_timeout", f"{wanted:g} is no number of seconds to wait")
        self._send("send_timeout", value, wanted)

    def try_send(self, value: LuaValue = None, *_: LuaValue) -> bool:
        """False when the queue is full."""
        value = self._kept("try_send", value)
        with self.channel.changed:
            return not self.channel.is_full() and self._put("try_send", value)

    def recv(self, *_: LuaValue) -> LuaValue:
        """The first value, which is waited for; None when the queue is closed and empty."""
        with self._receiving("recv"):
            self._await_value("recv")
            return self._take() if self.channel.values else None

    def recv_many(self, limit: LuaValue = None, *_: LuaValue) -> list[LuaValue]:
        """Up to ``limit`` values, the first waited for; none when the queue is closed and empty."""
        most = integer(limit, method(1, "MpscQueue.recv_many"), "usize")
        with self._receiving("recv_many"):
            if most:
                self._await_value("recv_many")
            return [self._take() for _ in range(min(most, len(self.channel.values)))]

    def try_recv(self, *_: LuaValue) -> LuaValue:
        """The first value; None when there is none now."""
        with self._receiving("try_recv"):
            return self._take() if self.channel.values else None

    def close(self, *_: LuaValue) -> None:
        """Nothing can be sent any more; what was sent can still be received."""
        with self.channel.changed:
            self.channel.is_closed = True
            self.channel.changed.notify_all()

    def is_closed(self, *_: LuaValue) -> bool:
        return self.channel.is_closed

    def is_empty(self, *_: LuaValue) -> bool:
        with self._receiving("is_empty"):
            return not self.channel.values

    def len(self, *_: LuaValue) -> int:
        with self._receiving("len"):
            return len(self.channel.values)

    def _send(self, act: str, value: LuaValue, seconds: float | None) -> None:
        value = self._kept(act, value)
        with self.channel.changed:
            if not self._wait(act, lambda: not self.channel.is_full(), seconds):
                raise self._failed(act, "timed out waiting on send operation")
            self._put(act, value)

    def _kept(self, act: str, value: LuaValue) -> LuaValue:
        return kept(value, f"the queue {self.channel.name!r}: {act}")

    def _put(self, act: str, value: LuaValue) -> bool:
        if self.channel.is_closed:
            raise self._failed(act, "channel closed")
        self.channel.values.append(value)
        self.channel.changed.notify_all()
        return True

    def _take(self) -> LuaValue:
        self.channel.changed.notify_all()
        return given_out(self.channel.values.popleft())

    @contextmanager
    def _receiving(self, act: str) -> Iterator[None]:
        """Holds the queue; raises KumologError while another receiver waits."""
        channel = self.channel
        with channel.changed:
            if channel.is_receiving:
                raise self._failed(act, "another receive is pending")
            channel.is_receiving = True
            try:
                yield
            finally:
                channel.is_receiving = False

    def _await_value(self, act: str) -> None:
        self._wait(act, self.channel.has_answer, None)

    def _wait(self, act: str, ready: Callable[[], bool], seconds: float | None) -> bool:
        """Whether it is ready before so many seconds have passed, if that is not for ever."""
        if ready():
            return True
        left = self._registry.seconds_left()
        most = left if seconds is None else min(seconds, left)
        came = self._registry.clock.wait(
            lambda limit: self._is_ready_within(ready, limit), max(0.0, min(most, TIMEOUT_MAX))
        )
        if came or (seconds is not None and seconds <= left):
            return came
        if self._registry.ending.is_set():
            raise self._failed(act, "the policy ends")
        raise self._failed(act, f"waited in vain for the {left:.3g} seconds that this call has")

    def _is_ready_within(self, ready: Callable[[], bool], seconds: float) -> bool:
        end = monotonic() + seconds
        while not ready():
            left = end - monotonic()
            if left <= 0 or self._registry.ending.is_set():
                return False
            self.channel.changed.wait(min(left, _LOOK_UP_SECONDS))
        return True

    def _failed(self, act: str, why: str) -> KumologError:
        return KumologError(f"the queue {self.channel.name!r}: {act}: {why}")
