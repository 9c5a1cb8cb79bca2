"""Feedback reports: what is one, what each field gives, and what makes a report malformed."""

from __future__ import annotations

import json
from typing import Any

import arfmessages as messages
import msgspec
import pytest
from arfmessages import FIELDS, arf, part, report
from hypothesis import given
from hypothesis import strategies as st

from kumolog.mail.headers import HeaderError
from kumolog.mail.mime import parse_message
from kumolog.mail.mime_fields import MimeError
from kumolog.reports import ReportError, parse_feedback_report

KEYS = [
    "feedback_type",
    "user_agent",
    "version",
    "arrival_date",
    "incidents",
    "original_envelope_id",
    "original_mail_from",
    "reporting_mta",
    "source_ip",
    "authentication_results",
    "original_rcpto_to",
    "reported_domain",
    "reported_uri",
    "extensions",
    "original_message",
    "supplemental_trace",
]


def parsed(message: bytes) -> dict[str, Any]:
    found = parse_feedback_report(parse_message(message))
    assert found is not None
    return found


def field(key: str, *lines: bytes) -> Any:
    """What a report with these lines among its fields has for a key."""
    return parsed(arf(*lines))[key]


def refused(message: bytes) -> str:
    with pytest.raises(ReportError, match=r"^parsing a feedback report: ") as caught:
        parse_feedback_report(parse_message(message))
    return str(caught.value).removeprefix("parsing a feedback report: ")


def without(name: bytes) -> bytes:
    fields = b"\n".join(line for line in FIELDS if not line.startswith(name))
    return report(part(b"message/feedback-report", fields + b"\n"))


# Whole reports


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_report_may_have_the_three_required_fields_alone(newline: bytes) -> None:
    found = parsed(messages.MINIMAL.replace(b"\n", newline))
    assert list(found) == KEYS
    original = found.pop("original_message")
    assert original.startswith("Received: from mailserver.example.net\n     (mailserver")
    assert original.endswith("\n\nSpam Spam Spam\n")
    assert found == {
        **dict.fromkeys(KEYS[:9]),
        **{key: [] for key in KEYS[9:13]},
        "feedback_type": "abuse",
        "user_agent": "SomeGenerator/1.0",
        "version": 1,
        "extensions": {},
        "supplemental_trace": None,
    }


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_report_may_have_every_field(newline: bytes) -> None:
    found = parsed(messages.FULL.replace(b"\n", newline))
    assert list(found) == KEYS
    assert found.pop("original_message").startswith("From: <somesender@example.net>\nX-KumoRef: ")
    assert found == {
        "feedback_type": "abuse",
        "user_agent": "SomeGenerator/1.0",
        "version": 1,
        "arrival_date": "2005-03-08T18:00:00Z",
        "incidents": 3,
        "original_envelope_id": "QQ314159",
        "original_mail_from": "<somesender@example.net>",
        "reporting_mta": {"mta_type": "dns", "name": "mail.example.com"},
        "source_ip": "192.0.2.1",
        "authentication_results": ["mail.example.com; spf=fail smtp.mail=somesender@example.com"],
        "original_rcpto_to": ["<user@example.com>"],
        "reported_domain": ["example.net"],
        "reported_uri": ["http://example.net/earn_money.html", "mailto:user@example.com"],
        "extensions": {"removal-recipient": ["user@example.com"]},
        "supplemental_trace": {"recipient": "test@example.com"},
    }


def test_a_provider_may_have_its_own_version_and_date() -> None:
    found = parsed(messages.PROVIDER)
    assert found["version"] == "0.1"
    assert found["arrival_date"] == "2023-03-10T07:00:00Z"
    assert found["extensions"] == {}
    assert found["original_mail_from"] == "bounces+4242@shop.example"
    assert found["original_message"] == "From: news@shop.example\nX-Job: 42\n"
    assert found["supplemental_trace"] is None


def test_fields_may_come_in_any_order_and_hold_anything() -> None:
    found = parsed(messages.UNORDERED)
    assert found["feedback_type"] == "not-spam"
    assert found["source_ip"] == "hidden"
    assert found["original_rcpto_to"] == ["anna@provider.example"]
    assert list(found["extensions"].items()) == [
        ("abuse-score", ["9.5", "3"]),
        ("mailbox-country", ["AT"]),
        ("zebra-id", ["17"]),
    ]
    assert found["original_message"] is None


# What is a report


@pytest.mark.parametrize(
    "kind",
    [
        b"text/plain",
        b"multipart/mixed; report-type=feedback-report",
        b"Multipart/Report; report-type=feedback-report",
        b"multipart/report",
        b"multipart/report; report-type=delivery-status",
        b"multipart/report; report-type=Feedback-Report",
        b"multipart/report; report-type=feedback-report-x",
        b"multipart/report; report-type=\xff",
        b"; report-type=feedback-report",
    ],
)
def test_another_content_type_is_no_report(kind: bytes) -> None:
    message = report(part(b"message/feedback-report", b"\n".join(FIELDS)), kind=kind)
    assert parse_feedback_report(parse_message(message)) is None


@pytest.mark.parametrize("message", [b"", b"\n", b"Subject: hi\n\nHello.\n"])
def test_plain_mail_is_no_report(message: bytes) -> None:
    assert parse_feedback_report(parse_message(message)) is None


@pytest.mark.parametrize(
    "kind",
    [
        b"multipart/report; report-type=feedback-report",
        b"multipart/report; REPORT-TYPE=feedback-report",
        b'multipart/report; charset=x; report-type="feedback-report"',
        b"multipart/report (comment); report-type*=utf-8''feedback%2Dreport",
        b"multipart/report; report-type*0=feedback-; report-type*1=report",
    ],
)
def test_the_report_type_may_be_written_in_every_way_of_mime(kind: bytes) -> None:
    parsed(report(part(b"message/feedback-report", b"\n".join(FIELDS)), kind=kind))


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (part(b"text/plain", b"\n".join(FIELDS)),),
        (part(b"Message/Feedback-Report", b"\n".join(FIELDS)),),
        (
            b"Content-Type: multipart/mixed; boundary=inner\n\n--inner\n"
            + part(b"message/feedback-report", b"\n".join(FIELDS))
            + b"\n--inner--",
        ),
    ],
)
def test_a_report_needs_its_part_among_the_direct_children(parts: tuple[bytes, ...]) -> None:
    assert refused(report(*parts)) == "it has no message/feedback-report part"


def test_the_first_report_part_counts() -> None:
    first = part(b"message/feedback-report", b"\n".join(FIELDS))
    second = part(b"message/feedback-report", b"Feedback-Type: fraud")
    assert parsed(report(first, second))["feedback_type"] == "abuse"
    assert "User-Agent" in refused(report(second, first))


def test_the_fields_end_at_an_empty_line() -> None:
    assert "Feedback-Type is missing" in refused(
        report(part(b"message/feedback-report", b"\n" + b"\n".join(FIELDS)))
    )
    assert field("incidents", b"", b"Incidents: 3") is None


@pytest.mark.parametrize(
    "block", [b" Feedback-Type: abuse", b"Feedback\xc3\xa9: abuse", b"A: 1\n\rB"]
)
def test_what_is_no_block_of_fields_is_a_malformed_report(block: bytes) -> None:
    reason = refused(report(part(b"message/feedback-report", block)))
    assert reason.startswith("parsing the headers: ")
    assert reason.endswith("fields such as `Version: 1` were expected")


# Fields


@pytest.mark.parametrize("name", ["Feedback-Type", "User-Agent", "Version"])
def test_a_required_field_must_be_there_once(name: str) -> None:
    assert refused(without(name.encode())) == (
        f"the field {name} is missing: it must be there once"
    )
    assert refused(arf(f"{name}: 1".encode())) == (
        f"the field {name} is there 2 times: once is right"
    )


@pytest.mark.parametrize(
    "name",
    ["Incidents", "Original-Envelope-Id", "Original-Mail-From", "Reporting-MTA", "Source-IP"],
)
def test_a_single_field_must_not_be_there_twice(name: str) -> None:
    line = f"{name}: 1; x".encode()
    assert "is there 3 times: once is right" in refused(arf(line, line.upper(), line.lower()))


@pytest.mark.parametrize(
    "name",
    [
        "Incidents",
        "Original-Envelope-Id",
        "Original-Mail-From",
        "Reporting-MTA",
        "Source-IP",
        "Authentication-Results",
        "Original-Rcpt-To",
        "Reported-Domain",
        "Reported-URI",
    ],
)
def test_a_known_field_must_be_utf_8(name: str) -> None:
    reason = refused(arf(name.encode() + b": a;\xff"))
    assert reason == f"the field {name} is b'a;\\xff', which is not UTF-8 text"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("authentication_results", b"Authentication-Results"),
        ("original_rcpto_to", b"Original-Rcpt-To"),
        ("reported_domain", b"Reported-Domain"),
        ("reported_uri", b"Reported-URI"),
    ],
)
def test_a_field_of_many_values_keeps_their_order(key: str, name: bytes) -> None:
    lines = name + b": <b>", name.lower() + b": a", name.upper() + b": b\n\tc"
    assert field(key, *lines) == ["<b>", "a", "b c"]


def test_values_are_decoded() -> None:
    found = parsed(
        arf(
            b"Reported-Domain:   =?utf-8?q?b=C3=BCcher?=\n =?utf-8?q?.example?=",
            b"Original-Mail-From: <b\xc3\xbccher@example.com>",
            b"X-Text: folded\n   over\t lines",
        )
    )
    assert found["reported_domain"] == ["bücher.example"]
    assert found["original_mail_from"] == "<bücher@example.com>"
    assert found["extensions"] == {"x-text": ["folded over lines"]}


def test_the_part_is_not_transfer_decoded() -> None:
    headers = b"Content-Transfer-Encoding: quoted-printable\n"
    message = report(headers + part(b"message/feedback-report", b"\n".join((*FIELDS, b"A: =41"))))
    assert parsed(message)["extensions"] == {"a": ["=41"]}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (b"1", 1),
        (b"0", 0),
        (b"12", 12),
        (b"1 ", 1),
        (b"\x1e1", 1),
        (b"1 \x0b\x1c", 1),
        (b"9" * 18, 10**18 - 1),
        (b"0.1", "0.1"),
        (b"1a", "1a"),
        (b"1 (first)", "1 (first)"),
        (b"01", "01"),
        (b"-1", "-1"),
        (b"+1", "+1"),
        (b"", ""),
        (b"\xd9\xa1", "\u0661"),
        (b"9" * 5000, "9" * 5000),
    ],
)
def test_a_version_that_is_a_plain_integer_is_a_number(text: bytes, version: object) -> None:
    fields = b"\n".join((*FIELDS[:2], b"Version: " + text)) + b"\n"
    found = parsed(report(part(b"message/feedback-report", fields)))["version"]
    assert (type(found), found) == (type(version), version)


@pytest.mark.parametrize(
    ("text", "incidents"),
    [(b"0", 0), (b"3", 3), (b"+3", 3), (b"007", 7), (b"4294967295", 2**32 - 1), (b"3 ", 3)],
)
def test_incidents_are_counted_in_32_bits(text: bytes, incidents: int) -> None:
    assert field("incidents", b"Incidents: " + text) == incidents


@pytest.mark.parametrize(
    "text", [b"", b"many", b"-1", b"1.5", b"4294967296", b"1 2", b"0x1", b"\xd9\xa1", b"9" * 5000]
)
def test_incidents_that_are_no_such_number_make_a_malformed_report(text: bytes) -> None:
    assert "a number up to 4294967295 was expected" in refused(arf(b"Incidents: " + text))


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        (b"dns; mail.example.com", "dns", "mail.example.com"),
        (b"dns;mail.example.com", "dns", "mail.example.com"),
        (b"  dns ;\n\tmail.example.com ", "dns", "mail.example.com"),
        (b"DNS; a; b", "DNS", "a; b"),
        (b";", "", ""),
    ],
)
def test_a_reporting_mta_is_split_at_the_first_semicolon(text: bytes, kind: str, name: str) -> None:
    assert field("reporting_mta", b"Reporting-MTA: " + text) == {"mta_type": kind, "name": name}


def test_a_reporting_mta_needs_its_type() -> None:
    reason = refused(arf(b"Reporting-MTA: mail.example.com"))
    assert "Reporting-MTA is 'mail.example.com'" in reason
    assert "such as `dns; mx.example.com`" in reason


@pytest.mark.parametrize(
    "date",
    [
        b"Tue, 8 Mar 2005 14:00:00 EDT",
        b"Fri, 8 Mar 2005 14:00:00 EDT",
        b"8 Mar 2005 14:00 -0400 (around noon)",
        b" Tue,\n\t08 Mar 05 18:00:00 UTC",
        b"Mon, 8 Mar 2005 19:00:00 CET",
    ],
)
@pytest.mark.parametrize("name", [b"Arrival-Date: ", b"received-date: "])
def test_the_arrival_date_is_in_utc_whatever_the_day_name(name: bytes, date: bytes) -> None:
    found = parsed(arf(name + date))
    assert found["arrival_date"] == "2005-03-08T18:00:00Z"
    assert found["extensions"] == {}


def test_received_date_stays_a_field_of_its_own_where_arrival_date_is_there() -> None:
    received = b"Received-Date: 8 Mar 2005 14:00 EDT"
    both = parsed(arf(received, b"Arrival-Date: 9 Mar 2005 14:00 EDT"))
    assert both["arrival_date"] == "2005-03-09T18:00:00Z"
    assert both["extensions"] == {"received-date": ["8 Mar 2005 14:00 EDT"]}


ARRIVAL = b"Arrival-Date: 8 Mar 2005 14:00 EDT"


@pytest.mark.parametrize(
    "lines",
    [
        (b"Arrival-Date: yesterday",),
        (b"Arrival-Date: \xff",),
        (b"Arrival-Date:",),
        (b"Arrival-Date: 31 Feb 2005 14:00 EDT",),
        (b"Arrival-Date: " + b"()" * 1_000_000,),
        (ARRIVAL, ARRIVAL),
    ],
)
def test_an_unusable_arrival_date_is_null_and_no_other_is_tried(lines: tuple[bytes, ...]) -> None:
    found = parsed(arf(*lines, b"Received-Date: 8 Mar 2005 14:00 EDT"))
    assert found["arrival_date"] is None
    assert found["extensions"] == {"received-date": ["8 Mar 2005 14:00 EDT"]}


def test_an_unusable_received_date_is_null() -> None:
    found = parsed(arf(b"Received-Date: today", b"Received-Date: tomorrow"))
    assert (found["arrival_date"], found["extensions"]) == (None, {})


def test_extensions_that_are_not_utf_8_are_arrays_of_bytes() -> None:
    found = field("extensions", b"B: caf\xe9", b"b: caf\xc3\xa9", b"No colon", b"A: =?x?=")
    assert list(found.items()) == [
        ("a", ["=?x?="]),
        ("b", [[99, 97, 102, 233], "café"]),
        ("no colon", [""]),
    ]


# Any bytes


def outcome(data: bytes) -> None:
    """Parses the bytes: a JSON value, None or an error of ours."""
    try:
        message = parse_message(data)
    except (HeaderError, MimeError):  # there is no report where there is no message
        return
    try:
        found = parse_feedback_report(message)
    except ReportError as error:
        assert str(error).startswith("parsing a feedback report: ")  # noqa: PT017 - a right way out
        return
    if found is not None:
        assert list(found) == KEYS
        assert json.loads(msgspec.json.encode(found)) == found


@given(st.binary(max_size=200))
def test_any_message_is_a_report_or_none_or_malformed(data: bytes) -> None:
    outcome(data)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_part_makes_a_report_or_a_malformed_one(block: bytes, original: bytes) -> None:
    outcome(report(part(b"message/feedback-report", block)))
    outcome(arf(block, original=original))


valid = st.sampled_from([messages.MINIMAL, messages.FULL, messages.PROVIDER, messages.UNORDERED])


@given(valid, st.data())
def test_a_report_with_some_bytes_changed_is_one_or_none_or_malformed(
    message: bytes, data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(message)))
        gone = data.draw(st.integers(0, 20))
        new = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"\r\n", b": ", b";", b"--b", b"="])
        )
        message = message[:start] + new + message[start + gone :]
    outcome(message)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "Arrival-Date",
                    "Received-Date",
                    "Incidents",
                    "Reporting-MTA",
                    "Reported-URI",
                    "Source-IP",
                    "X",
                ]
            ),
            st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30),
        ),
        max_size=5,
    )
)
def test_fields_of_any_text_make_a_report_or_a_malformed_one(fields: list[tuple[str, str]]) -> None:
    outcome(arf(*(f"{name}: {value}".encode() for name, value in fields)))


# Large reports


def test_many_fields_are_no_trouble() -> None:
    lines = [b"Reported-URI: http://example.com/" + str(n).encode() for n in range(50_000)]
    others = [b"X-%d: %d" % (n, n) for n in range(50_000)]
    found = parsed(arf(*lines, *others))
    assert len(found["reported_uri"]) == len(found["extensions"]) == 50_000


@pytest.mark.parametrize(
    "line",
    [
        b"Reporting-MTA: " + b";" * 1_000_000,
        b"Reporting-MTA: " + b" " * 1_000_000 + b";",
        b"X: " + b"=?utf-8?q?" * 100_000,
        b"X: " + b"\n " * 500_000 + b"y",
        b"Arrival-Date: " + b"(" * 1_000_000,
        b"Arrival-Date: Tue, " + b" " * 1_000_000 + b"8 Mar 2005",
        b"X\n" * 100_000,
    ],
)
def test_long_fields_are_no_trouble(line: bytes) -> None:
    assert parsed(arf(line))["feedback_type"] == "abuse"


@pytest.mark.parametrize(
    "line", [b"Incidents: " + b"0" * 1_000_000 + b"x", b"Version: " + b"1" * 10**6]
)
def test_long_numbers_are_refused_at_once(line: bytes) -> None:
    refused(arf(line))


def test_a_report_in_a_thousand_multiparts_is_malformed() -> None:
    kind = b"multipart/report; report-type=feedback-report; boundary=b%d"
    inner = b"".join(
        b"Content-Type: " + kind % level + b"\n\n--b%d\n" % level for level in range(1_000)
    )
    message = inner + part(b"message/feedback-report", b"\n".join(FIELDS))
    assert refused(message) == "it has no message/feedback-report part"
