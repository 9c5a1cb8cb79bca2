"""kumo.mpsc."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kumolog.api.mpsc import Channel, Queue, define
from kumolog.api.registry import Registry
from kumolog.api.timevalue import TimeDelta
from kumolog.errors import KumologError
from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque

IN_A_HURRY, PATIENT = 0.02, 60.0  # seconds


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, None)


def queue(limit: int | None = None, seconds: float = IN_A_HURRY) -> Queue:
    registry = Registry(lambda _level, _text: None, None)
    registry.seconds_left = lambda: seconds
    return Queue(Channel("name", limit), registry)


class AgainstADeque(RuleBasedStateMachine):
    """Everything that never waits, on a queue for three values."""

    def __init__(self) -> None:
        super().__init__()
        self.queue, self.model, self.closed = queue(3), deque[LuaValue](), False

    @rule(value=st.one_of(st.none(), st.integers(), st.text()))
    def try_send(self, value: LuaValue) -> None:
        if self.closed:
            with pytest.raises(KumologError, match="channel closed"):
                self.queue.try_send(value)
            return
        assert self.queue.try_send(value) == (len(self.model) < 3)
        if len(self.model) < 3:
            self.model.append(value)

    @rule()
    def try_recv(self) -> None:
        assert self.queue.try_recv() == (self.model.popleft() if self.model else None)

    @rule(limit=st.integers(1, 5))
    def recv_many(self, limit: int) -> None:
        if self.model or self.closed:
            expected = [self.model.popleft() for _ in range(min(limit, len(self.model)))]
            assert self.queue.recv_many(limit) == expected

    @rule()
    def close(self) -> None:
        self.queue.close()
        self.closed = True

    @invariant()
    def is_as_it_says(self) -> None:
        assert self.queue.len() == len(self.model)
        assert self.queue.is_empty() == (not self.model)
        assert self.queue.is_closed() == self.closed


TestAgainstADeque = AgainstADeque.TestCase


def test_a_queue_is_shared_by_its_name_and_keeps_its_first_limit(registry: Registry) -> None:
    first = define(registry, "", "q", 1)
    assert define(registry, "", "q", 99).channel is first.channel
    assert first.try_send(1)
    assert not define(registry, "", "q").try_send(2)
    assert define(registry, "", "other").try_send(2)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("q", 0), "room for one value"),
        ((), "bad argument #1"),
        (("q", -1), "bad argument #2: .* usize"),
        (("q", "many"), "bad argument #2"),
    ],
)
def test_bad_definitions_raise(registry: Registry, arguments: Any, reason: str) -> None:
    with pytest.raises(KumologError, match=reason):
        define(registry, "", *arguments)


def test_values_come_out_in_the_order_in_which_they_went_in() -> None:
    values: list[LuaValue] = [1, "text", b"\xff", 1.5, True, NULL]
    channel = queue()
    for value in values:
        assert channel.send(value) is None
    assert [channel.recv() for _ in values] == values


def test_a_table_comes_out_as_an_object_of_its_own() -> None:
    channel = queue()
    for _ in range(2):
        channel.send(LuaTable([("key", 5)]))
    assert channel.recv().index("key") == 5
    assert [table.index("key") for table in channel.recv_many(1)] == [5]


@pytest.mark.parametrize(
    "value",
    [
        Opaque("function"),
        Opaque("thread"),
        TimeDelta(5),
        LuaTable([("deep", LuaTable([("f", Opaque("function"))]))]),
        LuaTable([(Opaque("function"), 1)]),
    ],
)
def test_what_cannot_leave_its_lua_state_is_refused(value: LuaValue) -> None:
    channel = queue()
    for send in (channel.send, channel.try_send, lambda value: channel.send_timeout(value, 1)):
        with pytest.raises(KumologError, match="cannot be kept"):
            send(value)
    assert channel.is_empty()


def test_a_closed_queue_takes_nothing_but_gives_what_it_has() -> None:
    channel = queue()
    for value in (1, 2, 3):
        channel.send(value)
    channel.close()
    channel.close()
    for send in (channel.send, channel.try_send, lambda value: channel.send_timeout(value, 1)):
        with pytest.raises(KumologError, match="channel closed"):
            send(4)
    assert channel.recv() == 1
    assert channel.recv_many(5) == [2, 3]
    assert channel.recv() is None
    assert channel.recv_many(5) == []
    assert channel.try_recv() is None


def test_sending_times_out_when_there_is_no_room() -> None:
    channel = queue(1, PATIENT)
    channel.send_timeout("fits", 0)
    with pytest.raises(KumologError, match="timed out"):
        channel.send_timeout("does not", 0.01)
    assert channel.len() == 1


@pytest.mark.parametrize("seconds", [-1, float("nan"), None, "soon"])
def test_a_timeout_is_a_number_of_seconds(seconds: Any) -> None:
    with pytest.raises(KumologError, match="send_timeout"):
        queue().send_timeout(1, seconds)


def test_waiting_in_vain_ends_with_the_budget_of_the_call() -> None:
    empty, full = queue(), queue(1)
    full.send(1)
    waits = (
        empty.recv,
        lambda: empty.recv_many(2),
        lambda: full.send(2),
        lambda: full.send_timeout(2, 3600),
    )  # fmt: skip - one row of them
    for wait in waits:
        with pytest.raises(KumologError, match=r"waited in vain for the 0\.02 seconds"):
            wait()
    assert empty.is_empty()


def test_nothing_is_waited_for_where_nothing_is_wanted() -> None:
    assert queue().recv_many(0) == []


class Waiting:
    """A call that waits in a thread of its own until somebody helps it."""

    def __init__(self, channel: Queue, call: Any) -> None:
        self.result: Any = None
        self._thread = threading.Thread(target=lambda: setattr(self, "result", call()))
        self._thread.start()
        while not channel.channel.changed._waiters:  # type: ignore[attr-defined] # nothing public tells
            time.sleep(0.001)

    def ended(self) -> Any:
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.result


def test_a_receiver_waits_for_a_sender() -> None:
    channel = queue(None, PATIENT)
    waiting = Waiting(channel, channel.recv)
    channel.send("at last")
    assert waiting.ended() == "at last"


def test_a_sender_waits_for_a_receiver() -> None:
    channel = queue(1, PATIENT)
    channel.send(1)
    waiting = Waiting(channel, lambda: channel.send_timeout(2, 30))
    assert channel.recv() == 1
    assert waiting.ended() is None
    assert channel.recv() == 2


def test_closing_ends_those_who_wait() -> None:
    receiving, sending = queue(None, PATIENT), queue(1, PATIENT)
    sending.send(1)
    waiting = Waiting(receiving, lambda: receiving.recv_many(3))
    receiving.close()
    assert waiting.ended() == []

    def refused() -> bool:
        with pytest.raises(KumologError, match="channel closed"):
            sending.send(2)
        return True

    waiting = Waiting(sending, refused)
    sending.close()
    assert waiting.ended()


def test_there_is_one_receiver_at_a_time() -> None:
    channel = queue(None, PATIENT)
    waiting = Waiting(channel, channel.recv)
    for act in (
        channel.recv,
        channel.try_recv,
        channel.is_empty,
        channel.len,
        lambda: channel.recv_many(1),
    ):
        with pytest.raises(KumologError, match="another receive is pending"):
            act()
    assert not channel.is_closed()
    channel.send(1)
    assert waiting.ended() == 1
    assert channel.is_empty()
