"""Records as comma-separated values with a header line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec

from kumolog.reading.fields import Fields, Path
from kumolog.reading.problems import Problems
from kumolog.reading.sink import Step
from kumolog.record import RECORD_FIELDS, STRUCTURED_FIELDS

ALL_FIELDS: Final = tuple(
    path
    for path in (tuple(name.split(".")) for name in RECORD_FIELDS)
    if path[-1] not in STRUCTURED_FIELDS
)
"""Every field that a record can have; objects with fields of their own in their parts."""

_QUOTED: Final = re.compile('[",\r\n]')


def _json(value: Any) -> str:
    return _text(msgspec.json.encode(value).decode())


def _text(value: str) -> str:
    # RFC 4180 section 2, rules 5 to 7.
    return '"' + value.replace('"', '""') + '"' if _QUOTED.search(value) else value


_WRITERS: Final[Mapping[type, Callable[[Any], str]]] = MappingProxyType(
    {
        str: _text,
        int: str,
        type(None): lambda _: "",
        bool: lambda value: "true" if value else "false",
    }
)


def _cells(values: list[Any]) -> list[str]:
    """The values of one column as texts; most columns are of one kind, and need no quotes."""
    kinds = set(map(type, values))
    if kinds == {type(None)}:
        return [""] * len(values)
    if kinds == {int}:
        return list(map(str, values))
    if kinds == {str} and not _QUOTED.search("\0".join(values)):
        return values
    return [_WRITERS.get(type(value), _json)(value) for value in values]


def header(paths: Sequence[Path]) -> bytes:
    """The first line, without its end: the paths of the fields."""
    return ",".join(_text(".".join(path)) for path in paths).encode()


def csv_rows(paths: Sequence[Path], problems: Problems) -> Step:
    """A row for each record (RFC 4180, but lines end as everywhere here).

    What is missing or null is empty, lists and objects are JSON.
    """
    fields = Fields(paths)

    def step(lines: list[bytes], source: str) -> list[bytes]:
        _, rows = fields.lines.rows(lines, partial(problems.note, source))
        columns = [_cells(fields.column(rows, path)) for path in paths]
        # A line of one empty value would be no line at all for most readers.
        return [(",".join(row) or '""').encode() for row in zip(*columns, strict=True)]

    return step
