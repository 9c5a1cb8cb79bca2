"""What happens to an event that brings the message itself, before it is logged.

A Reception goes through the policy's reception handler, as in KumoMTA between SMTP and log. A
feedback report in it makes it a Feedback record, a bounce report adds OOB records to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from kumolog.api.connection import Connection
from kumolog.api.construct import ListenerDomain
from kumolog.api.registry import Refusal, Report
from kumolog.completion import first_recipient, one_line
from kumolog.errors import KumologError, PolicyError
from kumolog.event import Batch, Rejected, encode
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.mail.headers import HeaderError
from kumolog.mail.mime import Part, parse_message
from kumolog.mail.mime_fields import MimeError
from kumolog.message import BatchMessages
from kumolog.policy import Policy
from kumolog.record import EnhancedCode, Record, Response
from kumolog.reports import ReportError, parse_feedback_report
from kumolog.reports.dsn import parse_delivery_status
from kumolog.reports.oob import oob_records

_HANDLERS = {"HTTP": "http_message_generated"}  # by reception protocol
_SMTP_HANDLER = "smtp_server_message_received"
_LISTENER = "get_listener_domain"
_ENHANCED_CODE = re.compile(r"([245])\.([0-9]{1,5})\.([0-9]{1,5}) ")
_MAX_NUMBER = 0xFFFF  # in an enhanced code
_MAX_REASONS = 100  # that are told; each is kept, so that it is told once


class Reception:
    """Receives messages for one policy, which is loaded; ``report`` hears of malformed reports.

    ``malformed`` counts the messages that set out to be reports and could not be read as such.
    """

    def __init__(self, policy: Policy, report: Report) -> None:
        self.malformed = 0
        self._policy = policy
        self._report = report
        self._handled = frozenset(policy.registrations())
        self._told: set[str] = set()

    def parts(self, batch: Batch) -> Iterator[Batch]:
        """The batch in pieces, in order: each message that was received is one of its own.

        A message whose handler fails is in the ``rejected`` of its piece.
        """
        if batch.rejected:
            yield Batch([], [], [], batch.source_lines, rejected=batch.rejected)
        start = 0
        for place in sorted(batch.data):
            if batch.records[place].type == "Reception":
                if start < place:
                    yield batch.part(start, place)
                yield self._receive(batch.part(place, place + 1))
                start = place + 1
        if start < len(batch):
            yield batch.part(start, len(batch))

    def _receive(self, batch: Batch) -> Batch:
        """``batch`` has one message."""
        connection = Connection(batch.records[0])
        try:
            received = self._handle(batch, connection)
            if received.records[0].type == "Reception":
                self._look_for_reports(received, connection)
        except PolicyError as error:
            position = batch.positions[0]
            line = batch.source_lines[position]
            refused = Rejected(position, str(error), line)
            return Batch([], [], [], batch.source_lines, rejected=[refused])
        return received

    def _handle(self, batch: Batch, connection: Connection) -> Batch:
        """The message as its handler leaves it; raises PolicyError."""
        record = batch.records[0]
        handler = _HANDLERS.get(record.reception_protocol or "", _SMTP_HANDLER)
        if handler not in self._handled:
            return batch
        messages = BatchMessages(batch)
        # KumoMTA: the handler of SMTP is given the connection, that of HTTP who injected.
        context = connection if handler == _SMTP_HANDLER else connection.auth_info()
        refusal = self._policy.receive(handler, messages, context)
        if refusal is not None:
            return _changed(batch, _rejection(record, refusal, connection), None)
        message = messages.message(0)
        return _changed(batch, message.as_record(), message.data)

    def _look_for_reports(self, batch: Batch, connection: Connection) -> None:
        arf, oob = self._wanted(batch.records[0], connection)
        message = _multipart(batch.data[0]) if arf or oob else None
        if message is None:
            return
        record = batch.records[0]
        feedback = _read(parse_feedback_report, message) if arf else None
        if isinstance(feedback, dict):
            _change(batch, replace(record, type="Feedback", feedback_report=feedback))
            return
        status = _read(parse_delivery_status, message) if oob else None
        if isinstance(status, dict):
            for bounced in oob_records(record, status, record.timestamp):
                _add(batch, bounced)
        elif problem := feedback or status:
            self._tell_malformed(str(problem))

    def _wanted(self, record: Record, connection: Connection) -> tuple[bool, bool]:
        """Whether feedback reports and bounce reports are looked for.

        KumoMTA: only in mail that came over SMTP; a listener domain's log_arf and log_oob.
        """
        if record.reception_protocol in _HANDLERS:
            return False, False
        if _LISTENER not in self._handled:
            return True, True
        try:
            domain = EnvelopeAddress.parse(first_recipient(record)).domain
        except KumologError:
            domain = ""  # of an address that is none
        listener = connection.meta.get("received_via", "")
        found = self._policy.answer(_LISTENER, domain, listener, connection)
        if found is None:
            return False, False
        if not isinstance(found, ListenerDomain):
            raise PolicyError(
                f"{_LISTENER} returned what is no listener domain: "
                "return kumo.make_listener_domain { ... } or nil"
            )
        return found.params["log_arf"] != "Ignore", found.params["log_oob"] != "Ignore"

    def _tell_malformed(self, reason: str) -> None:
        self.malformed += 1
        if reason not in self._told and len(self._told) < _MAX_REASONS:
            self._told.add(reason)
            self._report("warning", f"a malformed report stays a Reception: {reason}")


def _read(parse: Callable[[Part], dict[str, Any] | None], message: Part) -> Any:
    """The report, None where there is none, or the ReportError that says what is wrong with it."""
    try:
        return parse(message)
    except ReportError as error:
        return error


def _multipart(data: bytes) -> Part | None:
    """The message, where it has parts."""
    try:
        message = parse_message(data)
    except (HeaderError, MimeError):
        return None
    return message if message.children else None


def _changed(batch: Batch, record: Record, data: bytes | None) -> Batch:
    """The batch of one message with this record and these bytes in the place of its own."""
    unknown = dict(batch.unknown)
    new = Batch([record], list(batch.lines), batch.positions, batch.source_lines, unknown)
    if data is not None:
        new.data[0] = data
    if record is not batch.records[0]:
        _change(new, record)
    return new


def _change(batch: Batch, record: Record) -> None:
    whole: Any = record
    if 0 in batch.unknown:
        batch.unknown[0] |= msgspec.to_builtins(record)
        whole = batch.unknown[0]
    batch.records[0] = record
    batch.lines = [encode(whole)]


def _add(batch: Batch, bounced: Record) -> None:
    place = len(batch)
    batch.is_bounce_report = True
    batch.records.append(bounced)
    batch.lines = [*batch.lines, encode(bounced)]
    batch.positions = [*batch.positions, batch.positions[0]]
    batch.data[place] = batch.data[0]  # their headers and meta are the report's


def _rejection(record: Record, refusal: Refusal, connection: Connection) -> Record:
    """The record of a message that its handler refused (KumoMTA: Rejection)."""
    recipients = [record.recipient] if isinstance(record.recipient, str) else record.recipient
    enhanced_code, text = _split_reply(refusal.text)
    return replace(
        record,
        type="Rejection",
        id="",
        recipient=recipients[-1] if recipients else "",
        queue="",
        site="",
        size=0,
        response=Response(refusal.code, enhanced_code, one_line(text), "DATA"),
        created=record.timestamp,
        created_time=UNSET if record.created_time is UNSET else record.event_time,
        num_attempts=0,
        meta=connection.meta,
        headers={},
    )


def _split_reply(text: str) -> tuple[EnhancedCode | None, str]:
    """The enhanced code that a reply's text begins with, and what comes after it."""
    found = _ENHANCED_CODE.match(text)
    numbers = [] if found is None else [int(number) for number in found.groups()]
    if found is None or max(numbers) > _MAX_NUMBER:
        return None, text
    return EnhancedCode(*numbers), text[found.end() :]
