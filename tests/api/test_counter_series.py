"""kumo.counter_series."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.counter_series import CounterSeries, define
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue, from_json


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, None)


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_series_counts_up_and_down(clock: Clock) -> None:
    series = CounterSeries(3, 10, 5, clock)
    series.increment(4)
    assert series.sum() == 9
    series.delta(-2)
    assert series.sum() == 7
    series.observe(1)
    assert series.sum() == 1


def test_buckets_leave_when_their_window_is_over(clock: Clock) -> None:
    series = CounterSeries(3, 10, 0, clock)
    for value in (1, 10, 100):
        series.increment(value)
        clock.now += 10
    assert series.sum() == 110
    clock.now += 9.99
    assert series.sum() == 110
    clock.now += 0.01
    assert series.sum() == 100
    clock.now += 1e9
    assert series.sum() == 0


def test_a_span_covers_the_buckets_it_reaches_into(clock: Clock) -> None:
    series = CounterSeries(4, 10, 0, clock)
    for value in (1, 10, 100):
        series.increment(value)
        clock.now += 10
    spans = [("10s", 0), ("11s", 100), (20, 100), (30.0, 110), ("1h", 111), (0, 0)]
    assert [(span, series.sum_over(span)) for span, _ in spans] == spans


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 1000)), max_size=30))
def test_a_series_agrees_with_counting_by_hand(events: list[tuple[int, int]]) -> None:
    clock, counted = Clock(), []
    series = CounterSeries(5, 7, 0, clock)
    for passed, value in events:
        clock.now += passed
        series.increment(value)
        counted.append((clock.now // 7, value))
    current = clock.now // 7
    assert series.sum() == sum(value for bucket, value in counted if bucket > current - 5)
    assert series.sum_over(14) == sum(value for bucket, value in counted if bucket > current - 2)


def test_a_bucket_keeps_to_its_64_bits(clock: Clock) -> None:
    series = CounterSeries(1, 1, 0, clock)
    series.delta(-5)
    assert series.sum() == 0
    series.observe(2**63 - 1)
    for _ in range(3):
        series.increment(2**63 - 1)
    assert series.sum() == 2**64 - 1


def definition(**changes: LuaValue) -> LuaValue:
    given_keys = {"name": "n", "num_buckets": 3, "bucket_size": "10s"} | changes
    return from_json({key: value for key, value in given_keys.items() if value is not None})


def test_a_series_is_shared_by_its_name(registry: Registry) -> None:
    first = define(registry, "", definition())
    first.increment(3)
    assert define(registry, "", definition()).sum() == 3
    assert define(registry, "", definition(initial_value=9)).sum() == 3
    assert define(registry, "", definition(name="other")).sum() == 0


@pytest.mark.parametrize("change", [{"num_buckets": 4}, {"bucket_size": "11s"}])
def test_another_shape_starts_anew(registry: Registry, change: dict[str, LuaValue]) -> None:
    define(registry, "", definition()).increment(3)
    assert define(registry, "", definition(initial_value=7, **change)).sum() == 7
    assert define(registry, "", definition()).sum() == 0


def test_the_size_of_a_bucket_is_rounded_up_to_seconds(registry: Registry) -> None:
    assert define(registry, "", definition(bucket_size=1.5)).shape == (3, 2)
    assert define(registry, "", definition(name="ms", bucket_size="1ms")).shape == (3, 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"num_buckets": 0}, "num_buckets must be >= 1"),
        ({"bucket_size": 0}, "bucket_size"),
        (
            {"num_buckets": 256},
            "bad argument #1: deserialize error: invalid value: integer `256`, expected u8",
        ),
        ({"num_buckets": 1.0}, "bad argument #1: deserialize error: invalid type"),
        ({"name": None}, "missing field `name`"),
        ({"colour": "red"}, "unknown field `colour`, expected one of `name`, `num_buckets`"),
    ],
)
def test_bad_definitions_raise(
    registry: Registry, change: dict[str, LuaValue], reason: str
) -> None:
    with pytest.raises(KumologError, match=reason):
        define(registry, "", definition(**change))


@pytest.mark.parametrize("method", ["increment", "observe", "delta", "sum_over"])
def test_methods_check_their_arguments(clock: Clock, method: str) -> None:
    with pytest.raises(KumologError, match=f"bad argument #2 to `CounterSeries.{method}`: "):
        getattr(CounterSeries(1, 1, 0, clock), method)(True)


@pytest.mark.parametrize("method", ["increment", "observe"])
def test_only_delta_goes_down(clock: Clock, method: str) -> None:
    with pytest.raises(KumologError, match="out of range"):
        getattr(CounterSeries(1, 1, 0, clock), method)(-1)
