"""What is known of each file whose coverage is measured."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kumolog.lua.luac import Prototype
from kumolog.testing.branches import Outcome, with_probes
from kumolog.testing.lualines import function_names, stand_ins, tokens

_CHUNK = (0, 0)  # the lines of the function that a file is as a whole
Slot = tuple[int, int, int]  # a line of a function: the function's first and last line, the line


class CoveredFunction(msgspec.Struct):
    """A function by the lines of its beginning and its end."""

    name: str
    first: int
    last: int
    reached: bool = False


class CoveredHandler(msgspec.Struct):
    """A handler by the line of its `kumo.on`."""

    event: str
    line: int
    reached: bool = False


class CoveredBranch(msgspec.Struct):
    """What the condition on a line may turn out to be, or that a loop's body is entered.

    ``statement`` counts what has branches in the text, from 0; ``within`` is the place of the
    branch that it is in.
    """

    statement: int
    line: int
    outcome: Outcome
    within: int | None
    reached: bool = False


class CoveredFile(msgspec.Struct):
    """One text of a file, of which ``text`` is the digest.

    ``loaded`` is when that was last, in seconds since 1970; ``lines`` are those that count, each
    with whether it was reached.
    """

    path: str
    text: str
    loaded: float
    lines: dict[int, bool] = {}
    functions: list[CoveredFunction] = []
    handlers: list[CoveredHandler] = []
    branches: list[CoveredBranch] = []

    @property
    def reached(self) -> int:
        """How many lines were reached."""
        return sum(self.lines.values())

    @property
    def branches_reached(self) -> int:
        """How many branches were taken."""
        return sum(branch.reached for branch in self.branches)

    def is_asked(self, branch: CoveredBranch) -> bool:
        """Whether what the branch is one of was reached itself."""
        is_inside = branch.within is None or self.branches[branch.within].reached
        return is_inside and self.lines.get(branch.line, True)

    def handler(self, event: str, line: int) -> CoveredHandler:
        """The handler of an event that is registered on a line."""
        for handler in self.handlers:
            if (handler.event, handler.line) == (event, line):
                return handler
        self.handlers.append(CoveredHandler(event, line))
        return self.handlers[-1]

    def function(self, first: int, last: int, name: str) -> CoveredFunction:
        """The function between two lines, which gets a name where it is new."""
        for function in self.functions:
            if (function.first, function.last) == (first, last):
                return function
        self.functions.append(CoveredFunction(name, first, last))
        return self.functions[-1]

    def merge(self, other: CoveredFile) -> None:
        """Adds what another process knows of the same text."""
        self.loaded = max(self.loaded, other.loaded)
        for line, reached in other.lines.items():
            self.lines[line] = self.lines.get(line, False) or reached
        for theirs in other.functions:
            self.function(theirs.first, theirs.last, theirs.name).reached |= theirs.reached
        for handler in other.handlers:
            self.handler(handler.event, handler.line).reached |= handler.reached
        self.branches = self.branches or other.branches
        for mine, of_other in zip(self.branches, other.branches, strict=False):
            mine.reached |= of_other.reached


class Measured:
    """A file in the making: what Lua reaches of its text, of which Lua has these functions.

    ``unreached`` are the lines that Lua is still to tell of; ``number`` is that of this file.
    """

    def __init__(
        self, file: CoveredFile, found: Sequence[Prototype], source: str, number: int
    ) -> None:
        self.file = file
        read = tokens(source)
        self._prefix = f"_kumolog_branch_{number}_"
        self._probed, self._branches = with_probes(source, self._prefix)
        file.branches = file.branches or [
            CoveredBranch(branch.statement, branch.line, branch.outcome, branch.within)
            for branch in self._branches
        ]
        self._stand_ins = stand_ins(read)
        self._counted: dict[Slot, set[int]] = {}  # the lines that are reached by one
        self.unreached: set[Slot] = set()
        # Lua has its functions in the order of the text.
        names = ["", *function_names(read)]
        for function, name in zip(found, names, strict=True):
            self._expect(function, name)

    def reach(self, slot: Slot) -> None:
        """Takes a note of a line that runs."""
        if slot not in self.unreached:  # of another text that the runtime has loaded by that name
            return
        self.unreached.remove(slot)
        first, last, _ = slot
        if (first, last) != _CHUNK:
            self.file.function(first, last, "").reached = True
        self.file.lines.update(dict.fromkeys(self._counted[slot], True))

    def probed(self) -> tuple[str, dict[str, int]]:
        """The text in which every branch has a variable; the lines of those not taken, by it."""
        lines = {
            f"{self._prefix}{number}": branch.noticed_on
            for number, branch in enumerate(self._branches)
            if not self.file.branches[number].reached
        }
        return self._probed, lines

    def take(self, name: str) -> None:
        """Takes a note of the branch with that variable."""
        self.file.branches[int(name.removeprefix(self._prefix))].reached = True

    def _expect(self, function: Prototype, name: str) -> None:
        extent = function.first, function.last
        if extent != _CHUNK:
            self.file.function(*extent, name)
        counted: dict[int, set[int]] = {line: set() for line in function.lines}
        for line in function.lines - {function.returns_on}:
            opener = self._stand_ins.get(line, line)
            if opener is not None:
                self.file.lines.setdefault(opener, False)
                # Whatever runs between the two has come by where it was opened.
                for between in function.lines & set(range(opener, line + 1)):
                    counted[between].add(opener)
        self.unreached.update((*extent, line) for line in counted)
        self._counted.update(((*extent, line), lines) for line, lines in counted.items())
