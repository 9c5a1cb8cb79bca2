"""A condition on records, as a Lua expression over ``record``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any, Final

from kumolog.errors import KumologError, PolicyError
from kumolog.lua.convert import lua_text, python_text
from kumolog.lua.runtime import Runtime
from kumolog.luavalue import LuaTable
from kumolog.reading.fields import Fields, Lines
from kumolog.reading.fields import Path as FieldPath
from kumolog.reading.problems import Problems

_MOST_COLUMNS: Final = 100  # a Lua function has 255 registers
_FAILED: Final = "\2"
_TOKEN: Final = re.compile(
    r"""(?P<blank>\s+|--(?!\[=*\[)[^\n]*)
      | (?P<long>(?:--)?\[(?P<level>=*)\[.*?\](?P=level)\])
      | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>\.?[0-9](?:[eEpP][+-]|[0-9A-Za-z.])*)
      | (?P<mark>\.\.\.?|::|.)""",
    re.VERBOSE | re.DOTALL,
)


def used_fields(expression: str) -> list[FieldPath] | None:
    """The fields of ``record`` that an expression looks at; None where it may be all of them."""
    tokens = [
        (match.lastgroup, match[0])
        for match in _TOKEN.finditer(expression)
        if match.lastgroup != "blank" and not match[0].startswith("--")
    ]
    paths: list[FieldPath] = []
    for place, (_, text) in enumerate(tokens):
        before = tokens[place - 1][1] if place else ""
        if text != "record" or before in (".", ":"):
            continue
        path = _path(tokens[place + 1 :])
        if not path:
            return None
        paths.append(path)
    return paths


def _path(tokens: Sequence[tuple[str | None, str]]) -> FieldPath:
    """The names that follow ``record``, each behind a dot or as a plain text in brackets."""
    names: list[str] = []
    while len(tokens) > 1 and tokens[0][1] in (".", "["):
        kind, text = tokens[1]
        if tokens[0][1] == "." and kind == "name":
            names.append(text)
            tokens = tokens[2:]
        elif kind == "text" and "\\" not in text and [t for _, t in tokens[2:3]] == ["]"]:
            names.append(text[1:-1])
            tokens = tokens[3:]
        else:
            break
    return tuple(names)


class Condition:
    """Passes the records for which the expression is true, as Lua has it.

    A field that is missing or null is nil, also below what is missing. ``problems`` is told of
    errors; such records do not pass. Raises PolicyError for what is no Lua expression.
    """

    def __init__(self, expression: str, problems: Problems) -> None:
        self._problems = problems
        if not expression.strip():
            raise PolicyError("--where: there is no expression in it")
        paths = used_fields(expression)
        self._fields = None if paths is None else Fields(paths)
        self._paths = () if self._fields is None else self._fields.paths
        if len(self._paths) > _MOST_COLUMNS:
            self._fields, self._paths = None, ()
        self._records: Lines[dict[str, Any]] = Lines(dict, dict)
        self._runtime = Runtime({}, {}, (), math.inf)
        count = 1 if self._fields is None else len(self._paths)
        columns = "".join(f", c{number}" for number in range(count))
        record = "c0[i]" if self._fields is None else _constructor(self._paths)
        loaded = self._runtime.load_own(
            Path(__file__).with_name("condition.lua"), {}, lua_text(expression), columns, record
        )
        self._ask, self._take_problems = loaded
        if self._ask is None:
            raise PolicyError(python_text(self._take_problems))

    def __call__(self, lines: list[bytes], source: str) -> list[bytes]:
        """The lines whose records pass; ``source`` is what they come from."""
        lines, columns = self._columns(lines, source)
        try:
            given = list(map(self._runtime.convert.column, columns))
        except KumologError as error:  # one value is too deep for Lua: which?
            if len(lines) == 1:
                self._problems.note(source, str(error))
                return []
            half = len(lines) // 2
            return self(lines[:half], source) + self(lines[half:], source)
        answers = self._runtime.call_own(self._ask, len(lines), *given)
        assert isinstance(answers, str)
        if _FAILED in answers:
            reasons = self._runtime.call_own(self._take_problems)
            assert isinstance(reasons, LuaTable)
            for reason in reasons.sequence:
                self._problems.note(source, str(reason))
            answers = answers.replace(_FAILED, "\0")
        return list(compress(lines, answers.encode("ascii")))

    def _columns(self, lines: list[bytes], source: str) -> tuple[list[bytes], list[list[Any]]]:
        note = partial(self._problems.note, source)
        if self._fields is None:
            lines, records = self._records.rows(lines, note)
            return lines, [records]
        lines, rows = self._fields.lines.rows(lines, note)
        return lines, [self._fields.column(rows, path) for path in self._paths]


def _constructor(paths: Sequence[FieldPath]) -> str:
    """Lua text that makes the record ``i`` of the columns: ``{["response"]={["code"]=c0[i]}}``."""
    tree: dict[str, Any] = {}
    for number, (*outer, last) in enumerate(paths):
        inner = tree
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = f"c{number}[i]"
    return _table(tree)


def _table(tree: dict[str, Any]) -> str:
    members = (
        f"[{_quoted(name)}]={value if isinstance(value, str) else _table(value)}"
        for name, value in tree.items()
    )
    return f"{{{','.join(members)}}}"


def _quoted(name: str) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in name.encode()) + '"'
