"""OOB records: what a report about failed recipients is in the log."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import dsnmessages as messages
import msgspec
import pytest
from dsnmessages import FAILED, MTA, dsn, failed
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from kumolog.event import encode
from kumolog.mail.mime import parse_message
from kumolog.record import EnhancedCode, Peer, Record, Response, SourceAddress
from kumolog.reports.dsn import parse_delivery_status
from kumolog.reports.oob import oob_records

NOW = 1_700_000_000
EVENT: dict[str, Any] = {
    "type": "Reception",
    "id": "1d98076abbbc11ed940250ebf67f93bd",
    "sender": "",
    "recipient": "news+77@shop.example",
    "queue": "shop.example",
    "site": "here",
    "size": 2000,
    "response": {"code": 250, "enhanced_code": None, "content": "", "command": None},
    "peer_address": {"name": "mx.example.org", "addr": "192.0.2.7"},
    "timestamp": NOW - 5,
    "created": NOW - 6,
    "num_attempts": 3,
    "bounce_classification": "Uncategorized",
    "egress_pool": None,
    "egress_source": None,
    "feedback_report": None,
    "meta": {"tenant": "shop"},
    "headers": {"subject": "Undelivered mail"},
    "delivery_protocol": None,
    "reception_protocol": "ESMTP",
    "nodeid": "557f3ad4-2c8c-11ee-976e-782d7e12e173",
}


def reception(**more: Any) -> Record:
    return msgspec.structs.replace(msgspec.convert(EVENT, Record), **more)


def records(message: bytes, **more: Any) -> list[Record]:
    """The OOB records of a message that was received."""
    report = parse_delivery_status(parse_message(message))
    assert report is not None
    return oob_records(reception(**more), report, NOW)


def record(message: bytes, **more: Any) -> Record:
    [found] = records(message, **more)
    return found


def test_a_failed_recipient_is_an_oob_record() -> None:
    found = record(failed(b"Diagnostic-Code: smtp; 550 5.1.1 no such user"))
    assert json.loads(encode(found)) == {
        "type": "OOB",
        "id": "1d98076abbbc11ed940250ebf67f93bd",
        "sender": "news+77@shop.example",
        "recipient": "anna@example.org",
        "queue": "shop.example",
        "site": "here",
        "size": 0,
        "response": {
            "code": 550,
            "enhanced_code": {"class": 5, "subject": 1, "detail": 1},
            "content": "5.1.1 no such user",
            "command": None,
        },
        "peer_address": {"name": "mx.example.org", "addr": "192.0.2.7"},
        "timestamp": NOW,
        "created": NOW - 6,
        "num_attempts": 0,
        "bounce_classification": "Uncategorized",
        "egress_pool": None,
        "egress_source": None,
        "feedback_report": None,
        "meta": {"tenant": "shop"},
        "headers": {"subject": "Undelivered mail"},
        "delivery_protocol": None,
        "reception_protocol": "ESMTP",
        "nodeid": "557f3ad4-2c8c-11ee-976e-782d7e12e173",
    }


def test_what_belongs_to_the_reception_only_is_left_out() -> None:
    found = record(
        failed(),
        bounce_classification="Mine",
        egress_pool="pool",
        egress_source="source",
        source_address=SourceAddress("192.0.2.1:0"),
        feedback_report={},
        delivery_protocol="ESMTP",
        tls_cipher="c",
        tls_protocol_version="v",
        tls_peer_subject_name=["n"],
    )
    assert found.bounce_classification == "Uncategorized"
    assert (found.egress_pool, found.egress_source) == (None, None)
    assert found.source_address is found.feedback_report is found.delivery_protocol is None
    assert found.tls_cipher is found.tls_protocol_version is found.tls_peer_subject_name is UNSET


def test_what_is_known_of_the_session_stays() -> None:
    session = {"provider_name": "big", "session_id": "0f3b4c1a-7a3f-4be1-a9a5-5fbb1d7b8d5e"}
    found = record(failed(), **session)
    assert {name: getattr(found, name) for name in session} == session


def test_one_record_is_made_for_each_failed_recipient_in_order() -> None:
    block = b"Final-Recipient: rfc822; %d@example.org\nAction: %b\nStatus: 5.1.1"
    actions = [b"failed", b"delayed", b"delivered", b"failed", b"relayed", b"expanded"]
    found = records(dsn(MTA, *[block % pair for pair in enumerate(actions)]))
    assert [entry.recipient for entry in found] == ["0@example.org", "3@example.org"]


@pytest.mark.parametrize("message", [messages.GMAIL, dsn(MTA)], ids=["delayed", "nobody"])
def test_a_report_about_no_failure_makes_no_record(message: bytes) -> None:
    assert records(message) == []


def test_the_original_recipient_comes_before_the_final_one() -> None:
    assert record(failed(b"Original-Recipient: rfc822; <list@example.org>")).recipient == (
        "list@example.org"
    )
    assert record(failed(b"Original-Recipient: unknown; the list")).recipient == "the list"


@pytest.mark.parametrize(
    ("recipient", "sender"),
    [("a@shop.example", "a@shop.example"), (["b@shop.example", "c@d"], "b@shop.example"), ([], "")],
)
def test_the_first_recipient_of_the_report_is_the_sender(recipient: Any, sender: str) -> None:
    assert record(failed(), recipient=recipient).sender == sender


def test_the_peer_has_the_name_of_the_reporting_mta_and_the_address_of_the_session() -> None:
    assert record(failed()).peer_address == Peer("mx.example.org", "192.0.2.7")
    secure = Peer("relay", "2001:db8::1", is_secure=True)
    assert record(failed(), peer_address=secure).peer_address == Peer(
        "mx.example.org", "2001:db8::1"
    )
    unknown = Peer("mx.example.org", "0.0.0.0")
    assert record(failed(), peer_address=None).peer_address == unknown
    assert record(failed(), peer_address=Peer("relay", "")).peer_address == unknown


@pytest.mark.parametrize(
    ("diagnostic", "code", "content"),
    [
        (b"smtp; 550 5.1.1 no such user", 550, "5.1.1 no such user"),
        (b"smtp;452  4.2.2 full", 452, "4.2.2 full"),
        (b"smtp; 0 zero", 0, "zero"),
        (b"smtp; 65535 most", 65535, "most"),
        (b"smtp; 65536 too much", 550, "65536 too much"),
        (b"smtp; 550-5.1.1 first\n 550 5.1.1 second", 550, "550-5.1.1 first 550 5.1.1 second"),
        (b"smtp; delivery timed out", 550, "delivery timed out"),
        (b"smtp; 554", 550, "554"),
        (b"smtp;", 550, ""),
        (b"SMTP; 451 4.1.1 later", 550, ""),
        (b"x-unix; 451 4.1.1 later", 550, ""),
        ("smtp; \u0664\u0665\u0661 digits".encode(), 550, "\u0664\u0665\u0661 digits"),
        (b"smtp; 550 =?utf-8?q?a=0D=0Ab=0Ac=0Dd?=", 550, "a b c d"),
    ],
)
def test_the_reply_comes_from_the_diagnostic_code(
    diagnostic: bytes, code: int, content: str
) -> None:
    found = record(failed(b"Diagnostic-Code: " + diagnostic)).response
    assert found == Response(code, EnhancedCode(5, 1, 1), content, None)


def test_without_a_diagnostic_code_the_reply_has_no_text() -> None:
    assert record(failed()).response == Response(550, EnhancedCode(5, 1, 1), "", None)


def test_the_enhanced_code_comes_from_the_status() -> None:
    block = FAILED.replace(b"5.1.1", b"4.2.2 (full)") + b"\nDiagnostic-Code: smtp; 550 5.7.1 no"
    assert record(dsn(MTA, block)).response.enhanced_code == EnhancedCode(4, 2, 2)


def test_the_last_attempt_is_the_time_of_the_record() -> None:
    found = record(failed(b"Last-Attempt-Date: Mon, 6 Mar 2023 02:13:34 +0100"))
    assert (found.timestamp, found.created) == (1678065214, NOW - 6)
    assert found.event_time is found.created_time is UNSET


def test_times_as_text_are_there_where_the_reception_has_them() -> None:
    times = {"event_time": "2023-11-14T22:13:15Z", "created_time": "2023-11-14T22:13:14Z"}
    assert record(failed(), **times).event_time == "2023-11-14T22:13:20Z"
    dated = failed(b"Last-Attempt-Date: Mon, 6 Mar 2023 02:13:34 +0100")
    assert record(dated, **times).event_time == "2023-03-06T01:13:34Z"
    assert record(dated, **times).created_time == times["created_time"]


@pytest.mark.parametrize(
    ("message", "recipient", "code", "content"),
    [
        (messages.POSTFIX, "Paul@example.org", 550, "5.1.1 <paul@example.org>: no such user"),
        (
            messages.EXCHANGE,
            "lea@tenant.example",
            550,
            "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient lea@tenant.example not found by "
            "SMTP address lookup",
        ),
        (
            messages.EXIM,
            "omar@example.com",
            550,
            "550-Mailbox is gone 550 see https://example.com/gone",
        ),
        (messages.SES, "rita@example.com", 552, "5.2.2 Mailbox full"),
    ],
    ids=["postfix", "exchange", "exim", "ses"],
)
def test_reports_of_the_world_are_records(
    message: bytes, recipient: str, code: int, content: str
) -> None:
    found = record(message)
    assert found.recipient == recipient
    assert (found.response.code, found.response.content) == (code, content)


@given(st.text(max_size=40))
def test_whatever_is_diagnosed_the_record_is_one_that_reads_back(text: str) -> None:
    word = b64encode(f"550 {text}".encode(errors="replace"))
    found = record(failed(b"Diagnostic-Code: smtp; =?utf-8?b?" + word + b"?="))
    assert msgspec.json.decode(encode(found), type=Record) == found
    assert not {"\r", "\n"} & set(found.response.content)
