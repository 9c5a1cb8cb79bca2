"""Delivery status notifications, RFC 3464 and RFC 6533: reports about what became of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from kumolog.mail.addresses import AddressError, EnvelopeAddress
from kumolog.mail.mime import Part
from kumolog.reports.dates import parse_date, rfc3339
from kumolog.reports.fields import (
    Fields,
    ReportError,
    extensions,
    mta,
    number,
    once,
    parse_fields,
    required,
    typed,
)
from kumolog.reports.original import original_message

T = TypeVar("T")

_TYPES: Final = frozenset(("message/delivery-status", "message/global-delivery-status"))
_ACTIONS: Final = ("failed", "delayed", "delivered", "relayed", "expanded")
_STATUS_PARTS: Final = (("class", 0xFF), ("subject", 0xFFFF), ("detail", 0xFFFF))


def parse_delivery_status(message: Part) -> dict[str, Any] | None:
    """Parse a delivery status notification; None where the message is no ``multipart/report``.

    Gives, as JSON values, the object ``per_message``, the list of objects ``per_recipient`` and
    the text ``original_message`` (or null). Fields that are not there are null, dates are RFC 3339
    texts in UTC, and fields that RFC 3464 does not know are lists of texts in ``extensions``.
    Raises ReportError for a malformed report (KumoMTA: `parse_rfc3464`).
    """
    if message.content_type.value != "multipart/report":
        return None
    status = next((part for part in message.children if part.content_type.value in _TYPES), None)
    if status is None:
        raise ReportError(
            "parsing a delivery status notification: it has no message/delivery-status part"
        )
    first, *others = status.decoded_body().replace(b"\r\n", b"\n").strip().split(b"\n\n")
    return {
        "per_message": _read(first, "the part about the message", _per_message),
        "per_recipient": [
            _read(block, f"the part about recipient {place}", _per_recipient)
            for place, block in enumerate(others, 1)
        ],
        "original_message": original_message(message.children),
    }


def _read(block: bytes, place: str, read: Callable[[Fields], dict[str, Any]]) -> dict[str, Any]:
    try:
        return read(parse_fields(block))
    except ReportError as error:
        raise ReportError(f"parsing a delivery status notification: in {place}: {error}") from error


def _per_message(fields: Fields) -> dict[str, Any]:
    return {
        "original_envelope_id": once(fields, "Original-Envelope-Id"),
        "reporting_mta": mta("Reporting-MTA", required(fields, "Reporting-MTA")),
        "dsn_gateway": _optional(fields, "DSN-Gateway", mta),
        "received_from_mta": _optional(fields, "Received-From-MTA", mta),
        "arrival_date": _optional(fields, "Arrival-Date", _date),
        "extensions": extensions(fields),
    }


def _per_recipient(fields: Fields) -> dict[str, Any]:
    return {
        "final_recipient": _recipient("Final-Recipient", required(fields, "Final-Recipient")),
        "action": _action(required(fields, "Action")),
        "status": _status(required(fields, "Status")),
        "original_recipient": _optional(fields, "Original-Recipient", _recipient),
        "remote_mta": _optional(fields, "Remote-MTA", mta),
        "diagnostic_code": _optional(fields, "Diagnostic-Code", _diagnostic),
        "last_attempt_date": _optional(fields, "Last-Attempt-Date", _date),
        "final_log_id": once(fields, "Final-Log-Id"),
        "will_retry_until": _optional(fields, "Will-Retry-Until", _date),
        "extensions": extensions(fields),
    }


def _optional(fields: Fields, name: str, convert: Callable[[str, str], T]) -> T | None:
    value = once(fields, name)
    return None if value is None else convert(name, value)


def _recipient(name: str, value: str) -> dict[str, str]:
    """Addresses of the type rfc822, spelled so, are checked and lose their angle brackets."""
    kind, address = typed(name, value)
    if kind == "rfc822":
        try:
            address = EnvelopeAddress.parse(address).email
        except AddressError as error:
            raise ReportError(f"the field {name}: {error}") from error
    return {"recipient_type": kind, "recipient": address}


def _diagnostic(name: str, value: str) -> dict[str, str]:
    kind, diagnostic = typed(name, value)
    return {"diagnostic_type": kind, "diagnostic": diagnostic}


def _date(name: str, value: str) -> str:
    try:
        return rfc3339(parse_date(value))
    except ValueError as error:
        raise ReportError(f"the field {name}: {error}") from error


def _action(value: str) -> str:
    if value not in _ACTIONS:
        raise ReportError(f"the field Action is {value!r:.80}: right is {', '.join(_ACTIONS)}")
    return value


def _status(value: str) -> dict[str, Any]:
    """RFC 3463 section 2, and a comment behind it, as many mailers write one."""
    code, _, comment = value.partition(" ")
    parts = zip(code.split(".", 3), _STATUS_PARTS, strict=False)
    numbers = {name: number(digits, most) for digits, (name, most) in parts}
    if len(numbers) < len(_STATUS_PARTS) or None in numbers.values():
        raise ReportError(f"the field Status is {value!r:.80}: numbers such as `5.1.1` are right")
    return {**numbers, "comment": comment or None}
