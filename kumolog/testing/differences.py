"""Differences between two texts, for people: changed lines, and characters that do not show."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import islice

_CONTEXT = 3  # unchanged lines shown around a change
_MOST_LINES = 400  # of the part in which the texts differ: comparing takes their product
_WINDOW = 60  # characters shown before and after the first difference in a line
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def readable(value: str | bytes) -> str:
    """A Lua string as text: bytes that are not UTF-8 are escaped."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def visible(text: str) -> str:
    """``text`` with escapes for every character that would not be seen."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def text_difference(expected: str | bytes, actual: str | bytes) -> str:
    """How two different texts differ: line by line, or at which character of the only line."""
    before, after = readable(expected), readable(actual)
    if "\n" in before or "\n" in after:
        return line_difference(*("\n".join(_marked_lines(text)) for text in (before, after)))
    return _in_one_line(visible(before), visible(after))


def line_difference(expected: str, actual: str) -> str:
    """The lines of two texts, those only in the first marked ``-``, those in the second ``+``."""
    before, after = (text.split("\n") for text in (expected, actual))
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    changed = [
        *_changes(before[head : len(before) - tail], after[head : len(after) - tail]),
    ]
    lines = [
        *_context(before[:head], last=True),
        *changed,
        *_context(before[len(before) - tail :], last=False),
    ]
    return "\n".join(["- expected", "+ got", "", *map(visible, lines)])


def _changes(before: list[str], after: list[str]) -> Iterator[str]:
    if len(before) > _MOST_LINES or len(after) > _MOST_LINES:
        yield from _replaced(before[:_MOST_LINES], after[:_MOST_LINES])
        yield "  ... and more"
        return
    for kind, b0, b1, a0, a1 in SequenceMatcher(None, before, after, False).get_opcodes():
        if kind == "equal":
            yield from _middle(before[b0:b1])
        else:
            yield from _replaced(before[b0:b1], after[a0:a1])


def _replaced(before: list[str], after: list[str]) -> Iterator[str]:
    yield from (f"- {line}" for line in before)
    yield from (f"+ {line}" for line in after)


def _middle(lines: list[str]) -> Iterator[str]:
    if len(lines) <= 2 * _CONTEXT + 1:
        yield from (f"  {line}" for line in lines)
        return
    yield from _context(lines[:_CONTEXT], last=False)
    yield _left_out(len(lines) - 2 * _CONTEXT)
    yield from _context(lines[-_CONTEXT:], last=False)


def _context(lines: list[str], *, last: bool) -> list[str]:
    if len(lines) <= _CONTEXT + 1:
        return [f"  {line}" for line in lines]
    note = _left_out(len(lines) - _CONTEXT)
    shown = lines[-_CONTEXT:] if last else lines[:_CONTEXT]
    kept = [f"  {line}" for line in shown]
    return [note, *kept] if last else [*kept, note]


def _left_out(count: int) -> str:
    return f"  ... {count} more lines alike"


def _marked_lines(text: str) -> Iterator[str]:
    """The lines, with spaces at their ends made visible, and a note where the last is cut off."""
    *lines, rest = text.split("\n")
    for line in lines:
        bare = line.rstrip(" ")
        yield bare + "\\x20" * (len(line) - len(bare))
    if rest:
        yield f"{rest}<no newline at the end>"


def _in_one_line(expected: str, actual: str) -> str:
    at = _common(expected, actual)
    start = max(0, at - _WINDOW)
    cut = "..." if start else ""
    shown = [
        cut + text[start : at + _WINDOW] + ("..." if len(text) > at + _WINDOW else "")
        for text in (expected, actual)
    ]
    arrow = " " * (len(cut) + at - start) + "^"
    return f"  expected: {shown[0]}\n       got: {shown[1]}\n            {arrow}"


def _common(first: str | list[str], second: str | list[str]) -> int:
    """How many elements two sequences have in common at their beginnings."""
    differing = (at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    return next(islice(differing, 1), min(len(first), len(second)))


def _escaped(char: str) -> str:
    return _ESCAPES.get(char) or (
        f"\\x{ord(char):02x}" if ord(char) < 0x80 else f"\\u{{{ord(char):x}}}"
    )
