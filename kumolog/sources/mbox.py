"""Cut the bytes of a file of mail into its messages: an mbox, or one message alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from kumolog.errors import KumologError

_LONGEST_FROM: Final = 1000  # octets of a line with its end, RFC 5322 section 2.1.1
_HELD: Final = 64 * 1024
# Every line is taken together with the newline before it, so that this search begins with a byte
# that is rare enough. The groups are the quotes and what follows "From ".
_FROM: Final = re.compile(rb"\n(>*+)From ([^\r\n]*+)[^\n]*+")
_DATED: Final = re.compile(
    rb"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    rb" [ 0-3]?\d \d\d:\d\d"
)
_HEADER: Final = re.compile(rb"[A-Za-z0-9][!-9;-~]*+[ \t]*:")  # JSON would fit, too
_HEADER_BELOW: Final = re.compile(rb"\n(?!From )" + _HEADER.pattern)
_BOM: Final = b"\xef\xbb\xbf"
_LINE_ENDS: Final = b"\r\n"
_ENOUGH: Final = 1000  # bytes that tell what a file is
_SENDER: Final = re.compile(rb'<?((?>(?:"(?>(?:[^"\\]|\\.)*)"|[^\s"<>])*))')


class Found(NamedTuple):
    """One message: the 1-based line it begins at, its bytes, and what stands for its sender.

    ``data`` is None for a message that is larger than allowed; ``sender`` is the word in the place
    of the envelope sender in a From_ line, such as ``MAILER-DAEMON``.
    """

    line: int
    data: bytes | None
    sender: bytes | None


class Splitter(Protocol):
    """Cuts the pieces of one file into messages; holds the one whose end has not come."""

    @property
    def line(self) -> int:
        """Where the message began whose end has not come."""

    def feed(self, data: bytes) -> Iterator[Found]:
        """Give out the messages that end in ``data``."""

    def finish(self) -> Iterator[Found]:
        """At the true end of the file: the last message."""


class MailFile:
    """An mbox, or one message: its beginning tells. A byte order mark there is dropped.

    ``feed`` and ``finish`` raise KumologError where it is neither; nothing is no mail.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = b""
        self._chosen: Splitter | None = None

    @property
    def line(self) -> int:
        return 1 if self._chosen is None else self._chosen.line

    def feed(self, data: bytes) -> Iterator[Found]:
        if self._chosen is None:
            self._head += data
            if len(self._head) < _ENOUGH and b"\n" not in self._head.lstrip(_LINE_ENDS):
                return
            self._chosen = self._choose()
            data = self._head.removeprefix(_BOM)
        yield from self._chosen.feed(data)

    def finish(self) -> Iterator[Found]:
        if self._chosen is None:
            if not self._head.removeprefix(_BOM).strip():
                return
            self._chosen = self._choose()
            yield from self._chosen.feed(self._head.removeprefix(_BOM))
        yield from self._chosen.finish()

    def _choose(self) -> Splitter:
        head = self._head.removeprefix(_BOM)
        if head.lstrip(_LINE_ENDS).startswith(b"From "):
            return Mbox(self._limit)
        if _HEADER.match(head):
            return OneMessage(self._limit)
        raise KumologError(
            'it is neither an mbox, which begins with "From ", nor a message, which begins with a '
            f"header, but begins with {head[:40]!r}"
        )


class OneMessage:
    """All of a file is one message."""

    line = 1

    def __init__(self, limit: int) -> None:
        self._text = _Bounded(limit)

    def feed(self, data: bytes) -> Iterator[Found]:
        self._text.add(data)
        return iter(())

    def finish(self) -> Iterator[Found]:
        yield Found(1, self._text.whole(), None)


class Mbox:
    """The messages of an mbox, mboxo or mboxrd (qmail's mbox(5); RFC 4155 appendix A).

    A line that begins with ``From `` opens a message if it has a date as it must, or else stands
    between an empty line and a header: so neither a writer that forgets the empty line nor one that
    quotes nothing leads astray. One ``>`` is taken from lines like ``>From`` and ``>>From``. The
    empty line that closes a message is no part of it. Content-Length is not believed: it is often
    wrong.
    """

    def __init__(self, limit: int) -> None:
        self.line = 1
        self._limit = limit
        self._held = b"\n"
        self._lines = 0
        self._sender: bytes | None = None
        self._text: _Bounded | None = None

    def feed(self, data: bytes) -> Iterator[Found]:
        """Give out the messages that end in ``data``."""
        text = self._held + data
        end = max(text.rfind(b"\n"), 0)
        last = max(text.rfind(b"\n", 0, end), 0)
        if text.startswith(b"\nFrom ", last):  # the line after it tells whether it opens a message
            end = last
        if len(text) - end > _HELD:
            end = len(text)  # too long to open a message: there is no need to see its end first
        self._held = text[end:]
        yield from self._take(text[:end])

    def finish(self) -> Iterator[Found]:
        yield from self._take(self._held)
        yield from self._message()

    def _take(self, text: bytes) -> Iterator[Found]:
        start = 0
        for match in _FROM.finditer(text):
            self._add(text[start : match.start()])
            if match[1]:
                self._add(b"\n" + match[0][2:])
            elif self._opens(match):
                self._add(b"\n")  # which ended the line before; this line's own number is its count
                yield from self._message()
                self.line = self._lines
                self._sender = _sender(match[2])
                self._text = _Bounded(self._limit)
            else:
                self._add(match[0])
            start = match.end()
        self._add(text[start:])

    def _add(self, text: bytes) -> None:
        self._lines += text.count(b"\n")
        if self._text is not None:
            self._text.add(text)

    def _opens(self, line: re.Match[bytes]) -> bool:
        if self._text is None:
            return True
        if len(line[0]) > _LONGEST_FROM:
            return False
        if _DATED.search(line[2]):
            return True
        below = _HEADER_BELOW.match(line.string, line.end())
        return below is not None and self._text.ends_with((b"\n", b"\n\r"))

    def _message(self) -> Iterator[Found]:
        if self._text is None:
            return
        text = self._text.whole()
        if text is not None:
            closing = 2 if text.endswith(b"\n\r\n") else int(text.endswith(b"\n\n"))
            text = text[1 : len(text) - closing]
        yield Found(self.line, text, self._sender)


class _Bounded:
    """Bytes that are put together up to a limit; of more than that only the end is kept."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._text = bytearray()

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self._text += data
        if self.size > self._limit:
            del self._text[:-2]

    def ends_with(self, endings: tuple[bytes, ...]) -> bool:
        return self._text.endswith(endings)

    def whole(self) -> bytes | None:
        """Everything, or None if it was too much."""
        return None if self.size > self._limit else bytes(self._text)


def _sender(rest: bytes) -> bytes:
    """What stands for the envelope sender in a From_ line: the first word (mbox(5))."""
    match = _SENDER.match(rest)
    return b"" if match is None else match[1]
