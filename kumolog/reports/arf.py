"""Feedback reports, RFC 5965 (ARF): complaints about a message, as mailbox providers send them."""

from __future__ import annotations

import re
from typing import Any, Final

from kumolog.mail.mime import Part
from kumolog.reports.dates import parse_date_of_any_day, rfc3339
from kumolog.reports.fields import (
    Fields,
    ReportError,
    every,
    extensions,
    mta,
    number,
    once,
    parse_fields,
    required,
)
from kumolog.reports.original import original_message, supplemental_trace

_MAX_INCIDENTS: Final = 2**32 - 1
_INTEGER: Final = re.compile(r"0|[1-9][0-9]{0,17}")  # what a number says as well as its digits do


def parse_feedback_report(message: Part) -> dict[str, Any] | None:
    """Parse a feedback report; None where the message is none.

    Gives the JSON value of a record's `feedback_report`, in its order. Raises ReportError where a
    message says that it is a feedback report, but is malformed (KumoMTA: `parse_rfc5965`).
    """
    kind, parameters = message.content_type
    if kind != "multipart/report" or parameters.get("report-type") != "feedback-report":
        return None
    try:
        return _report(message.children)
    except ReportError as error:
        raise ReportError(f"parsing a feedback report: {error}") from error


def _report(parts: list[Part]) -> dict[str, Any]:
    report = next((p for p in parts if p.content_type.value == "message/feedback-report"), None)
    if report is None:
        raise ReportError("it has no message/feedback-report part")
    fields = parse_fields(report.raw_body)
    return {
        "feedback_type": required(fields, "Feedback-Type"),
        "user_agent": required(fields, "User-Agent"),
        "version": _version(required(fields, "Version")),
        "arrival_date": _arrival_date(fields),
        "incidents": _incidents(once(fields, "Incidents")),
        "original_envelope_id": once(fields, "Original-Envelope-Id"),
        "original_mail_from": once(fields, "Original-Mail-From"),
        "reporting_mta": _reporting_mta(once(fields, "Reporting-MTA")),
        "source_ip": once(fields, "Source-IP"),
        "authentication_results": every(fields, "Authentication-Results"),
        "original_rcpto_to": every(fields, "Original-Rcpt-To"),
        "reported_domain": every(fields, "Reported-Domain"),
        "reported_uri": every(fields, "Reported-URI"),
        "extensions": extensions(fields),
        "original_message": original_message(parts),
        "supplemental_trace": supplemental_trace(parts),
    }


def _version(text: str) -> int | str:
    """A number where the text is a plain integer; some write ``0.1``."""
    bare = text.strip()
    return int(bare) if _INTEGER.fullmatch(bare) else text  # int() strips less than strip()


def _arrival_date(fields: Fields) -> str | None:
    """Arrival-Date where it is there at all, else Received-Date; None where it is unusable."""
    name = "Arrival-Date" if "arrival-date" in fields else "Received-Date"
    try:
        text = once(fields, name)
        return None if text is None else rfc3339(parse_date_of_any_day(text))
    except (ReportError, ValueError):  # KumoMTA: a bad date does not spoil the report
        return None


def _incidents(text: str | None) -> int | None:
    if text is None:
        return None
    count = number(text.strip(), _MAX_INCIDENTS)
    if count is None:
        raise ReportError(
            f"the field Incidents is {text!r:.80}: a number up to {_MAX_INCIDENTS} was expected"
        )
    return count


def _reporting_mta(text: str | None) -> dict[str, str] | None:
    return None if text is None else mta("Reporting-MTA", text)
