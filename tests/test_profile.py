from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.profile import STAGES, Profile, Times

SECONDS = st.lists(st.floats(0, 100), min_size=1, max_size=300)


def times(measured: list[float]) -> Times:
    result = Times(calls=len(measured))
    for seconds in measured:
        result.add(seconds)
    return result


@given(SECONDS)
def test_the_percentile_is_what_99_in_100_calls_take_at_most(measured: list[float]) -> None:
    result = times(measured)
    assert result.mean == pytest.approx(sum(measured) / len(measured))
    exact = max(1e-9, sorted(measured)[-1 - len(measured) // 100])
    assert result.p99 is not None
    assert exact * 0.999 <= result.p99 <= exact * 1.1


def test_what_was_not_measured_has_no_times() -> None:
    assert Times(calls=3).mean is None
    assert Times(calls=3).p99 is None


@given(SECONDS, SECONDS)
def test_profiles_of_processes_add_up(first: list[float], second: list[float]) -> None:
    profiles = [
        Profile(1.0, {"read": 0.5}, {("f", "x:1"): times(measured)}, [("out", 0.25)])
        for measured in (first, second)
    ]
    merged = Profile()
    for profile in profiles:
        merged.merge(profile)
    together = times(first + second)
    assert merged.handlers == {("f", "x:1"): together} or merged.handlers[
        ("f", "x:1")
    ].seconds == pytest.approx(together.seconds)
    assert merged.handlers["f", "x:1"].buckets == together.buckets
    assert (merged.seconds, merged.stages, merged.writers) == (2.0, {"read": 1.0}, [("out", 0.5)])


def test_the_stages_add_up_to_the_whole_as_json_has_them() -> None:
    shown = json.loads(json.dumps(Profile(3.0, {"read": 1.0, "load": 0.5}).shown()))
    assert list(shown["stages"]) == list(STAGES)
    assert sum(shown["stages"].values()) == shown["seconds"] == 3.0
    assert shown["stages"]["other"] == 1.5
