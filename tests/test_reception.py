"""Messages that are received: reception handlers, refusals, feedback and bounce reports."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from support import RunPolicy, init

PLAIN = "From: ada@shop.example\r\nSubject: Hello\r\nX-Tenant: bakery\r\n\r\nHi\r\n"
FEEDBACK = """\
From: <fbl@provider.example>
Subject: complaint
X-Loop: one
Content-Type: multipart/report; report-type=feedback-report; boundary="cut"

--cut
Content-Type: text/plain

Somebody pressed the button.
--cut
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: ReportMaker/2
Version: 1

--cut
Content-Type: message/rfc822

From: <news@shop.example>
Subject: Spring sale

Buy!
--cut--
"""
BOUNCE = """\
From: <>
To: <ret@shop.example>
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

Sorry.
--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.post.example

Final-Recipient: rfc822; bob@post.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

Final-Recipient: rfc822; eve@post.example
Action: delayed
Status: 4.2.2

Final-Recipient: rfc822; joe@post.example
Action: failed
Status: 5.2.2

--cut--
"""
EVERYTHING = init("kumo.configure_local_logs { log_dir = 'logs', headers = {'*'}, meta = {'*'} }")


def reception(data: str, **fields: Any) -> dict[str, Any]:
    event = {"type": "Reception", "sender": "a@shop.example", "recipient": "ret@shop.example"}
    return event | {"reception_protocol": "ESMTP", "data": data} | fields


def test_what_the_reception_handler_sets_reaches_filter_and_record(run_policy: RunPolicy) -> None:
    logged = run_policy(
        init(
            "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'bakery', "
            "meta = {'x_tenant', 'tenant'} }",
            """
            kumo.on('bakery', function(msg) return msg:get_meta('x_tenant') == 'bakery' end)
            kumo.on('smtp_server_message_received', function(msg, conn)
              msg:import_x_headers()
              msg:set_meta('tenant', msg:get_meta('x_tenant'))
            end)""",
        ),
        [reception(PLAIN), reception(PLAIN.replace("bakery", "florist"))],
    )
    (record,) = logged.records("logs")
    assert record["meta"] == {"x_tenant": "bakery", "tenant": "bakery"}
    assert record["queue"] == "bakery@shop.example"


def test_the_queue_that_the_reception_handler_chooses_is_the_records(run_policy: RunPolicy) -> None:
    handler = (
        "kumo.on('smtp_server_message_received', function(msg) msg:set_meta('queue', 'q1') end)"
    )
    logged = run_policy(EVERYTHING + handler, [reception(PLAIN)])
    assert logged.records("logs")[0]["queue"] == "q1"


def test_the_handler_is_given_the_connection(run_policy: RunPolicy) -> None:
    handler = """
        kumo.on('smtp_server_message_received', function(msg, conn)
          msg:set_meta('seen', { conn:get_meta 'reception_protocol', conn:get_meta 'ehlo_domain',
            conn:get_meta 'received_from', conn:get_meta 'x' or 'nothing',
            conn:auth_info().peer_address })
          conn:set_meta('late', true)
        end)"""
    peer = {"name": "client.example", "addr": "192.0.2.7"}
    logged = run_policy(EVERYTHING + handler, [reception(PLAIN, peer_address=peer)])
    assert logged.records("logs")[0]["meta"] == {
        "seen": ["ESMTP", "client.example", "192.0.2.7", "nothing", "192.0.2.7"]
    }


def test_http_has_a_handler_of_its_own(run_policy: RunPolicy) -> None:
    handlers = """
        kumo.on('smtp_server_message_received', function(msg) msg:set_meta('by', 'smtp') end)
        kumo.on('http_message_generated', function(msg, auth)
          msg:set_meta('by', 'http') msg:set_meta('groups', #auth.groups)
        end)"""
    logged = run_policy(
        EVERYTHING + handlers,
        [reception(PLAIN), reception(PLAIN, reception_protocol="HTTP")],
    )
    assert [record["meta"]["by"] for record in logged.records("logs")] == ["smtp", "http"]


def test_only_receptions_with_message_data_are_received(run_policy: RunPolicy) -> None:
    handler = (
        "kumo.on('smtp_server_message_received', function(msg) msg:set_meta('received', 1) end)"
    )
    without_data = reception("") | {"type": "Reception"}
    del without_data["data"]
    logged = run_policy(
        EVERYTHING + handler,
        [without_data, reception(FEEDBACK, type="Delivery"), reception(PLAIN)],
    )
    assert [(r["type"], r["meta"]) for r in logged.records("logs")] == [
        ("Reception", {}),
        ("Delivery", {}),
        ("Reception", {"received": 1}),
    ]


def test_a_message_that_is_refused_becomes_a_rejection(run_policy: RunPolicy) -> None:
    handler = """
        kumo.on('never', function() error('filters are not asked about rejections') end)
        kumo.on('smtp_server_message_received', function(msg, conn)
          conn:set_meta('why', 'list')
          msg:set_meta('not', 'seen')
          kumo.reject(550, '5.7.1 we do not\\nwant that')
        end)"""
    policy = init(
        "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'never', "
        "headers = {'*'}, meta = {'why', 'not'} }",
        handler,
    )
    event = reception(PLAIN, timestamp=1700000000, recipient=["a@b.example", "c@d.example"])
    (record,) = run_policy(policy, [event]).records("logs")
    assert record == record | {
        "type": "Rejection",
        "id": "",
        "queue": "",
        "size": 0,
        "sender": "a@shop.example",
        "recipient": "c@d.example",
        "meta": {"why": "list"},
        "headers": {},
        "timestamp": 1700000000,
        "created": 1700000000,
        "reception_protocol": "ESMTP",
    }
    assert record["response"] == {
        "code": 550,
        "enhanced_code": {"class": 5, "subject": 7, "detail": 1},
        "content": "we do not want that",
        "command": "DATA",
    }


@pytest.mark.parametrize(
    ("text", "code", "content"),
    [
        ("5.7.1 no", (5, 7, 1), "no"),
        ("4.65535.0  later", (4, 65535, 0), " later"),
        ("5.65536.0 no", None, "5.65536.0 no"),
        ("3.1.1 no", None, "3.1.1 no"),
        ("5.1.1", None, "5.1.1"),
        ("5.1.1.1 no", None, "5.1.1.1 no"),
        ("5.\u0661.1 no", None, "5.\u0661.1 no"),
    ],
)
def test_the_text_of_a_refusal_may_begin_with_an_enhanced_code(
    run_policy: RunPolicy, text: str, code: tuple[int, int, int] | None, content: str
) -> None:
    handler = f"kumo.on('smtp_server_message_received', function() kumo.reject(550, '{text}') end)"
    policy = init("kumo.configure_local_logs { log_dir = 'logs' }", handler)
    (record,) = run_policy(policy, [reception(PLAIN)]).records("logs")
    enhanced = code and dict(zip(("class", "subject", "detail"), code, strict=True))
    expected = {"code": 550, "enhanced_code": enhanced, "content": content, "command": "DATA"}
    assert record["response"] == expected


def test_a_refusal_that_the_handler_caught_is_none(run_policy: RunPolicy) -> None:
    handler = """
        kumo.on('smtp_server_message_received', function(msg)
          pcall(kumo.reject, 550, 'no')
        end)"""
    assert run_policy(EVERYTHING + handler, [reception(PLAIN)]).records("logs")[0]["type"] == (
        "Reception"
    )


def test_a_refusal_that_is_caught_and_raised_again_is_one(run_policy: RunPolicy) -> None:
    handler = """
        kumo.on('smtp_server_message_received', function(msg)
          local ok, problem = pcall(kumo.disconnect, 421, 'later')
          error(problem, 0)
        end)"""
    (record,) = run_policy(EVERYTHING + handler, [reception(PLAIN)]).records("logs")
    assert (record["type"], record["response"]["code"]) == ("Rejection", 421)


def test_an_event_whose_reception_handler_fails_is_rejected_with_the_place(
    run_policy: RunPolicy,
) -> None:
    handler = "kumo.on('smtp_server_message_received', function(msg) error('bad day') end)"
    logged = run_policy(EVERYTHING + handler, [reception(PLAIN), {"type": "Delivery"}])
    assert [record["type"] for record in logged.records("logs")] == ["Delivery"]
    (reject,) = logged.rejects
    assert "init.lua:6: bad day" in reject["error"]
    assert (logged.summary.read, logged.summary.rejected) == (2, 1)
    assert logged.summary.loggers[0]["offered"] == 1


def test_without_receive_no_handler_runs_and_no_report_is_looked_for(
    run_policy: RunPolicy,
) -> None:
    handler = "kumo.on('smtp_server_message_received', function(msg) error('bad day') end)"
    events = [reception(PLAIN), reception(FEEDBACK), reception(BOUNCE)]
    logged = run_policy(EVERYTHING + handler, events, receive=False)
    assert [record["type"] for record in logged.records("logs")] == ["Reception"] * 3


def test_records_stay_in_the_order_of_their_events(run_policy: RunPolicy) -> None:
    order = """
        local n = 0
        local function count(msg) n = n + 1 msg:set_meta('n', n) return true end
        kumo.on('count', count)
        kumo.on('smtp_server_message_received', function(msg) n = n + 100 end)"""
    policy = init(
        "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'count', meta = {'n'} }",
        order,
    )
    kinds = [{"type": "Delivery"}, reception(PLAIN), {"type": "Bounce"}, reception(FEEDBACK)]
    logged = run_policy(policy, kinds)
    assert [(r["type"], r["meta"]["n"]) for r in logged.records("logs")] == [
        ("Delivery", 1),
        ("Reception", 102),
        ("Bounce", 103),
        ("Feedback", 204),
    ]


# Feedback reports ---------------------------------------------------------------------------------


def test_a_reception_that_carries_a_feedback_report_is_logged_as_feedback(
    run_policy: RunPolicy,
) -> None:
    (record,) = run_policy(EVERYTHING, [reception(FEEDBACK, x_note="kept")]).records("logs")
    assert record["type"] == "Feedback"
    assert record["feedback_report"]["feedback_type"] == "abuse"
    assert record["feedback_report"]["version"] == 1
    assert record["feedback_report"]["original_message"].startswith("From: <news@shop.example>\n")
    assert record["headers"]["x-loop"] == "one"
    assert record["x_note"] == "kept"
    assert record["size"] == len(FEEDBACK)


def test_feedback_goes_where_per_record_says(run_policy: RunPolicy) -> None:
    policy = init(
        "kumo.configure_local_logs { log_dir = 'logs', per_record = { "
        "Feedback = { suffix = '_fbl', template = '{{ feedback_report.feedback_type }}' }, "
        "Reception = { enable = false } } }"
    )
    logged = run_policy(policy, [reception(FEEDBACK), reception(PLAIN)])
    assert logged.text("logs", "_fbl") == "abuse\n"
    assert logged.summary.loggers[0] == logged.summary.loggers[0] | {
        "offered": 2,
        "disabled": 1,
        "written": 1,
    }


def test_message_data_may_be_base64(run_policy: RunPolicy) -> None:
    event = reception("")
    del event["data"]
    event["data_base64"] = base64.b64encode(FEEDBACK.encode()).decode()
    assert run_policy(EVERYTHING, [event]).records("logs")[0]["type"] == "Feedback"


def test_reports_are_looked_for_in_what_the_handler_left(run_policy: RunPolicy) -> None:
    handler = f"""
        kumo.on('smtp_server_message_received', function(msg) msg:set_data([==[{FEEDBACK}]==]) end)
        """
    assert run_policy(EVERYTHING + handler, [reception(PLAIN)]).records("logs")[0]["type"] == (
        "Feedback"
    )


def test_a_malformed_report_stays_a_reception_is_counted_and_told_once_for_each_reason(
    run_policy: RunPolicy,
) -> None:
    twice = FEEDBACK.replace("Version: 1", "Version: 1\nVersion: 1")
    without = BOUNCE.replace("Reporting-MTA: dns; mx.post.example", "X-Nothing: here")
    logged = run_policy(EVERYTHING, [reception(twice)] * 3 + [reception(without)])
    assert [record["type"] for record in logged.records("logs")] == ["Reception"] * 4
    assert logged.summary.malformed_reports == 4
    warnings = [text for level, text in logged.diagnostics if level == "warning"]
    assert len(warnings) == 2
    assert "Version" in warnings[0]
    assert "Reporting-MTA" in warnings[1]
    assert logged.summary.all_well


# Bounce reports -----------------------------------------------------------------------------------


def test_each_failed_recipient_of_a_bounce_report_has_an_oob_record_after_the_reception(
    run_policy: RunPolicy,
) -> None:
    logged = run_policy(EVERYTHING, [reception(BOUNCE, meta={"x": 1}, id="ab" * 16)])
    records = logged.records("logs")
    assert [(r["type"], r["sender"], r["recipient"]) for r in records] == [
        ("Reception", "a@shop.example", "ret@shop.example"),
        ("OOB", "ret@shop.example", "bob@post.example"),
        ("OOB", "ret@shop.example", "joe@post.example"),
    ]
    assert {r["id"] for r in records} == {"ab" * 16}
    assert [r["headers"]["subject"] for r in records] == ["Undelivered"] * 3
    assert [r["meta"] for r in records] == [{"x": 1}] * 3
    assert logged.summary.read == 1
    assert logged.summary.loggers[0]["offered"] == 3


@pytest.mark.parametrize(
    ("reception_on", "oob_on", "expected"),
    [
        (True, True, ["Reception", "OOB", "OOB"]),
        (True, False, ["Reception"]),
        (False, True, ["OOB", "OOB"]),
        (False, False, []),
    ],
)
def test_oob_and_reception_are_enabled_independently_of_each_other(
    run_policy: RunPolicy, reception_on: bool, oob_on: bool, expected: list[str]
) -> None:
    policy = init(
        "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'all', meta = {'asked'}, "
        f"per_record = {{ Reception = {{ enable = {str(reception_on).lower()} }}, "
        f"OOB = {{ enable = {str(oob_on).lower()} }} }} }}",
        """local asked = 0
        kumo.on('all', function(msg) asked = asked + 1 msg:set_meta('asked', asked) return true end)
        """,
    )
    logged = run_policy(policy, [reception(BOUNCE)])
    assert [record["type"] for record in logged.records("logs")] == expected
    assert all(record["meta"] == {"asked": 1} for record in logged.records("logs"))
    counts = logged.summary.loggers[0]
    assert (counts["offered"], counts["written"]) == (3, len(expected))


def test_a_filter_that_turns_the_report_down_turns_its_oob_records_down(
    run_policy: RunPolicy,
) -> None:
    policy = init(
        "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'none' }",
        "kumo.on('none', function(msg) return false end)",
    )
    logged = run_policy(policy, [reception(BOUNCE)])
    assert logged.records("logs") == []
    assert logged.summary.loggers[0]["filtered"] == 3


def test_a_filter_that_fails_on_a_report_is_one_reject_for_all_its_records(
    run_policy: RunPolicy,
) -> None:
    policy = init(
        "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'bad' }",
        "kumo.on('bad', function(msg) error('oh') end)",
    )
    logged = run_policy(policy, [reception(BOUNCE)])
    assert len(logged.rejects) == 1
    assert logged.summary.loggers[0]["failed"] == 3


def test_oob_records_are_classified(run_policy: RunPolicy, tmp_path: Any) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[rules]\nInvalidRecipient = ['no such user']\n")
    policy = init(
        f"kumo.configure_bounce_classifier {{ files = {{ '{rules}' }} }}\n"
        "kumo.configure_local_logs { log_dir = 'logs' }"
    )
    records = run_policy(policy, [reception(BOUNCE)]).records("logs")
    assert [record["bounce_classification"] for record in records] == [
        "Uncategorized",
        "InvalidRecipient",
        "Uncategorized",
    ]


# Whether reports are looked for -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "data", "expected"),
    [
        ("log_arf = true", FEEDBACK, ["Feedback"]),
        ("log_arf = 'LogThenDrop'", FEEDBACK, ["Feedback"]),
        ("log_arf = false, log_oob = true", FEEDBACK, ["Reception"]),
        ("log_oob = 'LogThenRelay'", BOUNCE, ["Reception", "OOB", "OOB"]),
        ("log_arf = true", BOUNCE, ["Reception"]),
        ("log_oob = 'Ignore'", BOUNCE, ["Reception"]),
    ],
)
def test_a_listener_domain_decides_whether_reports_are_looked_for(
    run_policy: RunPolicy, domain: str, data: str, expected: list[str]
) -> None:
    handler = f"""
        kumo.on('get_listener_domain', function(domain, listener, conn)
          assert(conn:get_meta 'reception_protocol' == 'ESMTP')
          if domain == 'shop.example' then return kumo.make_listener_domain {{ {domain} }} end
        end)"""
    logged = run_policy(EVERYTHING + handler, [reception(data)])
    assert [record["type"] for record in logged.records("logs")] == expected


def test_a_domain_that_is_no_listener_domain_has_no_reports(run_policy: RunPolicy) -> None:
    handler = "kumo.on('get_listener_domain', function(domain) return nil end)"
    logged = run_policy(EVERYTHING + handler, [reception(FEEDBACK), reception(BOUNCE)])
    assert [record["type"] for record in logged.records("logs")] == ["Reception"] * 2


@pytest.mark.parametrize("wrong", ["5", "{ log_arf = true }", "error('no')"])
def test_a_listener_domain_handler_that_is_wrong_rejects_the_event(
    run_policy: RunPolicy, wrong: str
) -> None:
    handler = f"kumo.on('get_listener_domain', function(domain) return {wrong} end)"
    logged = run_policy(EVERYTHING + handler, [reception(FEEDBACK)])
    assert logged.records("logs") == []
    assert len(logged.rejects) == 1


def test_a_listener_domain_handler_has_the_time_of_a_handler(run_policy: RunPolicy) -> None:
    handler = "kumo.on('get_listener_domain', function() while true do end end)"
    logged = run_policy(EVERYTHING + handler, [reception(FEEDBACK)], handler_timeout=0.1)
    assert "ran for more than 0.1s" in logged.rejects[0]["error"]


def test_reports_are_not_looked_for_in_mail_from_http(run_policy: RunPolicy) -> None:
    logged = run_policy(EVERYTHING, [reception(FEEDBACK, reception_protocol="HTTP")])
    assert logged.records("logs")[0]["type"] == "Reception"


def test_recipients_and_sender_that_the_reception_handler_sets_are_the_records(
    run_policy: RunPolicy,
) -> None:
    handler = """kumo.on('smtp_server_message_received', function(msg)
      msg:set_sender 'new@from.example' msg:set_recipient { 'a@b.example', 'c@d.example' }
    end)"""
    (record,) = run_policy(EVERYTHING + handler, [reception(PLAIN)]).records("logs")
    assert record["sender"] == "new@from.example"
    assert record["recipient"] == ["a@b.example", "c@d.example"]
    assert record["queue"] == "b.example"
