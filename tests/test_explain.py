"""Explaining: what is told of each decision, in real policies, and that it is the decision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support import Event, RunPolicy, init

from kumolog.clock import SYSTEM_CLOCK
from kumolog.errors import PolicyError
from kumolog.explain import Decision, Explainer, Explanation, RecordExplained

LOGGER = "kumo.configure_local_logs { log_dir = 'logs' }"
FILTERED = init("kumo.configure_local_logs { log_dir = 'logs', filter_event = 'f' }")
BOUNCE = """\
From: <>
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.post.example

Final-Recipient: rfc822; bob@post.example
Action: failed
Status: 5.1.1
{more}
--cut--
"""
SECOND = "\nFinal-Recipient: rfc822; joe@post.example\nAction: failed\nStatus: 5.2.2\n"
FEEDBACK = """\
From: <fbl@provider.example>
Content-Type: multipart/report; report-type=feedback-report; boundary="cut"

--cut
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: ReportMaker/2
Version: 1

--cut--
"""
NOON = SYSTEM_CLOCK._replace(wall=lambda: 1678069691.0)
Explain = Callable[..., list[Explanation]]


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Explain:
    """Explains events by init.lua, which has that source; what is said outside is in ``said``."""
    monkeypatch.chdir(tmp_path)

    def run(
        source: str, *events: Event, said: list[tuple[str, str]] | None = None, **options: Any
    ) -> list[Explanation]:
        (tmp_path / "init.lua").write_text(source)
        heard = [] if said is None else said
        chosen = {"clock": NOON} | options
        explainer = Explainer(
            "init.lua", report=lambda level, text: heard.append((level, text)), **chosen
        )
        lines = [e if isinstance(e, bytes) else msgspec.json.encode(e) for e in events]
        explanations = [explainer.explain(line) for line in lines]
        explainer.close()
        return explanations

    return run


def only(explanations: list[Explanation]) -> RecordExplained:
    ((record,),) = (explanation.records for explanation in explanations)
    return record


def decision(explanations: list[Explanation]) -> Decision:
    (made,) = only(explanations).loggers
    return made


def calls(explanations: list[Explanation]) -> list[tuple[Any, ...]]:
    run = decision(explanations).filter
    assert run is not None
    return [(call.method, *call.arguments, call.result) for call in run.calls]


def reception(data: str, **fields: Any) -> dict[str, Any]:
    event = {"type": "Reception", "sender": "a@shop.example", "recipient": "ret@shop.example"}
    return event | {"reception_protocol": "ESMTP", "data": data} | fields


# Which loggers -----------------------------------------------------------------------------------


def test_every_logger_is_told_of_with_the_place_that_configured_it(explain: Explain) -> None:
    body = "\n".join(LOGGER.replace("logs '", f"{name} '") for name in ("logs", "logs"))
    record = only(explain(init(body), {"type": "Delivery", "id": "1", "recipient": "b@x.example"}))
    assert (record.type, record.id, record.recipient) == ("Delivery", "1", "b@x.example")
    assert [(made.log_dir, made.place, made.outcome) for made in record.loggers] == [
        ("logs", "init.lua:3", "written"),
        ("logs", "init.lua:4", "written"),
    ]


@pytest.mark.parametrize(
    ("per_record", "enabled", "entry"),
    [
        ("{}", True, None),
        ("{ Bounce = { enable = false } }", True, None),
        ("{ Any = {} }", True, "Any"),
        ("{ Any = { enable = false } }", False, "Any"),
        ("{ Any = { enable = false }, Delivery = {} }", True, "Delivery"),
        ("{ Any = {}, Delivery = { enable = false } }", False, "Delivery"),
    ],
)
def test_the_entry_is_named_that_enables_or_disables(
    explain: Explain, per_record: str, enabled: bool, entry: str | None
) -> None:
    body = f"kumo.configure_local_logs {{ log_dir = 'logs', per_record = {per_record} }}"
    made = decision(explain(init(body), {"type": "Delivery"}))
    assert (made.enabled, made.entry) == (enabled, entry)
    assert made.outcome == ("written" if enabled else "disabled")
    assert (made.output is None) == (not enabled)


def test_the_outcomes_are_those_of_a_run(explain: Explain, run_policy: RunPolicy) -> None:
    source = init(
        """for _, f in ipairs { 'odd', 'fails', 'none' } do
             kumo.configure_local_logs { log_dir = f, filter_event = f ~= 'none' and f or nil,
               meta = { '*' }, per_record = { Rejection = { template = '{{ 1 // size }}' } } }
           end""",
        """kumo.on('odd', function(msg)
             msg:set_meta('seen', (msg:get_meta 'n' or 0) % 2)
             return msg:get_meta 'seen' == 1
           end)
           kumo.on('fails', function(msg) return msg:get_meta 'n' < 3 end)""",
    )
    events = [
        {"type": kind, "id": "1" * 32, "timestamp": 1, "size": size, "meta": {"n": n} if n else {}}
        for n in range(5)
        for size in range(2)
        for kind in ("Delivery", "Rejection", "Feedback")
    ]
    explained = [record for one in explain(source, *events) for record in one.records]
    logged = run_policy(source, events)
    for number, counted in enumerate(logged.summary.loggers):
        decisions = [record.loggers[number] for record in explained]
        for outcome in ("written", "filtered", "failed", "disabled"):
            assert sum(made.outcome == outcome for made in decisions) == counted[outcome], outcome
        lines = [made.output.line for made in decisions if made.output and made.output.line]
        assert lines == logged.lines(counted["log_dir"])
    failures = [made.error.message for r in explained for made in r.loggers if made.error]
    assert sorted(failures) == sorted(
        entry["error"].replace(f"{logged.root.parent}/", "") for entry in logged.rejects
    )
    assert len(failures) > 10


# Filters -----------------------------------------------------------------------------------------


def test_a_filter_is_told_with_its_place_what_it_read_and_what_it_returned(
    explain: Explain,
) -> None:
    handler = """kumo.on('f', function(msg)
      local a, b = msg:get_meta 'a', msg:get_meta 'b'
      return msg:get_meta 'a' and msg:get_meta 'absent'
    end)"""
    told = explain(FILTERED + handler, {"type": "Delivery", "meta": {"b": [1, {"c": 2}], "a": "x"}})
    run = decision(told).filter
    assert run is not None
    assert (run.event, run.place, run.returned) == ("f", "init.lua:6", None)
    assert decision(told).outcome == "filtered"
    assert calls(told) == [
        ("msg:get_meta", "a", "x"),
        ("msg:get_meta", "b", [1, {"c": 2}]),
        ("msg:get_meta", "absent", None),
    ]


@pytest.mark.parametrize(
    ("result", "shown", "outcome"),
    [
        ("", None, "filtered"),
        ("nil, true", None, "filtered"),
        ("false", False, "filtered"),
        ("0", 0, "written"),
        ("1/0", "inf", "written"),
        ("'\\xff'", "\\xff", "written"),
        ("{ 1, { x = msg:recipient() } }", [1, {"x": "<userdata>"}], "written"),
        ("{ [2] = print }", {"2": "<function>"}, "written"),
        ("msg", "<userdata>", "written"),
        ("(function() local t = {} t[1] = t return t end)()", None, "written"),
    ],
)
def test_what_it_returned_is_shown_raw(
    explain: Explain, result: str, shown: Any, outcome: str
) -> None:
    handler = f"kumo.on('f', function(msg) return {result} end)"
    made = decision(explain(FILTERED + handler, {"type": "Delivery"}))
    assert made.filter is not None
    assert made.outcome == outcome
    if result != "msg":
        assert made.filter.returned == shown


def test_other_methods_are_told_with_what_they_gave_and_changes_as_changes(
    explain: Explain,
) -> None:
    handler = """kumo.on('f', function(msg)
      msg:set_meta('a', { 1 })
      msg:get_first_named_header_value 'Subject'
      msg:from_header()
      msg:recipient()
      msg:append_header('X-A', 'b')
      msg:append_header('X-A', 'b')
      pcall(msg.get_address_header, msg, 'Subject')
      return msg:get_meta 'a'
    end)"""
    data = 'From: "A" <a@shop.example>\r\nSubject: hi,\r\n\r\n'
    told = explain(FILTERED + handler, reception(data, type="Delivery"))
    assert calls(told)[:6] == [
        ("msg:set_meta", "a", [1], None),
        ("msg:get_first_named_header_value", "Subject", "hi,"),
        ("msg:from_header", [{"Address": {"name": "A", "address": "a@shop.example"}}]),
        ("msg:recipient", "ret@shop.example"),
        ("msg:append_header", "X-A", "b", None),
        ("msg:append_header", "X-A", "b", None),
    ]
    assert calls(told)[-1] == ("msg:get_meta", "a", [1])
    run = decision(told).filter
    assert run is not None
    assert [c.method for c in run.calls if c.is_change] == [
        "msg:set_meta",
        *["msg:append_header"] * 2,
    ]
    (failed,) = (c for c in run.calls if c.error)
    assert failed.method == "msg:get_address_header"


def test_what_it_asks_messages_of_its_own_is_not_told(explain: Explain) -> None:
    handler = """local before
    kumo.on('f', function(msg)
      local own = kumo.make_message('a@b.example', 'c@d.example', 'Subject: x\\r\\n\\r\\n')
      own:set_meta('x', own:get_meta 'y')
      own:get_first_named_header_value 'Subject'
      if before then before:get_meta 'z' end
      before = msg
      return true
    end)"""
    first, second = explain(FILTERED + handler, {"type": "Delivery"}, {"type": "Delivery"})
    assert calls([first]) == calls([second]) == []


def test_what_it_prints_and_logs_belongs_to_it(explain: Explain) -> None:
    source = "print 'loading'\n" + init(
        LOGGER.replace("}", ", filter_event = 'f' }")
        + LOGGER.replace("}", ", filter_event = 'g' }"),
        """kumo.on('f', function(msg) print('one', nil, true) kumo.log_warn('two', '\\xff') return 1 end)
        kumo.on('g', function(msg) kumo.log_error 'three' return 1 end)""",
    )
    outside: list[tuple[str, str]] = []
    record = only(explain(source, {"type": "Delivery"}, said=outside))
    assert outside == [("info", "init.lua:1: loading")]
    runs = [made.filter for made in record.loggers]
    assert [[(s.level, s.text) for s in run.said] for run in runs if run] == [
        [("info", "init.lua:6: one\tnil\ttrue"), ("warning", "init.lua:6: two \\xff")],
        [("error", "init.lua:7: three")],
    ]


def test_an_error_is_told_with_the_frames_of_a_run(explain: Explain) -> None:
    handler = """local function deep(msg) return msg:get_meta 'n' + 1 end
    kumo.on('f', function(msg) local x = deep(msg) return x end)"""
    told = explain(FILTERED + handler, {"type": "Delivery"})
    made = decision(told)
    assert made.outcome == "failed"
    assert made.error is not None
    assert made.error.message == "init.lua:6: attempt to perform arithmetic on a nil value"
    assert made.error.frames == [
        "init.lua:6: in function 'deep'",
        "init.lua:7: in function <init.lua:7>",
    ]
    assert made.filter is not None
    assert made.filter.error == made.error
    assert calls(told) == [("msg:get_meta", "n", None)]
    assert not told[0].all_well


def test_a_filter_that_does_not_come_back_is_told_as_one_that_fails(explain: Explain) -> None:
    handler = "kumo.on('f', function(msg) while true do end end)"
    error = decision(explain(FILTERED + handler, {"type": "OOB"}, handler_timeout=0.05)).error
    assert error is not None
    assert "ran for more than 0.05s" in error.message


def test_a_change_of_one_filter_is_seen_by_the_next(explain: Explain) -> None:
    source = init(
        """kumo.configure_local_logs { log_dir = 'a', filter_event = 'f', meta = { 'x' } }
        kumo.configure_local_logs { log_dir = 'b', filter_event = 'g', meta = { 'x' } }""",
        """kumo.on('f', function(msg) msg:set_meta('x', 1) return true end)
        kumo.on('g', function(msg) msg:set_meta('x', msg:get_meta 'x' + 1) return true end)""",
    )
    record = only(explain(source, {"type": "Delivery"}))
    assert [made.output.meta for made in record.loggers if made.output] == [{"x": 1}, {"x": 2}]


def test_no_filter_is_asked_about_a_rejection(explain: Explain) -> None:
    made = decision(explain(FILTERED + "kumo.on('f', function() end)", {"type": "Rejection"}))
    assert (made.outcome, made.filter_event, made.filter) == ("written", "f", None)


def test_a_missing_handler_is_an_error_unless_it_is_allowed(explain: Explain) -> None:
    with pytest.raises(PolicyError, match=r"init\.lua:3: the filter_event `f` has no handler"):
        explain(FILTERED)
    made = decision(explain(FILTERED, {"type": "Delivery"}, allow_missing_handlers=True))
    assert (made.outcome, made.filter_event, made.filter) == ("filtered", "f", None)


# What would be written ---------------------------------------------------------------------------


def test_the_output_is_told_with_its_place_and_what_was_selected(explain: Explain) -> None:
    body = """kumo.configure_local_logs { log_dir = 'logs', meta = { 'a', 'tenant', 'z' },
      headers = { 'X-*' }, per_record = { Delivery = { log_dir = 'd', suffix = '_deliv',
        segment_header = 'h\\n', template = '{{ meta.a }} {{ headers["X-One"] }}\\n' } } }"""
    event = {
        "type": "Delivery",
        "queue": "c:t@x.example",
        "meta": {"a": 1, "b": 2},
        "headers": {"X-One": "1", "Subject": "hi"},
    }
    output = decision(explain(init(body), event, root="root")).output
    assert msgspec.to_builtins(output) == {
        "directory": "root/d",
        "suffix": "_deliv",
        "segment": "20230306-022811_deliv",
        "segment_header": "h\n",
        "template": '{{ meta.a }} {{ headers["X-One"] }}\n',
        "meta": {"a": 1, "tenant": "t"},
        "headers": {"x-one": "1"},
        "line": "1 1",
    }


def test_without_a_template_the_line_is_the_json(explain: Explain) -> None:
    event = {"type": "Delivery", "meta": {"a": 1}, "new_field": [1]}
    output = decision(explain(init(LOGGER), event)).output
    assert output is not None
    assert (output.template, output.suffix, output.segment) == (None, None, "20230306-022811")
    assert output.line is not None
    assert json.loads(output.line)["new_field"] == [1]
    assert json.loads(output.line)["meta"] == {}


def test_the_segment_gets_the_next_name_that_is_free(tmp_path: Path, explain: Explain) -> None:
    body = (
        "kumo.configure_local_logs { log_dir = 'logs', per_record = { Any = { suffix = '/x' } } }"
    )
    (tmp_path / "logs" / "20230306-022811").mkdir(parents=True)
    (tmp_path / "logs" / "20230306-022811" / "x").touch()
    (tmp_path / "logs" / "20230306-022812").touch()
    output = decision(explain(init(body), {"type": "Delivery"})).output
    assert output is not None
    assert output.segment == "20230306-022813/x"


def test_a_template_that_fails_is_told_with_what_it_was_given(explain: Explain) -> None:
    body = """kumo.configure_local_logs { log_dir = 'logs', meta = { 'a' },
      per_record = { Any = { template = '{{ 1 // 0 }}' } } }"""
    told = explain(init(body), {"type": "Delivery", "meta": {"a": 1}})
    made = decision(told)
    assert made.outcome == "failed"
    assert made.error is not None
    assert "unable to calculate 1 // 0" in made.error.message
    assert made.output is not None
    assert (made.output.line, made.output.meta) == (None, {"a": 1})
    assert not told[0].all_well


def test_hooks_that_would_be_called_are_named(explain: Explain) -> None:
    source = init(
        f"""{LOGGER}
        kumo.configure_log_hook {{ name = 'h', per_record = {{ Bounce = {{ enable = false }} }} }}
        kumo.configure_log_disposition_hook {{ name = 'd' }}
        kumo.configure_log_disposition_hook {{ name = 'unheard' }}""",
        """kumo.on('should_enqueue_log_record', function() print('called') end)
        kumo.on('log_disposition_d', function() print('called') end)""",
    )
    said: list[tuple[str, str]] = []
    delivery, bounce, rejection = (
        [(hook.event, hook.place) for hook in one.records[0].hooks]
        for one in explain(
            source, *({"type": t} for t in ("Delivery", "Bounce", "Rejection")), said=said
        )
    )
    enqueue = ("should_enqueue_log_record", "init.lua:8")
    disposition = ("log_disposition_d", "init.lua:9")
    assert (delivery, bounce, rejection) == ([enqueue, disposition], [disposition], [enqueue])
    assert said == []


# Events and reception ----------------------------------------------------------------------------


def test_what_is_no_event_says_why_and_the_next_one_is_explained(explain: Explain) -> None:
    bad, good = explain(init(LOGGER), b'{"type":"Delivry"}', {"type": "Delivery"})
    assert bad.error == "unknown record type 'Delivry': did you mean `Delivery`?"
    assert (bad.type, bad.records, bad.all_well) == (None, [], False)
    assert (good.error, good.type, good.all_well) == (None, "Delivery", True)


def test_a_reception_handler_is_told_like_a_filter(explain: Explain) -> None:
    handler = """kumo.on('smtp_server_message_received', function(msg, conn)
      print(conn:get_meta 'received_from')
      msg:set_meta('tenant', 'bakery')
    end)"""
    body = LOGGER.replace("}", ", meta = { 'tenant' } }")
    peer = {"peer_address": {"name": "h", "addr": "192.0.2.1"}}
    (told,) = explain(init(body, handler), reception("Subject: x\r\n\r\n", **peer))
    assert told.received is not None
    (run,) = told.received.handlers
    assert (run.event, run.place) == ("smtp_server_message_received", "init.lua:5")
    assert [(call.method, call.result) for call in run.calls] == [
        ("conn:get_meta", "192.0.2.1"),
        ("msg:set_meta", None),
    ]
    assert [said.text for said in run.said] == ["init.lua:6: 192.0.2.1"]
    output = decision([told]).output
    assert output is not None
    assert output.meta == {"tenant": "bakery"}


def test_a_refusal_is_told_and_becomes_a_rejection(explain: Explain) -> None:
    handler = "kumo.on('smtp_server_message_received', function() kumo.reject(550, '5.7.1 no') end)"
    (told,) = explain(init(LOGGER, handler), reception("Subject: x\r\n\r\n"))
    assert told.received is not None
    (run,) = told.received.handlers
    assert (run.refused and (run.refused.code, run.refused.text)) == (550, "5.7.1 no")
    assert (told.type, only([told]).type, told.all_well) == ("Reception", "Rejection", True)


def test_a_reception_handler_that_fails_ends_it(explain: Explain) -> None:
    handler = "kumo.on('smtp_server_message_received', function() error 'no' end)"
    failed, fine = explain(
        init(LOGGER, handler), reception("Subject: x\r\n\r\n"), {"type": "Delivery"}
    )
    assert (failed.error, failed.records, failed.all_well) == ("init.lua:5: no", [], False)
    assert failed.received is not None
    (run,) = failed.received.handlers
    assert run.error is not None
    assert (run.error.message, len(run.error.frames)) == ("init.lua:5: no", 1)
    assert (fine.received, fine.all_well) == (None, True)


def test_a_listener_domain_is_told_and_one_that_is_none_fails(explain: Explain) -> None:
    handler = """kumo.on('get_listener_domain', function(domain)
      return domain == 'shop.example' and kumo.make_listener_domain { log_oob = true } or 5
    end)"""
    fine, wrong = explain(
        init(LOGGER, handler), reception(FEEDBACK), reception(FEEDBACK, recipient="a@b.example")
    )
    assert fine.received is not None
    assert [run.returned for run in fine.received.handlers] == ["<ListenerDomain>"]
    assert fine.all_well
    assert wrong.error is not None
    assert wrong.error.startswith("get_listener_domain returned what is no listener domain")


def test_a_feedback_report_is_the_record_that_is_explained(explain: Explain) -> None:
    body = "kumo.configure_local_logs { log_dir = 'logs', per_record = { Feedback = { suffix = '_f' } } }"
    told = explain(init(body), reception(FEEDBACK))
    assert (told[0].type, only(told).type, decision(told).entry) == (
        "Reception",
        "Feedback",
        "Feedback",
    )
    assert only(explain(init(body), reception(FEEDBACK), receive=False)).type == "Reception"


def test_of_a_bounce_report_every_record_is_explained_and_the_filter_asked_once(
    explain: Explain,
) -> None:
    source = init(
        """kumo.configure_local_logs { log_dir = 'logs', filter_event = 'f', meta = { 'n' },
             per_record = { Reception = { enable = false }, Any = {} } }""",
        """local n = 0
        kumo.on('f', function(msg) n = n + 1 msg:set_meta('n', n) return true end)""",
    )
    (told,) = explain(source, reception(BOUNCE.format(more=SECOND)))
    assert [(r.type, r.recipient, r.loggers[0].outcome) for r in told.records] == [
        ("Reception", "ret@shop.example", "disabled"),
        ("OOB", "bob@post.example", "written"),
        ("OOB", "joe@post.example", "written"),
    ]
    assert told.records[0].loggers[0].filter is None
    for record in told.records[1:]:
        made = record.loggers[0]
        assert made.filter is not None
        assert [call.arguments for call in made.filter.calls] == [["n", 1]]
        assert made.output is not None
        assert made.output.meta == {"n": 1}
        assert made.output.line is not None
        assert json.loads(made.output.line)["recipient"] == record.recipient


def test_a_malformed_report_tells_its_reason_every_time(explain: Explain) -> None:
    broken = reception(BOUNCE.format(more="").replace("Action: failed\n", ""))
    for told in explain(init(LOGGER), broken, broken):
        assert told.received is not None
        assert told.received.malformed_report is not None
        assert told.received.malformed_report.startswith("a malformed report stays a Reception: ")
        assert (told.records[0].type, told.all_well) == ("Reception", True)


# Loading -----------------------------------------------------------------------------------------


def test_nothing_is_made_and_no_task_is_started(tmp_path: Path, explain: Explain) -> None:
    source = init(
        LOGGER + "kumo.spawn_task { event_name = 'task', args = {} }",
        "kumo.on('task', function() io.open('made', 'w'):close() end)",
    )
    assert explain(source, {"type": "Delivery"})[0].all_well
    assert [path.name for path in tmp_path.iterdir()] == ["init.lua"]


def test_a_policy_that_does_not_load_is_the_error_of_a_run(
    explain: Explain, run_policy: RunPolicy
) -> None:
    source = init("kumo.configure_local_logs { log_dir = 'logs', sufix = 'x' }")
    errors = []
    for load in (explain, run_policy):
        with pytest.raises(PolicyError) as raised:
            load(source)
        errors.append(str(raised.value).rpartition("/")[2].partition(" {")[0])  # Lua has no order
    assert errors[0] == errors[1]
    assert "unknown field `sufix`" in errors[0]


def test_a_policy_without_loggers_explains_that_there_are_none(explain: Explain) -> None:
    assert only(explain(init(""), {"type": "Delivery"})).loggers == []
