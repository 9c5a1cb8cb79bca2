"""Other meta and headers in the JSON line of a record, without writing the record anew."""

from __future__ import annotations

from typing import Final

_META: Final = b',"feedback_report":null,"meta":'
_HEADERS: Final = b',"headers":'
_AFTER: Final = b',"delivery_protocol":'


def spliced(line: bytes, meta: bytes, headers: bytes) -> bytes:
    """A line as kumolog writes it, with this meta and these headers in the place of its own.

    The record has no feedback report, and no fields that kumolog does not know.
    """
    # A quote within a text is escaped: so what begins with ``,"`` and ends with ``":`` can only be
    # keys of an object. No object in front of the record's own feedback_report has such a key, and
    # behind its headers there is no object: so the first and the last that are found are its own.
    before, _, rest = line.partition(_META)
    after = rest.rpartition(_AFTER)[2]
    return b"".join((before, _META, meta, _HEADERS, headers, _AFTER, after))
