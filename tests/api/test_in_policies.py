"""API functions that are partly Lua, or that reach back into the policy, in real policies."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support import Logged, RunPolicy, init

from kumolog.policy import Policy

LOGGER = "kumo.configure_local_logs { log_dir = 'out' }"


def said(logged: Logged) -> list[str]:
    return [text.split(": ", 1)[1] for level, text in logged.diagnostics if level == "info"]


def load(tmp_path: Path, source: str) -> list[str]:
    texts: list[str] = []
    (tmp_path / "init.lua").write_text(source)
    Policy(tmp_path / "init.lua", lambda _level, text: texts.append(text.split(": ", 1)[1])).load()
    return texts


def test_a_memoized_function_is_called_once_for_the_same_arguments(tmp_path: Path) -> None:
    source = """
        local calls = 0
        local square = kumo.memoize(function(n) calls = calls + 1 return n * n end,
          { name = 'square', ttl = '1h', capacity = 10 })
        kumo.log_info(square(3), square(3), square(4), calls)
        local pair = kumo.memoize(function() return 'a', { x = 1 } end, { name = 'pair', ttl = 5, capacity = 1 })
        local kept = pair()
        kept[2].x = 2
        kumo.log_info(kept[1], pair()[2].x, type(kept[2]))
        kumo.log_info(pcall(kumo.memoize, function() end, { name = 'x' }))"""
    first, second, third = load(tmp_path, source)
    assert first == "9 9 16 2"
    assert second == "a 1 userdata"
    assert third.startswith("false deserialize error: missing field")


def test_traceback_tells_the_frames_of_the_policy(tmp_path: Path) -> None:
    source = """
        local function inner() local frames = kumo.traceback(1) return frames end
        local function outer() local frames = inner() return frames end
        local frames = outer()
        kumo.log_info(frames[2].name, frames[2].curr_line, frames[2].what, #frames >= 2)"""
    assert load(tmp_path, source) == ["outer 3 Lua true"]


def test_a_made_message_has_its_envelope_and_its_own_meta(tmp_path: Path) -> None:
    source = """
        local msg = kumo.make_message('a@Example.COM', 'b@example.org', 'Subject: hi\\r\\n\\r\\nbody')
        msg:set_meta('tenant', 't')
        kumo.log_info(msg:sender(), msg:recipient().domain, msg:get_first_named_header_value('subject'))
        kumo.log_info(#msg:id(), msg:get_meta('tenant'), msg:get_meta('other'), msg:queue_name())
        kumo.log_info(pcall(kumo.make_message, 'nonsense', 'b@example.org', ''))"""
    first, second, third = load(tmp_path, source)
    assert first == "a@example.com example.org hi"
    assert second == "32 t nil t@example.org"
    assert third.startswith("false ")


def test_records_that_come_unclassified_are_classified(
    run_policy: RunPolicy, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[rules]\nQuotaIssues = ["^552 5\\\\.2\\\\.2"]\nSpamBlock = ["blocked"]\n')
    body = f"kumo.configure_bounce_classifier {{ files = {{ '{rules}' }} }} {LOGGER}"
    reply = {"code": 552, "enhanced_code": {"class": 5, "subject": 2, "detail": 2}}
    events = [
        {"type": "Bounce", "response": reply | {"content": "full"}},
        {"type": "Bounce", "response": {"code": 550, "content": "you are blocked"}},
        {"type": "Bounce", "response": {"code": 550, "content": "no"}},
        {"type": "Delivery", "response": {"content": "blocked"}},
        {"type": "Bounce", "response": {"content": "blocked"}, "bounce_classification": "Mine"},
    ]
    classes = [r["bounce_classification"] for r in run_policy(init(body), events).records("out")]
    assert classes == ["QuotaIssues", "SpamBlock", "Uncategorized", "Uncategorized", "Mine"]


def test_disposition_hooks_are_shown_records_with_nulls_that_are_not_nil(
    run_policy: RunPolicy,
) -> None:
    body = f"""kumo.configure_log_disposition_hook {{ name = 'h', per_record = {{ Delivery = {{ enable = false }} }} }}
        {LOGGER}"""
    rest = """kumo.on('log_disposition_h', function(msg, record)
        kumo.log_info(record.type, record.feedback_report ~= nil, record.size, next(record.meta),
          msg:get_meta 'x', record.response.code)
        if record.size == 2 then error('two') end
      end)"""
    kinds = ["Reception", "Delivery", "Rejection", "OOB", "Bounce"]
    events = [{"type": k, "size": n, "meta": {"x": n}} for n, k in enumerate(kinds)]
    events += [{"type": "Bounce", "size": 2}, {"type": "Bounce", "reception_protocol": "LogRecord"}]
    logged = run_policy(init(body, rest), events)
    assert said(logged) == [
        "Reception true 0 nil 0 250",
        "Bounce true 4 nil 4 550",
        "Bounce true 2 nil nil 550",
    ]
    (problem,) = [text for level, text in logged.diagnostics if level == "error"]
    assert "log_disposition_h: " in problem
    assert "two" in problem
    assert len(logged.records("out")) == 7


def test_a_task_runs_beside_the_policy_in_a_state_of_its_own(run_policy: RunPolicy) -> None:
    body = f"""marker = 'init'
        kumo.spawn_task {{ event_name = 'task', args = {{ 'a', 5 }} }}
        kumo.on = nil
        {LOGGER}"""
    rest = """kumo.on('task', function(args)
        kumo.log_info('task', marker, args[1], args[2])
        kumo.mpsc.define('done'):send('yes')
      end)
      kumo.on('shutdown_logging', function() kumo.log_info(kumo.mpsc.define('done'):recv()) end)"""
    logged = run_policy(init(body, rest), [{"type": "Delivery"}])
    assert set(said(logged)) == {"task nil a 5", "yes"}


def test_a_task_that_never_ends_does_not_hold_up_the_end(run_policy: RunPolicy) -> None:
    body = f"kumo.spawn_task {{ event_name = 'task', args = {{}} }} {LOGGER}"
    rest = "kumo.on('task', function() while true do end end)"
    started = time.monotonic()
    logged = run_policy(init(body, rest), [{"type": "Delivery"}])
    assert len(logged.records("out")) == 1
    assert time.monotonic() - started < 60


def test_handles_on_the_network_can_be_prepared_and_refuse_when_used(tmp_path: Path) -> None:
    source = """
        local client = kumo.http.build_client {}
        local request = client:get('https://example.com/'):header('x', 'y'):timeout('5s')
        kumo.log_info(type(request), pcall(request.send, request))
        kumo.log_info(pcall(function() local r = require 'redis' return r.open { node = 'redis://x/' } end))"""
    first, second = load(tmp_path, source)
    assert first.startswith("userdata false http_request:send is not available in kumolog: ")
    assert second.startswith("true redis_conn: ")


def test_sqlite_is_a_module(tmp_path: Path) -> None:
    source = f"""
        local sqlite = require 'sqlite'
        local db = sqlite.open '{tmp_path}/x.db'
        kumo.log_info(db:execute('create table t (a, b)'), db:execute('insert into t values (?, ?)', 1, 'x'))
        local rows = db:execute('select a, b from t where a = :a', {{ a = 1 }})
        kumo.log_info(rows[1].a, rows[1].b, db:execute('select b from t')[1], pcall(db.execute, db, 'nonsense'))
        db:close()"""
    first, second = load(tmp_path, source)
    assert first == "0 1"
    assert second.startswith("1 x x false sqlite: executing 'nonsense': ")


@pytest.mark.parametrize("wait", ["recv()", "recv_many(3)", "send(1) q:send(2)"])
def test_a_task_that_waits_for_a_queue_is_ended_without_a_word(
    run_policy: RunPolicy, wait: str
) -> None:
    waiting = f"""kumo.on('task', function()
        local q = kumo.mpsc.define('q', 1) kumo.mpsc.define('begun'):send(true) q:{wait}
        kumo.log_error 'it came' end)"""
    body = """kumo.configure_local_logs { log_dir = 'a' }
      kumo.spawn_task { event_name = 'task', args = {} } kumo.mpsc.define('begun'):recv()"""
    assert run_policy(init(body, waiting)).diagnostics == []


def test_a_task_may_start_another(run_policy: RunPolicy) -> None:
    tasks = """kumo.on('one', function() kumo.spawn_task { event_name = 'two', args = { 'x' } } end)
      kumo.on('two', function(args) kumo.mpsc.define('q'):send(args[1]) end)"""
    body = """kumo.configure_local_logs { log_dir = 'a' }
      kumo.spawn_task { event_name = 'one', args = {} }
      kumo.log_info(kumo.mpsc.define('q'):recv())"""
    ((level, said),) = run_policy(init(body, tasks)).diagnostics
    assert (level, said.rpartition(" ")[2]) == ("info", "x")


def test_a_file_that_starts_a_task_as_it_runs_starts_one(run_policy: RunPolicy) -> None:
    source = """kumo.spawn_task { event_name = 'one', args = {} }
      kumo.on('one', function() kumo.log_info 'once' kumo.mpsc.define('q'):send(1) end)"""
    body = """kumo.configure_local_logs { log_dir = 'a' } kumo.mpsc.define('q'):recv()"""
    (diagnostic,) = run_policy(init(body, source)).diagnostics
    assert diagnostic[1].endswith("once")


@pytest.mark.parametrize(
    "call",
    [
        "kumo.sleep(0)",
        "kumo.mpsc.define('q', 1)",
        "kumo.secrets.load { event_name = 'key', event_args = { 1 } }",
        "assert(not pcall(kumo.configure_log_hook))",
        "assert(kumo.nothing == nil)",
    ],
)
def test_a_coroutine_may_call_the_api_first_of_all(run_policy: RunPolicy, call: str) -> None:
    body = f"""kumo.configure_local_logs {{ log_dir = 'a' }}
      local co = coroutine.wrap(function(...) {call} coroutine.yield(...) end)
      kumo.log_info(co(1, 2, 3))"""
    logged = run_policy(init(body, "kumo.on('key', function() return 'x' end)"))
    assert logged.diagnostics[0][1].endswith(": 1 2 3")


def test_a_handler_cannot_wait_longer_than_it_may_take(run_policy: RunPolicy) -> None:
    keep = "kumo.on('keep', function() kumo.sleep(6) end)"
    source = init("kumo.configure_local_logs { log_dir = 'a', filter_event = 'keep' }", keep)
    (reject,) = run_policy(source, [{"type": "Delivery"}]).rejects
    assert "kumo.time.sleep(6) would outlast the 5 seconds" in reject["error"]


def test_a_task_that_sleeps_is_ended_without_a_word(run_policy: RunPolicy) -> None:
    body = f"kumo.spawn_task {{ event_name = 'task', args = {{}} }} {LOGGER}"
    rest = "kumo.on('task', function() while true do kumo.sleep(60) end end)"
    assert run_policy(init(body, rest), [{"type": "Delivery"}]).diagnostics == []


def test_a_task_without_a_handler_is_a_diagnostic(run_policy: RunPolicy) -> None:
    body = f"kumo.spawn_task {{ event_name = 'nobody', args = {{}} }} kumo.sleep(0.3) {LOGGER}"
    ((level, text),) = run_policy(init(body), []).diagnostics
    assert level == "error"
    assert "the task nobody: nobody handles its event" in text


def test_a_used_up_stack_is_an_error_of_its_event_alone(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'out', filter_event = 'f' }"
    rest = """local n = 0
      local function deep(msg)
        n = n + 1
        if n < 199980 then return deep(msg) + 0 end
        msg:set_meta('x', { 1, { 2 } })
        return deep(msg)
      end
      kumo.on('f', function(msg) return msg:get_meta 'ok' or deep(msg) end)"""
    events = [{"type": "Delivery"}, {"type": "Delivery", "meta": {"ok": True}}]
    logged = run_policy(init(body, rest), events)
    assert (logged.summary.loggers[0]["failed"], logged.summary.loggers[0]["written"]) == (1, 1)
    assert len(logged.rejects) == 1


def test_a_memoized_function_that_calls_itself_for_ever_runs_out_of_time(
    run_policy: RunPolicy,
) -> None:
    body = "kumo.configure_local_logs { log_dir = 'out', filter_event = 'f' }"
    rest = """local h
      h = kumo.memoize(function(a) return h(a) end, { name = 'h', ttl = '50s', capacity = 9 })
      kumo.on('f', function(msg) return msg:get_meta 'ok' or h(1) end)"""
    events = [{"type": "Delivery"}, {"type": "Delivery", "meta": {"ok": True}}]
    logged = run_policy(init(body, rest), events, handler_timeout=0.5)
    assert (logged.summary.loggers[0]["failed"], logged.summary.loggers[0]["written"]) == (1, 1)
