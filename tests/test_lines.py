"""Lines as one text are the same lines as a list of them."""

from __future__ import annotations

from itertools import compress

from hypothesis import given
from hypothesis import strategies as st

from kumolog.lines import Lines

_texts = st.lists(st.binary(max_size=4).map(lambda line: line.replace(b"\n", b"-")), max_size=8)


def split(lines: list[bytes]) -> Lines:
    ended = [line + b"\n" for line in lines]
    return Lines.split(ended, b"".join(ended))


@given(_texts)
def test_they_are_the_lines_without_their_ends(lines: list[bytes]) -> None:
    for made in (Lines.of(lines), split(lines)):
        assert list(made) == lines
        assert [made[place] for place in range(len(made))] == lines
        assert made == lines
        assert made.text == b"".join(line + b"\n" for line in lines)
        assert made.size == len(made.text)


@given(_texts, st.integers(-9, 9), st.integers(-9, 9))
def test_a_part_of_them_is_a_part_of_the_list(lines: list[bytes], start: int, end: int) -> None:
    part = split(lines)[start:end]
    assert part == lines[start:end]
    assert part.size == len(part.text)


@given(_texts, st.data())
def test_those_chosen_are_those_that_the_mask_names(
    lines: list[bytes], data: st.DataObject
) -> None:
    mask = bytes(data.draw(st.lists(st.booleans(), min_size=len(lines), max_size=len(lines))))
    chosen = split(lines).chosen(mask, sum(mask))
    assert chosen == list(compress(lines, mask))
    assert chosen.text == b"".join(line + b"\n" for line in chosen)


def test_a_line_given_by_itself_keeps_the_line_breaks_inside() -> None:
    lines = Lines.of([b"a\nb", b""])
    assert lines.text == b"a\nb\n\n"
    assert list(lines[1:]) == [b""]
    assert list(Lines.of(lines)) == [b"a\nb", b""]
