"""Tables with small bars, as wide as the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from kumolog.cli.paint import Paint
from kumolog.reading.pretty import columns, fitted

_GAP: Final = "  "
_EIGHTHS: Final = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_LEAST_BAR, _LONGEST_BAR = 8, 30
_LEAST_LABEL, _LONGEST_LABEL = 12, 40


class BarRow(NamedTuple):
    """A label, the number that its bar is as long as, and what stands after that.

    The sum of all rows that are not shown has no bar.
    """

    label: str
    number: int
    cells: list[str]
    is_sum: bool = False


class _Widths(NamedTuple):
    label: int
    bar: int  # 0 for none
    cells: list[int]  # the number's first; as many as there is room for


def bar_table(
    headings: Sequence[str], rows: Sequence[BarRow], width: int, paint: Paint
) -> list[str]:
    """The lines: the headings of label, number and cells, then the rows, of which there is one.

    Where ``width`` is too small, bars get shorter first, then labels; then bars go, then cells from
    the last one on.
    """
    label, *others = headings
    widths = _fit(label, rows, [others, *([f"{row.number:,}", *row.cells] for row in rows)], width)
    largest = max((row.number for row in rows if not row.is_sum), default=0) or 1
    lines = [paint("strong", _line(label, "", others, widths))]
    for row in rows:
        bar = "" if row.is_sum else _bar(row.number / largest, widths.bar)
        bar += " " * (widths.bar - len(bar))
        cells = [f"{row.number:,}", *row.cells]
        line = _line(row.label, bar if row.is_sum else paint("good", bar), cells, widths)
        lines.append(paint("quiet", line) if row.is_sum else line)
    return lines


def _fit(label: str, rows: Sequence[BarRow], table: Sequence[Sequence[str]], width: int) -> _Widths:
    cells = [max(map(len, column)) for column in zip(*table, strict=True)]
    while len(cells) > 1 and _free(width, cells) < _LEAST_LABEL:
        cells.pop()
    free = max(1, _free(width, cells))
    longest = max(columns(label), *(columns(row.label) for row in rows))
    wanted = min(longest, _LONGEST_LABEL, max(_LEAST_LABEL, free - _LEAST_BAR - len(_GAP)))
    label_width = min(wanted, free)
    bar = min(free - label_width - len(_GAP), _LONGEST_BAR)
    return _Widths(label_width, bar if bar >= _LEAST_BAR else 0, cells)


def _free(width: int, cells: Sequence[int]) -> int:
    return width - sum(cells) - len(_GAP) * len(cells)


def _line(label: str, bar: str, cells: Sequence[str], widths: _Widths) -> str:
    number, *others = (f"{cell:>{size}}" for cell, size in zip(cells, widths.cells, strict=False))
    parts = [fitted(label, widths.label), number]
    if widths.bar:
        parts.append(bar or " " * widths.bar)
    return _GAP.join((*parts, *others)).rstrip()


def _bar(share: float, width: int) -> str:
    """As many columns, to an eighth; at least an eighth for what is more than nothing."""
    eighths = max(round(share * width * 8), 1 if share else 0) if width else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]
