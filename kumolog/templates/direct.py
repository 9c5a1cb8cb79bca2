"""Templates of nothing but text and plain fields of the record: filled in without the engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Self

from msgspec import UNSET

from kumolog.record import RECORD_FIELDS, STRUCTURED_FIELDS, Record
from kumolog.templates.values import printed

Select = Mapping[str, Callable[[Sequence[Record]], Sequence[Mapping[str, Any]]]]
"""What gives of many records the ``meta`` and the ``headers`` that a template sees."""

_FIELD: Final = re.compile(r"\{\{[ \t\r\n]*([a-z_]+(?:\.[A-Za-z_][A-Za-z0-9_]*)*)[ \t\r\n]*\}\}")
# What begins any other code, or would do so with the braces of the field behind the text.
_CODE: Final = re.compile(r"\{[{%#]|\{\Z")
_SELECTED: Final = re.compile(r"(meta|headers)\.([A-Za-z][A-Za-z0-9_]*)")
# Whole objects are for the engine.
_OBJECTS: Final = STRUCTURED_FIELDS | {"feedback_report", "meta", "headers"}
_PLAIN: Final = frozenset(path for path in RECORD_FIELDS if path.rpartition(".")[2] not in _OBJECTS)
# How the engine shows other numbers than the record's own fields have is left to it.
_INTEGERS: Final = range(-(2**63), 2**63)
# The engine's limits on time and memory are far from what is filled in here.
_MOST_FIELDS: Final = 100
_MOST_CHARACTERS: Final = 1 << 20


class _UnclearError(Exception):
    """How the engine shows a value is not known here."""


class Direct:
    """A template filled in with the fields of ``paths``, each between two of the ``texts``."""

    def __init__(self, texts: Sequence[str], paths: Sequence[str]) -> None:
        self._form = "%s".join([text.replace("%", "%%") for text in texts])
        self._paths = [
            path.replace("enhanced_code.class", "enhanced_code.class_") for path in paths
        ]

    @classmethod
    def of(cls, source: str) -> Self | None:
        """The template with this source; None for one that only the engine can render."""
        # The engine drops one line end at the end, and half of one too.
        pieces = _FIELD.split(source.removesuffix("\n").removesuffix("\r"))
        texts, paths = pieces[::2], pieces[1::2]
        if any(map(_CODE.search, texts)) or not 0 < len(paths) <= _MOST_FIELDS:
            return None
        is_plain = all(path in _PLAIN or _SELECTED.fullmatch(path) for path in paths)
        return cls(texts, paths) if is_plain else None

    def texts(self, records: Sequence[Record], longest: int, select: Select) -> list[str | None]:
        """What the engine would make of each record, or None where the engine is to be asked.

        ``longest`` is the number of characters of the longest one as JSON, or more.
        """
        if longest * len(self._paths) > _MOST_CHARACTERS:
            return [None] * len(records)
        try:
            columns = list(self._columns(records, select))
        except (AttributeError, RecursionError, _UnclearError):
            # An object is null or absent, or a value is a hard one: which it is, the engine tells.
            if len(records) == 1:
                return [None]
            return [text for record in records for text in self.texts([record], longest, select)]
        return [self._form % row for row in zip(*columns, strict=True)]

    def _columns(self, records: Sequence[Record], select: Select) -> Iterator[list[Any]]:
        """By field its values, such that ``%s`` shows them as the engine does."""
        selected: dict[str, Sequence[Mapping[str, Any]]] = {}
        for path in self._paths:
            match = _SELECTED.fullmatch(path)
            if match is None:
                yield _shown(list(map(attrgetter(path), records)), (str, int))
                continue
            field, name = match.groups()
            if field not in selected:
                selected[field] = select[field](records)
            key = name.lower() if field == "headers" else name
            yield _shown([values.get(key, UNSET) for values in selected[field]], (str,))


def _shown(column: list[Any], as_they_are: Collection[type]) -> list[Any]:
    if set(map(type, column)).issubset(as_they_are):
        return column
    return [value if type(value) is str else _text(value) for value in column]


def _text(value: Any) -> str:
    if value is UNSET:
        return ""
    if type(value) is float or (type(value) is int and value not in _INTEGERS):
        raise _UnclearError
    return printed(value)
