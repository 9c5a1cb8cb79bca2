"""What comes in: JSON lines decoded into complete log records.

An event is a log record in which only ``type`` must be there. A line that already is the record as
KumoMTA writes it goes through as the bytes it came as; every other one is completed and rewritten.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec import MsgspecError

from kumolog.addresses import EnvelopeAddress
from kumolog.errors import EventError, KumologError
from kumolog.nodeid import NodeId
from kumolog.queue_name import compose_queue_name
from kumolog.record import RECORD_TYPES, STRUCTURED_FIELDS, Record
from kumolog.spool_id import created_at, new_spool_id

_OMITTED_WHEN_NULL = frozenset(
    (
        "event_time",
        "created_time",
        "tls_cipher",
        "tls_protocol_version",
        "tls_peer_subject_name",
        "provider_name",
        "session_id",
    )
)
_INPUT_ONLY = ("data", "data_base64")
# Seconds that an event may give as RFC 3339 text only.
_TIMES = {"timestamp": "event_time", "created": "created_time"}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LINE_BREAK = re.compile("\r\n|\n|\r")
# The internal replies of KumoMTA where a kind has one; (code, enhanced code).
_DEFAULT_REPLIES = {
    "Bounce": (550, None),
    "OOB": (550, None),
    "Rejection": (550, None),
    "TransientFailure": (400, None),
    "Delayed": (400, None),
    "Expiration": (551, {"class": 5, "subject": 4, "detail": 7}),
    "AdminBounce": (551, {"class": 5, "subject": 7, "detail": 1}),
}

_decoder = msgspec.json.Decoder(Record)
_any_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
encode = _encoder.encode


@dataclass(slots=True)
class Rejected:
    """A line that is no valid event: its place in the batch's source, why, and its text."""

    position: int
    error: str
    text: bytes


@dataclass(slots=True)
class Batch:
    """Events that go through the loggers together, in order; the lists run in parallel.

    ``lines`` are the finished JSON lines without line end, for a logger that changes nothing.
    ``positions`` lead back to the source lines. ``unknown`` has, for events with fields kumolog
    does not know, the whole record as a mapping; ``data`` the message bytes of events that bring
    them.
    """

    records: list[Record]
    lines: Sequence[bytes]
    positions: Sequence[int]
    source_lines: Sequence[bytes]
    unknown: dict[int, dict[str, Any]] = field(default_factory=dict)
    data: dict[int, bytes] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    _is_bare: bool | None = None

    def __len__(self) -> int:
        return len(self.records)

    @property
    def is_bare(self) -> bool:
        """Whether no record has meta or headers, and no event brings message data."""
        if self._is_bare is None:
            self._is_bare = not self.data and not any(r.meta or r.headers for r in self.records)
        return self._is_bare


class EventDecoder:
    """Decodes source lines; ``clock`` gives the time for events that carry none."""

    def __init__(self, node: NodeId, clock: Any) -> None:
        self._node = node
        self._clock = clock

    def decode(self, lines: Sequence[bytes]) -> Batch:
        """A batch of all lines that are valid events; the others are in ``rejected``."""
        text = b"\n".join(lines) + b"\n"
        try:
            records = _decoder.decode_lines(text)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return self._decode_each(lines)
        unchanged = len(records) == len(lines) and _encoder.encode_lines(records) == text
        if not unchanged or (b"\\" in text and _breaks_lines(records)):
            return self._decode_each(lines)
        return Batch(records, lines, range(len(lines)), lines)

    def _decode_each(self, lines: Sequence[bytes]) -> Batch:
        records: list[Record] = []
        finished: list[bytes] = []
        positions: list[int] = []
        batch = Batch(records, finished, positions, lines)
        for position, line in enumerate(lines):
            try:
                record, finished_line = self._decode_one(line, batch)
            except EventError as error:
                batch.rejected.append(Rejected(position, str(error), line))
            else:
                records.append(record)
                finished.append(finished_line)
                positions.append(position)
        return batch

    def _decode_one(self, line: bytes, batch: Batch) -> tuple[Record, bytes]:
        try:
            record = _decoder.decode(line)
            if encode(record) == line and not (b"\\" in line and _breaks_lines((record,))):
                return record, line
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # incomplete or wrong: complete() tells which
        return self.complete(_parse(line), batch)

    def complete(self, given: dict[str, Any], batch: Batch) -> tuple[Record, bytes]:
        """The full record for an event, and its line; raises EventError naming the field."""
        _check_type(given)
        data = _message_data(given)
        record = self._record(given, data)
        index = len(batch.records)
        if data is not None:
            batch.data[index] = data
        known = msgspec.to_builtins(record)
        whole = _with_unknown(known, given)
        if whole == known:
            return record, encode(record)
        batch.unknown[index] = whole
        return record, encode(whole)

    def _record(self, given: Mapping[str, Any], data: bytes | None) -> Record:
        kind = given["type"]
        now = int(self._clock())
        meta = given.get("meta")
        reception_protocol = meta.get("reception_protocol") if isinstance(meta, dict) else None
        full = {
            "id": "" if kind == "Rejection" else new_spool_id(),
            "sender": "",
            "recipient": "",
            "queue": "",
            "site": "",
            "size": len(data or b""),
            "peer_address": None,
            "timestamp": now,
            "created": now,
            "num_attempts": 0,
            "bounce_classification": "Uncategorized",
            "egress_pool": None,
            "egress_source": None,
            "feedback_report": None,
            "meta": {},
            "headers": {},
            "delivery_protocol": None,
            "reception_protocol": reception_protocol
            if isinstance(reception_protocol, str)
            else None,
            "nodeid": self._node.text if "nodeid" not in given else "",
            **{k: v for k, v in given.items() if v is not None or k not in _OMITTED_WHEN_NULL},
        }
        full["response"] = _response(kind, full.get("response"))
        full["peer_address"] = _with_defaults({"name": "", "addr": ""}, full["peer_address"])
        recipients = full["recipient"]
        if isinstance(recipients, list) and len(recipients) < 2:
            full["recipient"] = recipients[0] if recipients else ""
        for seconds, text in _TIMES.items():
            if seconds not in given and isinstance(given.get(text), str):
                full[seconds] = _unix_seconds(text, given[text])
        record = _convert(full)
        if recipients == []:
            record.recipient = []
        record.response.content = one_line(record.response.content)
        if "created" not in given and "created_time" not in given:
            born = None if kind == "Rejection" else created_at(record.id)
            record.created = record.timestamp if born is None else born
        if "queue" not in given and kind != "Rejection":
            try:
                record.queue = default_queue_name(record, record.meta)
            except KumologError as error:
                record.queue = str(error)  # KumoMTA: the error text stands in the name's place
        return record


def one_line(text: str) -> str:
    """A reply's text as KumoMTA logs it: every line break becomes one blank."""
    return _LINE_BREAK.sub(" ", text)


def first_recipient(record: Record) -> str:
    """The first recipient's address, or an empty string."""
    recipient = record.recipient
    if isinstance(recipient, str):
        return recipient
    return recipient[0] if recipient else ""


def default_queue_name(record: Record, meta: Mapping[str, Any]) -> str:
    """The queue that meta and the first recipient name; raises KumologError where they name none.

    KumoMTA: queue names.
    """
    queue = meta.get("queue")
    if queue is not None:
        if isinstance(queue, str):
            return queue
        raise KumologError(f"meta `queue` must be a string to name a queue, not {queue!r}")
    domain = EnvelopeAddress.parse(first_recipient(record)).domain
    campaign, tenant = meta.get("campaign"), meta.get("tenant")
    return compose_queue_name(campaign, tenant, domain, meta.get("routing_domain"))


def _breaks_lines(records: Sequence[Record]) -> bool:
    return any(_LINE_BREAK.search(record.response.content) for record in records)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        given = _any_decoder.decode(line)
    except UnicodeDecodeError:
        raise EventError(f"not valid UTF-8: {_utf8_fault(line)}") from None
    except RecursionError:
        raise EventError("not a usable event: the JSON is nested too deeply") from None
    except MsgspecError as error:
        if _SURROGATE.search(line) and line.rstrip().endswith(b"}"):
            raise EventError("not valid JSON: a \\u escape is half of a surrogate pair") from None
        raise EventError(f"not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise EventError(f"not an event: expected a JSON object, got {type(given).__name__}")
    return given


def _utf8_fault(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"{error.reason} at byte {error.start}"
    return "invalid text"


def _unix_seconds(name: str, text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise EventError(f"field `{name}`: expected an RFC 3339 time, got {text!r:.60}")
    return math.floor(instant.timestamp())


def _check_type(given: Mapping[str, Any]) -> None:
    kind = given.get("type")
    if kind in RECORD_TYPES:
        return
    if kind is None:
        raise EventError("missing field `type`: it names the record type, such as `Delivery`")
    near = difflib.get_close_matches(str(kind), RECORD_TYPES, 1, 0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(RECORD_TYPES)}"
    raise EventError(f"unknown record type {kind!r}: {hint}")


def _message_data(given: dict[str, Any]) -> bytes | None:
    """Takes the input-only keys out of the event."""
    text, encoded = (given.pop(key, None) for key in _INPUT_ONLY)
    if text is not None and encoded is not None:
        raise EventError("an event has either `data` or `data_base64`, not both")
    if encoded is not None:
        if not isinstance(encoded, str):
            raise EventError("`data_base64` must be a string of base64")
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise EventError(f"`data_base64` is not valid base64: {error}") from None
    if text is not None and not isinstance(text, str):
        raise EventError("`data` must be a string: the message as RFC 5322 text")
    return None if text is None else text.encode()


def _response(kind: str, given: Any) -> Any:
    """The reply: the kind's own where the event has none, else what is given, made complete."""
    code, enhanced_code = _DEFAULT_REPLIES.get(kind, (250, None))
    if given is not None:
        enhanced_code = None
    default = {"code": code, "enhanced_code": enhanced_code, "content": "", "command": None}
    return default if given is None else _with_defaults(default, given)


def _with_defaults(defaults: dict[str, Any], given: Any) -> Any:
    return defaults | given if isinstance(given, dict) else given


def _convert(full: dict[str, Any]) -> Record:
    try:
        return msgspec.convert(full, Record)
    except RecursionError:
        raise EventError("not a usable event: its values are nested too deeply") from None
    except MsgspecError as error:
        reason, _, path = str(error).rpartition(" - at ")
        raise EventError(f"field {path.replace('$.', '')}: {reason}" if reason else path) from None


def _with_unknown(known: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the event's unknown fields, each after the field that it came after."""
    followers: dict[str | None, list[str]] = {}
    anchor = None
    for key in given:
        if key in known:
            anchor = key
        elif key not in _OMITTED_WHEN_NULL:
            followers.setdefault(anchor, []).append(key)
    result = {key: given[key] for key in followers.get(None, ())}
    for key, value in known.items():
        nested = given.get(key) if key in STRUCTURED_FIELDS else None
        result[key] = _with_unknown(value, nested) if isinstance(nested, dict) else value
        result.update((name, given[name]) for name in followers.get(key, ()))
    return result
