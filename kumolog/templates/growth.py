"""How much a template can make of what it is given, told from its text alone.

Fuel bounds the steps of a rendering, not what one step makes: ``'a' * n`` or a ``replace`` of every
letter is a single step. Rust's allocator ends the process where memory runs out, so a template is
rendered in this process only where every step is known to make at most a few times its input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from math import inf, prod
from typing import Final, NamedTuple

_TEXT: Final = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
_PIECE: Final = re.compile(
    r"\{#.*?#\}"
    rf"|\{{\{{(?P<expression>(?:{_TEXT}|[^\"'}}]|\}}(?!\}}))*)\}}\}}"
    rf"|\{{%(?P<tag>(?:{_TEXT}|[^\"'%]|%(?!\}}))*)%\}}",
    re.DOTALL,
)
_OPENING: Final = re.compile(r"\{[{%#]")
_TOKEN: Final = re.compile(
    rf"(?P<text>{_TEXT})|(?P<number>\d[\w.]*)|(?P<name>[^\W\d]\w*)|\S", re.DOTALL
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Without macros, namespaces, captured blocks and other templates no loop can pile up what it makes.
_TAGS: Final = _words("if elif else endif for endfor set with endwith break continue")
_OPERATORS: Final = _words("and or not in is if elif else for set with")
_LINEAR_FILTERS: Final = _words(
    """abs attr bool capitalize count d dateformat datetimeformat default dictsort filesizeformat
    first float int items last length lines list lower max min normalize_smtp_response pluralize
    pprint random reject rejectattr reverse round safe select selectattr sort split string striptags
    timeformat title trim truncate unique upper wordcount"""
)
_LINEAR_METHODS: Final = _words(
    """capitalize changed count cycle endswith find get isalnum isalpha isascii isdigit islower
    isnumeric isspace isupper items keys lower lstrip rfind rstrip split splitlines startswith strip
    title upper values"""
)
_LINEAR_FUNCTIONS: Final = _words("now")
_ESCAPING: Final = _words("e escape tojson")
# What these make depends on their arguments: they have to be written out.
_GROWING: Final = _words("batch indent join range replace slice wordwrap")
_LARGEST_NUMBER: Final = 1000


class _Token(NamedTuple):
    kind: str | None  # text, number, name, or None for a mark
    text: str


_NOTHING: Final = _Token(None, "")


def growth(source: str) -> float:
    """How many times its record and its own text one step of the template can make, or inf.

    Never too low, often too high.
    """
    factors, sets = [1.0], [1.0]
    for tag, code in _code(source):
        tokens = [_Token(match.lastgroup, match[0]) for match in _TOKEN.finditer(code.strip("-+"))]
        name = tokens[0].text if tag and tokens else ""
        if tag and (name not in _TAGS or (name == "set" and _Token(None, "=") not in tokens)):
            return inf
        (sets if name in ("set", "with") else factors).append(_factor(tokens))
    return prod(sets) * max(factors)


def _code(source: str) -> Iterator[tuple[bool, str]]:
    """The code between the braces, and whether it is a tag's."""
    end = 0
    for match in _PIECE.finditer(source):
        if _OPENING.search(source, end, match.start()):
            yield True, "unclear"
        if match.lastgroup is not None:
            yield match.lastgroup == "tag", match[match.lastgroup]
        end = match.end()
    if _OPENING.search(source, end):
        yield True, "unclear"


def _factor(tokens: list[_Token]) -> float:
    padded = [_NOTHING, _NOTHING, *tokens, _NOTHING]
    factor = 1.0
    makes_list = False
    for place, token in enumerate(tokens):
        earlier, before, _, after = padded[place : place + 4]
        if token.kind is None:
            factor *= _MARKS.get(token.text, 1.0)
            makes_list |= token.text == "[" and before.kind is None and before.text not in ")]"
        elif token.kind == "name" and (earlier if before.text == "not" else before).text != "is":
            factor *= _factor_of_name(token.text, before.text, after.text, tokens[place + 1 :])
    if makes_list or _Token(None, "=") in tokens:
        factor *= 1 + tokens.count(_Token(None, ","))
    return factor


# In an object's braces, "}}" is not the end of the code.
_MARKS: Final = {"*": inf, "{": inf, "~": 2.0, "+": 2.0}


def _factor_of_name(name: str, before: str, after: str, rest: list[_Token]) -> float:
    if before == "|":
        linear = _LINEAR_FILTERS
    elif name in _OPERATORS:
        return 1.0
    elif after != "(":
        return inf if name == "recursive" else 1.0
    else:
        linear = _LINEAR_METHODS if before == "." else _LINEAR_FUNCTIONS
    if name in linear:
        return 1.0
    if name in _ESCAPING | _GROWING:
        return _written_out(rest) if after == "(" else 2.0
    return inf


def _written_out(rest: list[_Token]) -> float:
    """What arguments can add to each part of the value; inf where they are not just literals."""
    largest = 1.0
    for token, after in pairwise((*rest, _NOTHING)):
        if token.text == ")":
            return 1.0 + largest
        if token.kind == "name" and token.text not in ("true", "false") and after.text != "=":
            return inf
        if token.kind == "text":
            largest = max(largest, len(token.text) - 2.0)
        elif token.kind == "number":
            largest = max(largest, _number(token.text))
    return inf


def _number(text: str) -> float:
    return float(text) if text.isdecimal() and int(text) <= _LARGEST_NUMBER else inf
