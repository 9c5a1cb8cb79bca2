"""Delivery status notifications: RFC 3464 as KumoMTA reads it."""

from __future__ import annotations

import base64
import json
from typing import Any

import dsnmessages as messages
import pytest
from dsnmessages import FAILED, MTA, dsn, failed
from hypothesis import given
from hypothesis import strategies as st

from kumolog.mail.headers import HeaderError
from kumolog.mail.mime import parse_message
from kumolog.reports.dsn import parse_delivery_status
from kumolog.reports.fields import ReportError, number


def parse(message: bytes) -> dict[str, Any]:
    report = parse_delivery_status(parse_message(message))
    assert report is not None
    return report


def recipient(message: bytes) -> dict[str, Any]:
    """What a report says about its one recipient."""
    [entry] = parse(message)["per_recipient"]
    assert isinstance(entry, dict)
    return entry


def test_a_report_has_all_keys_in_order_with_null_for_what_is_absent() -> None:
    original = "From: news@shop.example\nSubject: Offers\n\nBuy.\n\n"
    assert json.dumps(parse(failed()), indent=1) == json.dumps(
        {
            "per_message": {
                "original_envelope_id": None,
                "reporting_mta": {"mta_type": "dns", "name": "mx.example.org"},
                "dsn_gateway": None,
                "received_from_mta": None,
                "arrival_date": None,
                "extensions": {},
            },
            "per_recipient": [
                {
                    "final_recipient": {
                        "recipient_type": "rfc822",
                        "recipient": "anna@example.org",
                    },
                    "action": "failed",
                    "status": {"class": 5, "subject": 1, "detail": 1, "comment": None},
                    "original_recipient": None,
                    "remote_mta": None,
                    "diagnostic_code": None,
                    "last_attempt_date": None,
                    "final_log_id": None,
                    "will_retry_until": None,
                    "extensions": {},
                }
            ],
            "original_message": original,
        },
        indent=1,
    )


def test_every_field_of_rfc_3464_has_its_key() -> None:
    report = parse(
        dsn(
            b"Original-Envelope-Id: QQ314159\nReporting-MTA: dns; cs.example.edu\n"
            b"DSN-Gateway: dns; gate.example.edu\nReceived-From-MTA: smtp; alpha.example\n"
            b"Arrival-Date: Fri, 8 Jul 1994 17:11:05 -0400",
            b"Original-Recipient: rfc822;louisl@larry.example.edu\n"
            b"Final-Recipient: x400;/S=louisl/C=us/\nAction: delayed\nStatus: 4.4.7\n"
            b"Remote-MTA: dns; larry.example.edu\nDiagnostic-Code: x-local; timed out; again\n"
            b"Last-Attempt-Date: Fri, 8 Jul 1994 18:00:00 -0400\nFinal-Log-Id: a;7\n"
            b"Will-Retry-Until: Sun, 10 Jul 1994 17:11:05 EDT",
        )
    )
    assert report["per_message"] == {
        "original_envelope_id": "QQ314159",
        "reporting_mta": {"mta_type": "dns", "name": "cs.example.edu"},
        "dsn_gateway": {"mta_type": "dns", "name": "gate.example.edu"},
        "received_from_mta": {"mta_type": "smtp", "name": "alpha.example"},
        "arrival_date": "1994-07-08T21:11:05Z",
        "extensions": {},
    }
    assert report["per_recipient"] == [
        {
            "final_recipient": {"recipient_type": "x400", "recipient": "/S=louisl/C=us/"},
            "action": "delayed",
            "status": {"class": 4, "subject": 4, "detail": 7, "comment": None},
            "original_recipient": {
                "recipient_type": "rfc822",
                "recipient": "louisl@larry.example.edu",
            },
            "remote_mta": {"mta_type": "dns", "name": "larry.example.edu"},
            "diagnostic_code": {"diagnostic_type": "x-local", "diagnostic": "timed out; again"},
            "last_attempt_date": "1994-07-08T22:00:00Z",
            "final_log_id": "a;7",
            "will_retry_until": "1994-07-10T21:11:05Z",
            "extensions": {},
        }
    ]


def test_each_recipient_has_its_own_part_in_order() -> None:
    report = parse(
        dsn(
            MTA,
            b"Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.2.2 (mailbox full)\n"
            b"Diagnostic-Code: smtp; 552 5.2.2 over\r\n\t quota",
            b"Final-Recipient: rfc822; b@example.org\nAction: delayed\nStatus: 4.0.0 (try again)",
            b"Final-Recipient: rfc822; c@example.org\nAction: failed\nStatus: 5.1.1",
        )
    )
    entries = report["per_recipient"]
    assert [entry["final_recipient"]["recipient"][0] for entry in entries] == ["a", "b", "c"]
    assert [entry["action"] for entry in entries] == ["failed", "delayed", "failed"]
    comments = ["(mailbox full)", "(try again)", None]
    assert [entry["status"]["comment"] for entry in entries] == comments
    assert entries[0]["diagnostic_code"]["diagnostic"] == "552 5.2.2 over quota"


def test_postfix_reports_are_understood() -> None:
    report = parse(messages.POSTFIX)
    assert report["per_message"]["arrival_date"] == "2023-03-06T01:13:30Z"
    assert report["per_message"]["extensions"] == {
        "x-postfix-queue-id": ["4Q1vWk2Lz9zJ"],
        "x-postfix-sender": ["rfc822; bounces+77@shop.example"],
    }
    [entry] = report["per_recipient"]
    assert entry["original_recipient"]["recipient"] == "Paul@example.org"
    assert report["original_message"].startswith("Return-Path: <bounces+77@shop.example>\n")


def test_exchange_reports_are_understood() -> None:
    report = parse(messages.EXCHANGE)
    mta = {"mta_type": "dns", "name": "AM0PR01MB0001.eurprd01.prod.example"}
    assert report["per_message"]["reporting_mta"] == mta
    [entry] = report["per_recipient"]
    assert entry["status"]["detail"] == 10
    assert entry["diagnostic_code"] == {
        "diagnostic_type": "smtp",
        "diagnostic": "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient "
        "lea@tenant.example not found by SMTP address lookup",
    }
    assert entry["extensions"] == {"x-display-name": ["Lea"]}


def test_exim_reports_are_understood() -> None:
    entry = recipient(messages.EXIM)
    assert entry["final_recipient"]["recipient"] == "omar@example.com"
    diagnostic = "550-Mailbox is gone 550 see https://example.com/gone"
    assert entry["diagnostic_code"]["diagnostic"] == diagnostic


def test_gmail_reports_are_understood() -> None:
    entry = recipient(messages.GMAIL)
    assert entry["action"] == "delayed"
    assert entry["will_retry_until"] == "2023-03-10T01:13:34Z"
    assert entry["remote_mta"]["name"].startswith("mx.example.net. (203.0.113.9, the server")


def test_amazon_ses_reports_are_understood() -> None:
    entry = recipient(messages.SES)
    assert entry["last_attempt_date"] == "2023-03-06T01:20:00Z"
    assert entry["status"] == {"class": 5, "subject": 2, "detail": 2, "comment": None}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        messages.QMAIL,
        failed().replace(b"multipart/report", b"Multipart/Report"),
        failed().replace(b"multipart/report", b"multipart/mixed"),
        failed().replace(b"Content-Type: multipart", b"Content-Typo: multipart"),
    ],
    ids=["empty", "a notice for people", "other case", "other multipart", "no type"],
)
def test_what_is_no_multipart_report_is_no_report(message: bytes) -> None:
    assert parse_delivery_status(parse_message(message)) is None


@pytest.mark.parametrize("kind", [b"disposition-notification", b"feedback-report"])
def test_the_report_type_is_not_looked_at(kind: bytes) -> None:
    message = failed().replace(b"report-type=delivery-status", b"report-type=" + kind)
    assert recipient(message)["action"] == "failed"


def test_only_direct_children_of_the_message_are_the_report() -> None:
    inner = failed().replace(b"edge", b"rim").replace(b"Content-Type: multipart/report", b"X: y", 1)
    nested = b"Content-Type: multipart/report; boundary=rim\r\n" + inner
    message = b"Content-Type: multipart/report; boundary=out\r\n\r\n--out\r\n%b\r\n--out--\r\n"
    with pytest.raises(ReportError, match=r"no message/delivery-status part"):
        parse(message % nested)


@pytest.mark.parametrize("kind", [b"Message/delivery-status", b"text/plain"])
def test_a_report_without_a_status_part_is_malformed(kind: bytes) -> None:
    with pytest.raises(ReportError, match=r"no message/delivery-status part"):
        parse(dsn(MTA, FAILED, kind=kind))


def test_internationalised_reports_are_understood() -> None:
    block = "Final-Recipient: utf-8; jörg@exämple.org\nAction: failed\nStatus: 5.1.1".encode()
    entry = recipient(dsn(MTA, block, kind=b"message/global-delivery-status"))
    assert entry["final_recipient"]["recipient"] == "jörg@exämple.org"


def test_the_first_status_part_counts() -> None:
    second = b"\n--edge\nContent-Type: message/delivery-status\n\nnonsense\n"
    assert parse(dsn(MTA, FAILED, rest=second))["original_message"] is None


def test_the_status_part_is_decoded() -> None:
    coded = base64.encodebytes(MTA + b"\r\n\r\n" + FAILED)
    message = dsn(coded, headers=b"Content-Transfer-Encoding: base64\n")
    assert recipient(message)["action"] == "failed"
    message = dsn(
        MTA, FAILED.replace(b"@", b"=40"), headers=b"Content-Transfer-Encoding: quoted-printable\n"
    )
    assert recipient(message)["final_recipient"]["recipient"] == "anna@example.org"


def test_blank_lines_around_the_fields_do_not_matter() -> None:
    dated = b"Arrival-Date: 6 Mar 23 01:13:34 UTC\n" + MTA
    report = parse(dsn(b"\n\n\n" + dated, FAILED + b"\n\n\n"))
    assert report["per_message"]["arrival_date"] == "2023-03-06T01:13:34Z"
    assert len(report["per_recipient"]) == 1


def test_more_than_one_blank_line_between_parts_is_malformed() -> None:
    with pytest.raises(ReportError, match=r"recipient 1: the field Final-Recipient is missing"):
        parse(dsn(MTA + b"\n", FAILED))
    with pytest.raises(ReportError, match=r"recipient 2: the field Final-Recipient is missing"):
        parse(dsn(MTA, FAILED + b"\n\n", FAILED))


def test_a_report_may_be_about_no_recipient() -> None:
    assert parse(dsn(MTA))["per_recipient"] == []


@pytest.mark.parametrize(
    ("address", "printed"),
    [
        (b"rfc822;a@example.org", "a@example.org"),
        (b"rfc822 ;\t<a@Example.ORG> ", "a@example.org"),
        (b"rfc822; <@relay.example:a@example.org>", "a@example.org"),
        (b'rfc822; "a b"@example.org', '"a b"@example.org'),
        (b"RFC822; <a b@example.org>", "<a b@example.org>"),
        (b"unknown; Anna at home", "Anna at home"),
    ],
)
def test_addresses_of_type_rfc822_are_printed_without_brackets(
    address: bytes, printed: str
) -> None:
    block = b"Original-Recipient: " + address + b"\n" + FAILED
    assert recipient(dsn(MTA, block))["original_recipient"]["recipient"] == printed


@pytest.mark.parametrize(
    ("status", "parts", "comment"),
    [
        (b"5.1.1", (5, 1, 1), None),
        (b"255.65535.65535", (255, 65535, 65535), None),
        (b"4.07.000", (4, 7, 0), None),
        (b"5.1.1.99.x", (5, 1, 1), None),
        (b"5.1.1 (no such user)", (5, 1, 1), "(no such user)"),
        (b"5.1.1. gone  for good", (5, 1, 1), "gone for good"),
        (b"5.1.1 ", (5, 1, 1), None),
    ],
)
def test_a_status_has_three_numbers_and_a_comment(
    status: bytes, parts: tuple[int, int, int], comment: str | None
) -> None:
    found = recipient(dsn(MTA, FAILED.replace(b"5.1.1", status) + b"\nX: y"))["status"]
    names = dict(zip(("class", "subject", "detail"), parts, strict=True))
    assert found == {**names, "comment": comment}


@pytest.mark.parametrize(
    "status",
    [
        *(b"", b"5", b"5.1", b"5.1.", b"5.1.x", b"256.1.1", b"5.65536.1", b"5.1.65536", b"-5.1.1"),
        *("\u0665.1.1".encode(), b"5 .1.1", b"5.1.1(x)", b"5.1." + b"9" * 5000),
    ],
)
def test_a_status_that_is_not_numeric_is_malformed(status: bytes) -> None:
    with pytest.raises(ReportError, match=r"recipient 1: the field Status is .*`5\.1\.1`"):
        parse(dsn(MTA, FAILED.replace(b"5.1.1", status)))


@pytest.mark.parametrize("action", [b"failed", b"delayed", b"delivered", b"relayed", b"expanded"])
def test_an_action_is_one_of_five(action: bytes) -> None:
    assert recipient(dsn(MTA, FAILED.replace(b"failed", action)))["action"] == action.decode()


@pytest.mark.parametrize("action", [b"Failed", b"bounced", b"failed (bad address)", b""])
def test_any_other_action_is_malformed(action: bytes) -> None:
    with pytest.raises(ReportError, match=r"the field Action is .*: right is failed, delayed"):
        parse(dsn(MTA, FAILED.replace(b"failed", action)))


@pytest.mark.parametrize("field", [b"Final-Recipient", b"Action", b"Status"])
def test_what_is_required_about_a_recipient_must_be_there(field: bytes) -> None:
    with pytest.raises(ReportError, match=rf"recipient 1: the field {field.decode()} is missing"):
        parse(dsn(MTA, FAILED.replace(field, b"X-Other")))


def test_the_reporting_mta_must_be_there() -> None:
    with pytest.raises(ReportError, match=r"about the message: the field Reporting-MTA is missing"):
        parse(dsn(b"Received-From-MTA: dns; alpha.example", FAILED))
    with pytest.raises(ReportError, match=r"the field Reporting-MTA is missing"):
        parse(dsn(b""))


ONCE_PER_MESSAGE = {
    b"Original-Envelope-Id": b"7",
    b"Reporting-MTA": b"dns; mx.example.org",
    b"DSN-Gateway": b"dns; mx.example.org",
    b"Received-From-MTA": b"dns; mx.example.org",
    b"Arrival-Date": b"6 Mar 2023 01:13:34 +0000",
}
ONCE_PER_RECIPIENT = {
    b"Final-Recipient": b"rfc822; a@example.org",
    b"Action": b"failed",
    b"Status": b"5.1.1",
    b"Original-Recipient": b"rfc822; a@example.org",
    b"Remote-MTA": b"dns; mx.example.org",
    b"Diagnostic-Code": b"smtp; 550 no",
    b"Last-Attempt-Date": b"6 Mar 2023 01:13:34 +0000",
    b"Final-Log-Id": b"7",
    b"Will-Retry-Until": b"6 Mar 2023 01:13:34 +0000",
}


@pytest.mark.parametrize("field", ONCE_PER_MESSAGE)
def test_a_field_about_the_message_may_be_there_once(field: bytes) -> None:
    line = field.upper() + b": " + ONCE_PER_MESSAGE[field] + b"\n"
    with pytest.raises(ReportError, match=rf"the field {field.decode()} is there . times"):
        parse(dsn(line + line + MTA))


@pytest.mark.parametrize("field", ONCE_PER_RECIPIENT)
def test_a_field_about_a_recipient_may_be_there_once(field: bytes) -> None:
    line = field.lower() + b": " + ONCE_PER_RECIPIENT[field] + b"\n"
    with pytest.raises(ReportError, match=rf"the field {field.decode()} is there . times"):
        parse(dsn(MTA, line + line + FAILED))


@pytest.mark.parametrize(
    "field",
    [name for name, value in ONCE_PER_RECIPIENT.items() if b";" in value and name not in FAILED],
)
def test_a_typed_field_needs_its_semicolon(field: bytes) -> None:
    with pytest.raises(ReportError, match=rf"the field {field.decode()} is 'mx': a type"):
        parse(failed(field + b": mx"))


@pytest.mark.parametrize("address", [b"a b@example.org", b"a@example.org (Anna)", b"<a@b", b"a"])
def test_an_address_that_is_none_is_malformed(address: bytes) -> None:
    with pytest.raises(ReportError, match=r"the field Original-Recipient: .*envelope address"):
        parse(failed(b"Original-Recipient: rfc822; " + address))


@pytest.mark.parametrize("field", [b"Last-Attempt-Date", b"Will-Retry-Until"])
@pytest.mark.parametrize("date", [b"", b"yesterday", b"Tue, 6 Mar 2023 01:13:34 +0000"])
def test_a_bad_date_is_malformed(field: bytes, date: bytes) -> None:
    with pytest.raises(ReportError, match=rf"recipient 1: the field {field.decode()}: "):
        parse(failed(field + b": " + date))
    with pytest.raises(ReportError, match=r"about the message: the field Arrival-Date: "):
        parse(dsn(MTA + b"\nArrival-Date: " + date, FAILED))


def test_bytes_that_are_not_utf8_are_numbers_in_extensions_and_the_message() -> None:
    original = b"\n--edge\nContent-Type: text/rfc822-headers\n\nSubject: \xff\n"
    report = parse(dsn(MTA, FAILED + b"\nX-Note: \xfe\nX-note: fine", rest=original))
    assert report["per_recipient"][0]["extensions"] == {"x-note": [[0xFE], "fine"]}
    assert report["original_message"] == list(b"Subject: \xff\n\n")


@pytest.mark.parametrize("field", [b"Final-Log-Id: \xff", b"Diagnostic-Code: smtp; 550 \xff"])
def test_a_known_field_that_is_not_utf8_is_malformed(field: bytes) -> None:
    with pytest.raises(ReportError, match=r"recipient 1: the field .* not UTF-8"):
        parse(failed(field))


def test_values_are_decoded() -> None:
    entry = recipient(failed(b"Diagnostic-Code: smtp; 550 =?utf-8?q?zur=C3=BCck?="))
    assert entry["diagnostic_code"]["diagnostic"] == "550 zurück"


@pytest.mark.parametrize("block", [b" X: y", b"N\xf6: y", b"\rX: y"])
def test_a_part_that_is_no_header_block_is_malformed(block: bytes) -> None:
    with pytest.raises(ReportError, match=r"recipient 1: parsing the headers"):
        parse(dsn(MTA, block))


def test_many_recipients_cost_no_more_than_their_own_bytes() -> None:
    report = parse(dsn(MTA, *[FAILED] * 5000))
    assert len(report["per_recipient"]) == 5000


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 9), st.sampled_from("+ "))
def test_numbers_are_read_up_to_their_limit(value: int, most: int, zeros: int, sign: str) -> None:
    digits = f"{sign}{value:0{zeros}}".strip()
    assert number(digits, most) == (value if value <= most else None)


PIECES = [
    *(name + b": " for name in (*ONCE_PER_MESSAGE, *ONCE_PER_RECIPIENT, b"X-Note")),
    *ONCE_PER_RECIPIENT.values(),
    *(b"\n", b"\n\n", b"\r\n", b"\r", b" ", b"\t", b";", b":", b".", b"<", b">", b"@", b"(", b")"),
    *(b"\xff", b"=?utf-8?b?/w==?=", b"=?utf-8?q?=0A?=", b"=?utf-7?q?+2AA-?=", "\u0661".encode()),
    *(b"rfc822", b"smtp; ", b"4294967296", b"Mon, ", b"0000", b"9999", b"-9999", b"EDT"),
    *(
        b"--edge",
        b"--edge--",
        b"Content-Type: message/rfc822\n",
        MTA,
        FAILED,
        MTA + b"\n\n" + FAILED,
    ),
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=30))
def test_whatever_the_fields_are_there_is_a_report_or_a_report_error(pieces: list[bytes]) -> None:
    try:
        message = parse_message(dsn(b"".join(pieces)))
        report = parse_delivery_status(message)
    except ReportError:
        return
    assert json.loads(json.dumps(report)) == report


@given(st.integers(0, 2000), st.binary(max_size=20), st.integers(0, 200))
def test_a_damaged_report_is_a_report_or_a_report_error(
    at: int, noise: bytes, removed: int
) -> None:
    damaged = messages.POSTFIX[:at] + noise + messages.POSTFIX[at + removed :]
    try:
        message = parse_message(damaged)
    except HeaderError:  # there is no report where there is no message
        return
    try:
        report = parse_delivery_status(message)
    except ReportError:
        return
    assert json.loads(json.dumps(report)) == report
