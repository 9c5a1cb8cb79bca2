"""Hooks: what handlers hear of records beside the loggers, in real policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import Logged, RunPolicy, init

LOGGER = "kumo.configure_local_logs { log_dir = 'out' }"
TELL = "kumo.on('should_enqueue_log_record', function(msg, hook) kumo.log_info({}) end)"


def said(logged: Logged) -> list[str]:
    return [text.split(": ", 1)[1] for level, text in logged.diagnostics if level == "info"]


def problems(logged: Logged) -> list[str]:
    return [text for level, text in logged.diagnostics if level == "error"]


def hooked(run_policy: RunPolicy, hook: str, tell: str, *events: Any, more: str = "") -> Logged:
    body = f"kumo.configure_log_hook {{ name = 'h', {hook} }} {LOGGER}"
    return run_policy(init(body, TELL.format(tell) + more), events)


def test_a_log_hook_hears_of_every_record_whatever_its_kind(run_policy: RunPolicy) -> None:
    kinds = ("Reception", "Rejection", "OOB", "Bounce")
    events = [{"type": kind, "recipient": "b@example.com"} for kind in kinds]
    logged = hooked(run_policy, "", "hook, msg:get_meta('log_record').type", *events)
    assert said(logged) == [f"h {kind}" for kind in kinds]
    assert len(logged.records("out")) == 4
    assert logged.summary.read == 4


def test_the_body_of_its_message_is_the_json_line(run_policy: RunPolicy) -> None:
    event = {"type": "Delivery", "meta": {"a": 1, "b": 2}, "headers": {"Subject": "hé"}}
    logged = hooked(run_policy, "meta = { 'a' }, headers = { 'subject' }", "msg:get_data()", event)
    (body,) = said(logged)
    assert body.endswith("}\n")
    record = json.loads(body)
    assert (record["type"], record["meta"], record["headers"]) == (
        "Delivery",
        {"a": 1},
        {"subject": "hé"},
    )
    plain = hooked(run_policy, "", "msg:get_data()", event)
    assert said(plain) == [f"{line}\n" for line in plain.lines("out")][-1:]


def test_or_what_the_template_of_its_kind_renders_with_one_line_end(run_policy: RunPolicy) -> None:
    hook = r"""per_record = { Any = { template = 'any {{ type }}\n' }, Delivery = { template = 'to {{ recipient }}' },
        Bounce = {} }"""
    events = [
        {"type": kind, "recipient": "b@example.com"} for kind in ("Delivery", "OOB", "Bounce")
    ]
    delivery, oob, bounce = said(hooked(run_policy, hook, "msg:get_data()", *events))
    assert (delivery, oob) == ("to b@example.com\n", "any OOB\n")
    assert json.loads(bounce)["type"] == "Bounce"


def test_its_message_is_new_and_has_the_envelope_of_the_record(run_policy: RunPolicy) -> None:
    tell = """#msg:id(), msg:id() == msg:get_meta('log_record').id, tostring(msg:sender()),
        tostring(msg:recipient()), #msg:recipient_list(), msg:num_attempts(), msg:queue_name()"""
    events = [
        {
            "type": "Delivery",
            "sender": "a@example.com",
            "recipient": "b@example.org",
            "num_attempts": 3,
        },
        {"type": "Delivery", "sender": "", "recipient": "", "queue": "q"},
    ]
    first, second = said(hooked(run_policy, "", tell, *events))
    assert first == "32 false a@example.com b@example.org 1 0 example.org"
    assert second.startswith("32 false   1 0")


def test_a_record_of_several_recipients_makes_one_message_for_all(run_policy: RunPolicy) -> None:
    event = {"type": "Delivery", "recipient": ["a@example.com", "b@example.com"]}
    tell = "#msg:recipient_list(), tostring(msg:recipient_list()[2])"
    assert said(hooked(run_policy, "", tell, event)) == ["2 b@example.com"]


def test_its_meta_are_the_selected_values_the_record_and_where_it_came_from(
    run_policy: RunPolicy,
) -> None:
    event = {"type": "Delivery", "tenant": "x", "meta": {"a": {"n": [1]}, "b": 2, "tenant": "t"}}
    tell = """msg:get_meta('a').n[1], msg:get_meta 'b', msg:get_meta 'tenant', msg:get_meta 'reception_protocol',
        msg:get_meta('log_record').feedback_report, msg:get_meta('log_record').meta.a.n[1],
        msg:get_meta('log_record').tenant"""
    logged = hooked(run_policy, "meta = { 'a', 'tenant' }", tell, event)
    assert said(logged) == ["1 nil t LogRecord nil 1 x"]


def test_what_a_filter_changed_is_visible_to_a_hook(run_policy: RunPolicy) -> None:
    body = """kumo.configure_log_hook { name = 'h', meta = { 'x' } }
        kumo.configure_local_logs { log_dir = 'out', filter_event = 'f' }"""
    rest = TELL.format("msg:get_meta 'x'") + "kumo.on('f', function(msg) msg:set_meta('x', 5) end)"
    assert said(run_policy(init(body, rest), [{"type": "Delivery"}])) == ["5"]


def test_what_a_hook_changes_stays_with_its_own_message(run_policy: RunPolicy) -> None:
    body = f"""kumo.configure_log_hook {{ name = 'one', meta = {{ 'x' }} }}
        kumo.configure_log_hook {{ name = 'two', meta = {{ 'x' }} }} {LOGGER}"""
    rest = """kumo.on('should_enqueue_log_record', function(msg, hook)
        msg:set_meta('queue', 'webhook') msg:set_meta('x', msg:get_meta('x') + 1)
        kumo.log_info(hook, msg:get_meta 'x', msg:queue_name())
        return true
      end)"""
    logged = run_policy(init(body, rest), [{"type": "Delivery", "meta": {"x": 1}}])
    assert said(logged) == ["one 2 webhook", "two 2 webhook"]
    assert len(logged.records("out")) == 1


def test_records_are_classified_for_a_hook_as_for_a_logger(
    run_policy: RunPolicy, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[rules]\nSpamBlock = ["blocked"]\n')
    hook = f"}} kumo.configure_bounce_classifier {{ files = {{ '{rules}' }}"
    event = {"type": "Bounce", "response": {"code": 550, "content": "you are blocked"}}
    tell = "msg:get_meta('log_record').bounce_classification"
    assert said(hooked(run_policy, hook, tell, event)) == ["SpamBlock"]


def test_records_of_hooks_and_kinds_that_are_off_are_not_hooked(run_policy: RunPolicy) -> None:
    hook = "per_record = { Delivery = { enable = false } }"
    events = [
        {"type": "Bounce", "reception_protocol": "LogRecord"},
        {"type": "Bounce", "meta": {"reception_protocol": "LogRecord"}},
        {"type": "Delivery"},
        {"type": "Bounce", "id": "0" * 32},
    ]
    assert said(hooked(run_policy, hook, "msg:get_meta('log_record').id", *events)) == ["0" * 32]


def test_the_first_handler_that_answers_ends_the_search(run_policy: RunPolicy) -> None:
    more = """kumo.on('should_enqueue_log_record', function() kumo.log_info 'second' return nil end)
        kumo.on('should_enqueue_log_record', function() kumo.log_info 'third' end)"""
    logged = hooked(run_policy, "", "'first'", {"type": "Delivery"}, more=more)
    assert said(logged) == ["first", "second"]


def test_an_error_in_its_handler_is_a_diagnostic_and_the_record_is_logged(
    run_policy: RunPolicy,
) -> None:
    logged = hooked(run_policy, "", "error('no')", {"type": "Delivery"}, {"type": "Bounce"})
    assert len(problems(logged)) == 2
    assert all(text.startswith("should_enqueue_log_record: ") for text in problems(logged))
    assert all(text.endswith("no") for text in problems(logged))
    assert (logged.summary.rejected, len(logged.records("out"))) == (0, 2)


@pytest.mark.parametrize(
    ("hook", "fields", "why"),
    [
        ("", {"recipient": "a b"}, "a b"),
        ("", {"recipient": ["a@example.com", "a b"]}, "a b"),
        ("", {"recipient": []}, "it has no recipient"),
        ("", {"sender": "a b"}, "a b"),
        ("per_record = { Any = { template = '{{ 1 // 0 }}' } }", {}, "unable to calculate 1 // 0"),
    ],
)
def test_a_record_of_which_no_message_can_be_made_is_a_diagnostic(
    run_policy: RunPolicy, hook: str, fields: dict[str, Any], why: str
) -> None:
    event = {"type": "Delivery", "queue": "q", "id": "f" * 32} | fields
    logged = hooked(run_policy, hook, "hook", event)
    (problem,) = problems(logged)
    assert problem.startswith(
        f"making a message for the log hook 'h' of the Delivery record of '{'f' * 32}': "
    )
    assert why in problem
    assert said(logged) == []
    assert len(logged.records("out")) == 1


def test_a_hook_that_nobody_listens_to_costs_nothing(run_policy: RunPolicy) -> None:
    body = f"kumo.configure_log_hook {{ name = 'h' }} {LOGGER}"
    logged = run_policy(init(body), [{"type": "Delivery", "recipient": "a b"}])
    assert logged.diagnostics == []
    assert len(logged.records("out")) == 1


def test_a_handler_that_does_not_end_is_ended(run_policy: RunPolicy) -> None:
    body = f"kumo.configure_log_hook {{ name = 'h' }} {LOGGER}"
    rest = TELL.format("hook, (function() while true do end end)()")
    logged = run_policy(init(body, rest), [{"type": "Delivery"}], handler_timeout=0.1)
    assert "ran for more than 0.1s" in problems(logged)[0]
