"""Golden files: what came out when a human last looked at it, kept beside the test.

The golden file ``NAME`` of ``policy_spec.lua`` is ``golden/policy_spec/NAME`` beside that spec, of
``test_policy.py`` it is ``golden/test_policy/NAME``. Records stay the same from run to run where
the policy's clock is frozen: times and new ids come from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue
from kumolog.testing.differences import line_difference, readable

DIRECTORY = "golden"
HOW_TO_WRITE = "kumolog test --update-golden"
_MOST_SHOWN = 20  # lines of what would be in a golden file that is missing
_MOST_FIELDS = 10  # named of a record that differs

Text = str | bytes


class Goldens:
    """The golden files of one test file; ``update`` writes them instead of comparing.

    ``written`` are the files that this run has made or changed.
    """

    def __init__(self, test_file: Path, *, update: bool) -> None:
        self.directory = test_file.absolute().parent / DIRECTORY / test_file.stem
        self.written: list[Path] = []
        self._update = update
        self._given: dict[Path, bytes] = {}

    def mismatch(self, name: str, content: Text | Iterable[Text]) -> str | None:
        """What is wrong, as a text; None where the file has that content.

        ``content`` is a text, or its lines without their ends. Raises KumologError for a name that
        is none, and where the file cannot be read or written.
        """
        path = self.path(name)
        wanted = _joined(content)
        try:
            if self._update:
                return self._write(path, wanted)
            return _difference(path, path.read_bytes(), wanted)
        except FileNotFoundError:
            return _missing(path, wanted)
        except OSError as error:
            raise KumologError(f"the golden file {path}: {error.strerror}") from error

    def assertion(self, _place: str, *arguments: LuaValue) -> str | None:
        """`mismatch` as Lua's ``assert.matches_golden(name, lines)``."""
        name, content = (*arguments, None, None)[:2]
        if not isinstance(name, str):
            raise KumologError("assert.matches_golden needs the name of a golden file first")
        return self.mismatch(name, _content_of(content))

    def path(self, name: str) -> Path:
        """The file of that name; raises KumologError where it would be outside the directory."""
        parts = PurePosixPath(name)
        if not parts.parts or parts.is_absolute() or ".." in parts.parts or "\0" in name:
            raise KumologError(
                f"the golden file {name!r}: name a file below {self.directory}, such as "
                "'deliveries.jsonl'"
            )
        return self.directory / parts

    def _write(self, path: Path, content: bytes) -> str | None:
        if self._given.setdefault(path, content) != content:
            earlier = readable(self._given[path])
            return (
                f"{_shown(path)} cannot hold both: an assertion before this one has other content "
                f"for it\n{line_difference(earlier, readable(content))}"
            )
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self.written.append(path)
        return None


def _content_of(value: LuaValue) -> Text | Sequence[Text]:
    if isinstance(value, str | bytes):
        return value
    if isinstance(value, LuaTable) and len(value.items) == len(value.sequence):
        lines = [line for line in value.sequence if isinstance(line, str | bytes)]
        if len(lines) == len(value.sequence):
            return lines
    raise KumologError(
        "assert.matches_golden needs a string or a list of strings after the name: of records, "
        "give it their lines"
    )


def _joined(content: Text | Iterable[Text]) -> bytes:
    if isinstance(content, str | bytes):
        return _encoded(content)
    return b"".join(_encoded(line) + b"\n" for line in content)


def _encoded(text: Text) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _shown(path: Path) -> str:
    here = Path.cwd()
    return f"golden file {path.relative_to(here) if path.is_relative_to(here) else path}"


def _missing(path: Path, content: bytes) -> str:
    lines = readable(content).splitlines()
    more = [f"  ... {len(lines) - _MOST_SHOWN} more lines"] if len(lines) > _MOST_SHOWN else []
    would_be = "\n".join([*(f"  {line}" for line in lines[:_MOST_SHOWN]), *more])
    return (
        f"the {_shown(path)} is missing: look at what came out and, if it is right, run "
        f"`{HOW_TO_WRITE}` to make it\n{would_be or '  (nothing)'}"
    )


def _difference(path: Path, expected: bytes, actual: bytes) -> str | None:
    if expected == actual:
        return None
    lines = [
        f"the {_shown(path)} has other content; if what came out is right, run `{HOW_TO_WRITE}`",
        line_difference(readable(expected), readable(actual)),
    ]
    pairs = zip_longest(expected.splitlines(), actual.splitlines(), fillvalue=b"")
    for number, (before, after) in enumerate(pairs, 1):
        if before != after and (fields := _differing_fields(before, after)):
            return "\n".join([*lines, f"line {number} differs in", *fields])
    return "\n".join(lines)


def _differing_fields(before: bytes, after: bytes) -> list[str]:
    """Of two records, the fields that are not the same: long lines hide them."""
    old, new = _flat(before), _flat(after)
    if old is None or new is None:
        return []
    names = [name for name in old | new if old.get(name, _ABSENT) != new.get(name, _ABSENT)]
    more = ["  ..."] if len(names) > _MOST_FIELDS else []
    return [
        f"  {name}: expected {_json(old.get(name, _ABSENT))}, got {_json(new.get(name, _ABSENT))}"
        for name in names[:_MOST_FIELDS]
    ] + more


_ABSENT = object()


def _json(value: Any) -> str:
    return "nothing" if value is _ABSENT else msgspec.json.encode(value).decode()


def _flat(line: bytes) -> dict[str, Any] | None:
    """The fields of a JSON object by their paths; None for what is none."""
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return dict(_fields(record, "")) if isinstance(record, dict) else None


def _fields(record: dict[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict) and value:
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
