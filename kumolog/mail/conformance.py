"""Whether a message is what RFC 5322 and RFC 2045 allow, and making it so where that can be done.

The defects have KumoMTA's names (`message:check_fix_conformance`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from kumolog.errors import KumologError
from kumolog.mail.body_rewriting import (
    LONG_LINE,
    TRANSFER_ENCODING,
    TRANSFER_ENCODINGS,
    TYPE,
    Content,
    Edit,
    body_edit,
    edited,
    is_seven_bit,
    transfer_encoding,
)
from kumolog.mail.encoded_words import decode_charset
from kumolog.mail.headers import Header, header_block_end, locate_headers
from kumolog.mail.mime import Part, parse_message
from kumolog.mail.rewriting import header_field, remove_fields, replace_field

_COLUMNS: Final = 78  # RFC 5322 section 2.1.1
_FOLDABLE: Final = re.compile(rb"[ \t]*[^ \t\r\n]+|[ \t]+")
_BARE_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_NAME: Final = re.compile(rb"([^:\n]*):")
_DISPOSITION: Final = "Content-Disposition"
_OF_MULTIPARTS: Final = TRANSFER_ENCODINGS[:3]  # RFC 2045 section 6.4
_LIKELY_CHARSETS: Final = ("utf-8", "windows-1252")


class Repairs(NamedTuple):
    """What fixes put in: the values of missing headers, and the charsets that text may be in.

    ``charsets`` are tried in turn for 8bit text that names none which fits.
    """

    date: str
    message_id: str
    charsets: Sequence[str] = ()


def likely_charsets(included: Sequence[str], excluded: Collection[str]) -> list[str]:
    """The charsets to look for in text that names none; without any included, the usual ones."""
    left_out = {label.lower() for label in excluded}
    return [label for label in included or _LIKELY_CHARSETS if label.lower() not in left_out]


def conform(
    data: bytes, checks: Collection[str], fixes: Collection[str], repairs: Repairs
) -> tuple[bytes, str | None]:
    """The message without the defects in ``fixes``, and which of ``checks`` it has all the same.

    A message with such a defect stays as it was, and the text names the defects.
    """
    message = _Message(data)
    try:
        for name, fix in _FIXES.items():
            if name in fixes and _DEFECTS[name](message):
                message = _Message(fix(message, repairs))
        found = [name for name in _DEFECTS if name in checks and _DEFECTS[name](message)]
    except KumologError as error:  # neither is known of what cannot be parsed
        return data, str(error)
    if found:
        return data, f"the message is not conformant: {'|'.join(found)}"
    return message.data, None


class _Message:
    """A message, taken apart as far as anybody asks."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @cached_property
    def fields(self) -> list[tuple[Header, int, int]]:
        return list(locate_headers(self.data))

    @cached_property
    def names(self) -> list[re.Match[bytes] | None]:
        """What stands before the colon of each header; None where there is no colon."""
        return [_NAME.match(self.data, start, end) for _, start, end in self.fields]

    @cached_property
    def parts(self) -> list[Part]:
        """All parts, in the order in which they begin."""
        found = []
        waiting = [parse_message(self.data)]
        while waiting:
            part = waiting.pop()
            found.append(part)
            waiting.extend(reversed(part.children))
        return found

    @property
    def leaves(self) -> list[Part]:
        """The parts that may be encoded: a message inside may not (RFC 2046 section 5.2.1)."""
        return [part for part in self.parts if not _is_composite(part)]


def _is_composite(part: Part) -> bool:
    return part.content_type.value.lower().startswith(("multipart/", "message/"))


# Defects ----------------------------------------------------------------------------------------


def _has_bare_line_ends(message: _Message) -> bool:
    data = message.data
    return not data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")


def _lacks_colon(message: _Message) -> bool:
    return None in message.names


def _has_blank_before_colon(message: _Message) -> bool:
    return any(name is not None and name[1].endswith((b" ", b"\t")) for name in message.names)


def _has_long_line(message: _Message) -> bool:
    return LONG_LINE.search(message.data) is not None


def _needs_encoding(part: Part) -> bool:
    return transfer_encoding(part) == "7bit" and not is_seven_bit(part.raw_body)


def _has_body_to_encode(message: _Message) -> bool:
    return not is_seven_bit(message.data) and any(map(_needs_encoding, message.leaves))


def _lacks(name: str) -> Callable[[_Message], bool]:
    wanted = name.lower()
    return lambda message: all(field.name.lower() != wanted for field, _, _ in message.fields)


def _has_invalid_mime_headers(message: _Message) -> bool:
    return any(any(_invalid_headers(part)) for part in message.parts)


def _invalid_headers(part: Part) -> Iterator[str]:
    """The names of the headers by which nobody can read a part."""
    for name in (TYPE, _DISPOSITION, TRANSFER_ENCODING):
        if part.header(name) is not None and part.params(name) is None:
            yield name
    is_multipart = part.is_multipart
    if "/" not in part.content_type.value:
        yield TYPE
    if is_multipart and not part.content_type.parameters.get("boundary"):
        yield TYPE
    known = _OF_MULTIPARTS if is_multipart else TRANSFER_ENCODINGS
    if transfer_encoding(part) not in known:
        yield TRANSFER_ENCODING


# Fixes ------------------------------------------------------------------------------------------


def _fix_line_ends(message: _Message, _: Repairs) -> bytes:
    return _BARE_LINE_END.sub(b"\r\n", message.data)


def _fix_names(message: _Message, _: Repairs) -> bytes:
    found = [name for name in message.names if name is not None]
    edits = [Edit(name.start(), name.end(1), name[1].rstrip(b" \t")) for name in found]
    return edited(message.data, edits)


def _fix_mime_headers(message: _Message, _: Repairs) -> bytes:
    """Without the headers that cannot be read: what is assumed without them was so before."""
    edits = []
    for part in message.parts:
        invalid = frozenset(map(str.lower, _invalid_headers(part)))
        kept = remove_fields(part.data[part.start : part.body_start], invalid.__contains__)
        edits.append(Edit(part.start, part.body_start, kept))
    return edited(message.data, edits)


def _fix_bodies(message: _Message, repairs: Repairs) -> bytes:
    leaves = filter(_needs_encoding, message.leaves)
    return edited(message.data, [_encoded(part, repairs) for part in leaves])


def _encoded(part: Part, repairs: Repairs) -> Edit:
    is_text = part.content_type.value.lower().startswith("text/")
    content = _labelled(part, repairs.charsets) if is_text else Content(part.raw_body)
    return body_edit(part, content, "quoted-printable" if is_text else "base64")


def _labelled(part: Part, charsets: Sequence[str]) -> Content:
    data = part.raw_body
    label = part.content_type.parameters.get("charset")
    named = None if label is None else decode_charset(data, str(label))
    if data.isascii() or named is not None:
        return Content(data)
    for charset in ("utf-8", *charsets):
        text = decode_charset(data, charset)
        if text is not None:
            return Content(text.encode(), "utf-8")
    return Content(data)


def _fix_long_lines(message: _Message, repairs: Repairs) -> bytes:
    data = edited(message.data, [edit for part in message.parts for edit in _folds(part)])
    leaves = [
        part
        for part in _Message(data).leaves
        if LONG_LINE.search(data, part.body_start, part.end)
        and transfer_encoding(part) in _OF_MULTIPARTS
    ]
    return edited(data, [_encoded(part, repairs) for part in leaves])


def _folds(part: Part) -> Iterator[Edit]:
    block = part.data[part.start : part.body_start]
    if LONG_LINE.search(block):
        for _, start, end in locate_headers(block):
            if LONG_LINE.search(block, start, end):
                yield Edit(part.start + start, part.start + end, _folded(block[start:end]))


def _folded(field: bytes) -> bytes:
    lines: list[bytes] = []
    for line in field.removesuffix(b"\n").removesuffix(b"\r").split(b"\n"):
        words = _FOLDABLE.findall(line.removesuffix(b"\r"))
        lines.append(b"")
        for word in words:
            # A line must have more than a header's name or blanks.
            has_text = bool(lines[-1].strip(b" \t")) and not lines[-1].endswith(b":")
            if has_text and word.strip(b" \t") and len(lines[-1]) + len(word) > _COLUMNS:
                lines.append(b"")
            lines[-1] += word
    return b"\r\n".join(lines) + b"\r\n"


def _add(name: str, value: Callable[[Repairs], str]) -> Callable[[_Message, Repairs], bytes]:
    def fix(message: _Message, repairs: Repairs) -> bytes:
        end = header_block_end(message.data)
        field = header_field(name, value(repairs).encode())
        return replace_field(message.data[:end], name, field) + message.data[end:]

    return fix


_DEFECTS: Final[Mapping[str, Callable[[_Message], bool]]] = MappingProxyType(
    {
        "MISSING_COLON_VALUE": _lacks_colon,
        "NON_CANONICAL_LINE_ENDINGS": _has_bare_line_ends,
        "NAME_ENDS_WITH_SPACE": _has_blank_before_colon,
        "INVALID_MIME_HEADERS": _has_invalid_mime_headers,
        "NEEDS_TRANSFER_ENCODING": _has_body_to_encode,
        "LINE_TOO_LONG": _has_long_line,
        "MISSING_DATE_HEADER": _lacks("Date"),
        "MISSING_MESSAGE_ID_HEADER": _lacks("Message-ID"),
        "MISSING_MIME_VERSION": _lacks("MIME-Version"),
    }
)
# What a fix leaves behind is looked at by those after it.
_FIXES: Final[Mapping[str, Callable[[_Message, Repairs], bytes]]] = MappingProxyType(
    {
        "NON_CANONICAL_LINE_ENDINGS": _fix_line_ends,
        "NAME_ENDS_WITH_SPACE": _fix_names,
        "INVALID_MIME_HEADERS": _fix_mime_headers,
        "NEEDS_TRANSFER_ENCODING": _fix_bodies,
        "LINE_TOO_LONG": _fix_long_lines,
        "MISSING_DATE_HEADER": _add("Date", lambda repairs: repairs.date),
        "MISSING_MESSAGE_ID_HEADER": _add("Message-ID", lambda repairs: repairs.message_id),
        "MISSING_MIME_VERSION": _add("MIME-Version", lambda _: "1.0"),
    }
)
