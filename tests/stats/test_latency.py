"""Quantiles and their error."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.stats.latency import LEAST, RELATIVE_ERROR, Latencies

seconds = st.floats(0, 3e11) | st.integers(0, 10_000) | st.floats(0, 2)
shares = st.floats(0.01, 1)


def latencies(*blocks: list[float]) -> Latencies:
    counted = Latencies()
    for block in blocks:
        counted.add(block)
    return counted


@given(st.lists(seconds, min_size=1, max_size=200), shares)
def test_a_quantile_is_as_near_as_promised(values: list[float], share: float) -> None:
    exact = sorted(values)[math.ceil(share * len(values)) - 1]
    found = latencies(values).quantile(share)
    assert found is not None
    assert abs(found - exact) <= max(RELATIVE_ERROR * exact * (1 + 1e-9), LEAST)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=200), shares)
def test_whole_seconds_up_to_a_hundred_are_exact(values: list[float], share: float) -> None:
    assert latencies(values).quantile(share) == sorted(values)[math.ceil(share * len(values)) - 1]


def test_there_is_none_without_any() -> None:
    assert latencies([]).quantile(0.5) is None


def test_what_clocks_that_differ_make_of_it_is_zero() -> None:
    assert latencies([-5, -1, 3]).quantile(0.5) == 0


def test_blocks_add_up() -> None:
    counted = latencies([1, 2], [3], [4, 100])
    assert counted.count == 5
    assert counted.quantile(0.5) == 3
    assert counted.quantile(0.95) == 100


def test_the_buckets_are_bounded() -> None:
    counted = latencies([1.007**n for n in range(-1000, 3800)])
    assert len(counted._counts) < 3500
    assert counted.quantile(1) == pytest.approx(1.007**3799, rel=RELATIVE_ERROR)
