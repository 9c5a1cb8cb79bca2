"""Which lines, functions and handlers of the policies the tests reached.

One `Coverage` is for any number of runtimes::

    coverage = Coverage(omit=PATTERNS)
    Policy(path, report, attach=coverage.attach)
    ...
    text = coverage.to_json()             # in another process, such as a worker of pytest-xdist
    coverage.merge(text)
    print(coverage.report())              # the table for a terminal
    path.write_text(coverage.lcov())      # what editors and code hosts read
    exit(0 if coverage.meets(90) else 1)  # what --fail-under decides

What is measured: the files that a runtime loads, as policy or with `require`, `dofile` or
`loadfile`. Neither kumolog's own Lua nor code made by `load` is.

A line counts where Lua has an instruction for it, also in functions that are never made. What only
closes something (`end)`, `}`, `then`, the last line of a long string) is no line of its own: its
instructions belong to the line where that was opened, so that a function's first line is reached
when the function is made. A statement in several lines counts with those on which Lua does
something; of `'a'` above `.. x`, for one, only the second. Lua does nothing for `else`, labels,
`while true` and `local x <const> = 1`. Nothing is claimed about the sides of `a and b or c`;
whether a function within one line was called is told by the functions.
Branches tell more than lines where a statement stands on one, `if x then return end`, or has no
`else`: they are what the condition of each `if` and `elseif` turned out to be, and whether the body
of each `for` and `while` was entered. A function with nearly as many variables as Lua allows leaves
those of its file untold.
Functions that begin and end on the same lines count as one.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

import msgspec

from kumolog.errors import KumologError
from kumolog.lua.luac import prototypes
from kumolog.lua.runtime import Runtime
from kumolog.testing.coverage_files import CoveredFile, CoveredHandler, Measured
from kumolog.testing.coverage_report import lcov, table
from kumolog.testing.lualines import with_visible_breaks

_LUA = Path(__file__).with_name("coverage.lua")
_LuaText = str | bytes  # bytes where it is not UTF-8


class _Saved(msgspec.Struct):
    """What goes from process to process."""

    format: Literal["kumolog-coverage-1"]
    files: list[CoveredFile]


class Coverage:
    """``omit`` are files that are not measured: paths, and patterns of names or absolute paths."""

    def __init__(self, omit: Iterable[str] = ()) -> None:
        self._omit = list(omit)
        self._omitted = {os.path.abspath(name) for name in self._omit}
        self._files: dict[tuple[str, str], CoveredFile] = {}  # by path and digest of the text
        self._measured: dict[tuple[str, str], Measured] = {}

    def attach(self, runtime: Runtime) -> None:
        """Measures what a runtime loads from now on."""
        attached = _Attached(self)
        functions: dict[str, Callable[..., Any]] = {
            "prepare": attached.prepare,
            "loaded": attached.loaded,
            "probed": attached.probed,
            "taken": attached.taken,
            "reached": attached.reached,
            "registered": attached.registered,
            "handled": attached.handled,
        }
        runtime.load_own(_LUA, functions)

    def merge(self, text: str | bytes) -> None:
        """Adds what `to_json` gave, here or in another process; raises KumologError."""
        try:
            saved = msgspec.json.decode(text, type=_Saved)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise KumologError(f"merging coverage: not what kumolog saved: {error}") from error
        for file in saved.files:
            self._files.setdefault((file.path, file.text), file).merge(file)

    def to_json(self) -> str:
        """All that is known so far, for `merge`.

        ``{"format": "kumolog-coverage-1", "files": [FILE...]}``, where FILE has ``path``, ``text``
        (the digest of its text), ``loaded`` (when, in seconds since 1970), ``lines`` (for each
        number whether it was reached), ``functions`` (``name``, ``first``, ``last``, ``reached``),
        ``handlers`` (``event``, ``line``, ``reached``) and ``branches`` (``statement``, ``line``,
        ``outcome``, ``within``, ``reached``).
        """
        saved = _Saved("kumolog-coverage-1", list(self._files.values()))
        return msgspec.json.encode(saved).decode()

    def files(self) -> list[CoveredFile]:
        """The measured files by path.

        Of a file that changed between two loads, the text that was loaded last.
        """
        in_order = sorted(self._files.values(), key=lambda file: (file.path, file.loaded))
        return list({file.path: file for file in in_order}.values())

    @property
    def percent(self) -> float:
        """Of the lines, how many were reached; 0 where nothing was measured."""
        files = self.files()
        lines = sum(len(file.lines) for file in files)
        return 100 * sum(file.reached for file in files) / lines if lines else 0.0

    def meets(self, minimum: float) -> bool:
        """Whether at least that percentage of the lines was reached; nothing is rounded."""
        return self.percent >= minimum

    def report(self, directory: Path | None = None) -> str:
        """A table for a terminal, without a line end at its end.

        Files below a directory, the working one by default, are shown relative to it.
        """
        return table(self.files(), directory or Path.cwd())

    def lcov(self, directory: Path | None = None) -> str:
        """The same as an lcov tracefile; a count is 1 for what was reached, else 0."""
        return lcov(self.files(), directory or Path.cwd())

    def measures(self, path: str) -> bool:
        """Whether a file is not among those to be omitted; its path is absolute."""
        names = (path, os.path.basename(path))
        return path not in self._omitted and not any(
            fnmatch(name, pattern) for name in names for pattern in self._omit
        )

    def measured(self, path: str, source: bytes, dump: bytes) -> Measured:
        """The text of a file that is loaded now, of which that is Lua's dump."""
        key = path, hashlib.sha256(source).hexdigest()
        file = self._files.setdefault(key, CoveredFile(*key, 0.0))
        file.loaded = time.time()
        if key not in self._measured:
            number = len(self._measured)
            self._measured[key] = Measured(file, prototypes(dump), source.decode("latin-1"), number)
        return self._measured[key]


class _Attached:
    """What coverage.lua calls for one runtime.

    A source is the name of a chunk, ``@path``; a place is where the policy is, ``path:line``.
    """

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._texts: dict[str, Measured] = {}  # by path as the policy names it: the last text
        self._branches: dict[str, Measured] = {}  # by the name of each that is to be told of

    def prepare(self, source: _LuaText, text: _LuaText) -> _LuaText:
        """The text to be loaded in the place of another."""
        if not self._coverage.measures(os.path.abspath(_path(source))):
            return text
        return with_visible_breaks(_bytes(text).decode("latin-1")).encode("latin-1")

    def loaded(self, source: _LuaText, text: _LuaText, dump: _LuaText) -> list[int]:
        """The lines to tell of, as first and last line of the function and the line."""
        name = _path(source)
        path = os.path.abspath(name)
        if not self._coverage.measures(path):
            self._texts.pop(name, None)
            return []
        measured = self._coverage.measured(path, _bytes(text), _bytes(dump))
        self._texts[name] = measured
        return [number for slot in measured.unreached for number in slot]

    def probed(self, source: _LuaText) -> list[Any]:
        """What is to run in the place of the last text of a source, so that branches can be told.

        That is a text, the names of those that are to be told of, and their lines; or nothing.
        """
        measured = self._texts.get(_path(source))
        if measured is None:
            return []
        text, lines = measured.probed()
        self._branches.update(dict.fromkeys(lines, measured))
        return [text.encode("latin-1"), list(lines), list(lines.values())] if lines else []

    def taken(self, name: str) -> None:
        """A branch is taken for the first time in this runtime."""
        self._branches[name].take(name)

    def reached(self, source: _LuaText, first: int, last: int, line: int) -> None:
        """A line runs for the first time in this runtime."""
        self._texts[_path(source)].reach((first, last, line))

    def registered(self, event: _LuaText, place: _LuaText) -> None:
        """A handler is registered."""
        self._handler(event, place)

    def handled(self, event: _LuaText, place: _LuaText) -> None:
        """It runs for the first time in this runtime."""
        handler = self._handler(event, place)
        if handler is not None:
            handler.reached = True

    def _handler(self, event: _LuaText, place: _LuaText) -> CoveredHandler | None:
        name, _, line = _readable(place).rpartition(":")
        measured = self._texts.get(name)
        if measured is None:
            return None
        return measured.file.handler(_readable(event), int(line))


def _bytes(text: _LuaText) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _readable(text: _LuaText) -> str:
    return _bytes(text).decode("utf-8", "backslashreplace")


def _path(source: _LuaText) -> str:
    return _readable(source).removeprefix("@")
