"""Counts by the minute, and by longer spans where there are too many minutes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kumolog.stats.table import Counts
from kumolog.stats.timeline import MINUTE, UNDATED, Span, Timeline

LAST = 253_402_300_799


def timeline_of(*blocks: list[int], capacity: int = 1000) -> Timeline:
    timeline = Timeline(capacity)
    for block in blocks:
        for timestamp in block:
            timeline.add("delivered", timestamp // MINUTE, 1)
        timeline.limit()
        timeline.note_ends(block)
    return timeline


def test_records_are_counted_by_the_minute() -> None:
    timeline = timeline_of([60, 119, 120], [61])
    assert timeline.spans() == (60, [Span(60, Counts(3, 3)), Span(120, Counts(1, 1))])
    assert (timeline.first, timeline.last) == (60, 120)


def test_records_without_a_time_are_in_no_span() -> None:
    timeline = timeline_of([UNDATED], [UNDATED, 90, UNDATED])
    assert timeline.spans() == (60, [Span(60, Counts(1, 1))])
    assert (timeline.first, timeline.last) == (90, 90)
    assert timeline_of([UNDATED]).first is None


def test_spans_get_longer_until_there_are_few_enough() -> None:
    timeline = timeline_of([minute * 60 for minute in range(100)])
    seconds, spans = timeline.spans(10)
    assert (seconds, len(spans)) == (600, 10)
    assert timeline.spans()[0] == 60


@given(st.lists(st.lists(st.integers(0, LAST) | st.just(UNDATED), min_size=1, max_size=20)))
def test_nothing_is_lost_when_there_are_too_many_minutes(blocks: list[list[int]]) -> None:
    timeline = timeline_of(*blocks, capacity=8)
    seconds, spans = timeline.spans()
    times = [time for block in blocks for time in block if time != UNDATED]
    exact = Counter(time // seconds * seconds for time in times)
    assert {span.start: span.counts.records for span in spans} == exact
    assert (timeline.first, timeline.last) == (min(times, default=None), max(times, default=None))


@given(
    st.lists(st.lists(st.integers(0, LAST) | st.just(UNDATED), min_size=1, max_size=20)),
    st.integers(4, 40),
)
def test_counts_of_several_add_up_to_those_of_one(blocks: list[list[int]], capacity: int) -> None:
    merged = Timeline(capacity)
    for block in blocks:
        merged.merge(timeline_of(block, capacity=capacity))
    one = timeline_of(*blocks, capacity=capacity)
    assert merged.spans() == one.spans()
    assert (merged.first, merged.last) == (one.first, one.last)


def test_eight_thousand_years_fit() -> None:
    timeline = timeline_of(*([year * 31_556_952] for year in range(8000)), capacity=100)
    assert len(timeline.spans()[1]) <= 8100
