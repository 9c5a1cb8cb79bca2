"""Which records are wanted, by their type and time, and which of their fields."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import compress
from typing import Any

import msgspec

from kumolog.reading.fields import NULL, Fields, Path
from kumolog.reading.problems import Problems
from kumolog.reading.sink import Step
from kumolog.reading.times import Window
from kumolog.record import RECORD_TYPES

_TYPE, _TIMESTAMP = ("type",), ("timestamp",)


def record_type(text: str) -> str:
    """The record type of that name, in any case of letters. Raises ValueError."""
    by_name = {name.lower(): name for name in RECORD_TYPES}
    found = by_name.get(text.strip().lower())
    if found is None:
        near = difflib.get_close_matches(text.lower(), by_name, 1, 0.5)
        hint = f"did you mean {by_name[near[0]]}?" if near else f"one of {', '.join(RECORD_TYPES)}"
        raise ValueError(f"there is no record type {text!r}: {hint}")
    return found


def choose(types: Collection[str], window: Window, problems: Problems) -> Step:
    """Passes records of the types, all where none is named, in the window."""
    tests: dict[Path, Callable[[Any], bool]] = {}
    if types:
        tests[_TYPE] = tuple(types).__contains__  # a value that has no hash is no type either
    if not window.is_open:
        tests[_TIMESTAMP] = window.has
    fields = Fields(tests)

    def step(lines: list[bytes], source: str) -> list[bytes]:
        good, rows = fields.lines.rows(lines, partial(problems.note, source))
        for path, test in tests.items():
            wanted = list(map(test, fields.column(rows, path)))
            good, rows = list(compress(good, wanted)), list(compress(rows, wanted))
        return good

    return step


def keep_fields(paths: Sequence[Path], problems: Problems) -> Step:
    """Makes objects of these fields alone, in this order, nested as they were; missing is null."""
    fields = Fields(paths, msgspec.Raw, NULL)
    encode = msgspec.json.Encoder().encode

    def step(lines: list[bytes], source: str) -> list[bytes]:
        _, rows = fields.lines.rows(lines, partial(problems.note, source))
        return list(map(encode, rows))

    return step
