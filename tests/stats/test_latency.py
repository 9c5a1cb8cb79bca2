"""Quantiles and their error."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.stats.latency import RELATIVE_ERROR, Latencies

milliseconds = st.integers(0, 3 * 10**14) | st.integers(0, 2000)
shares = st.floats(0.01, 1)


def latencies(*blocks: list[int]) -> Latencies:
    counted = Latencies()
    for block in blocks:
        counted.add(block)
    return counted


@given(st.lists(milliseconds, min_size=1, max_size=200), shares)
def test_a_quantile_is_as_near_as_promised(values: list[int], share: float) -> None:
    exact = sorted(values)[math.ceil(share * len(values)) - 1] / 1000
    found = latencies(values).quantile(share)
    assert found is not None
    assert abs(found - exact) <= RELATIVE_ERROR * exact * (1 + 1e-9)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=200), shares)
def test_whole_seconds_up_to_a_hundred_are_exact(values: list[int], share: float) -> None:
    found = latencies([value * 1000 for value in values]).quantile(share)
    assert found == sorted(values)[math.ceil(share * len(values)) - 1]


def test_there_is_none_without_any() -> None:
    assert latencies([]).quantile(0.5) is None


def test_what_clocks_that_differ_make_of_it_is_zero() -> None:
    assert latencies([-5, -1, 3]).quantile(0.5) == 0


def test_blocks_add_up() -> None:
    counted = latencies([1000, 2000], [3000], [4000, 100_000])
    assert counted.count == 5
    assert counted.quantile(0.5) == 3
    assert counted.quantile(0.95) == 100


@given(st.lists(st.lists(milliseconds, max_size=9), max_size=5), shares)
def test_counts_of_several_add_up_to_those_of_one(blocks: list[list[int]], share: float) -> None:
    merged = Latencies()
    for block in blocks:
        merged.merge(latencies(block))
    one = latencies(*blocks)
    assert (merged.count, merged.quantile(share)) == (one.count, one.quantile(share))


def test_the_buckets_are_bounded() -> None:
    values = [int(1.007**n) for n in range(4750)]
    counted = latencies(*(values for _ in range(9)))
    assert counted.quantile(1) == pytest.approx(values[-1] / 1000, rel=RELATIVE_ERROR)
    assert len(counted._counts) < 3100
    assert counted.count == 9 * 4750
