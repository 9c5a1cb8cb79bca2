"""Counting values in bounded memory."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kumolog.stats.table import OUTCOMES, Counts, Row, Table

outcomes = st.sampled_from(sorted({*OUTCOMES.values()})) | st.none()


def table_of(
    pairs: list[tuple[str | None, str]], capacity: int = 1000, block: int = 7
) -> Table[str]:
    table: Table[str] = Table(capacity)
    for start in range(0, len(pairs), block):
        for outcome, value in pairs[start : start + block]:
            table.add(outcome, value, 1)
        table.limit()
    return table


def test_the_most_frequent_come_first_and_the_rest_is_summed() -> None:
    pairs: list[tuple[str | None, str]] = [
        *[("delivered", "a")] * 3,
        ("bounced", "a"),
        *[("transient", "c")] * 2,
        *[(None, "b")] * 2,
        ("bounced", ""),
    ]
    top = table_of(pairs).top(2)
    assert top.rows == [Row("a", Counts(4, 3, 1, 0)), Row("b", Counts(2, 0, 0, 0))]
    assert (top.other, top.other_values, top.missing) == (Counts(3, 0, 1, 2), 2, 0)


def test_rates_are_of_messages_that_came_to_an_end() -> None:
    counts = Counts(records=10, delivered=3, bounced=1, transient=6)
    assert (counts.delivery_rate, counts.bounce_rate) == (0.75, 0.25)
    assert Counts(records=10, transient=10).delivery_rate is None
    assert Counts(records=10, transient=10).bounce_rate is None


def test_numbers_are_shown_as_text_and_zero_is_none() -> None:
    table: Table[int] = Table()
    table.add(None, 250, 2)
    table.add(None, 0, 1)
    assert [row.value for row in table.top(9).rows] == ["250", ""]


pairs_of = st.lists(st.tuples(outcomes, st.text("abcdefgh", min_size=1, max_size=2)), max_size=300)


@given(pairs_of)
def test_forgetting_keeps_totals_exact_and_says_how_much_rows_may_lack(
    pairs: list[tuple[str | None, str]],
) -> None:
    assert_is_as_promised(table_of(pairs, capacity=10), pairs)


@given(st.lists(pairs_of, max_size=4), st.sampled_from([10, 1000]))
def test_counts_of_several_add_up_to_those_of_one(
    parts: list[list[tuple[str | None, str]]], capacity: int
) -> None:
    merged: Table[str] = Table(capacity)
    for part in parts:
        merged.merge(table_of(part, capacity))
    pairs = [pair for part in parts for pair in part]
    assert_is_as_promised(merged, pairs)
    if capacity >= len(pairs):
        assert merged.top(9) == table_of(pairs).top(9)


def assert_is_as_promised(table: Table[str], pairs: list[tuple[str | None, str]]) -> None:
    exact = Counter(value for _, value in pairs)
    top = table.top(5)
    for value, counts in top.rows:
        assert exact[value] - top.missing <= counts.records <= exact[value]
    shown = sum((counts for _, counts in top.rows), top.other)
    assert shown == table.sums
    assert shown.records == len(pairs)
    for name in ("delivered", "bounced", "transient"):
        assert getattr(shown, name) == sum(outcome == name for outcome, _ in pairs)
    if not top.missing:
        assert {value: counts.records for value, counts in table.top(999).rows} == exact


def test_millions_of_values_take_no_more_room_than_some() -> None:
    table: Table[str] = Table(capacity=1000)
    for number in range(200):
        for value in ("often", *(f"{number}-{n}" for n in range(100))):
            table.add(None, value, 1)
        table.limit()
        assert len(table._counts) <= 1000
    top = table.top(1)
    assert top.rows == [Row("often", Counts(200))]
    assert top.other == Counts(20_000)
    assert top.other_values is None
    assert top.missing > 0
