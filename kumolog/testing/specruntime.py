"""The runtime of one spec file: that of a policy, with the words of specs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from kumolog.luavalue import LuaTable, LuaValue
from kumolog.policy import Attach, Policy, nearest
from kumolog.pulse import Pulse, Visit
from kumolog.testing.differences import line_difference, readable, text_difference

OWN_CODE: Final = "the spec"
"""What runs where a spec does not run a policy."""
Modules = Mapping[str, Mapping[str, Any]]
Assertions = Mapping[str, Callable[..., str | None]]
Report = dict[str, Any]


class Resources(Protocol):
    """What a spec opens; what a test does, with its hooks, is between the two calls."""

    def begin_test(self) -> None: ...

    def end_test(self) -> None:
        """Closes what was opened since."""


class NoResources:
    """Nothing is opened."""

    def begin_test(self) -> None:
        """Nothing is to be done."""

    def end_test(self) -> None:
        """Nothing is to be done."""


class SpecRuntime(Policy):
    """What `SpecFile.load` is given; ``directories`` are searched for modules, in this order."""

    def __init__(
        self,
        path: Path,
        modules: Modules,
        assertions: Assertions,
        resources: Resources,
        seconds: float,
        max_memory: int,
        directories: Sequence[Path],
        attach: Attach | None,
        pulse: Pulse,
    ) -> None:
        super().__init__(path, _diagnostic, max_memory=max_memory, attach=attach, pulse=pulse)
        self._visit = Visit(OWN_CODE, seconds)
        patterns = [str(directory / end) for directory in directories for end in _ENDS]
        self._runtime.add_package_path(*patterns)
        for module, content in modules.items():
            for name, value in content.items():
                offer = self._runtime.define if callable(value) else self._runtime.define_value
                offer(f"{module}.{name}", value)
        self._spec = self._load_language(assertions, resources, seconds)

    def collect(self) -> list[Report]:
        """Runs the file; gives what spec.lua says of each item."""
        return self._reports("load", str(self.path))

    def run_item(self, number: int, following: int | None) -> list[Report]:
        """Runs an item; gives what spec.lua says of each failure."""
        return self._reports("run", number, following)

    def finish(self) -> list[Report]:
        """Tears down all that is set up; gives failures as `run_item` does."""
        return self._reports("finish")

    def has_room(self) -> bool:
        """Whether what the file keeps leaves it any of its memory."""
        return self._runtime.has_room()

    def explain(self, text: str) -> str:
        """An error's text, with what would be right."""
        return self._runtime.explain(text)

    def _reports(self, entry: str, *arguments: str | int | None) -> list[Report]:
        try:
            reports = self._runtime.call_own(self._spec[entry], *arguments, visit=self._visit)
        finally:
            self._let_go(self._runtime.take_released())
            self._runtime.close()  # what was printed belongs to this item
        return list(_plain(reports))

    def _load_language(self, assertions: Assertions, resources: Resources, seconds: float) -> Any:
        load = self._load_chunk
        compare = load("compare")
        show = load("show", {}, compare)
        assert_room = load("assert", {"nearest": _nearest}, compare, show)
        differences = {"text_difference": text_difference, "line_difference": _line_difference}
        load("assertions", differences, compare, show, assert_room)
        spy_room = load("spy", {}, compare, show, assert_room)
        load("match", {}, compare, show, assert_room)
        load("extensions", assertions, assert_room)
        load("output", {"write": _write}, show)
        calls = load("attempt", {}, show, assert_room, seconds)
        cases = load("cases", {}, compare, show)
        collected = load("collect", {}, show, cases, calls)
        around = {"begin_test": resources.begin_test, "end_test": resources.end_test}
        return load("spec", around, show, calls, collected, spy_room)

    def _load_chunk(
        self, name: str, functions: Mapping[str, Callable[..., Any]] | None = None, *others: Any
    ) -> Any:
        path = Path(__file__).with_name(f"{name}.lua")
        return self._runtime.load_own(path, functions or {}, *others)


_ENDS = ("?.lua", "?/init.lua")


def _plain(value: LuaValue) -> Any:
    """Tables as dicts, or as lists where they are sequences; all texts as str."""
    if isinstance(value, LuaTable):
        if value.sequence or not value.items:
            return [_plain(item) for item in value.sequence]
        return {str(key): _plain(item) for key, item in value.items}
    return readable(value) if isinstance(value, bytes) else value


def _nearest(wanted: str, names: LuaTable) -> str | None:
    return nearest(wanted, [str(name) for name in names.sequence])


def _line_difference(expected: str | bytes, actual: str | bytes) -> str:
    return line_difference(readable(expected), readable(actual))


def _write(text: LuaValue) -> None:
    sys.stdout.write(readable(text) if isinstance(text, bytes) else str(text))


def _diagnostic(level: str, text: str) -> None:
    sys.stderr.write(f"{level}: {text}\n")
