"""The branches of a Lua text, and how to notice which of them are taken.

Lua tells of lines alone. So a loop that does nothing is put at the beginning of every branch, on
the same line: Lua tells of every jump backwards, and the variable of the loop says where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from kumolog.testing.lualines import Token, tokens

Outcome = Literal["true", "false", "entered"]
_PROBE: Final = " for {} = 1, 2 do local _ end "


class Branch(NamedTuple):
    """What a condition may turn out to be, or that a loop's body is entered.

    ``statement`` counts the statements with branches in the text from 0; ``line`` is that of the
    condition, ``noticed_on`` the one on which Lua tells of the branch. ``within`` is the place in
    the list of the branch that the statement is in, None where it is in none of its function.
    """

    statement: int
    line: int
    outcome: Outcome
    noticed_on: int
    within: int | None


@dataclass
class _Open:
    word: str
    statement: int
    line: int  # of the last condition
    within: int | None = None  # the branch that it is in
    branch: int | None = None  # the one of it that is being read, or that it is in
    has_else: bool = False


class _Reader:
    def __init__(self, source: str, prefix: str) -> None:
        self._source = source
        self._prefix = prefix
        self._open: list[_Open] = []
        self._statements = 0
        self._done = 0
        self.pieces: list[str] = []
        self.branches: list[Branch] = []

    def read(self, token: Token) -> None:
        word, behind = token.text, token.start + len(token.text)
        top = self._open[-1] if self._open else None
        within = top.branch if top else None
        if word in ("if", "for", "while"):
            self._open.append(_Open(word, self._statements, token.line, within, within))
            self._statements += 1
        elif word == "function":
            self._open.append(_Open(word, 0, 0))
        elif word == "repeat" or (word == "do" and not _awaits_do(top)):
            self._open.append(_Open(word, 0, 0, within, within))
        elif top is None:
            return
        elif word == "do":
            top.word = word
            self._branch(top, "entered", token, behind)
        elif word == "then":
            self._branch(top, "true", token, behind)
        elif word == "elseif":
            top.line = token.line
        elif word == "else":
            top.has_else = True
            self._branch(top, "false", token, behind)
        elif word in ("end", "until"):
            self._close(self._open.pop(), token)

    def _close(self, closed: _Open, token: Token) -> None:
        if closed.word == "if" and token.text == "end" and not closed.has_else:
            self._branch(closed, "false", token, token.start, " else")

    def _branch(
        self, of: _Open, outcome: Outcome, token: Token, position: int, before: str = ""
    ) -> None:
        probe = _PROBE.format(f"{self._prefix}{len(self.branches)}")
        self.pieces += [self._source[self._done : position], before, probe]
        self._done = position
        of.branch = len(self.branches)
        self.branches.append(Branch(of.statement, of.line, outcome, token.line, of.within))

    def finish(self) -> None:
        self.pieces.append(self._source[self._done :])


def _awaits_do(top: _Open | None) -> bool:
    return top is not None and top.word in ("for", "while")


def with_probes(source: str, prefix: str) -> tuple[str, list[Branch]]:
    """The same code on the same lines, in which every branch begins with a loop; the branches.

    The variable of that loop is called by the prefix and the branch's place in the list. A text
    that is no Lua gives one that is none either.
    """
    reader = _Reader(source, prefix)
    for token in tokens(source):
        if token.kind == "name":
            reader.read(token)
    reader.finish()
    return "".join(reader.pieces), reader.branches
