"""The fields of a machine-readable report: a header block of which each field is asked for once.

The helpers take what they give out of the fields, so that what is left at the end are the fields
that a report's format does not know. RFC 5965 section 3, RFC 3464 section 2.1.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from kumolog.errors import KumologError
from kumolog.mail.headers import Header, HeaderError, parse_headers

Value: TypeAlias = str | bytes
"""A field's decoded value, or its bytes as they were sent where these are not UTF-8."""
Fields: TypeAlias = dict[str, list[Value]]
"""The values of each field in order, by its name in lower case."""

_NUMBER: Final = re.compile(r"\+?(?=[0-9])0*+([0-9]{0,10})")


class ReportError(KumologError):
    """A report is malformed: the message says which field, and what would be right."""


def parse_fields(block: bytes) -> Fields:
    """Parse a block of fields, read as a header block up to an empty line.

    Raises ReportError where it is none.
    """
    try:
        headers = parse_headers(block)
    except HeaderError as error:
        raise ReportError(f"{error}; fields such as `Version: 1` were expected") from error
    fields: Fields = {}
    for header in headers:
        fields.setdefault(header.name.lower(), []).append(_decoded(header))
    return fields


def once(fields: Fields, name: str) -> str | None:
    """Take the value of a field that may be there once; None where it is not there.

    Raises ReportError where it is there more than once or is not UTF-8.
    """
    values = every(fields, name)
    if len(values) > 1:
        raise ReportError(f"the field {name} is there {len(values)} times: once is right")
    return values[0] if values else None


def required(fields: Fields, name: str) -> str:
    """Take the value of a field that must be there once; raises ReportError as `once` does."""
    value = once(fields, name)
    if value is None:
        raise ReportError(f"the field {name} is missing: it must be there once")
    return value


def every(fields: Fields, name: str) -> list[str]:
    """Take all values of a field; raises ReportError where one is not UTF-8."""
    return [_text(name, value) for value in fields.pop(name.lower(), ())]


def typed(name: str, value: str) -> tuple[str, str]:
    """Split a field's value such as ``dns; mx.example.com`` at the first semicolon, both trimmed.

    Raises ReportError where there is none.
    """
    kind, semicolon, rest = value.partition(";")
    if not semicolon:
        raise ReportError(
            f"the field {name} is {value!r:.80}: a type, a semicolon and a value were expected, "
            "such as `dns; mx.example.com`"
        )
    return kind.strip(), rest.strip()


def mta(name: str, value: str) -> dict[str, str]:
    """The JSON value of a field that names a mail server; raises ReportError as `typed` does."""
    kind, server = typed(name, value)
    return {"mta_type": kind, "name": server}


def number(digits: str, most: int) -> int | None:
    """The number that a text is; None where it is none, or beyond ``most`` (ten digits or less)."""
    match = _NUMBER.fullmatch(digits)
    value = -1 if match is None else int(f"0{match[1]}")
    return value if 0 <= value <= most else None


def extensions(fields: Fields) -> dict[str, list[str | list[int]]]:
    """The fields that nobody took, sorted by name, as JSON values: bytes are arrays of numbers."""
    return {name: list(map(json_text, fields[name])) for name in sorted(fields)}


def json_text(value: Value) -> str | list[int]:
    """Text as a JSON value; what is not UTF-8 as an array of its bytes (KumoMTA: reports)."""
    return value if isinstance(value, str) else list(value)


def _decoded(header: Header) -> Value:
    try:
        return header.decoded()
    except HeaderError:  # whoever takes the field decides whether bytes will do
        return header.raw


def _text(name: str, value: Value) -> str:
    if isinstance(value, bytes):
        raise ReportError(f"the field {name} is {value!r:.80}, which is not UTF-8 text")
    return value
