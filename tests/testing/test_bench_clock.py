"""The clock of a bench: freezing it, and putting it forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.spool_id import created_at
from kumolog.testing.bench_clock import SteeredClock

SECONDS = 1_714_564_800


def test_the_clock_runs_until_it_is_frozen() -> None:
    steered = SteeredClock()
    assert abs(steered.clock.wall() - time.time()) < 60
    steered.freeze()
    assert steered.clock.wall_ns() == steered.clock.wall_ns()
    assert steered.clock.monotonic() == steered.clock.monotonic()


@pytest.mark.parametrize(
    "at",
    [
        SECONDS,
        float(SECONDS),
        "2024-05-01T12:00:00Z",
        "2024-05-01 12:00:00",
        "2024-05-01T14:00:00+02:00",
        datetime(2024, 5, 1, 12, tzinfo=UTC),
        datetime(2024, 5, 1, 13, tzinfo=timezone(timedelta(hours=1))),
        datetime(2024, 5, 1, 12),
    ],
)
def test_a_moment_has_many_spellings(at: float | str | datetime) -> None:
    steered = SteeredClock()
    steered.freeze(at)
    assert steered.clock.wall() == SECONDS
    assert steered.clock.wall_ns() == SECONDS * 10**9


def test_what_is_no_moment_is_refused() -> None:
    with pytest.raises(KumologError, match="freezing the clock at 'noon'"):
        SteeredClock().freeze("noon")


@pytest.mark.parametrize(
    ("span", "seconds"), [(90, 90), (0.5, 0.5), ("1m 30s", 90), ("2 hours", 7200)]
)
def test_the_clock_is_put_forward(span: float | str, seconds: float) -> None:
    steered = SteeredClock()
    steered.freeze(SECONDS)
    before = steered.clock.monotonic()
    steered.advance(span)
    assert steered.clock.wall() == SECONDS + seconds
    assert steered.clock.monotonic() - before == pytest.approx(seconds)


@pytest.mark.parametrize("span", [-1, "soon", "-5s"])
def test_time_goes_forward_only(span: float | str) -> None:
    with pytest.raises(KumologError, match="advancing the clock by"):
        SteeredClock().advance(span)


def test_a_running_clock_runs_on_after_a_leap() -> None:
    steered = SteeredClock()
    steered.advance("1 day")
    assert 86_400 <= steered.clock.wall() - time.time() + 1 < 86_460


@given(st.lists(st.one_of(st.integers(0, 2**33), st.tuples(st.integers(0, 10**6)))))
def test_durations_never_go_back_however_the_clock_is_steered(
    steps: list[int | tuple[int]],
) -> None:
    steered = SteeredClock()
    steered.freeze(SECONDS)
    last = steered.clock.monotonic()
    for step in steps:
        if isinstance(step, tuple):
            steered.advance(step[0])
        else:
            before = steered.clock.wall()
            steered.freeze(step)
            assert steered.clock.monotonic() - last == pytest.approx(max(0, step - before))
        assert steered.clock.monotonic() >= last
        last = steered.clock.monotonic()


def test_identifiers_carry_the_time_and_differ() -> None:
    steered = SteeredClock()
    steered.freeze(SECONDS)
    made = [steered.clock.uuid1() for _ in range(3)]
    steered.freeze(SECONDS - 10)
    steered.freeze(SECONDS)
    made.append(steered.clock.uuid1())
    assert len(set(made)) == 4
    assert {created_at(each.hex) for each in made} == {SECONDS}
    assert {each.version for each in made} == {1}


def test_waiting_takes_no_time_while_the_clock_stands_still() -> None:
    steered, event = SteeredClock(), Event()
    steered.freeze(SECONDS)
    assert not steered.clock.wait(event.wait, 3600)
    assert steered.clock.wall() == SECONDS + 3600
    event.set()
    assert steered.clock.wait(event.wait, 3600)
    assert steered.clock.wall() == SECONDS + 3600
