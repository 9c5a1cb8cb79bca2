"""The thread of a spec file: what comes out of it, and when it is left behind."""

from __future__ import annotations

import signal
import threading
from math import inf

import pytest

from kumolog.pulse import Visit
from kumolog.testing.specthread import OverrunError, SpecThread


def test_results_and_errors_come_out_and_the_thread_ends() -> None:
    thread = SpecThread(1)
    pulse, before = thread.pulse, threading.active_count()
    assert thread.run(lambda: threading.current_thread() is threading.main_thread()) is False
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 // 0)
    assert (thread.pulse, threading.active_count()) == (pulse, before)


def test_nobody_may_take_longer_than_the_spec() -> None:
    pulse = SpecThread(3).pulse
    assert pulse.patience == inf  # in Python
    pulse.enter(Visit("a policy that has much time", 20))
    assert pulse.patience == 3
    pulse.enter(Visit("a policy that has little time", 1))
    assert pulse.patience == 1


def test_what_interrupts_the_wait_leaves_the_thread_behind() -> None:
    thread = SpecThread(60)
    pulse, stuck = thread.pulse, threading.Event()

    def work() -> None:
        pulse.enter(Visit("the spec", 60))
        signal.raise_signal(signal.SIGINT)
        stuck.wait()

    with pytest.raises(KeyboardInterrupt):
        thread.run(work)
    assert thread.pulse is not pulse
    assert thread.run(lambda: 1) == 1
    stuck.set()


def test_what_does_not_come_back_is_told_by_what_it_runs() -> None:
    thread = SpecThread(0.1)
    pulse, stuck = thread.pulse, threading.Event()

    def work() -> None:
        pulse.enter(Visit("init.lua:1: the policy file", 20))
        stuck.wait()

    with pytest.raises(OverrunError, match=r"^init\.lua:1: the policy file did not come back with"):
        thread.run(work)
    assert thread.run(lambda: 2) == 2
    stuck.set()
