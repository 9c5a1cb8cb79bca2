"""What the check says of hooks."""

from __future__ import annotations

import pytest
from check.checks import LOGGER, Check, codes, only
from support import init

HANDLER = "kumo.on('should_enqueue_log_record', function() end)"


def test_hooks_are_described(check: Check) -> None:
    body = f"""{LOGGER}
      kumo.configure_log_hook {{ name = 'web', meta = {{ 'a' }}, headers = {{ 'Subject', 'To' }},
        per_record = {{ Delivery = {{ template = 'x' }}, Any = {{ enable = false }} }} }}
      kumo.configure_log_disposition_hook {{ name = 'tally', per_record = {{ OOB = {{}} }} }}"""
    outcome = check(init(body, HANDLER + "\nkumo.on('log_disposition_tally', function() end)"))
    assert outcome.findings == []
    assert outcome.configured[1:] == [
        "init.lua:4: log hook web; should_enqueue_log_record (init.lua:8); "
        "Delivery (template); Any (off); meta a; headers Subject, To",
        "init.lua:6: disposition hook tally; log_disposition_tally (init.lua:9); OOB",
    ]


@pytest.mark.parametrize(
    ("call", "rest", "message"),
    [
        (
            "kumo.configure_log_hook { name = 'web' }",
            "",
            "nothing handles `should_enqueue_log_record`, so the hook web drops every record: "
            "register kumo.on('should_enqueue_log_record', ...)",
        ),
        (
            "kumo.configure_log_disposition_hook { name = 'tally' }",
            "local name = 'tali' kumo.on('log_disposition_' .. name, function() end)",
            "nothing handles `log_disposition_tally`, so the hook tally drops every record: "
            "did you mean `log_disposition_tali`?",
        ),
    ],
)
def test_a_hook_that_nobody_listens_to_is_a_warning(
    check: Check, call: str, rest: str, message: str
) -> None:
    outcome = check(init(f"{LOGGER}\n{call}", rest))
    finding = only(outcome)
    assert (finding.line, finding.level, finding.code) == (4, "warning", "missing-handler")
    assert finding.message == message
    assert outcome.configured[1].endswith("(no handler)")


def test_a_disposition_handler_without_its_hook_never_runs(check: Check) -> None:
    hook = "kumo.configure_log_disposition_hook { name = 'tally' }"
    rest = "kumo.on('log_disposition_tallly', function() end)"
    other, finding = check(init(f"{LOGGER}\n{hook}", rest)).findings
    assert (other.code, finding.code) == ("missing-handler", "unknown-event")
    assert finding.message.endswith("did you mean `log_disposition_tally`?")


def test_a_policy_of_hooks_alone_is_told_that_it_writes_nothing(check: Check) -> None:
    outcome = check(init("kumo.configure_log_hook { name = 'web' }", HANDLER))
    finding = only(outcome)
    assert (finding.level, finding.code, finding.line) == ("warning", "no-logger", 0)
    assert finding.message == (
        "the policy configures only hooks, and no logger: "
        "call kumo.configure_local_logs in its init handler"
    )
    assert len(outcome.configured) == 1


def test_the_records_of_a_log_hook_are_looked_at_like_a_loggers(check: Check) -> None:
    call = """kumo.configure_log_hook { name = 'web', headers = { 'X-Tenant' }, per_record = {
        Any = { template = '{{ recipent }}', suffix = '_x' } } }"""
    outcome = check(init(f"{LOGGER}\n{call}", HANDLER))
    assert codes(outcome) == ["ignored-key", "headers-cost", "template-variable"]
    assert outcome.findings[0].message == "per_record.Any.suffix has no effect in a log hook"


def test_of_a_disposition_hook_only_enable_counts(check: Check) -> None:
    call = """kumo.configure_log_disposition_hook { name = 'a', per_record = {
        Any = { template = '{{ recipent }}', enable = true } } }"""
    finding = only(check(init(f"{LOGGER}\n{call}", "kumo.on('log_disposition_a', function() end)")))
    assert finding.message == "per_record.Any.template has no effect in a disposition hook"
