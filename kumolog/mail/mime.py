"""The parts of a MIME message: RFC 2045 and RFC 2046, read as broken mail needs it.

One pass over the message finds the delimiters of all levels, so that neither depth nor the number
of parts costs more than their own bytes. Parts share the message's bytes and copy none of them.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from kumolog.mail.encoded_words import decode_charset
from kumolog.mail.headers import Header, HeaderError, parse_headers
from kumolog.mail.mime_fields import MimeError, MimeParams, Text, parse_mime_params, text_or_bytes

MAX_PARTS: Final = 100_000  # a part takes far more memory than its delimiter takes in the message

_EMPTY_LINE: Final = re.compile(rb"^\r?\n", re.MULTILINE)
_TRAILING_BLANKS: Final = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/=]+")


class Place(NamedTuple):
    """Where a part stands: below which place, and as which child (from 0)."""

    above: Place | None
    number: int


@dataclass(eq=False, repr=False)
class Part:
    """One part, or the whole message.

    ``data`` are the bytes of the message, in which the part's headers begin at ``start`` and its
    body at ``body_start``; the body goes up to ``end``, where the line of the next delimiter begins
    (KumoMTA: the newline before a delimiter is the body's).
    """

    data: bytes
    start: int
    place: Place | None
    body_start: int = 0
    end: int = 0
    headers: list[Header] = field(default_factory=list)
    children: list[Part] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Each child's number (from 0) on the way down, as in ``1.0``; empty for the message."""
        numbers = []
        place = self.place
        while place is not None:
            numbers.append(str(place.number))
            place = place.above
        return ".".join(reversed(numbers))

    def header(self, name: str) -> Header | None:
        """The first header of a name in any case."""
        wanted = name.lower()
        return next((header for header in self.headers if header.name.lower() == wanted), None)

    def params(self, name: str) -> MimeParams | None:
        """The first header of a name as value and parameters; None if absent or none such."""
        header = self.header(name)
        try:
            return None if header is None else parse_mime_params(header.raw)
        except MimeError:
            return None

    @cached_property
    def content_type(self) -> MimeParams:
        """The Content-Type; ``text/plain`` if absent or not valid (RFC 2045 section 5.2)."""
        return self.params("Content-Type") or MimeParams("text/plain", {})

    @property
    def is_multipart(self) -> bool:
        return self.content_type.value.lower().startswith("multipart/")

    @property
    def raw_body(self) -> bytes:
        """The body as it was sent."""
        return self.data[self.body_start : self.end]

    def decoded_body(self) -> bytes:
        """The body without its transfer encoding; an unknown encoding leaves it as it is."""
        encoding = None if self.is_multipart else self.params("Content-Transfer-Encoding")
        decode = None if encoding is None else _TRANSFER_DECODERS.get(encoding.value.lower())
        return self.raw_body if decode is None else decode(self.raw_body)

    def content(self) -> Text:
        """The decoded body, of a text part by its charset: where that fits, bytes become text."""
        data = self.decoded_body()
        kind, parameters = self.content_type
        charset = parameters.get("charset")
        if isinstance(charset, str) and kind.lower().startswith("text/"):
            decoded = decode_charset(data, charset)
            if decoded is not None:
                return decoded
        return text_or_bytes(data)


def parse_message(data: bytes) -> Part:
    """Parse a message into its tree of parts.

    Parts that are no multipart, messages inside the message among them, have no children. A
    multipart that nothing closes ends with what is around it. Raises HeaderError where the headers
    of the message or of a part cannot be parsed, MimeError for more than MAX_PARTS parts.
    """
    return _Reader(data).read()


def decode_base64(data: bytes) -> bytes:
    """Decode base64 up to its padding, leaving out what is none; broken ends are cut."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:  # too few characters at the end
        digits = _NOT_BASE64.sub(b"", data).lstrip(b"=").partition(b"=")[0]
        whole = len(digits) - (len(digits) % 4 == 1)
        return binascii.a2b_base64(digits[:whole] + b"==")


def decode_quoted_printable(data: bytes) -> bytes:
    """Decode quoted-printable; what is none stays, blanks at the ends of lines go."""
    return binascii.a2b_qp(_TRAILING_BLANKS.sub(b"", data))


_TRANSFER_DECODERS: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {"base64": decode_base64, "quoted-printable": decode_quoted_printable}
)


class _Reader:
    """Goes through the lines that begin with two hyphens, with a stack of the open multiparts."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = 0
        self._empty_line = 0  # the end of the first empty line from the last part's start on
        self._stack: list[tuple[bytes, Part]] = []
        self._open: dict[bytes, list[int]] = {}  # places on the stack, by boundary
        self._part: Part | None = None  # the one being read; None in a preamble or an epilogue
        self._in_headers = False

    def read(self) -> Part:
        root = self._begin(0, None)
        for start, line_end in _dashed_lines(self._data):
            if self._in_headers and self._empty_line <= start:
                self._end_headers(self._empty_line)
                if not self._open:  # no multipart, so that no line can be a delimiter any more
                    break
            line = self._data[start + 2 : line_end].rstrip(b" \t\r")
            if line in self._open:
                self._end_parts(self._open[line][-1], start)
                self._begin_child(line_end + 1)
            elif line.endswith(b"--") and line[:-2] in self._open:
                level = self._open[line[:-2]][-1]
                self._end_parts(level, start)
                self._forget(line[:-2], level)
        self._end_parts(-1, len(self._data))
        return root

    def _begin(self, start: int, place: Place | None) -> Part:
        self._count += 1
        if self._count > MAX_PARTS:
            raise MimeError(f"parsing a message: it has more than {MAX_PARTS} parts")
        self._part = Part(self._data, start, place)
        self._in_headers = True
        if self._empty_line <= start:  # never looks at a byte twice, whether it finds one or not
            match = _EMPTY_LINE.search(self._data, start)
            self._empty_line = match.end() if match else len(self._data)
        return self._part

    def _begin_child(self, start: int) -> None:
        parent = self._stack[-1][1]
        index = len(parent.children)
        parent.children.append(self._begin(min(start, len(self._data)), Place(parent.place, index)))

    def _end_headers(self, end: int) -> None:
        part = self._part
        assert part is not None
        part.headers = _headers(part, end)
        part.body_start = end
        self._in_headers = False
        boundary = _boundary(part)
        if boundary:
            self._open.setdefault(boundary, []).append(len(self._stack))
            self._stack.append((boundary, part))
            self._part = None

    def _end_parts(self, level: int, end: int) -> None:
        """Ends every part below the multipart at a level of the stack."""
        if self._in_headers:
            self._end_headers(min(self._empty_line, end))
        if self._part is not None:
            self._part.end = end
            self._part = None
        while len(self._stack) > level + 1:
            boundary, part = self._stack.pop()
            part.end = end
            self._forget(boundary, len(self._stack))

    def _forget(self, boundary: bytes, level: int) -> None:
        """Looks no more for the delimiters of a level, where they were not closed before."""
        levels = self._open.get(boundary)
        if levels and levels[-1] == level:
            levels.pop()
            if not levels:
                del self._open[boundary]


def _dashed_lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Where lines that begin with two hyphens begin and end."""
    start = 0 if data.startswith(b"--") else _next_dashes(data, 0)
    while start >= 0:
        end = data.find(b"\n", start)
        yield start, len(data) if end < 0 else end
        start = _next_dashes(data, start)


def _next_dashes(data: bytes, at: int) -> int:
    found = data.find(b"\n--", at)
    return found + 1 if found >= 0 else -1


def _headers(part: Part, end: int) -> list[Header]:
    try:
        return parse_headers(part.data[part.start : end])
    except HeaderError as error:
        if part.place is None:
            raise
        raise HeaderError(f"parsing part {part.id} of a message: {error}") from error


def _boundary(part: Part) -> bytes:
    """The boundary of a multipart, empty for any other part and for one that names none."""
    if not part.is_multipart:
        return b""
    boundary = part.content_type.parameters.get("boundary", b"")
    raw = boundary.encode() if isinstance(boundary, str) else boundary
    return raw.rstrip(b" \t\r")
