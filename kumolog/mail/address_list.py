"""Address lists as in From and To: RFC 5322 section 3.4 with the obsolete forms of section 4.4."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from kumolog.errors import KumologError
from kumolog.mail.encoded_words import ENCODED_WORD, decode_text

# What a word may hold without quotes: RFC 5322 atext, and beyond ASCII as RFC 6532 allows.
ATEXT: Final = r'[^\x00-\x20\x7f\ud800-\udfff()<>\[\]:;@\\,."]'
DOT_ATOM: Final = rf"{ATEXT}++(?:\.{ATEXT}++)*"

_DOT_ATOM: Final = re.compile(DOT_ATOM)
_TOKEN: Final = re.compile(
    rf"(?P<encoded>{ENCODED_WORD})|(?P<atom>{ATEXT}++)"
    r'|(?P<quoted>"(?:[^"\\]++|\\.)*")|(?P<literal>\[(?:[^\[\]\\]++|\\.)*\])'
    r"|(?P<special>[<>@,;:.])",
    re.DOTALL,
)
_BLANKS: Final = re.compile(r"[ \t\r\n]*+")
_COMMENT_MARK: Final = re.compile(r"\\.|[()]", re.DOTALL)
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_TO_QUOTE: Final = re.compile(r'(["\\])')
_WORDS: Final = frozenset({"encoded", "atom", "quoted", "."})


class AddressError(KumologError):
    """A text is no address, no address list, or not the single address that was asked for."""


class HeaderAddress(msgspec.Struct, frozen=True):
    """One address of a list: display name (None if it has none), unquoted local part, domain."""

    name: str | None
    user: str
    domain: str

    @property
    def email(self) -> str:
        """The address as ``user@domain``, with the local part in quotes where it needs them."""
        user = self.user
        if not _DOT_ATOM.fullmatch(user):
            user = '"' + _TO_QUOTE.sub(r"\\\1", user) + '"'
        return f"{user}@{self.domain}"

    @property
    def addresses(self) -> tuple[HeaderAddress, ...]:
        """The address itself, so that a list's elements open alike."""
        return (self,)

    def entry(self) -> dict[str, str | None]:
        """The address as an entry of a list or a group in JSON."""
        return {"name": self.name, "address": self.email}

    def to_json(self) -> str:
        """Print the address as KumoMTA prints an entry of a list: ``name``, ``address``."""
        return msgspec.json.encode(self.entry()).decode()

    def element(self) -> dict[str, object]:
        """The address as an element of a whole header in JSON."""
        return {"Address": self.entry()}


class AddressGroup(msgspec.Struct, frozen=True):
    """A named group of addresses, which may be empty."""

    name: str
    addresses: tuple[HeaderAddress, ...]

    def element(self) -> dict[str, object]:
        """The group as an element of a whole header in JSON."""
        addresses = [address.entry() for address in self.addresses]
        return {"Group": {"name": self.name, "addresses": addresses}}


def parse_address_list(text: str) -> tuple[HeaderAddress | AddressGroup, ...]:
    """Parse the value of an address header, folded or not. Takes linear time and a flat stack.

    Raises AddressError where it is no address list, or an empty one.
    """
    return _Parser(text).address_list()


class _Token(NamedTuple):
    kind: str  # a group of _TOKEN, a special character, or "end"
    text: str
    offset: int
    spaced: bool  # blanks or comments stand before it


def _tokens(text: str) -> Iterator[_Token]:
    offset = 0
    while True:
        start = _skip_blanks(text, offset)
        if start == len(text):
            break
        match = _TOKEN.match(text, start)
        if match is None:
            raise _error(text, start, f"{text[start]!r} cannot begin a word, or is not closed")
        kind = match["special"] or str(match.lastgroup)
        yield _Token(kind, match[0], start, start > offset)
        offset = match.end()
    yield _Token("end", "", len(text), True)


def _skip_blanks(text: str, offset: int) -> int:
    while True:
        blanks = _BLANKS.match(text, offset)
        offset = blanks.end() if blanks else offset
        if not text.startswith("(", offset):
            return offset
        offset = _comment_end(text, offset)


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if not depth:
            return mark.end()
    raise _error(text, start, 'the comment is not closed, ")" was expected')


def _error(text: str, offset: int, reason: str) -> AddressError:
    return AddressError(f"parsing the address list {text!r:.80}: at offset {offset}: {reason}")


class _Parser:
    """Recursive descent without recursion: groups do not nest, and the tokenizer eats comments."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._token = next(self._tokens)

    def address_list(self) -> tuple[HeaderAddress | AddressGroup, ...]:
        items: list[HeaderAddress | AddressGroup] = []
        while not self._at_end_of_list("end"):
            words = self._words()
            items.append(self._group(words) if self._token.kind == ":" else self._mailbox(words))
            self._expect(",", "end")
        if not items:
            raise _error(self._text, 0, 'expected an address such as "user@domain", found none')
        return tuple(items)

    def _group(self, words: list[_Token]) -> AddressGroup:
        if not words:
            raise self._unexpected("a group name")
        self._take(":")
        members: list[HeaderAddress] = []
        while not self._at_end_of_list(";"):
            members.append(self._mailbox(self._words()))
            self._expect(",", ";")
        self._take(";")
        return AddressGroup(_phrase(words), tuple(members))

    def _mailbox(self, words: list[_Token]) -> HeaderAddress:
        if self._token.kind != "<":
            return self._address(None, words)
        self._take("<")
        self._skip_route()
        address = self._address(_phrase(words) if words else None, self._words())
        self._take(">")
        return address

    def _skip_route(self) -> None:
        if self._token.kind in ("@", ","):
            while not self._at_end_of_list(":"):
                self._take("@")
                self._domain()
                self._expect(",", ":")
            self._take(":")

    def _address(self, name: str | None, words: list[_Token]) -> HeaderAddress:
        if self._token.kind != "@" or not words:
            raise self._unexpected('an address such as "user@domain"')
        dots = [word.kind == "." for word in words]
        if len(words) % 2 == 0 or any(dots[::2]) or not all(dots[1::2]):
            raise _error(
                self._text, words[0].offset, "words of a local part must be joined by dots"
            )
        self._take("@")
        return HeaderAddress(name, "".join(map(_plain, words)), self._domain())

    def _domain(self) -> str:
        if self._token.kind == "literal":
            return _FOLD.sub("", self._take("literal").text)
        labels = [self._take("atom").text]
        while self._token.kind == ".":
            self._take(".")
            labels.append(self._take("atom").text)
        return ".".join(labels)

    def _words(self) -> list[_Token]:
        words = []
        while self._token.kind in _WORDS:
            words.append(self._take(self._token.kind))
        return words

    def _at_end_of_list(self, closing: str) -> bool:
        while self._token.kind == ",":
            self._take(",")
        return self._token.kind == closing

    def _take(self, kind: str) -> _Token:
        self._expect(kind)
        token = self._token
        self._token = next(self._tokens, token)
        return token

    def _expect(self, *kinds: str) -> None:
        if self._token.kind not in kinds:
            raise self._unexpected(" or ".join(map(repr, kinds)))

    def _unexpected(self, expected: str) -> AddressError:
        found = repr(self._token.text) if self._token.text else "the end"
        return _error(self._text, self._token.offset, f"expected {expected}, found {found:.40}")


def _plain(word: _Token) -> str:
    if word.kind != "quoted":
        return word.text
    return _QUOTED_PAIR.sub(r"\1", _FOLD.sub("", word.text[1:-1]))


def _phrase(words: list[_Token]) -> str:
    pieces = []
    for quoted, run in itertools.groupby(words, lambda word: word.kind == "quoted"):
        text = "".join((" " if word.spaced else "") + _plain(word) for word in run)
        # RFC 2047 section 5: there are no encoded words inside quotes.
        pieces.append(text if quoted else decode_text(text))
    phrase = "".join(pieces)
    return phrase[1:] if words[0].spaced else phrase
