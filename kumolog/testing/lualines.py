"""What the text of a Lua file says about its lines, which its instructions do not tell."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<comment>--\[(?P<c>=*)\[.*?(?:\](?P=c)\]|\Z)|--[^\n\r]*)
    |(?P<string>\[(?P<s>=*)\[.*?(?:\](?P=s)\]|\Z)
       |"(?:\\(?:z\s*|\r\n|\n\r|.)|[^"\\\n\r])*"?|'(?:\\(?:z\s*|\r\n|\n\r|.)|[^'\\\n\r])*'?)
    |(?P<label>::\s*\w+\s*::)
    |(?P<name>[A-Za-z_]\w*)
    |\.?\d(?:[eEpP][+-]|[\w.])*
    |\S""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_LINE_END = re.compile(r"\r\n|\n\r|\n|\r")

_OPENS = frozenset(("function", "if", "repeat", "for", "while", "(", "{", "["))
_CLOSES = frozenset(("end", "until", ")", "}", "]"))
# Words that do nothing by themselves.
_IDLE = frozenset(("then", "else", "do", "repeat", "(", "{", "[", ",", ";")) | _CLOSES


class Token(NamedTuple):
    """``kind`` is string, label, name (keywords too), or None; ``last`` the line of its end."""

    kind: str | None
    text: str
    start: int
    line: int
    last: int


def tokens(source: str) -> list[Token]:
    """The tokens of a text without its comments; never fails, whatever the text is."""
    starts = [0, *(match.end() for match in _LINE_END.finditer(source))]
    return [
        Token(
            match.lastgroup,
            match[0],
            match.start(),
            bisect_right(starts, match.start()),
            bisect_right(starts, match.end() - 1),
        )
        for match in _TOKEN.finditer(source)
        if match.lastgroup != "comment"
    ]


def with_visible_breaks(source: str) -> str:
    """The same code, in which each `break` has an instruction of its own.

    Lua makes `if x then break` one conditional jump, unless an empty statement stands between.
    """
    found = tokens(source)
    pieces, done = [], 0
    for then, following in pairwise(found):
        if then.text == "then" and following.text == "break":
            pieces += [source[done : following.start], ";"]
            done = following.start
    return "".join(pieces) + source[done:]


class _Opened:
    def __init__(self, word: str, line: int) -> None:
        self.word = word
        self.line = line
        self.condition = line  # of the last `if` or `elseif`


class _Structure:
    """Which lines close what was opened on which earlier line."""

    def __init__(self) -> None:
        self.opened: list[_Opened] = []
        self.closings: dict[int, int] = {}

    def read(self, token: Token) -> None:
        if token.last > token.line:  # a string in several lines
            self._close(token.last, token.line)
        word, line = token.text, token.line
        top = self.opened[-1] if self.opened else None
        if word in _OPENS:
            self.opened.append(_Opened(word, line))
        elif word in _CLOSES and top:
            self._close(line, self.opened.pop().line)
        elif word == "do":
            self._do(top, line)
        elif word == "elseif" and top:
            top.condition = line
        elif word == "then" and top:
            self._close(line, top.condition)
        elif word == "else" and top:
            self._close(line, top.line)

    def _do(self, top: _Opened | None, line: int) -> None:
        if top and top.word in ("for", "while"):
            top.word = "do"
            self._close(line, top.line)
        else:
            self.opened.append(_Opened("do", line))

    def _close(self, line: int, opener: int) -> None:
        self.closings[line] = min(opener, self.closings.get(line, opener))


def stand_ins(found: Sequence[Token]) -> dict[int, int | None]:
    """The lines that do nothing by themselves, each with the line that its instructions belong to.

    A line that only closes (`end)`, `}`, `then`, the last line of a long string) belongs to where
    the outermost of what it closes was opened, but nowhere if that does nothing either (`do`); one
    with only a label belongs nowhere.
    """
    structure = _Structure()
    for token in found:
        structure.read(token)
    closings = structure.closings
    busy = {t.line for t in found if t.text not in _IDLE and t.kind != "label"}
    result: dict[int, int | None] = {
        t.line: None for t in found if t.kind == "label" and t.line not in busy
    }
    for line in sorted(closings):
        opener = closings[line]
        if line not in busy and opener < line:
            result[line] = result.get(opener, opener if opener in busy else None)
    return result


def function_names(found: Sequence[Token]) -> list[str]:
    """A name for each function of the text, in order: its own, or what it is for."""
    return [
        _name_of(found, place) or f"anonymous@{token.line}"
        for place, token in enumerate(found)
        if token.text == "function"
    ]


def _name_of(found: Sequence[Token], place: int) -> str:
    if place + 1 < len(found) and found[place + 1].kind == "name":
        end = next((i for i in range(place + 1, len(found)) if found[i].text == "("), place)
        return "".join(token.text for token in found[place + 1 : end])
    before = [token.text for token in found[max(0, place - 3) : place]]
    if before[-1:] == ["="]:
        return _path_before(found, place - 1)
    if before[0::2] == ["(", ","] and found[place - 2].kind == "string":
        called = _path_before(found, place - 3)
        return called and " ".join(f"{called}({before[1]})".split())
    return ""


def _path_before(found: Sequence[Token], place: int) -> str:
    """The `a.b:c` that ends before a place, or nothing."""
    start = place
    while start and found[start - 1].kind == "name":
        start -= 1
        if not (start and found[start - 1].text in (".", ":")):
            break
        start -= 1
    return "".join(token.text for token in found[start:place])
