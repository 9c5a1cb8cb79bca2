"""Coverage for people and for programs: a table, and an lcov tracefile."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from kumolog.testing.coverage_files import CoveredFile

_HEADINGS = ("file", "lines", "reached", "%", "branches", "missing")
_NEVER = {
    "true": "the condition was never true",
    "false": "the condition was never false",
    "entered": "the loop was never entered",
}
"""What is said of a branch by its outcome."""


def table(files: Sequence[CoveredFile], directory: Path) -> str:
    """The files, then the handlers and functions that were never reached."""
    if not files:
        return "coverage: nothing was measured, as no policy was loaded"
    rows = [_row(shown(file.path, directory), [file], missing_lines(file)) for file in files]
    if len(files) > 1:
        rows.append(_row("all", files, ""))
    handlers = [
        (handler.event, f"{shown(file.path, directory)}:{handler.line}")
        for file in files
        for handler in sorted(file.handlers, key=lambda handler: handler.line)
        if not handler.reached
    ]
    functions = [
        (function.name, f"{shown(file.path, directory)}:{function.first}")
        for file in files
        for function in sorted(file.functions, key=lambda function: function.first)
        if not function.reached
    ]
    branches = [
        (f"{shown(file.path, directory)}:{branch.line}", _NEVER[branch.outcome])
        for file in files
        for branch in file.branches
        if not branch.reached and file.is_asked(branch)
    ]
    return "\n".join(
        [
            *_aligned([_HEADINGS, *rows], "<>>>><"),
            *_titled("handlers never reached:", handlers),
            *_titled("functions never called:", functions),
            *_titled("branches never taken:", list(dict.fromkeys(branches))),
        ]
    )


def shown(path: str, directory: Path) -> str:
    """A path relative to the directory, where it is below that."""
    relative = os.path.relpath(path, directory)
    return path if relative.startswith(os.pardir) else relative


def missing_lines(file: CoveredFile) -> str:
    """The lines that were not reached: ``3, 7-12``.

    A range goes across lines that do not count, never across one that was reached.
    """
    ranges: list[list[int]] = []
    joins = False
    for line, reached in sorted(file.lines.items()):
        if not reached and joins:
            ranges[-1][1] = line
        elif not reached:
            ranges.append([line, line])
        joins = not reached
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def lcov(files: Sequence[CoveredFile], directory: Path) -> str:
    """Functions and lines of each file, in the format of lcov's geninfo(1)."""
    return "".join(f"{line}\n" for file in files for line in _traced(file, directory))


def _traced(file: CoveredFile, directory: Path) -> Iterator[str]:
    yield "TN:"
    yield f"SF:{shown(file.path, directory)}"
    functions = sorted(file.functions, key=lambda function: (function.first, function.last))
    names = [function.name for function in functions]
    unique = [
        name if names.count(name) == 1 else f"{name}:{function.first}-{function.last}"
        for name, function in zip(names, functions, strict=True)
    ]
    for name, function in zip(unique, functions, strict=True):
        yield f"FN:{function.first},{name}"
    for name, function in zip(unique, functions, strict=True):
        yield f"FNDA:{function.reached:d},{name}"
    yield f"FNF:{len(functions)}"
    yield f"FNH:{sum(function.reached for function in functions)}"
    numbers: Counter[int] = Counter()
    for branch in file.branches:
        count = f"{branch.reached:d}" if file.is_asked(branch) else "-"
        yield f"BRDA:{branch.line},{branch.statement},{numbers[branch.statement]},{count}"
        numbers[branch.statement] += 1
    yield f"BRF:{len(file.branches)}"
    yield f"BRH:{file.branches_reached}"
    for line, reached in sorted(file.lines.items()):
        yield f"DA:{line},{reached:d}"
    yield f"LF:{len(file.lines)}"
    yield f"LH:{file.reached}"
    yield "end_of_record"


def _row(name: str, files: Sequence[CoveredFile], missing: str) -> tuple[str, ...]:
    lines = sum(len(file.lines) for file in files)
    reached = sum(file.reached for file in files)
    # Rounded down: only what is complete is called 100.
    percent = math.floor(1000 * reached / lines) / 10 if lines else 100.0
    branches = sum(len(file.branches) for file in files)
    taken = sum(file.branches_reached for file in files)
    return (
        name,
        str(lines),
        str(reached),
        f"{percent:.1f}",
        f"{taken}/{branches}" if branches else "",
        missing,
    )


def _aligned(rows: Sequence[Sequence[str]], sides: str) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, sides, widths, strict=True)
        yield "  ".join(f"{cell:{side}{width}}" for cell, side, width in cells).rstrip()


def _titled(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    return ["", title, *(f"  {line}" for line in _aligned(rows, "<<"))] if rows else []
