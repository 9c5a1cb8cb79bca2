"""A message as its reader sees it: the text, the HTML and the attachments among its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kumolog.mail.encoded_words import decode_text
from kumolog.mail.mime import Part
from kumolog.mail.mime_fields import MimeError, Text, parse_message_ids


class Attachment(NamedTuple):
    """A part that is no body text; ``content_type`` is its type without parameters, as written."""

    part: Part
    content_type: str
    inline: bool
    file_name: Text | None
    content_id: Text | None


@dataclass
class SimpleStructure:
    """``text`` and ``html`` are the first parts of these types that are not marked attachments."""

    text: Part | None = None
    html: Part | None = None
    attachments: list[Attachment] = field(default_factory=list)


def simple_structure(root: Part) -> SimpleStructure:
    """Sort the parts that are no multipart, in message order."""
    found = SimpleStructure()
    for part in _leaves(root):
        kind = part.content_type.value.lower()
        disposition = part.params("Content-Disposition")
        how = "" if disposition is None else disposition.value.lower()
        if kind == "text/plain" and found.text is None and how != "attachment":
            found.text = part
        elif kind == "text/html" and found.html is None and how != "attachment":
            found.html = part
        else:
            found.attachments.append(
                Attachment(
                    part,
                    part.content_type.value,
                    how == "inline",
                    _file_name(part),
                    _content_id(part),
                )
            )
    return found


def _leaves(root: Part) -> Iterator[Part]:
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if not part.is_multipart:
            yield part
        waiting.extend(reversed(part.children))


def _file_name(part: Part) -> Text | None:
    disposition = part.params("Content-Disposition")
    name = None if disposition is None else disposition.parameters.get("filename")
    if name is None:
        name = part.content_type.parameters.get("name")
    # Encoded words do not belong here (RFC 2047 section 5), but are what most mail programs write.
    return decode_text(name) if isinstance(name, str) else name


def _content_id(part: Part) -> Text | None:
    header = part.header("Content-ID")
    try:
        return None if header is None else parse_message_ids(header.raw)[0]
    except MimeError:  # an attachment without a usable id is an attachment all the same
        return None
