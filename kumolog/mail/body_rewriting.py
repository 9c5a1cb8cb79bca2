"""Rewriting the bodies of parts, so that transfer encoding and charset stay true."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from kumolog.mail.encoded_words import decode_charset, python_codec
from kumolog.mail.mime import Part, parse_message
from kumolog.mail.mime_structure import simple_structure
from kumolog.mail.rewriting import header_field, replace_field

TYPE: Final = "Content-Type"
TRANSFER_ENCODING: Final = "Content-Transfer-Encoding"
TRANSFER_ENCODINGS: Final = ("7bit", "8bit", "binary", "base64", "quoted-printable")
LONG_LINE: Final = re.compile(rb"^[^\n]{998}[^\r\n]", re.MULTILINE)  # RFC 5322 section 2.1.1

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_LONE_CR: Final = re.compile(rb"\r(?!\n)")
_CHARSET: Final = re.compile(rb';\s*charset\*?\s*=\s*(?:"[^"]*"|[^\s;]*)', re.IGNORECASE)
_BODY_END: Final = re.compile(rb"</body\s*>", re.IGNORECASE)


class Edit(NamedTuple):
    """New bytes for a stretch of a message."""

    start: int
    end: int
    new: bytes


class Content(NamedTuple):
    """The decoded body of a text part; ``charset`` names it anew, None where it is what it was."""

    data: bytes
    charset: str | None = None


def edited(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The message with all edits, which come in the order of their places and do not overlap."""
    pieces: list[bytes] = []
    end = 0
    for edit in edits:
        pieces += (data[end : edit.start], edit.new)
        end = edit.end
    return b"".join((*pieces, data[end:]))


def append_text(data: bytes, kind: str, text: str) -> bytes | None:
    """Put a text behind that of the first part of a kind, ``text/plain`` or ``text/html``.

    In HTML it comes before the end of the body element. None where there is no such part whose
    transfer encoding is known; raises HeaderError and MimeError where the message cannot be parsed.
    """
    found = simple_structure(parse_message(data))
    part = found.html if kind == "text/html" else found.text
    if part is None or transfer_encoding(part) not in TRANSFER_ENCODINGS:
        return None
    content = _with_text(part, _LINE_END.sub("\r\n", text), is_html=part is found.html)
    return edited(data, [body_edit(part, content)])


def body_edit(part: Part, content: Content, encoding: str | None = None) -> Edit:
    """Put a content into a part, in its transfer encoding where that holds it, or in another."""
    named = transfer_encoding(part)
    chosen = encoding or (named if _holds(named, content.data) else "quoted-printable")
    body = _ENCODERS[chosen](content.data) if chosen in _ENCODERS else content.data
    if part.end < len(part.data) and not body.endswith(b"\n"):
        body += b"\r\n"  # the next delimiter begins a line
    block = part.data[part.start : part.body_start]
    if content.charset is not None:
        block = replace_field(block, TYPE, _typed(part, content.charset))
    if chosen != named:
        field = header_field(TRANSFER_ENCODING, chosen.encode())
        block = replace_field(block, TRANSFER_ENCODING, field)
    return Edit(part.start, part.end, _closed(block) + body)


def transfer_encoding(part: Part) -> str:
    """The transfer encoding in lower case, ``7bit`` where none is named (RFC 2045 section 6.1)."""
    params = part.params(TRANSFER_ENCODING)
    return "7bit" if params is None else params.value.lower()


def is_seven_bit(body: bytes) -> bool:
    """Whether a body is 7bit data (RFC 2045 section 2.7) but for the length of its lines."""
    return body.isascii() and b"\0" not in body


def _holds(encoding: str, content: bytes) -> bool:
    if encoding in _ENCODERS or encoding == "binary":
        return True
    is_short = LONG_LINE.search(content) is None
    return is_short and (encoding == "8bit" or is_seven_bit(content))


def _with_text(part: Part, text: str, *, is_html: bool) -> Content:
    content = part.decoded_body()
    label = part.content_type.parameters.get("charset", "us-ascii")
    codec = _strict_codec(label) if isinstance(label, str) else None
    try:
        if codec is not None:
            return Content(_joined(content, text.encode(codec), is_html))
    except UnicodeEncodeError:
        pass  # another charset has to hold both
    decoded = None if codec in (None, "ascii") else decode_charset(content, str(label))
    if decoded is None:
        decoded = decode_charset(content, "utf-8")
    if decoded is None:  # nobody can tell what is there, so that only ASCII can be put to it
        instead = text.encode("ascii", "xmlcharrefreplace" if is_html else "replace")
        return Content(_joined(content, instead, is_html))
    return Content(_joined(decoded.encode(), text.encode(), is_html), "utf-8")


def _strict_codec(label: str) -> str | None:
    """The codec to write with: readers take these labels for Windows-1252, which says more."""
    codec = python_codec(label)
    if codec != "cp1252" or label.lower().endswith("1252"):
        return codec
    return "ascii" if "ascii" in label.lower() else "latin-1"


def _joined(content: bytes, text: bytes, is_html: bool) -> bytes:
    ends = list(_BODY_END.finditer(content)) if is_html else []
    at = ends[-1].start() if ends else len(content)
    return b"".join((content[:at], text, content[at:]))


def _typed(part: Part, charset: str) -> bytes:
    header = part.header(TYPE)
    if header is None or part.params(TYPE) is None:
        return header_field(TYPE, b"text/plain; charset=" + charset.encode())
    raw = _CHARSET.sub(b"", header.raw).rstrip(b" \t\r\n;")
    return header_field(header.name, b"%s; charset=%s" % (raw, charset.encode()))


def _closed(block: bytes) -> bytes:
    """The headers with the empty line behind them, which those that end a part may lack."""
    if not block or block.endswith((b"\n\n", b"\n\r\n")) or block in (b"\n", b"\r\n"):
        return block or b"\r\n"
    return block + (b"\r\n" if block.endswith(b"\n") else b"\r\n\r\n")


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _quoted_printable(content: bytes) -> bytes:
    encoded = binascii.b2a_qp(content, quotetabs=False, istext=True)
    return _LONE_CR.sub(b"=0D", _BARE_LF.sub(b"\r\n", encoded))


_ENCODERS: Final = {"base64": _base64, "quoted-printable": _quoted_printable}
