"""The bench as a spec in Lua has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import init

from kumolog.errors import PolicyError
from kumolog.luavalue import LuaTable
from kumolog.testing.lua_bench import LuaBenches
from kumolog.testing.luaspec import SpecFile

POLICY = init(
    """kumo.configure_local_logs { log_dir = 'logs', max_segment_duration = '1m', filter_event = 'keep', meta = { 'list' },
      per_record = { Any = {}, Bounce = { suffix = '_b', template = '{{ id }}' } } }
    kumo.define_spool { name = 'data', path = '/x' }""",
    """
    kumo.on('keep', function(msg) if msg:get_meta 'boom' then error 'boom' end return not msg:get_meta 'spam' end)
    kumo.on('values', function(...) return ... end)
    kumo.on('ask', function(name) local found = kumo.dns.lookup_txt(name) return found end)
    kumo.on('fetch', function(url)
      local client = kumo.http.build_client {}
      return client:get(url, { headers = { a = 'b' } }):send():status_code()
    end)
    kumo.on('verify', function(msg) return msg:dkim_verify() end)
    kumo.on('smtp_server_mail_from', function(sender, connection)
      if sender.domain == 'bad.com' then kumo.reject(550, '5.7.1 no') end
      connection:set_meta('seen', sender.email)
    end)
    kumo.on('read', function() return io.open('/etc/a'):read 'a', os.time() end)
    """,
)

Run = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs the body of a test in Lua, in which ``p`` is the policy on its bench."""
    (tmp_path / "init.lua").write_text(POLICY)
    opened: list[LuaBenches] = []

    def run(body: str, options: str = "{}") -> None:
        spec = tmp_path / "a_spec.lua"
        spec.write_text(
            f"local bench = require 'bench'\nit('works', function()\nlocal p = bench.load('init.lua', {options})\n{body}\nend)"
        )
        benches = LuaBenches(lambda name: tmp_path / name)
        opened.append(benches)
        file = SpecFile.load(spec, {"bench": {"load": benches.load}})
        (item,) = file.items
        outcome = file.run(item)
        assert outcome.state == "passed", str(outcome)

    yield run
    for each in opened:
        each.close()


def test_events_are_logged_and_asked_for(run: Run) -> None:
    run("""
        local told = p:log { type = 'Delivery', sender = 'a@b.c', meta = { list = { 1, 2 } } }
        assert.equal('written', told[1].outcome)
        assert.equal('a@b.c', told[1].record.sender)
        assert.same({ 1, 2 }, told[1].record.meta.list)
        p:log { { type = 'Bounce', id = 'x' }, { type = 'Delivery', meta = { spam = true } } }
        p:log '{"type":"Delivery","meta":{"boom":1}}'
        assert.same({ 'x' }, p:logged('logs', '_b'))
        assert.same({ 'x' }, p:lines(nil, '_b'))
        assert.equal(2, #p:logged())
        assert.equal('filtered', p:decisions()[3].outcome)
        assert.truthy(p:rejects()[1].error:find 'boom')
        assert.equal(4, #p:decisions())
    """)


def test_several_events_are_logged_at_once(run: Run) -> None:
    run("""
        local told = p:log({ type = 'Delivery' }, { { type = 'Bounce' }, '{"type":"OOB"}' }, '{"type":"Delivery"}')
        assert.equal(4, #told)
        assert.has_error(function() p:log({ type = 'Delivery' }, true) end)
        assert.equal(4, #p:decisions())
    """)


def test_an_error_of_a_fired_handler_says_how_the_policy_came_there(tmp_path: Path) -> None:
    (tmp_path / "helper.lua").write_text("return function(x)\n  return x.y.z\nend\n")
    (tmp_path / "init.lua").write_text(
        "local help = require 'helper'\nkumo.on('asked', function(x)\n  local y = help(x)\n  return y\nend)\n"
    )
    policy: Any = LuaBenches(lambda name: tmp_path / name).load("", "init.lua")
    with pytest.raises(PolicyError) as caught:
        policy.fire("asked", LuaTable())
    first, caller = str(caught.value).splitlines()
    assert first.startswith(f"{tmp_path}/helper.lua:2: attempt to index a nil value")
    assert caller == f"  called from {tmp_path}/init.lua:3"


def test_the_clock_is_steered_and_segments_follow(run: Run) -> None:
    run(
        """
        p:log { type = 'Delivery' }
        p:advance '2m'
        p:advance(1)
        p:log { type = 'Delivery' }
        local first, second = p:segments()[1], p:segments()[2]
        assert.same({ '20240501-120000', true }, { first.name, first.finished })
        assert.same({ '20240501-120201', false }, { second.name, second.finished })
        p:freeze(0)
        p:freeze '1970-01-01T00:00:05Z'
        assert.equal(5, p:fire('read').results[2])
        p:freeze()
        p:close()
        assert.is_true(p:segments()[2].finished)
        """,
        "{ at = '2024-05-01T12:00:00Z', files = { ['/etc/a'] = 'x' } }",
    )


def test_events_are_fired_with_values_and_objects(run: Run) -> None:
    run("""
        assert.same({ 1, 'x', { a = { true } } }, p:fire('values', 1, 'x', { a = { true } }).results)
        assert.equal(1, p:fire('values', 1).value)
        assert.same({}, p:fire('values').results)
        local connection = p:connection { via = 'mx' }
        assert.same({ code = 550, text = '5.7.1 no' },
          p:fire('smtp_server_mail_from', p:address 'a@bad.com', connection).rejection)
        assert.is_nil(p:fire('smtp_server_mail_from', p:address 'a@b.c', connection).rejection)
        assert.equal('a@b.c', connection:get_meta 'seen')
        local message = p:message { sender = 'a@b.c', meta = { x = 1 } }
        assert.equal('a@b.c', message:sender().email)
        message:set_meta('x', 2)
        assert.equal(2, message:get_meta 'x')
    """)


def test_functions_of_a_spec_are_mocks(run: Run) -> None:
    run(
        """
        local urls = {}
        assert.equal('early', p:fire('ask', 'x').value)
        p:mock('kumo.dns.lookup_txt', function(name) return { name, [2] = 'b' } end)
        assert.same({ 'x', 'b' }, p:fire('ask', 'x').value)
        p:mock('kumo.http.build_client', function()
          return { get = function(self, url, options)
            urls[#urls + 1] = url .. options.headers.a
            return { send = function() return { status_code = function() return 201 end } end }
          end }
        end)
        assert.equal(201, p:fire('fetch', 'http://x').value)
        assert.same({ 'http://xb' }, urls)
        p:mock('message:dkim_verify', function(msg) return msg:sender().email end)
        assert.equal('a@b.c', p:fire('verify', p:message { sender = 'a@b.c' }).value)
        local call = p:calls('kumo.dns.lookup_txt')[2]
        assert.same({ 'x' }, call.arguments)
        assert.truthy(call.place:find 'init.lua:%d')
        assert.equal('kumo.define_spool', p:calls()[1].name)
        """,
        "{ mocks = { ['kumo.dns.lookup_txt'] = function() return 'early' end } }",
    )


def test_an_error_of_a_mock_is_one_of_the_policy(run: Run) -> None:
    run("""
        p:mock('kumo.dns.lookup_txt', function() error 'no network' end)
        local ok, problem = pcall(p.fire, p, 'ask', 'x')
        assert.is_false(ok)
        assert.truthy(problem:find 'no network', problem)
        assert.truthy(problem:find 'a_spec.lua', problem)
        p:mock('kumo.dns.lookup_txt', function() return 'fine' end)
        assert.equal('fine', p:fire('ask', 'x').value)
    """)


def test_a_mock_may_use_the_policy_again(run: Run) -> None:
    run("""
        p:mock('kumo.dns.lookup_txt', function(name)
          if name == 'deep' then return 'end' end
          return p:fire('ask', 'deep').value .. '!'
        end)
        assert.equal('end!', p:fire('ask', 'x').value)
    """)


def test_what_a_policy_says_is_told(run: Run) -> None:
    run("assert.same({}, p:diagnostics())")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("p:mock('kumo.dns.lookup_txt', 1)", "a function is needed, not a integer"),
        ("p:logged 'nowhere'", "no logger has the log_dir 'nowhere'"),
        ("p:log(nil)", "Policy.log"),
        ("p:fire 'nothing'", "no handler"),
        ("p:advance {}", "Policy.advance"),
        ("p:freeze 'noon'", "ISO 8601"),
        ("p:address 'a@b@c'", "a@b@c"),
        ("p:message { type = 'Nope' }", "Nope"),
        ("bench.load('init.lua', { fils = {} })", "there is no option 'fils'"),
        ("bench.load('init.lua', 1)", "its options are a table"),
        ("bench.load('init.lua', { files = 1 })", "files is a table"),
        ("bench.load 'missing.lua'", "missing.lua: No such file"),
    ],
)
def test_wrong_use_is_told_as_a_lua_error(run: Run, body: str, why: str) -> None:
    run(
        f"local ok, problem = pcall(function() {body} end)\nassert.is_false(ok)\nassert.truthy(tostring(problem):find([==[{why}]==], 1, true), problem)"
    )


def test_an_options_value_reaches_the_bench(run: Run) -> None:
    run(
        "assert.equal('failed', p:log { type = 'Delivery', meta = { boom = 1 } }[1].outcome)",
        "{ handler_timeout = 0.5, load_timeout = 5, allow_missing_handlers = true }",
    )


def test_closing_closes_all(tmp_path: Path) -> None:
    (tmp_path / "init.lua").write_text(POLICY)
    benches = LuaBenches(lambda name: tmp_path / name)
    policy: Any = benches.load("", "init.lua")
    policy.log('{"type":"Delivery"}')
    benches.close()
    assert policy.segments()[0]["finished"]


def test_functions_that_an_event_gives_can_be_called(tmp_path: Path) -> None:
    (tmp_path / "init.lua").write_text("""
        kumo.on('make.webhook', function(domain)
          local sent = 0
          local connection = {}
          function connection:send(msg)
            sent = sent + 1
            if msg:get_meta 'bad' then kumo.reject(500, 'no: ' .. domain) end
            if msg:get_meta 'slow' then while true do end end
            return domain .. ' ' .. msg:get_data() .. sent, { again = function(n) return n + 1 end }
          end
          return { connection = connection, plain = 1 }
        end)""")
    spec = tmp_path / "a_spec.lua"
    spec.write_text("""local bench = require 'bench'
    it('works', function()
      local policy = bench.load 'init.lua'
      local made = policy:fire('make.webhook', 'x.example').value
      assert.equal(1, made.plain)
      local message = policy:message { data = 'hi' }
      assert.equal('x.example hi1', made.connection:send(message))
      assert.equal('x.example hi2', made.connection:send(message))
      local ok, problem = pcall(made.connection.send, made.connection, policy:message { meta = { bad = true } })
      assert.is_false(ok)
      assert.matches('reject%(500.*no: x.example', problem)
    end)
    it('fails where such a function runs on', function()
      local policy = bench.load('init.lua', { load_timeout = 0.2 })
      local made = policy:fire('make.webhook', 'x').value
      assert.error_matches(function() made.connection:send(bench.load('init.lua'):message {}) end, 'message of another policy')
      made.connection:send(policy:message { meta = { slow = true } })
    end)""")
    benches = LuaBenches(lambda name: tmp_path / name)
    file = SpecFile.load(spec, {"bench": {"load": benches.load}})
    works, runs_on = [file.run(item) for item in file.items]
    benches.close()
    assert works.state == "passed", str(works)
    assert "ran for more than 0.2s without returning" in str(runs_on)
