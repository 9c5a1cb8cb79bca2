"""The header block of a message: parsing, decoding, grouping (RFC 5322 section 2.2, RFC 2047)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from kumolog.errors import KumologError
from kumolog.mail.encoded_words import decode_text

# A line without a colon is a header without a value; its continuation lines are kept all the same.
_FIELD: Final = re.compile(
    rb"([ -9;-~]*+)[ \t]*+"
    rb"(?::\x20*+([^\n]*+(?:\n[ \t][^\n]*+)*)|((?:\r(?=\n))?(?:\n[ \t][^\n]*+)*)(?=\n|\Z))"
    rb"(\n?)"
)
_EMPTY_LINE: Final = re.compile(rb"^\r?\n", re.MULTILINE)
_WHITESPACE: Final = re.compile(r"[ \t\r\n]{2,}|[\t\r\n]")  # all but a lone space


class HeaderError(KumologError):
    """A header block cannot be parsed, or a header's value cannot be decoded."""


class Header(NamedTuple):
    """One header: its name as written, and the bytes after the colon and the spaces there.

    ``raw`` still has its folding, but not the line end that closes it.
    """

    name: str
    raw: bytes

    def decoded(self) -> str:
        """Read the value as unstructured text (RFC 5322 section 2.2.1, RFC 2047).

        Every run of blanks and line ends becomes one space. Raises HeaderError if ``raw`` is not
        UTF-8.
        """
        try:
            text = self.raw.decode()
        except UnicodeDecodeError as error:
            raise HeaderError(
                f"decoding the header {self.name!r:.60}: its value is not UTF-8 "
                f"(byte 0x{self.raw[error.start]:02x} at offset {error.start})"
            ) from error
        return decode_text(_WHITESPACE.sub(" ", text))

    def value(self) -> bytes:
        """Give what the value getters of a message give: ``decoded()``, or else ``raw``."""
        try:
            return self.decoded().encode()
        except HeaderError:
            return self.raw

    def text(self) -> str:
        """Give the value for a record: ``decoded()``, or else ``raw`` with U+FFFD for bad bytes."""
        try:
            return self.decoded()
        except HeaderError:
            return self.raw.decode(errors="replace")


def parse_headers(data: bytes) -> list[Header]:
    """Parse the headers of a message up to the empty line or the end of ``data``.

    Line ends are CRLF or LF. Raises HeaderError if the block begins with a blank, if a line begins
    with a lone CR, or if a name has a byte that is not printable ASCII (KumoMTA: header parsing).
    """
    return [header for header, _, _ in locate_headers(data)]


def locate_headers(data: bytes) -> Iterator[tuple[Header, int, int]]:
    """Parse the headers like `parse_headers`: each with the places where it begins and ends.

    Its line end belongs to it.
    """
    if data[:1] in (b" ", b"\t"):
        raise HeaderError(
            "parsing the headers: the first line begins with a blank, a header name was expected"
        )
    position = 0
    while position < len(data) and not _EMPTY_LINE.match(data, position):
        match = _FIELD.match(data, position)
        if match is None:
            raise _refusal(data, position)
        name, value, colonless, newline = match.groups()
        raw = colonless if value is None else value
        if newline and raw.endswith(b"\r"):
            raw = raw[:-1]
        yield Header(name.rstrip().decode("ascii"), raw), position, match.end()
        position = match.end()


def header_block_end(data: bytes) -> int:
    """Find where the body begins: the offset behind the first empty line, or ``len(data)``."""
    match = _EMPTY_LINE.search(data)
    return len(data) if match is None else match.end()


def group_headers(headers: Iterable[Header]) -> dict[str, str | list[str]]:
    """Group decoded values by lower-cased name: one string, or several as a list in order."""
    groups: dict[str, str | list[str]] = {}
    for header in headers:
        name = header.name.lower()
        value = header.text()
        earlier = groups.get(name)
        if earlier is None:
            groups[name] = value
        elif isinstance(earlier, list):
            earlier.append(value)
        else:
            groups[name] = [earlier, value]
    return groups


def _refusal(data: bytes, position: int) -> HeaderError:
    if data[position] == ord("\r"):
        return HeaderError(
            f"parsing the headers: lone CR at offset {position}, "
            "but a header name or the empty line before the body was expected"
        )
    offset = next(at for at in range(position, len(data)) if not 0x20 <= data[at] <= 0x7E)
    return HeaderError(
        f"parsing the headers: byte 0x{data[offset]:02x} at offset {offset} is in a header name, "
        "which must be printable ASCII"
    )
