"""Tables with bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.cli.bars import BarRow, bar_table
from kumolog.reading.pretty import columns

HEADINGS = ("field", "records", "rate")


def plain(_style: str, text: str) -> str:
    return text


def marked(style: str, text: str) -> str:
    return f"<{style}:{text}>"


def test_bars_are_as_long_as_their_numbers() -> None:
    rows = [BarRow("a", 80, ["1 %"]), BarRow("b", 41, ["-"]), BarRow("c", 0, ["-"])]
    lines = bar_table(HEADINGS, [*rows, BarRow("2 others", 999, ["-"], is_sum=True)], 33, plain)
    assert lines == [
        "field     records            rate",
        "a              80  ████████   1 %",
        "b              41  ████▏        -",
        "c               0               -",
        "2 others      999               -",
    ]


def test_a_very_small_number_has_a_bar_too() -> None:
    lines = bar_table(HEADINGS, [BarRow("a", 10**6, ["x"]), BarRow("b", 1, ["x"])], 80, plain)
    assert "▏" in lines[2]


def test_what_is_painted_does_not_change_the_columns() -> None:
    rows = [BarRow("a", 1, ["x"]), BarRow("1 others", 3, ["x"], is_sum=True)]
    lines = bar_table(HEADINGS, rows, 40, marked)
    assert lines[0].startswith("<strong:field")
    assert "<good:█" in lines[1]
    assert lines[2].startswith("<quiet:1 others")


@given(
    st.lists(
        st.builds(BarRow, st.text(max_size=60), st.integers(0, 10**9), st.just(["1", "2"])),
        min_size=1,
    ),
    st.integers(20, 200),
)
def test_nothing_is_wider_than_the_terminal(rows: list[BarRow], width: int) -> None:
    lines = bar_table(("some field", "records", "delivered", "rate"), rows, width, plain)
    assert all(columns(line) <= max(width, 24) for line in lines)


@pytest.mark.parametrize(("width", "cells"), [(44, 2), (28, 1), (24, 0)])
def test_columns_go_where_there_is_no_room(width: int, cells: int) -> None:
    rows = [BarRow("a" * 30, 1, ["x" * 5, "y" * 7])]
    (_, line) = bar_table(("f", "records", "one", "two"), rows, width, plain)
    assert ("x" in line) + ("y" in line) == cells
