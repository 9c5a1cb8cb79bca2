from __future__ import annotations

import errno
import threading
from collections.abc import Callable

import pytest

from kumolog.segments.retry import GaveUpError, Retry


class Waits(threading.Event):
    """An event that notes the waits asked of it instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.asked.append(timeout)
        return self.is_set()


def failing(times: int, code: int = errno.ENOSPC) -> Callable[[], str]:
    left = [OSError(code, "No space left on device")] * times

    def operation() -> str:
        if left:
            raise left.pop()
        return "done"

    return operation


def test_what_works_is_returned_without_a_word() -> None:
    reports: list[str] = []
    assert Retry(reports.append, Waits(), 1.0)("writing", failing(0)) == "done"
    assert reports == []


def test_waits_grow_to_half_a_minute_with_one_report_at_each_end() -> None:
    reports: list[str] = []
    waits = Waits()
    assert Retry(reports.append, waits, 1.0)("writing to x", failing(12)) == "done"
    assert waits.asked == [0.1 * 2**n for n in range(9)] + [30.0] * 3
    assert reports == [
        "writing to x: No space left on device; intake pauses until there is room",
        "writing to x: works again; intake goes on",
    ]


def test_when_in_a_hurry_it_gives_up_at_the_end_of_the_grace() -> None:
    reports: list[str] = []
    hurry = threading.Event()
    hurry.set()
    retry = Retry(reports.append, hurry, 0.15)
    with pytest.raises(GaveUpError, match=r"^writing to x: No space left on device$"):
        retry("writing to x", failing(1000))
    with pytest.raises(GaveUpError):
        retry("the grace is for all operations together", failing(1))
    assert retry("each is still tried once", failing(0)) == "done"


def test_a_hurry_ends_a_long_wait_at_once() -> None:
    hurry = threading.Event()
    heard = threading.Event()
    operation = failing(1)
    retry = Retry(lambda text: heard.set(), hurry, 0.0)
    waits: list[float] = []

    def wait(timeout: float) -> bool:
        waits.append(timeout)
        return threading.Event.wait(hurry, 600)

    hurry.wait = wait  # type: ignore[method-assign,assignment]  # as if it had grown very long
    thread = threading.Thread(target=retry, args=("writing", operation))
    thread.start()
    assert heard.wait(20)
    hurry.set()
    thread.join(20)
    assert not thread.is_alive()
    assert waits == [0.1]


def test_other_faults_are_not_retried() -> None:
    def broken() -> None:
        raise ValueError("a fault of the program")

    with pytest.raises(ValueError, match="fault"):
        Retry(print, Waits(), 1.0)("writing", broken)
