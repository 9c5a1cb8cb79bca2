"""The filter ``wordwrap``: lines broken so that they come out evenly filled.

KumoMTA: template filter of minijinja-contrib, which leaves the work to the Rust crate ``textwrap``.
That weighs all ways to break a paragraph (after Knuth and Plass) instead of filling line by line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE_COST = 1000
_OVERFLOW_COST = 50 * 50  # for each column a line is too long
_SHORT_LAST_LINE_COST = 25  # for a last line of one word shorter than a quarter of the width
_WORD = re.compile(r"[^ ]+ *| +")
_HYPHEN = re.compile(r"(?<=[^\W_]-)(?=[^\W_])")


class _Piece(NamedTuple):
    """A part of a line that is not broken, and the blanks after it."""

    text: str
    blanks: int


def wordwrap(
    value: object,
    /,
    *,
    width: int | None = None,
    break_long_words: bool | None = None,
    break_on_hyphens: bool | None = None,
    wrapstring: str | None = None,
) -> str:
    """``value`` wrapped to lines of ``width`` (79) columns joined by ``wrapstring`` (newline).

    Words longer than a line are cut unless ``break_long_words`` is false; words may be parted after
    a hyphen unless ``break_on_hyphens`` is false. Existing line ends stay. None is the default;
    what is no string is empty.
    """
    width = 79 if width is None else width
    if width < 0:
        raise ValueError(f"width must not be negative: {width}")
    if not isinstance(value, str) or not value.strip():
        return ""
    separator = "\n" if wrapstring is None else wrapstring
    lines: list[str] = []
    for paragraph in value.removesuffix("\n").split("\n"):
        text = paragraph.removesuffix("\r")
        pieces = _pieces(text, width, break_long_words is not False, break_on_hyphens is not False)
        lines.extend(_lines(pieces, max(width, 1)) if text.strip() else [""])
    return separator.join(lines)


def _columns(text: str) -> int:
    # Scripts from Hangul on are taken to be two columns wide.
    return len(text) if text.isascii() else sum(2 if char >= "\u1100" else 1 for char in text)


def _pieces(text: str, width: int, cut: bool, hyphens: bool) -> list[_Piece]:
    pieces: list[_Piece] = []
    for word in _WORD.findall(text):
        bare = word.rstrip(" ")
        parts = _HYPHEN.split(bare) if hyphens else [bare]
        if cut:
            parts = [chunk for part in parts for chunk in _chunks(part, width)]
        pieces.extend(_Piece(part, 0) for part in parts[:-1])
        pieces.append(_Piece(parts[-1], len(word) - len(bare)))
    return pieces


def _chunks(word: str, width: int) -> list[str]:
    if _columns(word) <= width or width == 0:
        return [word]
    chunks, start, columns = [], 0, 0
    for index, char in enumerate(word):
        wide = _columns(char)
        if index > start and columns + wide > width:
            chunks.append(word[start:index])
            start, columns = index, 0
        columns += wide
    return [*chunks, word[start:]]


def _lines(pieces: list[_Piece], width: int) -> list[str]:
    """The pieces joined to lines at the breaks that cost least together."""
    # For each number of pieces: the least cost of lines holding them, and the last line's start.
    best: list[tuple[int, int]] = [(0, 0)]
    for end in range(1, len(pieces) + 1):
        best.append(_last_line(pieces, best, end, width))
    lines = []
    end = len(pieces)
    while end > 0:
        start = best[end][1]
        text = "".join(piece.text + " " * piece.blanks for piece in pieces[start : end - 1])
        lines.append(text + pieces[end - 1].text)
        end = start
    return lines[::-1]


def _last_line(
    pieces: list[_Piece], best: list[tuple[int, int]], end: int, width: int
) -> tuple[int, int]:
    """The least cost of lines that hold ``pieces[:end]``, and where the last of them starts."""
    columns = _columns(pieces[end - 1].text)
    start = end - 1
    cheapest = (best[start][0] + _line_cost(columns, width, end == len(pieces), True), start)
    # A longer line would cost more than any other way of breaking it.
    too_long = width + (width * width + 3 * _LINE_COST) // _OVERFLOW_COST
    while start > 0 and columns <= too_long:
        start -= 1
        columns += _columns(pieces[start].text) + pieces[start].blanks
        cost = best[start][0] + _line_cost(columns, width, end == len(pieces), False)
        cheapest = min(cheapest, (cost, start))
    return cheapest


def _line_cost(columns: int, width: int, last: bool, alone: bool) -> int:
    if columns > width:
        return _LINE_COST + (columns - width) * _OVERFLOW_COST
    if not last:
        return _LINE_COST + (width - columns) ** 2
    return _LINE_COST + (_SHORT_LAST_LINE_COST if alone and columns * 4 < width else 0)
