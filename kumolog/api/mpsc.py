"""`kumo.mpsc`: queues in this process, by name, of many senders and one receiver at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from threading import Condition, Lock
from typing import ClassVar

from msgspec import Struct, field

from kumolog.api.calls import check_call
from kumolog.api.memoized import given_out, kept
from kumolog.api.patience import Patience
from kumolog.api.registry import Registry
from kumolog.clock import Clock
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import integer, method, number


def define(registry: Registry, _place: str, *arguments: LuaValue) -> Queue:
    """The queue of a name; the first call decides how many values it holds."""
    name, limit = check_call("kumo.mpsc.define", arguments)
    if limit == 0:
        raise KumologError("kumo.mpsc.define: a queue has to have room for one value at least")
    return registry.state(Queues).get(name, limit, registry.state(Patience), registry.clock)


class Queues(Struct):
    """The queues that the policy has defined, by name."""

    known: dict[str, Queue] = {}
    lock: Lock = field(default_factory=Lock)

    def get(self, name: str, limit: int | None, patience: Patience, clock: Clock) -> Queue:
        with self.lock:
            return self.known.setdefault(name, Queue(name, limit, patience, clock))


class Queue(LuaObject):
    """A queue that threads may share; ``limit`` is how many values it holds, None for no limit.

    Waiting ends in a KumologError when the time budget of the waiting call is used up: a handler
    must not hang because nobody sends. KumoMTA: the queue objects of kumo.mpsc; closing ends a
    waiting receiver as its documentation has it, and its code does not.
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

    def __init__(self, name: str, limit: int | None, patience: Patience, clock: Clock) -> None:
        self._name, self._limit, self._patience, self._clock = name, limit, patience, clock
        self._values: deque[LuaValue] = deque()
        self._changed = Condition()
        self._is_closed = self._is_receiving = False

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
        with self._changed:
            return not self._is_full() and self._put("try_send", value)

    def recv(self, *_: LuaValue) -> LuaValue:
        """The first value, which is waited for; None when the queue is closed and empty."""
        with self._receiving("recv"):
            self._await_value("recv")
            return self._take() if self._values else None

    def recv_many(self, limit: LuaValue = None, *_: LuaValue) -> list[LuaValue]:
        """Up to ``limit`` values, the first waited for; none when the queue is closed and empty."""
        most = integer(limit, method(1, "MpscQueue.recv_many"), "usize")
        with self._receiving("recv_many"):
            if most:
                self._await_value("recv_many")
            return [self._take() for _ in range(min(most, len(self._values)))]

    def try_recv(self, *_: LuaValue) -> LuaValue:
        """The first value; None when there is none now."""
        with self._receiving("try_recv"):
            return self._take() if self._values else None

    def close(self, *_: LuaValue) -> None:
        """Nothing can be sent any more; what was sent can still be received."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def is_closed(self, *_: LuaValue) -> bool:
        return self._is_closed

    def is_empty(self, *_: LuaValue) -> bool:
        with self._receiving("is_empty"):
            return not self._values

    def len(self, *_: LuaValue) -> int:
        with self._receiving("len"):
            return len(self._values)

    def _send(self, act: str, value: LuaValue, seconds: float | None) -> None:
        value = self._kept(act, value)
        with self._changed:
            if not self._wait(act, lambda: not self._is_full(), seconds):
                raise self._failed(act, "timed out waiting on send operation")
            self._put(act, value)

    def _kept(self, act: str, value: LuaValue) -> LuaValue:
        return kept(value, f"the queue {self._name!r}: {act}")

    def _is_full(self) -> bool:
        """Whether there is no room; a closed queue is not waited for."""
        return not self._is_closed and self._limit is not None and len(self._values) >= self._limit

    def _put(self, act: str, value: LuaValue) -> bool:
        if self._is_closed:
            raise self._failed(act, "channel closed")
        self._values.append(value)
        self._changed.notify_all()
        return True

    def _take(self) -> LuaValue:
        self._changed.notify_all()
        return given_out(self._values.popleft())

    @contextmanager
    def _receiving(self, act: str) -> Iterator[None]:
        """Holds the queue; raises KumologError while another receiver waits."""
        with self._changed:
            if self._is_receiving:
                raise self._failed(act, "another receive is pending")
            self._is_receiving = True
            try:
                yield
            finally:
                self._is_receiving = False

    def _await_value(self, act: str) -> None:
        self._wait(act, lambda: bool(self._values) or self._is_closed, None)

    def _wait(self, act: str, ready: Callable[[], bool], seconds: float | None) -> bool:
        if ready():
            return True
        left = self._patience.left()
        wait = partial(self._changed.wait_for, ready)
        if seconds is not None and seconds <= left:
            return self._clock.wait(wait, seconds)
        if not self._clock.wait(wait, left):
            raise self._failed(act, f"waited in vain for the {left:g} seconds that this call has")
        return True

    def _failed(self, act: str, why: str) -> KumologError:
        return KumologError(f"the queue {self._name!r}: {act}: {why}")
