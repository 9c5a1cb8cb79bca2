"""The log records of a delivery status notification (KumoMTA: out-of-band bounces)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET

from kumolog.completion import first_recipient, one_line
from kumolog.record import EnhancedCode, Peer, Record, Response
from kumolog.reports.dates import rfc3339
from kumolog.reports.fields import number

_NO_CODE: Final = 550  # KumoMTA: where the diagnostic text begins with none
_NO_ADDRESS: Final = "0.0.0.0"  # KumoMTA: where the peer is unknown
_MAX_CODE: Final = 0xFFFF


def oob_records(reception: Record, report: dict[str, Any], now: int) -> list[Record]:
    """One OOB record for each recipient that a report says delivery failed to.

    ``reception`` is the record of the message that the report is, and shares its meta and headers
    with the new ones; ``report`` is what `parse_delivery_status` gives, ``now`` are Unix seconds.
    """
    mta = report["per_message"]["reporting_mta"]["name"]
    peer = reception.peer_address
    failed = [entry for entry in report["per_recipient"] if entry["action"] == "failed"]
    of_message = msgspec.structs.replace(
        reception,
        type="OOB",
        sender=first_recipient(reception),
        size=0,
        peer_address=Peer(mta, (peer and peer.addr) or _NO_ADDRESS),
        num_attempts=0,
        bounce_classification="Uncategorized",
        egress_pool=None,
        egress_source=None,
        source_address=UNSET if reception.source_address is UNSET else None,
        feedback_report=None,
        delivery_protocol=None,
        tls_cipher=UNSET,
        tls_protocol_version=UNSET,
        tls_peer_subject_name=UNSET,
    )
    return [_record(of_message, entry, now) for entry in failed]


def _record(of_message: Record, entry: dict[str, Any], now: int) -> Record:
    recipient = entry["original_recipient"] or entry["final_recipient"]
    date = entry["last_attempt_date"]
    timestamp = now if date is None else int(datetime.fromisoformat(date).timestamp())
    return msgspec.structs.replace(
        of_message,
        recipient=recipient["recipient"],
        response=_response(entry),
        timestamp=timestamp,
        event_time=UNSET if of_message.event_time is UNSET else _text(timestamp),
    )


def _response(entry: dict[str, Any]) -> Response:
    code, content = _reply(entry["diagnostic_code"])
    status = entry["status"]
    enhanced_code = EnhancedCode(status["class"], status["subject"], status["detail"])
    return Response(code, enhanced_code, one_line(content), None)


def _reply(diagnostic: dict[str, str] | None) -> tuple[int, str]:
    """The code and the text of the SMTP reply that is reported (RFC 3464 section 2.3.6)."""
    if diagnostic is None or diagnostic["diagnostic_type"] != "smtp":
        return _NO_CODE, ""
    text = diagnostic["diagnostic"]
    digits, blank, rest = text.partition(" ")
    code = number(digits, _MAX_CODE) if blank else None
    return (_NO_CODE, text) if code is None else (code, rest)


def _text(timestamp: int) -> str:
    return rfc3339(datetime.fromtimestamp(timestamp, UTC))
