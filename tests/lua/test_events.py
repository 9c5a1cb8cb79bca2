"""kumo.on, firing events, and what a filter handler sees of a record."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import RunPolicy, init

from kumolog.errors import PolicyError
from kumolog.host import Host

Heard = Callable[..., list[str]]


def logger(name: str, event: str = "keep", **more: str) -> str:
    keys = "".join(f", {key} = {value}" for key, value in more.items())
    return f"kumo.configure_local_logs {{ log_dir = '{name}', filter_event = '{event}'{keys} }}"


def keeping(body: str, *loggers: str) -> str:
    """A policy whose filter handler `keep` has that body."""
    return init(
        "\n".join(loggers or [logger("logs")]), f"kumo.on('keep', function(msg) {body} end)"
    )


def reception(**fields: Any) -> dict[str, Any]:
    return {
        "type": "Reception",
        "sender": "from@example.com",
        "recipient": "to@example.com",
    } | fields


# kumo.on ----------------------------------------------------------------------------------------


def test_a_second_handler_for_a_single_event_names_both_places(hear: Heard, tmp_path: Path) -> None:
    source = "local kumo = require 'kumo'\nkumo.on('init', function() end)\n\nkumo.on('init', function() end)"
    with pytest.raises(PolicyError) as caught:
        hear(source)
    path = f"{tmp_path}/init.lua"
    assert str(caught.value) == f"{path}:4: init event already has a handler defined at {path}:2"


def test_handlers_of_a_multiple_event_run_in_order_until_one_answers(hear: Heard) -> None:
    source = """
        kumo.on('pre_init', function() kumo.log_info 'first' end)
        kumo.on('pre_init', function() kumo.log_info 'second' return end)
        kumo.on('pre_init', function() kumo.log_info 'third' return nil end)
        kumo.on('pre_init', function() kumo.log_info 'never' end)
        kumo.on('init', function() kumo.log_info 'init' end)
    """
    assert hear(source) == ["first", "second", "third", "init"]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("kumo.on()", "bad argument #1 to kumo.on: expected the name of an event, got nil"),
        (
            "kumo.on(1, print)",
            "bad argument #1 to kumo.on: expected the name of an event, got number",
        ),
        ("kumo.on('x')", 'bad argument #2 to kumo.on("x"): expected a function, got nil'),
        ("kumo.on('x', {})", 'bad argument #2 to kumo.on("x"): expected a function, got table'),
    ],
)
def test_registering_needs_a_name_and_a_function(hear: Heard, call: str, text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        hear(call)
    assert str(caught.value).endswith(f"init.lua:1: {text}")


def test_registering_while_a_handler_runs_is_refused(hear: Heard, run_policy: RunPolicy) -> None:
    with pytest.raises(
        PolicyError, match=r"cannot register a handler for late while the handler of init runs"
    ):
        hear("kumo.on('init', function() kumo.on('late', print) end)")
    logged = run_policy(keeping("kumo.on('late', print)"), [reception()])
    assert (
        "cannot register a handler for late while the handler of keep runs"
        in logged.rejects[0]["error"]
    )


def test_registrations_can_be_listed(hear: Heard, tmp_path: Path) -> None:
    source = """kumo.on('pre_init', function() end)
        kumo.on('pre_init', function() end)
        local list = kumo.get_event_registrars('pre_init')
        kumo.log_info(#list, list[1][1], list[2][1], kumo.get_event_registrars('none'))"""
    assert hear(source) == [f"2 {tmp_path}/init.lua:1 {tmp_path}/init.lua:2 nil"]


def test_the_event_being_handled_is_a_global(run_policy: RunPolicy) -> None:
    body = "return _KUMO_CURRENT_EVENT == 'keep' and rawget(_G, '_KUMO_CURRENT_EVENT') == 'keep'"
    assert len(run_policy(keeping(body), [reception()] * 2).records("logs")) == 2


def test_a_strict_global_table_does_not_disturb_events(run_policy: RunPolicy) -> None:
    strict = """setmetatable(_G, {
        __newindex = function(_, name) error('undeclared ' .. name) end,
        __index = function(_, name) error('unknown ' .. name) end })\n"""
    assert len(run_policy(strict + keeping("return true"), [reception()]).records("logs")) == 1


# What a filter's answer means -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "passes"),
    [
        ("return true", True),
        ("return 0", True),
        ("return ''", True),
        ("return {}", True),
        ("return msg", True),
        ("return false", False),
        ("return nil", False),
        ("return", False),
        ("", False),
        ("return nil, true", False),
        ("return true, false", True),
        ("return select(2, true, false)", False),
    ],
)
def test_only_nil_false_and_nothing_turn_a_record_down(
    run_policy: RunPolicy, answer: str, passes: bool
) -> None:
    counts = run_policy(keeping(answer), [reception()]).summary.loggers[0]
    assert (counts["written"], counts["filtered"], counts["failed"]) == (passes, not passes, 0)


def test_a_filter_with_the_name_of_a_multiple_event_follows_its_rules(
    run_policy: RunPolicy,
) -> None:
    handlers = """
        kumo.on('should_enqueue_log_record', function(msg)
            if msg:get_meta 'n' == 1 then return true end
            if msg:get_meta 'n' == 2 then return nil end
        end)
        kumo.on('should_enqueue_log_record', function(msg) return true end)"""
    source = init(logger("logs", "should_enqueue_log_record", meta="{'n'}"), handlers)
    logged = run_policy(source, [reception(meta={"n": n}) for n in (1, 2, 3)])
    assert [record["meta"]["n"] for record in logged.records("logs")] == [1, 3]


def test_rejections_are_logged_without_asking(run_policy: RunPolicy) -> None:
    logged = run_policy(keeping("error('asked')"), [{"type": "Rejection"}, reception()])
    assert [record["type"] for record in logged.records("logs")] == ["Rejection"]
    assert len(logged.rejects) == 1


def test_disabled_kinds_are_not_asked_about(run_policy: RunPolicy) -> None:
    disabled = logger("logs", per_record="{ Reception = { enable = false } }")
    logged = run_policy(keeping("error('asked')", disabled), [reception()])
    assert (logged.summary.loggers[0]["disabled"], logged.rejects) == (1, [])


def test_handlers_run_record_by_record_and_logger_by_logger(run_policy: RunPolicy) -> None:
    source = init(
        f"{logger('a', 'one')}\n{logger('b', 'two')}",
        "kumo.on('one', function(msg) kumo.log_info(1, msg:get_meta 'n') end)\n"
        "kumo.on('two', function(msg) kumo.log_info(2, msg:get_meta 'n') end)",
    )
    logged = run_policy(source, [reception(meta={"n": n}) for n in (1, 2)])
    assert [text.rsplit(": ", 1)[1] for _, text in logged.diagnostics] == [
        "1 1",
        "2 1",
        "1 2",
        "2 2",
    ]


def test_an_error_fails_the_record_in_its_own_logger_only(
    run_policy: RunPolicy, tmp_path: Path
) -> None:
    source = keeping(
        "error('not this one')", logger("a"), "kumo.configure_local_logs { log_dir = 'b' }"
    )
    logged = run_policy(source, [reception()])
    assert (logged.records("a"), len(logged.records("b"))) == ([], 1)
    assert [(r["log_dir"], r["error"]) for r in logged.rejects] == [
        ("a", f"{tmp_path}/init.lua:6: not this one")
    ]


# Meta -------------------------------------------------------------------------------------------


def test_meta_reads_as_it_stands_in_the_event(run_policy: RunPolicy) -> None:
    body = """
        local t = msg:get_meta 't'
        return math.type(msg:get_meta 'i') == 'integer' and math.type(msg:get_meta 'f') == 'float'
            and msg:get_meta 's' == 'caf\\u{e9}\\0' and msg:get_meta 'yes' == true and msg:get_meta 'no' == false
            and msg:get_meta 'null' == nil and msg:get_meta 'absent' == nil and msg:get_meta '' == 'empty key'
            and msg:get_meta(1) == 'one' and msg:get_meta(1.5) == 'half' and t.a[2] == nil and t.a[3] == 3
            and t.null == nil and #t.empty == 0 and msg:get_meta 'nul\\0key' == 1 and msg:get_meta('i', 'more') == 1"""
    meta = {"i": 1, "f": 1.0, "s": "caf\u00e9\0", "yes": True, "no": False, "null": None, "": "empty key",
            "1": "one", "1.5": "half", "t": {"a": [1, None, 3], "null": None, "empty": []}, "nul\0key": 1}  # fmt: skip
    assert run_policy(keeping(body), [reception(meta=meta)]).summary.loggers[0]["written"] == 1


@pytest.mark.parametrize("key", ["nil", "true", "{}", "print", "msg", "'\\xff'"])
@pytest.mark.parametrize("call", ["msg:get_meta(KEY)", "msg:set_meta(KEY, 1)"])
def test_a_meta_key_is_a_string(run_policy: RunPolicy, call: str, key: str) -> None:
    logged = run_policy(keeping(call.replace("KEY", key)), [reception()])
    assert "the key of a meta value must be a string of UTF-8, not " in logged.rejects[0]["error"]


def test_meta_falls_back_to_the_records_own_fields(run_policy: RunPolicy) -> None:
    body = """kumo.log_info(msg:get_meta 'reception_protocol', msg:get_meta 'tenant', msg:get_meta 'campaign',
        msg:get_meta 'routing_domain', msg:get_meta 'queue', msg:get_meta 'sender')"""
    queue = "news:acme@example.com!relay.example"
    events = [
        reception(reception_protocol="ESMTP", queue=queue),
        reception(
            reception_protocol="ESMTP", queue=queue, meta={"tenant": "own", "campaign": None}
        ),
        reception(queue="example.com"),
    ]
    logged = run_policy(keeping(body), events)
    assert [text.rsplit(": ", 1)[1] for _, text in logged.diagnostics] == [
        "ESMTP acme news relay.example nil nil",
        "ESMTP own nil relay.example nil nil",
        "nil nil nil nil nil nil",
    ]


def test_a_table_from_meta_is_the_handlers_own(run_policy: RunPolicy) -> None:
    body = """local t = msg:get_meta 't'
        t.x, t.list[1], t.list[2] = 'changed', nil, 'more'
        local again = msg:get_meta 't'
        return again.x == 1 and again.list[1] == 'a' and #again.list == 1"""
    meta = {"t": {"x": 1, "list": ["a"]}}
    logged = run_policy(keeping(body, logger("logs", meta="{'t'}")), [reception(meta=meta)])
    assert logged.records("logs")[0]["meta"] == meta


def test_changed_meta_is_seen_by_the_record_and_later_loggers_not_by_earlier_ones(
    run_policy: RunPolicy,
) -> None:
    source = init(
        "\n".join(
            logger(name, event, meta="{'*'}")
            for name, event in (("a", "look"), ("b", "mark"), ("c", "look"))
        ),
        """kumo.on('look', function(msg) kumo.log_info(type(msg:get_meta 'mark'), msg:get_meta 'old') return true end)
        kumo.on('mark', function(msg)
            msg:set_meta('mark', { 1, { x = 2.0 } }) msg:set_meta('old', nil)
            return msg:get_meta('mark')[2].x == 2.0 and msg:get_meta 'old' == nil
        end)""",
    )
    logged = run_policy(source, [reception(meta={"old": 1})] * 2)
    before, after = {"old": 1}, {"old": None, "mark": [1, {"x": 2.0}]}
    for name, meta in (("a", before), ("b", after), ("c", after)):
        assert [record["meta"] for record in logged.records(name)] == [meta] * 2
    seen = [text.split(": ", 1)[1] for _, text in logged.diagnostics]
    assert seen == ["nil 1", "table nil"] * 2


def test_a_change_by_a_handler_that_then_fails_stays_for_later_loggers(
    run_policy: RunPolicy,
) -> None:
    source = init(
        f"{logger('a', 'fail')}\n{logger('b', 'see', meta='{[[k]]}')}",
        "kumo.on('fail', function(msg) msg:set_meta('k', 1) error('after') end)\n"
        "kumo.on('see', function(msg) return msg:get_meta 'k' == 1 end)",
    )
    logged = run_policy(source, [reception()])
    assert [record["meta"] for record in logged.records("b")] == [{"k": 1}]


def test_a_change_of_meta_changes_the_queue_that_it_names(run_policy: RunPolicy) -> None:
    body = """kumo.log_info(msg:queue_name())
        msg:set_meta('tenant', 'acme') kumo.log_info(msg:queue_name())
        msg:set_meta('campaign', 'news') kumo.log_info(msg:queue_name())
        msg:set_meta('routing_domain', 'relay') kumo.log_info(msg:queue_name())
        msg:set_meta('queue', 'own') kumo.log_info(msg:queue_name())
        msg:set_meta('queue', 5) kumo.log_info(pcall(msg.queue_name, msg))
        msg:set_meta('queue', nil) msg:set_meta('tenant', {}) kumo.log_info(pcall(msg.queue_name, msg))
        msg:set_meta('tenant', nil) return true"""
    logged = run_policy(keeping(body), [reception(recipient="to@Example.COM", queue="example.com")])
    said = [text.split(": ", 1)[1] for _, text in logged.diagnostics]
    assert said[:5] == [
        "example.com",
        "acme@example.com",
        "news:acme@example.com",
        "news:acme@example.com!relay",
        "own",
    ]
    assert said[5].startswith("false ")
    assert said[6].startswith("false ")
    assert logged.records("logs")[0]["queue"] == "news:@example.com!relay"


def test_keys_without_end_are_answered_one_by_one(run_policy: RunPolicy) -> None:
    body = "for i = 1, 200 do if msg:get_meta('k' .. i) ~= (i == 150 and 7 or nil) then return false end end return true"
    assert (
        run_policy(keeping(body), [reception(meta={"k150": 7})]).summary.loggers[0]["written"] == 1
    )


# A message stays true to its record -------------------------------------------------------------


def test_a_kept_message_stays_true_to_its_own_record(tmp_path: Path) -> None:
    source = keeping(
        """kept = kept or {}
        kept[#kept + 1] = msg
        for i, old in ipairs(kept) do
            assert(old:get_meta 'n' == i and old:get_meta('t').n == i and old:sender().user == 's' .. i)
            assert(old:id() == ('%032x'):format(i) and old:get_first_named_header_value 'Subject' == 'number ' .. i)
        end
        local first = kept[1]
        first:set_meta('late', (first:get_meta 'late' or 0) + 1)
        return first:get_meta 'late' == #kept and (msg == first or msg:get_meta 'late' == nil)""",
        logger("logs", meta="{'late', 'n'}"),
    )
    (tmp_path / "init.lua").write_text(source)
    events = [
        json.dumps(
            reception(id=f"{n:032x}", sender=f"s{n}@example.com", meta={"n": n, "t": {"n": n}},
                      data=f"Subject: number {n}\r\n\r\n")
        ).encode()
        for n in range(1, 31)
    ]  # fmt: skip
    host = Host.open(tmp_path / "init.lua", root=tmp_path, rejects=tmp_path / "rejects")
    for start in range(0, 30, 5):
        host.log_lines(events[start : start + 5])
    assert host.close().loggers[0]["written"] == 30


def test_a_late_change_does_not_reach_another_record(run_policy: RunPolicy) -> None:
    body = (
        "if old then old:set_meta('k', 'late') end old = msg msg:set_meta('k', 'own') return true"
    )
    logged = run_policy(keeping(body, logger("logs", meta="{'k'}")), [reception()] * 3)
    assert [record["meta"] for record in logged.records("logs")] == [{"k": "own"}] * 3


FLAT = {
    "read": "return msg:get_meta 'tenant' ~= 'x'",
    "changed": "msg:set_meta('k', { 1, 2, 3 }) return true",
    "last kept": "last = msg return true",
    "some kept": "ring = ring or {} at = ((at or 0) + 1) % 20 ring[at] = msg return true",
    "much else kept": "big = big or ('x'):rep(20000000) return true",
    "collector stopped": "collectgarbage('stop') return true",
    "errors": "error(msg:recipient_list())",
}


@pytest.mark.parametrize("body", FLAT.values(), ids=FLAT)
def test_memory_stays_flat_over_many_records(
    run_policy: RunPolicy, tmp_path: Path, body: str
) -> None:
    plain = init("kumo.configure_local_logs { log_dir = 'plain', meta = { '*' } }")
    whole = run_policy(plain, [reception(meta={"tenant": "acme", "fill": "x" * 300})])
    lines = [line.encode() for line in whole.lines("plain")] * 1000
    batches = 200 if body in (FLAT["read"], FLAT["last kept"]) else 40
    assert growth(tmp_path, body, lines, batches) < 30_000_000


def test_memory_stays_flat_over_large_messages(tmp_path: Path) -> None:
    event = reception(data="Subject: x\r\n\r\n" + "y" * 500_000)
    body = "kept = msg return #msg:get_data() > 0 and msg:get_first_named_header_value 'Subject' == 'x'"
    assert growth(tmp_path, body, [json.dumps(event).encode()] * 4, 50) < 60_000_000


def growth(tmp_path: Path, body: str, lines: list[bytes], batches: int) -> int:
    """How many bytes the process grows by over the batches, after as many as it takes to settle."""
    (tmp_path / "init.lua").write_text(keeping(body, logger("logs", meta="{'k'}")))
    with Host.open(tmp_path / "init.lua", root=tmp_path, rejects=Path("/dev/null")) as host:
        for _ in range(batches // 4):
            host.log_lines(lines)
        before = resident()
        for _ in range(batches):
            host.log_lines(lines)
        return resident() - before


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_an_error_of_a_handler_never_has_a_place_of_the_hosts(
    run_policy: RunPolicy, level: int
) -> None:
    logged = run_policy(keeping(f"error('bad score', {level})"), [reception()])
    (reject,) = logged.rejects
    place, _, text = reject["error"].rpartition(": ")
    assert place.endswith(".lua:5")
    assert text == "bad score"
    assert "kumolog" not in reject["error"]
