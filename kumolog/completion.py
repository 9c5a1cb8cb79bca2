"""What an event leaves out: every field of a log record that has a default gets it here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import MsgspecError

from kumolog.clock import Clock
from kumolog.errors import EventError, KumologError
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.nodeid import NodeId
from kumolog.queue_name import compose_queue_name
from kumolog.record import MEMBERS, STRUCTURED_FIELDS, Record
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
# Seconds that an event may give as RFC 3339 text only.
_TIMES = {"timestamp": "event_time", "created": "created_time"}
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


def complete(given: Mapping[str, Any], size: int, node: NodeId, clock: Clock) -> Record:
    """The record for an event with a known type; ``size`` is that of its message data.

    ``clock`` gives the time for an event that has none. Raises EventError naming the field that is
    wrong.
    """
    full = {**_defaults(given, size, node, clock), **given}
    for key in _OMITTED_WHEN_NULL & given.keys():
        if given[key] is None:
            del full[key]
    full["response"] = _response(given["type"], given.get("response"))
    full["peer_address"] = _with_defaults({"name": "", "addr": ""}, full["peer_address"])
    for seconds, text in _TIMES.items():
        if seconds not in given and isinstance(given.get(text), str):
            full[seconds] = _unix_seconds(text, given[text])
    recipients = full["recipient"]
    if isinstance(recipients, list) and len(recipients) < 2:
        full["recipient"] = recipients[0] if recipients else ""
    record = _convert(full)
    if recipients == []:
        record.recipient = []
    _derive(record, given)
    return record


def _defaults(given: Mapping[str, Any], size: int, node: NodeId, clock: Clock) -> dict[str, Any]:
    now = int(clock.wall())
    meta = given.get("meta")
    reception_protocol = meta.get("reception_protocol") if isinstance(meta, dict) else None
    has_id = "id" in given or given["type"] == "Rejection"
    return {
        "id": "" if has_id else new_spool_id(clock),
        "sender": "",
        "recipient": "",
        "queue": "",
        "site": "",
        "size": size,
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
        "reception_protocol": reception_protocol if isinstance(reception_protocol, str) else None,
        "nodeid": "" if "nodeid" in given else node.text,
    }


def _derive(record: Record, given: Mapping[str, Any]) -> None:
    """What follows from other fields."""
    record.response.content = one_line(record.response.content)
    has_message = record.type != "Rejection"
    if "created" not in given and "created_time" not in given:
        born = created_at(record.id) if has_message else None
        record.created = record.timestamp if born is None else born
    if "queue" not in given and has_message:
        try:
            record.queue = default_queue_name(record, record.meta)
        except KumologError as error:
            record.queue = str(error)  # KumoMTA: the error text stands in the name's place


def breaks_lines(records: Iterable[Record]) -> bool:
    """Whether the text of some reply still has line breaks."""
    texts = "".join([record.response.content for record in records])
    return "\n" in texts or "\r" in texts


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


def _unix_seconds(name: str, text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise EventError(f"field `{name}`: expected an RFC 3339 time, got {text!r:.60}")
    return math.floor(instant.timestamp())


def has_unknown(given: Mapping[str, Any], name: str = "") -> bool:
    """Whether an event (or the object of that name) has fields that no record has."""
    return not given.keys() <= MEMBERS[name] or any(
        isinstance(given[inner], dict) and has_unknown(given[inner], inner)
        for inner in STRUCTURED_FIELDS & given.keys()
    )


def with_unknown(known: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
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
        result[key] = with_unknown(value, nested) if isinstance(nested, dict) else value
        result.update((name, given[name]) for name in followers.get(key, ()))
    return result
