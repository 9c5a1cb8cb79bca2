"""Rewriting the header block of a message: every byte that is not asked about stays as it is."""

from __future__ import annotations

import binascii
import re
import string
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from kumolog.mail.headers import HeaderError, locate_headers

_COLUMNS: Final = 76  # of a line with encoded words, RFC 2047 section 2
_MAX_ENCODED_WORD: Final = 75
_MIN_ENCODED_WORD: Final = 28  # holds any one character
_AROUND: Final = len("=?utf-8?q??=")
_UNENCODED: Final = frozenset((string.ascii_letters + string.digits + "!*+-/").encode())
_LONGEST_WORD: Final = 900  # what cannot be folded has to fit into a line, RFC 5322 section 2.1.1
_PLAIN_WORD: Final = re.compile(r"(?:(?!=\?)[!-~])+")
_NAME: Final = re.compile(r"[!-9;-~]+")
_LINE_END: Final = re.compile(rb"\r?\n")
_NO_FOLD: Final = re.compile(rb"\r\n(?![ \t])|\r(?!\n)")
_WITHOUT_END: Final = "appending a header: the headers must end with CRLF CRLF, but"
_EMPTY_LAST_LINE: Final = re.compile(rb"(?:(?:(?<=\n)|\A)\r?\n)?\Z")


def header_field(name: str, value: bytes) -> bytes:
    """Write a header as it is; line ends inside must fold it, and become CRLF.

    Raises HeaderError for a name that is none, and for a value that would end the header.
    """
    folded = _LINE_END.sub(b"\r\n", value)
    fault = _NO_FOLD.search(folded)
    if fault is not None:
        raise HeaderError(
            f"writing the header {name!r:.60}: its value has a line end at offset {fault.start()} "
            "that no blank follows, so that the header would end there"
        )
    return b"%s: %s\r\n" % (_checked(name), folded)


def encoded_header_field(name: str, value: str) -> bytes:
    """Write a header of unstructured text with encoded words where it needs them, and fold it.

    It decodes to exactly ``value`` (RFC 2047, RFC 5322 section 2.2.3). Raises HeaderError for a
    name that is none.
    """
    lines = [_checked(name).decode() + ":"]
    for word in _words(value, max(_MIN_ENCODED_WORD, _COLUMNS - len(name) - 2)):
        # Folding right behind the name would put a blank before the text.
        if len(lines[-1]) + 1 + len(word) > _COLUMNS and (len(lines) > 1 or " " in lines[0]):
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines).encode() + b"\r\n"


def prepend_field(data: bytes, field: bytes) -> bytes:
    """Put a header before all others; raises HeaderError where the first line would continue it."""
    if data[:1] in (b" ", b"\t"):
        raise HeaderError(
            "prepending a header: the first line of the message begins with a blank, so it would "
            "become part of that header"
        )
    return field + data


def append_field(data: bytes, field: bytes) -> bytes:
    """Put a header behind all others.

    Raises HeaderError where CRLF CRLF does not end the headers (KumoMTA: append_header).
    """
    end = _end_of_headers(data)
    return b"".join((data[:end], field, data[end:]))


def remove_fields(data: bytes, is_wanted: Callable[[str], bool]) -> bytes:
    """Take the headers out whose names, in lower case, are wanted.

    Gives the same object where there are none. Raises HeaderError where the headers cannot be
    parsed.
    """
    pieces: list[bytes] = []
    end = 0
    for header, start, field_end in locate_headers(data):
        if is_wanted(header.name.lower()):
            pieces.append(data[end:start])
            end = field_end
    return b"".join((*pieces, data[end:])) if end else data


def replace_field(block: bytes, name: str, field: bytes) -> bytes:
    """Put a header in the place of the first one of its name, or behind all others.

    ``block`` is a header block with or without its empty line; raises HeaderError where it cannot
    be parsed.
    """
    wanted = name.lower()
    pieces: list[bytes] = []
    end = 0
    for header, start, field_end in locate_headers(block):
        if header.name.lower() == wanted:
            pieces += (block[end:start], b"" if pieces else field)
            end = field_end
    if pieces:
        return b"".join((*pieces, block[end:]))
    rest = _EMPTY_LAST_LINE.search(block)
    assert rest is not None
    before = block[: rest.start()]
    line_end = b"" if not before or before.endswith(b"\n") else b"\r\n"
    return b"".join((before, line_end, field, rest[0]))


def _checked(name: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise HeaderError(
            f"writing a header: its name must be printable ASCII without blanks and colons, "
            f"not {name!r:.60}"
        )
    return name.encode()


def _end_of_headers(data: bytes) -> int:
    """Where the empty line begins."""
    if data.startswith(b"\r\n"):
        return 0
    crlf, bare = data.find(b"\n\r\n"), 0 if data.startswith(b"\n") else data.find(b"\n\n")
    if crlf < 0 and bare < 0:
        raise HeaderError(f"{_WITHOUT_END} the message has no empty line")
    if crlf < 0 or 0 <= bare < crlf:
        raise HeaderError(f"{_WITHOUT_END} there is a bare LF at offset {bare}")
    if not data.startswith(b"\r", crlf - 1):
        raise HeaderError(f"{_WITHOUT_END} there is a bare LF at offset {crlf}")
    return crlf + 1


def _words(text: str, first: int) -> Iterator[str]:
    """The words of a text as they stand in a header; ``first`` is the room for the first one."""
    words = text.split(" ") if text else []
    if "" in words:  # blanks at the ends, and several in a row, get lost unless they are encoded
        yield from _encoded_words(text, first)
        return
    run: list[str] = []
    room = first
    for word in words:
        if not _is_plain(word):
            run.append(word)
            continue
        if run:
            yield from _encoded_words(" ".join(run), room)
            run = []
        yield word
        room = _MAX_ENCODED_WORD
    if run:
        yield from _encoded_words(" ".join(run), room)


def _is_plain(word: str) -> bool:
    return len(word) <= _LONGEST_WORD and _PLAIN_WORD.fullmatch(word) is not None


def _encoded_words(text: str, room: int) -> Iterator[str]:
    """A text as encoded words, of which the first has at most ``room`` characters."""
    characters = [character.encode() for character in text]
    quoted = [b"".join(map(_quoted, character)) for character in characters]
    # As long as most of it can be read.
    if sum(map(len, quoted)) <= 2 * sum(map(len, characters)):
        for piece in _pieces(quoted, room - _AROUND, _MAX_ENCODED_WORD - _AROUND):
            yield f"=?utf-8?q?{piece.decode()}?="
        return
    first, later = ((size - _AROUND) // 4 * 3 for size in (room, _MAX_ENCODED_WORD))
    for piece in _pieces(characters, first, later):
        yield f"=?utf-8?b?{binascii.b2a_base64(piece, newline=False).decode()}?="


def _quoted(byte: int) -> bytes:
    if byte == ord(" "):
        return b"_"
    return bytes((byte,)) if byte in _UNENCODED else b"=%02X" % byte


def _pieces(items: Iterable[bytes], first: int, later: int) -> Iterator[bytes]:
    """The items joined to pieces of at most ``first`` bytes, then of ``later``."""
    piece: list[bytes] = []
    left = first
    for item in items:
        if piece and len(item) > left:
            yield b"".join(piece)
            piece, left = [], later
        piece.append(item)
        left -= len(item)
    yield b"".join(piece)
