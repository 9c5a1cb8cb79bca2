"""Lua specs as pytest knows tests: a file, its blocks, and an item for each test.

Registered as a plugin by `kumolog.testing.plugin` when the first spec file is found.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest._code.code import (  # what makes a failure one of pytest's, also between processes
    ReprEntryNative,
    ReprExceptionInfo,
    ReprFileLocation,
    ReprTraceback,
    TerminalRepr,
)

from kumolog.pulse import Pulse
from kumolog.testing.luaspec import Outcome, SpecFile, SpecItem
from kumolog.testing.spec_benches import SpecBenches
from kumolog.testing.specfailure import Failure, Place
from kumolog.testing.specthread import OverrunError, SpecThread
from kumolog.testing.stash import (
    BENCHES,
    add_directories,
    add_needs,
    attach_of,
    goldens_of,
    seconds_of,
)

T = TypeVar("T")

# Marks to which pytest gives a meaning of its own: a tag of that name only selects.
_MEANINGFUL = frozenset(
    ("filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail", "xdist_group")
)
_PLAIN = str.maketrans("[]", "()")  # brackets are taken for parameters


class SpecError(Exception):
    """A test, a block or a teardown of a spec that failed, which the failures tell of."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__("\n\n".join(map(str, failures)))
        self.failures = failures


class _SpecNode(pytest.Collector):
    """What holds tests: tells of its failures as they are, without a frame of Python."""

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        return _shown(excinfo.value) or super().repr_failure(excinfo)


class LuaFile(_SpecNode, pytest.File):
    """A spec file; ``spec`` is there once it has been collected."""

    spec: SpecFile
    benches: SpecBenches

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        self.needs([self.path])
        self._thread = SpecThread(seconds_of(self.config))
        try:
            self.spec = self._thread.run(self._load)
        except OverrunError as error:
            place = Place(str(self.path), 1)
            raise SpecError([Failure(f"loading the file: {error}", place)]) from None
        self.needs(self.spec.loaded_files())
        yield from _nodes(self, self, self.spec.items, 0)

    def _load(self) -> SpecFile:
        goldens = goldens_of(self.config, self.path)
        attach = attach_of(self.config)
        self.benches = SpecBenches(self.path, self.needs, attach, self._pulse)
        return SpecFile.load(
            self.path,
            {"kumolog": {"load": self.benches.load}},
            {"matches_golden": goldens.assertion},
            resources=self.benches,
            seconds=seconds_of(self.config),
            attach=attach,
            pulse=self._pulse,
        )

    def _pulse(self) -> Pulse:
        return self._thread.pulse

    def run(self, item: SpecItem, following: SpecItem | None) -> Outcome:
        """Runs a test; one that does not come back is left behind, and has failed."""
        try:
            return self._in_thread(lambda: self.spec.run(item, following))
        except OverrunError as error:
            return self.spec.overrun(item, str(error))

    def teardown(self) -> None:
        try:
            failures = self._in_thread(self._close)
        except OverrunError as error:
            failures = (Failure(f"tearing down what is set up: {error}", None),)
        self.needs(self.spec.loaded_files())
        if failures:
            raise SpecError(failures)

    def _close(self) -> tuple[Failure, ...]:
        failures = self.spec.close()
        self.benches.close()
        return failures

    def _in_thread(self, function: Callable[[], T]) -> T:
        pulse = self._thread.pulse
        try:
            return self._thread.run(function)
        finally:
            if self._thread.pulse is not pulse:  # it was left behind, with all that it uses
                self.spec.abandon()
                self.benches.abandon()

    def needs(self, files: Iterable[str | Path]) -> None:
        """Notes that the tests need files."""
        add_needs(self.config, self.path, files)


class LuaBlock(_SpecNode):
    """A ``describe`` block, or one that could not be collected."""

    def __init__(self, file: LuaFile, items: list[SpecItem], depth: int, **names: Any) -> None:
        super().__init__(**names)
        self._file = file
        self._items = items
        self._depth = depth

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        broken = [item.broken for item in self._items if item.broken and self._is_own(item)]
        if broken:
            add_directories(self.config, self.path)
            raise SpecError(broken)
        yield from _nodes(self, self._file, self._items, self._depth)

    def _is_own(self, item: SpecItem) -> bool:
        return len(item.names) == self._depth


class LuaItem(pytest.Item):
    """A test; ``following`` is the test of the file that is run next, once that is known."""

    def __init__(self, file: LuaFile, spec_item: SpecItem, **names: Any) -> None:
        super().__init__(**names)
        self.file = file
        self.spec_item = spec_item
        self.following: SpecItem | None = None
        for tag in sorted(spec_item.tags):
            self._mark(tag)

    def runtest(self) -> None:
        outcome = self.file.run(self.spec_item, self.following)
        self.stash[BENCHES] = self.file.benches.used
        if outcome.state == "pending":
            raise pytest.skip.Exception(outcome.reason, _use_item_location=True)
        if outcome.failures:
            self.file.needs(self.file.spec.loaded_files())
            add_directories(self.config, self.path)
            raise SpecError(outcome.failures)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        return _shown(excinfo.value) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        place = self.spec_item.place
        return Path(place.file), place.line - 1, self.spec_item.name

    def _mark(self, tag: str) -> None:
        self.extra_keyword_matches.add(tag)
        if tag in _MEANINGFUL or tag.startswith("_"):
            return
        # A tag is declared by being used.
        self.config.addinivalue_line("markers", f"{tag}: a tag in Lua specs")
        self.add_marker(tag)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tells a test which one follows, so that what both need is not torn down between them."""
    if isinstance(item, LuaItem):
        item.following = None
        if isinstance(nextitem, LuaItem) and nextitem.file is item.file:
            item.following = nextitem.spec_item


def _nodes(
    parent: LuaFile | LuaBlock, file: LuaFile, items: Iterable[SpecItem], depth: int
) -> Iterator[pytest.Item | pytest.Collector]:
    """The tests right in a block, and the blocks in it, in order.

    ``depth`` is how many names lead to the block. pytest tells nodes apart by their names.
    """
    taken: Counter[str] = Counter()
    for (name, is_block), group in groupby(items, lambda item: _key(item, depth)):
        within = list(group)
        if is_block:
            unique = _unique(name, taken)
            yield LuaBlock.from_parent(
                parent, name=unique, file=file, items=within, depth=depth + 1
            )
            continue
        for item in within:
            yield LuaItem.from_parent(parent, name=_unique(name, taken), file=file, spec_item=item)


def _key(item: SpecItem, depth: int) -> tuple[str, bool]:
    return item.names[depth], len(item.names) > depth + 1 or item.broken is not None


def _unique(name: str, taken: Counter[str]) -> str:
    """A name for a node: on one line, and without what has a meaning in pytest's ids."""
    plain = " ".join(name.split()).replace("::", ":").translate(_PLAIN)
    taken[plain] += 1
    return plain if taken[plain] == 1 else f"{plain} ({taken[plain]})"


def _shown(error: BaseException) -> TerminalRepr | None:
    """What pytest shows of a failed spec; None for any other error."""
    if not isinstance(error, SpecError):
        return None
    text = ReprEntryNative([f"{line}\n" for line in str(error).split("\n")])
    first = error.failures[0]
    place, message = first.place, first.message.partition("\n")[0]
    path, line = (os.fspath(place.file), place.line) if place else ("", 0)
    return ReprExceptionInfo(
        reprtraceback=ReprTraceback([text], None, "native"),
        reprcrash=ReprFileLocation(path, line, message),
    )
