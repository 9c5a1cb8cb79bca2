from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from kumolog.sources.stop import Stop, StoppableInput


@pytest.fixture
def stop() -> Iterator[Stop]:
    with Stop() as stop:
        yield stop


@pytest.fixture
def pipe() -> Iterator[tuple[io.FileIO, io.FileIO]]:
    reader, writer = os.pipe()
    with io.FileIO(reader) as source, io.FileIO(writer, "w") as sink:
        yield source, sink


def test_it_is_set_once_and_for_all(stop: Stop) -> None:
    assert not stop.is_set()
    stop.set()
    stop.set()
    assert stop.is_set()


def test_waiting_tells_whether_it_was_set(stop: Stop) -> None:
    assert not stop.wait(0.01)
    stop.set()
    assert stop.wait(600)


def test_a_read_gives_what_a_pipe_has_and_then_its_end(
    stop: Stop, pipe: tuple[io.FileIO, io.FileIO]
) -> None:
    source, sink = pipe
    reader, buffer = StoppableInput(source, stop), memoryview(bytearray(100))
    sink.write(b"some")
    assert reader.readinto(buffer) == 4
    assert buffer[:4] == b"some"
    sink.close()
    assert reader.readinto(buffer) == 0


def test_a_non_blocking_pipe_is_waited_for(stop: Stop, pipe: tuple[io.FileIO, io.FileIO]) -> None:
    source, sink = pipe
    os.set_blocking(source.fileno(), False)
    threading.Timer(0.1, sink.write, [b"late"]).start()
    assert StoppableInput(source, stop).readinto(memoryview(bytearray(100))) == 4


def test_a_blocked_read_ends_when_another_thread_stops_it(
    stop: Stop, pipe: tuple[io.FileIO, io.FileIO]
) -> None:
    threading.Timer(0.1, stop.set).start()
    assert StoppableInput(pipe[0], stop).readinto(memoryview(bytearray(100))) == 0


def test_a_blocked_read_ends_when_a_signal_handler_stops_it(
    stop: Stop, pipe: tuple[io.FileIO, io.FileIO]
) -> None:
    previous = signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    try:
        threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        assert StoppableInput(pipe[0], stop).readinto(memoryview(bytearray(100))) == 0
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_nothing_is_read_once_it_is_set(stop: Stop, pipe: tuple[io.FileIO, io.FileIO]) -> None:
    pipe[1].write(b"late")
    stop.set()
    assert StoppableInput(pipe[0], stop).readinto(memoryview(bytearray(100))) == 0
    assert pipe[0].read(100) == b"late"
