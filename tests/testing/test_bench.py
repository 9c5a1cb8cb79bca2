"""A policy on the bench: what it is shown, and what the bench tells of it afterwards."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import init

from kumolog.errors import EventError, KumologError, PolicyError
from kumolog.testing.bench import BenchCall, PolicyBench

NOON = "2024-05-01T12:00:00Z"
LOGS = "kumo.configure_local_logs { log_dir = '/var/log/kumo' }"
FILTERED = """kumo.configure_local_logs { log_dir = '/var/log/kumo', filter_event = 'keep', meta = { 'tenant' },
  per_record = { Any = {}, Delayed = { enable = false },
    Bounce = { suffix = '_b', log_dir = '/var/log/bounces', template = '{{ sender }}', segment_header = '# bounces\\n' } } }"""
KEEP = "kumo.on('keep', function(msg) if msg:get_meta 'boom' then error 'boom' end return not msg:get_meta 'spam' end)"

Load = Callable[..., PolicyBench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Load]:
    """Puts a policy of this source on a bench."""
    opened: list[PolicyBench] = []

    def load(source: str = "", **options: Any) -> PolicyBench:
        path = tmp_path / "init.lua"
        path.write_text(f"local kumo = require 'kumo'\n{source}")
        opened.append(PolicyBench(path, **options))
        return opened[-1]

    yield load
    for each in opened:
        each.close()


def test_a_logged_event_is_a_record_of_its_directory(bench: Load, tmp_path: Path) -> None:
    policy = bench(init(LOGS))
    policy.log({"type": "Delivery", "sender": "a@b.c"})
    policy.log(['{"type":"Bounce"}', b'{"type":"Delayed"}'])
    assert [record["type"] for record in policy.logged("/var/log/kumo/")] == [
        "Delivery",
        "Bounce",
        "Delayed",
    ]
    assert policy.logged()[0]["sender"] == "a@b.c"
    assert policy.lines()[0].startswith('{"type":"Delivery"')
    assert [path.name for path in tmp_path.iterdir()] == ["init.lua"]


def test_every_decision_is_told_with_its_reasons(bench: Load) -> None:
    policy = bench(init(FILTERED, KEEP))
    told = policy.log(
        [
            {"type": "Delivery", "meta": {"tenant": "t"}},
            {"type": "Delivery", "meta": {"spam": True}},
            {"type": "Delayed"},
            {"type": "Delivery", "meta": {"boom": True}},
            {"type": "Bounce", "sender": "x@y.z"},
            {"type": "Rejection"},
        ]
    )  # fmt: skip
    handler = f"{policy.decisions()[0].place.rpartition(':')[0]}:"
    assert [(d.event, d.type, d.outcome, d.entry, d.filter) for d in told] == [
        (1, "Delivery", "written", "Any", "keep"),
        (2, "Delivery", "filtered", "Any", "keep"),
        (3, "Delayed", "disabled", "Delayed", None),
        (4, "Delivery", "failed", "Any", "keep"),
        (5, "Bounce", "written", "Bounce", "keep"),
        (6, "Rejection", "written", "Any", None),
    ]
    assert all(d.handler is None or d.handler.startswith(handler) for d in told)
    assert told[1].handler is not None
    assert told[5].handler is None
    assert told[3].error is not None
    assert told[3].error.endswith("boom")
    assert told[3].error.startswith(told[3].handler or "?")
    written = told[4].written
    assert written is not None
    assert (written.log_dir, written.suffix, written.line) == ("/var/log/bounces", "_b", "x@y.z")
    assert policy.decisions() == told


def test_what_was_logged_is_chosen_by_directory_and_suffix(bench: Load) -> None:
    policy = bench(init(FILTERED, KEEP))
    policy.log([{"type": "Delivery"}, {"type": "Bounce", "sender": "x@y.z"}])
    assert policy.logged("/var/log/bounces", "_b") == ["x@y.z"]
    assert policy.logged("/var/log/kumo", "_b") == []
    assert [record["type"] for record in policy.logged(suffix="")] == ["Delivery"]
    assert policy.lines(suffix="_b") == ["x@y.z"]


@pytest.mark.parametrize("where", [{"log_dir": "/var/log/kuma"}, {"suffix": "_c"}])
def test_asking_for_a_place_that_no_logger_has_is_an_error(bench: Load, where: Any) -> None:
    with pytest.raises(KumologError, match="no logger has the"):
        bench(init(FILTERED, KEEP)).logged(**where)


def test_two_loggers_with_one_directory_have_their_own_segments(bench: Load) -> None:
    policy = bench(init(f"{LOGS}\n{LOGS}"), at=NOON)
    policy.log({"type": "Delivery"})
    assert [segment.name for segment in policy.segments()] == ["20240501-120000", "20240501-120001"]
    assert len(policy.logged()) == 2


def test_a_template_that_fails_is_a_decision_and_a_reject(bench: Load) -> None:
    template = "{{ sender|nope }}{{ 1 }}"
    policy = bench(
        init(
            f"kumo.configure_local_logs {{ log_dir = 'x', per_record = {{ Any = {{ template = '{template}' }} }} }}"
        )
    )
    (told,) = policy.log({"type": "Delivery"})
    assert told.outcome == "failed"
    assert told.error is not None
    assert "nope" in told.error
    (reject,) = policy.rejects()
    assert (reject["log_dir"], reject["error"]) == ("x", told.error)


def test_an_event_that_is_none_is_a_reject_alone(bench: Load) -> None:
    policy = bench(init(LOGS))
    assert policy.log(["{", {"type": "Nope"}]) == []
    assert [reject["line"] for reject in policy.rejects()] == [1, 2]


def test_a_report_gives_records_of_its_own(bench: Load) -> None:
    report = (
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nabuse\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        "Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n\r\n--b--\r\n"
    )
    policy = bench(init(LOGS))
    (told,) = policy.log({"type": "Reception", "reception_protocol": "ESMTP", "data": report})
    assert told.type == "Feedback"
    assert policy.logged()[0]["feedback_report"]["feedback_type"] == "abuse"


def test_a_reception_handler_refuses_what_is_logged(bench: Load) -> None:
    handler = (
        "kumo.on('smtp_server_message_received', function() kumo.reject(550, '5.7.1 go away') end)"
    )
    policy = bench(init(LOGS, handler))
    policy.log({"type": "Reception", "reception_protocol": "ESMTP", "data": "Subject: x\r\n\r\n"})
    assert policy.logged()[0]["type"] == "Rejection"


def test_a_runaway_handler_fails_for_its_event_alone(bench: Load) -> None:
    endless = "kumo.on('keep', function(msg) while msg:get_meta 'boom' do end return true end)"
    policy = bench(init(FILTERED, endless), handler_timeout=0.05)
    first, second = policy.log([{"type": "Delivery", "meta": {"boom": True}}, {"type": "Delivery"}])
    assert (first.outcome, second.outcome) == ("failed", "written")
    assert "ran for more than 0.05s" in str(first.error)


def test_memory_is_limited(bench: Load) -> None:
    hungry = "kumo.on('keep', function() local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end end)"
    policy = bench(init(FILTERED, hungry), max_memory=32 << 20)
    (told,) = policy.log({"type": "Delivery"})
    assert "not enough memory" in str(told.error)


def test_a_policy_that_is_loaded_anew_still_starts_no_task(bench: Load) -> None:
    handlers = """
    kumo.on('keep', function(msg)
      if msg:get_meta 'eats' then
        kept = {}
        while true do kept[#kept + 1] = ('x'):rep(1000) .. #kept end
      end
      kumo.spawn_task { event_name = 'task', args = {} }
    end)
    kumo.on('task', function() kumo.log_error 'it ran' end)"""
    policy = bench(init(FILTERED, handlers), max_memory=32 << 20)
    policy.log({"type": "Delivery", "meta": {"eats": True}})
    policy.log({"type": "Delivery"})
    policy.close()
    told = [text for _, text in policy.diagnostics()]
    assert any("loaded anew" in text for text in told)
    assert not any("it ran" in text for text in told)
    assert len(policy.calls("kumo.spawn_task")) == 1


def test_a_policy_that_does_not_load_tells_why(bench: Load) -> None:
    with pytest.raises(PolicyError, match=r"init\.lua:2: no"):
        bench("error 'no'")
    with pytest.raises(PolicyError, match="has no handler"):
        bench(init(FILTERED))
    assert (
        bench(init(FILTERED), allow_missing_handlers=True).log({"type": "Delivery"})[0].outcome
        == "filtered"
    )


def test_a_policy_without_loggers_can_be_fired_at(bench: Load) -> None:
    policy = bench("kumo.on('get_tsa_db', function(a, b) return a, { b = b }, nil end)")
    fired = policy.fire("get_tsa_db", 1, ["x"])
    assert fired.value == 1
    assert len(fired.results) == 3
    assert fired.rejection is None
    assert policy.log({"type": "Delivery"}) == []


def test_firing_what_nobody_handles_is_an_error(bench: Load) -> None:
    with pytest.raises(KumologError, match="did you mean `get_queue_config`"):
        bench("kumo.on('get_queue_config', function() end)").fire("get_queue_confg")


@pytest.mark.parametrize(
    "call", ["kumo.reject(550, '5.7.1 no')", "kumo.disconnect(550, '5.7.1 no')"]
)
def test_a_rejection_is_told_from_an_error(bench: Load, call: str) -> None:
    policy = bench(
        f"kumo.on('a', function() {call} end)\nkumo.on('b', function() pcall(kumo.reject, 550, 'x') error 'oh' end)"
    )
    assert policy.fire("a").rejection == (550, "5.7.1 no")
    with pytest.raises(PolicyError, match="oh"):
        policy.fire("b")


def test_smtp_handlers_get_addresses_connections_and_messages(bench: Load) -> None:
    policy = bench("""
        kumo.on('smtp_server_mail_from', function(sender, connection)
          connection:set_meta('seen', sender.domain .. connection:get_meta 'via')
        end)
        kumo.on('smtp_server_message_deferred_inject', function(message)
          message:set_meta('tenant', message:get_first_named_header_value 'Subject')
          message:prepend_header('X-A', 'b')
        end)
    """)
    connection = policy.connection({"via": "mx"})
    policy.fire("smtp_server_mail_from", policy.address("a@example.com"), connection)
    assert connection.meta["seen"] == "example.commx"
    message = policy.message({"sender": "a@b.c", "data": "Subject: hi\r\n\r\n"})
    assert message.get_meta("tenant") is None
    policy.fire("smtp_server_message_deferred_inject", message)
    assert message.get_meta("tenant") == "hi"
    assert message.sender().email == "a@b.c"
    assert message.state.meta == {"tenant": "hi"}
    assert message.get_data().startswith(b"X-A: b")
    message.set_meta("tenant", "other")
    assert message.get_meta("tenant") == "other"
    gc.collect()
    policy.fire("smtp_server_message_deferred_inject", message)
    assert message.get_meta("tenant") == "hi"
    with pytest.raises(AttributeError):
        message.get_mata("tenant")


@pytest.mark.parametrize("event", [{"type": "Nope"}, {"size": "big"}])
def test_a_message_of_no_event_is_refused(bench: Load, event: Any) -> None:
    with pytest.raises(EventError):
        bench().message(event)


def test_a_message_is_shown_the_change_of_another_handler(bench: Load) -> None:
    policy = bench("kumo.on('a', function(m) return m:get_meta 'x' end)")
    message = policy.message({"meta": {"x": 1}})
    assert policy.fire("a", message).value == 1
    message.set_meta("x", 2)
    assert policy.fire("a", message).value == 2


def test_calls_without_effect_are_told_also_those_made_later(bench: Load) -> None:
    policy = bench("""
        kumo.on('init', function() kumo.define_spool { name = 'data', path = '/x' } end)
        kumo.on('a', function(m) m:save() kumo.spawn_task { event_name = 'task', args = { 1 } } end)
    """)
    policy.fire("a", policy.message({}))
    spool, save, task = policy.calls()
    assert (spool.name, spool.arguments) == ("kumo.define_spool", ({"name": "data", "path": "/x"},))
    assert spool.place.endswith("init.lua:3")
    assert (save.name, save.arguments, save.place[-10:]) == ("message:save", (), "init.lua:4")
    assert task.arguments == ({"event_name": "task", "args": [1]},)
    assert policy.calls("message:save") == [save]
    assert isinstance(save, BenchCall)


def test_what_the_policy_says_is_a_diagnostic(bench: Load) -> None:
    policy = bench(init("kumo.log_warn('careful', 1)"))
    ((level, text),) = policy.diagnostics()
    assert level == "warning"
    assert text.endswith(": careful 1")


def test_frozen_benches_give_the_same_lines(bench: Load) -> None:
    lines = []
    for _ in range(2):
        policy = bench(init(LOGS), at=NOON)
        policy.log([{"type": "Delivery"}, {"type": "Bounce"}])
        lines.append(policy.lines())
    assert lines[0] == lines[1]
    assert len({record["id"] for record in policy.logged()}) == 2
    assert policy.logged()[0]["created"] == policy.logged()[0]["timestamp"] == 1714564800


def test_closing_finishes_segments_and_ends_the_policy(bench: Load) -> None:
    policy = bench(init(LOGS, "kumo.on('shutdown_logging', function() kumo.log_info 'bye' end)"))
    policy.log({"type": "Delivery"})
    assert [segment.finished for segment in policy.segments()] == [False]
    policy.close()
    policy.close()
    assert [segment.finished for segment in policy.segments()] == [True]
    assert len(policy.logged()) == 1
    assert policy.diagnostics()[0][1].endswith("bye")
    with pytest.raises(KumologError, match="closed"):
        policy.log({"type": "Delivery"})


def test_a_bench_keeps_no_more_than_there_is_room_for(bench: Load) -> None:
    policy = bench(init(LOGS))
    policy.log({"type": "Delivery"})
    with pytest.raises(KumologError, match=r"logging event 2: .* more than 512 MB now"):
        policy.log(bytes(300 << 20))
    assert len(policy.logged()) == 1
