from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kumolog.errors import SegmentError
from kumolog.lines import Lines
from kumolog.segments.intake import QUEUE_BYTES, Intake
from kumolog.segments.names import Target
from kumolog.segments.segment import CHUNK

TARGET = Target(Path("out"))


def put_aside(intake: Intake, lines: list[bytes]) -> threading.Thread:
    thread = threading.Thread(target=intake.put, args=(TARGET, Lines.of(lines)), daemon=True)
    thread.start()
    return thread


def take_aside(intake: Intake) -> tuple[threading.Thread, list[int]]:
    """A thread that takes once, and how many batches it took when it is done."""
    taken: list[int] = []
    thread = threading.Thread(target=lambda: taken.append(len(intake.take(20) or ())), daemon=True)
    thread.start()
    return thread, taken


def waits(thread: threading.Thread) -> bool:
    thread.join(0.05)
    return thread.is_alive()


def test_batches_are_taken_whole_in_order_with_their_size() -> None:
    intake = Intake(10)
    intake.put(TARGET, Lines.of([b"1", b"22"]))
    intake.put(TARGET, Lines.of([b"3"]))
    taken = intake.take(0)
    assert taken is not None
    assert list(taken) == [(TARGET, [b"1", b"22"]), (TARGET, [b"3"])]
    assert [lines.size for _, lines in taken] == [5, 2]


def test_taking_from_an_empty_queue_gives_nothing_in_time_and_none_at_the_end() -> None:
    intake = Intake(10)
    assert not intake.take(-1.0)
    assert not intake.take(0.01)
    intake.put(TARGET, Lines.of([b"1"]))
    intake.close()
    assert intake.take(float("inf"))
    assert intake.take(float("inf")) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [([b"x"] * 10, [b"y"]), ([b"x" * (QUEUE_BYTES - 2)], [b"y"]), ([b"x"] * 99, [b"y"])],
)
def test_putting_waits_while_records_or_bytes_are_too_many(
    first: list[bytes], second: list[bytes]
) -> None:
    intake = Intake(10)
    intake.put(TARGET, Lines.of(first))
    thread = put_aside(intake, second)
    assert waits(thread)
    assert intake.take(0)
    thread.join(20)
    assert intake.take(0)


def test_what_fits_exactly_does_not_wait() -> None:
    intake = Intake(10)
    intake.put(TARGET, Lines.of([b"x"] * 9))
    thread = put_aside(intake, [b"x" * (QUEUE_BYTES - 18 - 1)])
    thread.join(20)
    assert not thread.is_alive()


def test_a_rendezvous_waits_for_the_taker() -> None:
    intake = Intake(0)
    thread = put_aside(intake, [b"x"])
    assert waits(thread)
    taken = intake.take(20)
    assert taken is not None
    thread.join(20)
    assert not thread.is_alive()


def test_a_patient_taker_waits_for_more_until_there_is_enough() -> None:
    intake = Intake(10, patience=20.0)
    taker, taken = take_aside(intake)
    intake.put(TARGET, Lines.of([b"1"]))
    assert waits(taker)
    intake.put(TARGET, Lines.of([b"x" * CHUNK]))
    taker.join(10)
    assert taken == [2]


@pytest.mark.parametrize("end", [Intake.close, lambda intake: intake.put(TARGET, Lines.of([b"2"]))])
def test_a_patient_taker_waits_no_longer_where_nothing_more_can_come(
    end: Callable[[Intake], None],
) -> None:
    intake = Intake(1, patience=20.0)
    intake.put(TARGET, Lines.of([b"1"]))
    taker, taken = take_aside(intake)
    assert waits(taker)
    end(intake)
    taker.join(10)
    assert taken == [1]


def test_a_patient_taker_lets_nobody_wait_who_has_more() -> None:
    intake = Intake(1, patience=20.0)
    intake.put(TARGET, Lines.of([b"1"]))
    putter = put_aside(intake, [b"2"])
    assert waits(putter)
    assert intake.take(20)
    putter.join(10)
    assert not putter.is_alive()


def test_those_who_wait_when_it_closes_are_told_that_nothing_was_queued() -> None:
    intake = Intake(1)
    intake.put(TARGET, Lines.of([b"1"]))
    refused: list[str] = []

    def put() -> None:
        try:
            intake.put(TARGET, Lines.of([b"2"]))
        except SegmentError as error:
            refused.append(str(error))

    thread = threading.Thread(target=put)
    thread.start()
    assert waits(thread)
    intake.close()
    thread.join(20)
    assert refused == ["putting records into a writer that is closed"]
    taken = intake.take(0)
    assert taken is not None
    assert len(taken) == 1


def test_those_who_wait_when_the_taker_breaks_are_told_why() -> None:
    intake = Intake(1)
    intake.broke(ValueError("why"))
    with pytest.raises(SegmentError) as caught:
        intake.put(TARGET, Lines.of([b"2"]))
    assert str(caught.value.__cause__) == "why"
