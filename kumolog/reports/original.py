"""What a report carries of the message it is about: its text, and the trace KumoMTA put into it."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from kumolog.mail.headers import HeaderError, parse_headers
from kumolog.mail.mime import Part
from kumolog.mail.mime_fields import text_or_bytes
from kumolog.reports.fields import json_text

_TYPES: Final = frozenset(("message/rfc822", "text/rfc822-headers"))
_MARK: Final = "_@_"
_MARK_VALUE: Final = r"\_/"
_BLANKS: Final = b" \t\n\f\r"
_MAX_DEPTH: Final = 128  # as deep as KumoMTA's JSON reader goes


def original_message(children: Iterable[Part]) -> str | list[int] | None:
    """The body of the last part that holds the message or its headers, with LF line ends.

    Nothing is trimmed. An array of bytes where it is not UTF-8, None where no part holds it.
    """
    bodies = [part.raw_body for part in children if part.content_type.value in _TYPES]
    if not bodies:
        return None
    return json_text(text_or_bytes(bodies[-1].replace(b"\r\n", b"\n")))


def supplemental_trace(children: Iterable[Part]) -> dict[str, Any] | None:
    """The object that a KumoMTA put into the message it sent out; None where there is none.

    Any header will do whose name begins with ``X-`` (KumoMTA: trace headers). The first that fits
    counts, but one in a later part more.
    """
    found = None
    for part in children:
        if part.content_type.value in _TYPES:
            found = next(_traces(part.raw_body), found)
    return found


def _traces(message: bytes) -> Iterator[dict[str, Any]]:
    try:
        headers = parse_headers(message)
    except HeaderError:  # what is reported is often broken, but its report still stands
        return
    for header in headers:
        if header.name.startswith(("X-", "x-")):
            trace = _trace(header.raw)
            if trace is not None:
                yield trace


def _trace(raw: bytes) -> dict[str, Any] | None:
    encoded = raw.translate(None, _BLANKS)
    try:
        data = binascii.a2b_base64(encoded, strict_mode=True)
        if binascii.b2a_base64(data, newline=False) != encoded:  # bits or padding too many
            return None
        value = _as_read(msgspec.json.decode(data), _MAX_DEPTH)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None  # some other header, which is not ours to judge
    if not (isinstance(value, dict) and value.pop(_MARK, None) == _MARK_VALUE):
        return None
    return value


def _as_read(value: Any, levels: int) -> Any:
    """The value with the keys of its objects sorted; raises ValueError for too many levels."""
    if isinstance(value, dict | list) and not levels:
        raise ValueError(f"JSON nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {key: _as_read(value[key], levels - 1) for key in sorted(value)}
    if isinstance(value, list):
        return [_as_read(item, levels - 1) for item in value]
    return value
