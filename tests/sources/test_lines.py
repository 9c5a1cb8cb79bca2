from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kumolog.sources.lines import Block, LineSplitter, Overlong


def split(*pieces: bytes, max_line: int = 1000, finish: bool = True) -> list[Block | Overlong]:
    splitter = LineSplitter("in", max_line)
    found = [item for piece in pieces for item in splitter.feed(piece)]
    return found + (list(splitter.finish()) if finish else [])


def numbered(items: Iterable[Block | Overlong]) -> list[tuple[int, bytes]]:
    """Return (number, text) of all lines, overlong ones put together again."""
    lines: list[tuple[int, bytes]] = []
    for item in items:
        if isinstance(item, Block):
            assert item.lines
            assert item.first_line == item.line_number(0)
            lines += [(item.line_number(i), line) for i, line in enumerate(item.lines)]
        elif item.part:
            assert lines[-1][0] == item.line
            lines[-1] = (item.line, lines[-1][1] + item.text)
        else:
            lines.append((item.line, item.text))
    return lines


def test_lines_come_in_one_block_for_each_piece_fed() -> None:
    first, second = split(b"a\nb\n", b"c\n")
    assert (first, second) == (
        Block("in", [b"a", b"b"], range(1, 3)),
        Block("in", [b"c"], range(3, 4)),
    )


def test_a_line_goes_on_over_pieces() -> None:
    assert numbered(split(b"on", b"e li", b"", b"ne\ntwo\n")) == [(1, b"one line"), (2, b"two")]


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert numbered(split(b"a\nb")) == [(1, b"a"), (2, b"b")]


def test_a_last_line_without_an_end_waits_for_the_end_of_input() -> None:
    assert numbered(split(b"a\nb", finish=False)) == [(1, b"a")]


def test_blank_lines_are_left_out_and_counted() -> None:
    assert numbered(split(b"\na\n \t\r\n\r\n\n b\n\n")) == [(2, b"a"), (6, b" b")]


def test_nothing_but_blank_lines_gives_no_block() -> None:
    assert split(b"\n\n", b"\n", b"  ") == []


def test_carriage_returns_at_line_ends_are_dropped() -> None:
    assert numbered(split(b"a\r\nb\rc\r\n", b"d\r", b"\ne\r")) == [
        (1, b"a"),
        (2, b"b\rc"),
        (3, b"d"),
        (4, b"e"),
    ]


def test_a_byte_order_mark_at_the_very_start_is_dropped() -> None:
    assert numbered(split(b"\xef", b"\xbb\xbfa\n\xef\xbb\xbfb\n")) == [
        (1, b"a"),
        (2, b"\xef\xbb\xbfb"),
    ]


def test_a_byte_order_mark_alone_is_no_line() -> None:
    assert split(b"\xef\xbb\xbf\n") == []
    assert split(b"\xef\xbb\xbf") == []


def test_a_line_over_the_limit_comes_in_pieces_and_the_next_goes_on() -> None:
    assert split(b"a\n0123456789\nb\n", max_line=4) == [
        Block("in", [b"a"], range(1, 2)),
        Overlong("in", 2, 0, b"0123"),
        Overlong("in", 2, 1, b"4567"),
        Overlong("in", 2, 2, b"89"),
        Block("in", [b"b"], range(3, 4)),
    ]


def test_a_line_of_just_the_limit_is_a_line() -> None:
    assert numbered(split(b"0123\n", max_line=4)) == [(1, b"0123")]
    assert split(b"0123", max_line=4) == [Block("in", [b"0123"], range(1, 2))]


def test_a_line_without_end_never_gathers() -> None:
    splitter = LineSplitter("in", 1000)
    sizes = []
    for _ in range(500):
        pieces = list(splitter.feed(b"x" * 100))
        sizes += [len(piece.text) for piece in pieces if isinstance(piece, Overlong)]
        assert splitter.unfinished <= 1000
    sizes += [len(piece.text) for piece in splitter.finish() if isinstance(piece, Overlong)]
    assert sizes == [1000] * 50


@given(
    st.lists(st.text("ab \t\r", max_size=12).map(str.encode), max_size=12).map(b"\n".join),
    st.lists(st.integers(0, 100), max_size=6).map(sorted),
    st.integers(1, 9),
)
@example(b"x" * 8, [4], 4)
@settings(max_examples=300, deadline=None)
def test_however_it_is_cut_every_line_is_there_once(
    text: bytes, cuts: list[int], max_line: int
) -> None:
    bounds = [0, *cuts, len(text)]
    pieces = [text[start:end] for start, end in pairwise(bounds)]
    expected = []
    for number, line in enumerate(text.split(b"\n"), 1):
        if len(line) > max_line:
            expected.append((number, line))
        elif line.strip(b" \t\r"):
            expected.append((number, line.removesuffix(b"\r")))
    found = split(*pieces, max_line=max_line)
    assert numbered(found) == expected
    assert all(len(item.text) <= max_line for item in found if isinstance(item, Overlong))
