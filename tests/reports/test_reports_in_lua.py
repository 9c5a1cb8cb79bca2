"""Reports as a policy reads them: `msg:parse_rfc3464()` and `msg:parse_rfc5965()`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import arfmessages
import dsnmessages
import pytest
from support import RunPolicy, init

from kumolog.policy import Policy

METHODS = pytest.mark.parametrize("method", ["parse_rfc3464", "parse_rfc5965"])


def said(tmp_path: Path, message: bytes, script: str) -> list[str]:
    """What a policy logs about a message that it makes of these bytes, as ``msg``."""
    texts: list[str] = []
    (tmp_path / "message").write_bytes(message)
    policy = tmp_path / "init.lua"
    policy.write_text(
        f"""
        local file = assert(io.open('{tmp_path}/message', 'rb'))
        local msg = kumo.make_message('a@example.com', 'b@example.org', file:read('a'))
        file:close()
        {script}"""
    )
    Policy(policy, lambda _level, text: texts.append(text.split(": ", 1)[1])).load()
    return texts


def test_a_delivery_status_notification_is_a_table(tmp_path: Path) -> None:
    script = """
        local report = msg:parse_rfc3464()
        local mta, entry = report.per_message.reporting_mta, report.per_recipient[1]
        kumo.log_info(mta.mta_type, mta.name, report.per_message.arrival_date)
        kumo.log_info(report.per_message.dsn_gateway, report.per_message.extensions['x-postfix-queue-id'][1])
        kumo.log_info(#report.per_recipient, entry.final_recipient.recipient, entry.action)
        kumo.log_info(entry.status.class, entry.status.subject, entry.status.detail, entry.status.comment)
        kumo.log_info(entry.diagnostic_code.diagnostic)
        kumo.log_info(entry.will_retry_until == nil, math.type(entry.status.class))
        kumo.log_info(report.original_message:match('[^\\n]+'))"""
    assert said(tmp_path, dsnmessages.POSTFIX, script.replace(".class", "['class']")) == [
        "dns relay.example.net 2023-03-06T01:13:30Z",
        "nil 4Q1vWk2Lz9zJ",
        "1 paul@example.org failed",
        "5 1 1 nil",
        "550 5.1.1 <paul@example.org>: no such user",
        "true integer",
        "Return-Path: <bounces+77@shop.example>",
    ]


def test_a_feedback_report_is_a_table(tmp_path: Path) -> None:
    script = """
        local report = msg:parse_rfc5965()
        kumo.log_info(report.feedback_type, report.version, report.source_ip, report.arrival_date)
        kumo.log_info(#report.reported_domain, #report.reported_uri, report.incidents)
        kumo.log_info(report.supplemental_trace ~= nil, next(report.extensions) ~= nil)"""
    first, second, third = said(tmp_path, arfmessages.MINIMAL, script)
    assert first == "abuse 1 nil nil"
    assert second == "0 0 nil"
    assert third == "false false"
    first, second, third = said(tmp_path, arfmessages.FULL, script)
    assert first.startswith("abuse 1 ")
    assert third == "true true"


@METHODS
@pytest.mark.parametrize("message", [b"", b"Subject: hi\r\n\r\nhello\r\n", dsnmessages.QMAIL])
def test_a_message_that_is_no_report_gives_nil(tmp_path: Path, method: str, message: bytes) -> None:
    script = f"kumo.log_info(msg:{method}(), select('#', msg:{method}()))"
    assert said(tmp_path, message, script) == ["nil 1"]


def test_the_one_kind_of_report_is_not_the_other(tmp_path: Path) -> None:
    assert said(tmp_path, dsnmessages.POSTFIX, "kumo.log_info(msg:parse_rfc5965())") == ["nil"]
    script = "kumo.log_info(pcall(msg.parse_rfc3464, msg))"
    [refused] = said(tmp_path, arfmessages.MINIMAL, script)
    assert "it has no message/delivery-status part" in refused


@pytest.mark.parametrize(
    ("method", "message", "reason"),
    [
        ("parse_rfc3464", dsnmessages.failed(b"Status: 5"), "the field Status is there 2 times"),
        ("parse_rfc3464", b"S\xf6: x\r\n\r\n", "byte 0xf6 at offset 1 is in a header name"),
        ("parse_rfc5965", arfmessages.arf(b"Version: 1"), "the field Version is there 2 times"),
        ("parse_rfc5965", b"S\xf6: x\r\n\r\n", "byte 0xf6 at offset 1 is in a header name"),
    ],
)
def test_a_malformed_report_is_an_error(
    tmp_path: Path, method: str, message: bytes, reason: str
) -> None:
    [refused] = said(tmp_path, message, f"kumo.log_info(pcall(msg.{method}, msg))")
    assert refused.startswith("false ")
    assert reason in refused


def test_text_that_is_not_utf8_is_a_list_of_its_bytes(tmp_path: Path) -> None:
    message = dsnmessages.failed(b"X-Note: \xfe\xff")
    script = """
        local note = msg:parse_rfc3464().per_recipient[1].extensions['x-note'][1]
        kumo.log_info(#note, note[1], note[2])"""
    assert said(tmp_path, message, script) == ["2 254 255"]


FILTER = """
kumo.on('only_failures', function(msg)
  local report = msg:parse_rfc3464()
  return report ~= nil and report.per_recipient[1].action == 'failed'
end)"""


def test_a_filter_decides_by_the_report(run_policy: RunPolicy) -> None:
    def event(recipient: str, **more: Any) -> dict[str, Any]:
        return {"type": "Delivery", "recipient": recipient, **more}

    source = init("kumo.configure_local_logs { log_dir = 'out', filter_event = 'only_failures' }")
    logged = run_policy(
        source + FILTER,
        [
            event("postfix@example.org", data=dsnmessages.POSTFIX.decode()),
            event("gmail@example.org", data=dsnmessages.GMAIL.decode()),
            event("malformed@example.org", data=dsnmessages.failed(b"Status: 5").decode()),
            event("nothing@example.org"),
            event("listed@example.org", headers={"Content-Type": "multipart/report"}),
        ],
    )
    assert [record["recipient"] for record in logged.records("out")] == ["postfix@example.org"]
    [reject] = logged.rejects
    assert "recipient 1: the field Status is there 2 times" in reject["error"]
    assert "init.lua:" in reject["error"]


@METHODS
def test_an_event_without_data_has_no_report_even_with_headers_added(
    run_policy: RunPolicy, method: str
) -> None:
    source = init("kumo.configure_local_logs { log_dir = 'out', filter_event = 'look' }")
    look = f"""
        kumo.on('look', function(msg)
          msg:prepend_header('Content-Type', 'multipart/report; report-type=feedback-report; boundary=b')
          return msg:{method}() == nil
        end)"""
    logged = run_policy(source + look, [{"type": "Delivery", "recipient": "a@example.org"}])
    assert len(logged.records("out")) == 1
    assert logged.rejects == []
