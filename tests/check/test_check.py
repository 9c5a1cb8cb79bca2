"""The check: each thing it finds, and what it must not find."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from check.checks import LOGGER, Check, codes, logger, only
from support import init

from kumolog.check import Finding, check_policy


def test_a_good_policy_is_clean(check: Check) -> None:
    outcome = check(init(LOGGER))
    assert (outcome.loads, outcome.all_well, outcome.findings) == (True, True, [])
    assert outcome.configured == ["init.lua:3: logger out"]


def test_a_logger_is_described_by_what_differs_from_the_defaults(check: Check) -> None:
    settings = """filter_event = 'f', meta = { 'a', 'b' }, headers = { 'Subject' },
      max_segment_duration = 90, per_record = { OOB = {}, Any = { enable = false },
      Bounce = { suffix = '.b', template = 'x', log_dir = '/b', segment_header = 'h' } }"""
    outcome = check(logger(settings) + "kumo.on('f', function() end)")
    assert outcome.configured == [
        "init.lua:3: logger out; filter f (init.lua:8); "
        "Bounce (template, log_dir, suffix, segment_header); OOB; Any (off); "
        "meta a, b; headers Subject; new segment every 1m 30s"
    ]


def test_the_policy_sees_that_it_is_only_validated(check: Check) -> None:
    check_it = "if _VALIDATING_CONFIG ~= true then error('for real') end"
    assert check(f"{check_it}\n{init(LOGGER)}").loads


# policy-error, bad-parameters, diagnostic, no-logger ---------------------------------------------


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("x =", 1, "unexpected symbol near <eof>"),
        ("\nerror('12:30: too late')", 2, "12:30: too late"),
        (init("error('no')"), 3, "no"),
        ("local kumo = require 'kumo'\nkumo.on('pre_init', function() error('no') end)", 2, "no"),
    ],
)
def test_a_policy_that_does_not_load_is_an_error_at_its_place(
    check: Check, source: str, line: int, message: str
) -> None:
    outcome = check(source)
    assert not outcome.loads
    assert not outcome.all_well
    assert only(outcome) == Finding("init.lua", line, "error", "policy-error", message)


def test_an_error_in_a_module_is_placed_there(check: Check) -> None:
    outcome = check("require 'helper'", helper="\n\nerror('no')")
    assert only(outcome).file.endswith("helper.lua")
    assert (only(outcome).line, only(outcome).message) == (3, "no")
    assert any("init.lua:1" in frame for frame in outcome.frames)


def test_a_missing_policy_is_an_error_without_a_line(check: Check) -> None:
    finding = only(check_policy("missing.lua"))
    assert (finding.file, finding.line) == ("missing.lua", 0)
    assert finding.message == "No such file or directory"


def test_a_policy_whose_name_is_not_utf_8_can_be_reported(check: Check) -> None:
    name = os.fsdecode(b"\xff.lua")
    Path(name).write_text(init("error('no')"))
    finding = only(check_policy(name))
    assert (finding.file, finding.line, finding.code) == ("\\xff.lua", 3, "policy-error")


def test_all_refused_parameters_are_found_at_once(check: Check) -> None:
    body = """kumo.configure_local_logs { log_dri = 'x' }
      kumo.configure_local_logs { log_dir = 'x', max_file_size = 1e9 }
      kumo.configure_local_logs { log_dir = 'x', per_record = { Any = { template = '{{' } } }"""
    outcome = check(init(body))
    assert outcome.loads
    assert not outcome.all_well
    assert codes(outcome) == ["bad-parameters"] * 3
    assert [finding.line for finding in outcome.findings] == [3, 4, 5]
    first, second, third = (finding.message for finding in outcome.findings)
    assert "did you mean `log_dir`?" in first
    assert "floating point" in second
    assert "compiling template" in third


def test_what_the_policy_reports_as_an_error_is_shown(check: Check) -> None:
    outcome = check(init(f"{LOGGER}\nkumo.log_error('look', 1)\nkumo.log_warn('not this')"))
    assert only(outcome) == Finding("init.lua", 4, "info", "diagnostic", "look 1")
    assert outcome.all_well


def test_a_policy_without_a_logger_is_a_warning(check: Check) -> None:
    outcome = check(init(""))
    assert (only(outcome).level, only(outcome).code) == ("warning", "no-logger")
    assert outcome.all_well


# validation-failed -------------------------------------------------------------------------------


def test_the_policys_own_validation_runs_after_init(check: Check) -> None:
    rest = """kumo.on('validate_config', function() ready = ready or error 'init comes first' end)
      kumo.on('validate_config', function()
        if ready then kumo.validation_failed() end
      end)"""
    outcome = check(init(f"{LOGGER}\nready = true", rest))
    message = "the policy calls kumo.validation_failed()"
    assert only(outcome) == Finding("init.lua", 8, "error", "validation-failed", message)
    assert outcome.loads
    assert not outcome.all_well
    assert outcome.configured == ["init.lua:3: logger out"]


def test_a_validation_that_raises_has_failed_and_hides_nothing_else(check: Check) -> None:
    rest = """local function f() error 'no queue' end
      kumo.on('validate_config', function()
        kumo.validation_failed()
        f()
      end)"""
    outcome = check(init("", rest))
    assert codes(outcome) == ["no-logger", "validation-failed", "validation-failed"]
    raised = outcome.findings[1]
    assert (raised.line, raised.level, raised.message) == (5, "error", "no queue")
    assert [frame.split(": in ")[0] for frame in outcome.frames] == ["init.lua:5", "init.lua:8"]
    assert outcome.loads


def test_a_first_handler_that_answers_ends_the_validation(check: Check) -> None:
    rest = """kumo.on('validate_config', function() return nil end)
      kumo.on('validate_config', function() kumo.validation_failed() end)"""
    assert check(init(LOGGER, rest)).findings == []


def test_a_policy_may_fail_its_validation_at_any_time(check: Check) -> None:
    finding = only(check(init(f"{LOGGER} kumo.validation_failed()")))
    assert (finding.line, finding.code) == (3, "validation-failed")


REFUSED = "kumo.dns.lookup_mx('example.com')"


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        (init(f"{LOGGER} {REFUSED}"), "policy-error", 3),
        (
            init(LOGGER, f"kumo.on('validate_config', function()\n{REFUSED}\nend)"),
            "validation-failed",
            6,
        ),
    ],
)
def test_a_call_of_what_cannot_be_had_is_an_error_at_its_place(
    check: Check, source: str, code: str, line: int
) -> None:
    finding = only(check(source))
    assert (finding.level, finding.code, finding.line) == ("error", code, line)
    assert finding.message.startswith("kumo.dns.lookup_mx is not available in kumolog: ")


def test_parameters_that_the_policy_only_tries_are_refused_there(check: Check) -> None:
    body = f"""{LOGGER}
      local function try(catch, f) assert(not catch(f, {{ nme = 1 }})) end
      local function handler(problem) return problem end
      try(pcall, kumo.configure_local_logs) try(pcall, kumo.configure_log_hook)
      try(pcall, function(t) kumo.configure_bounce_classifier(t) end)
      try(function(f, t) return xpcall(f, handler, t) end, kumo.configure_log_disposition_hook)"""
    assert check(init(body)).findings == []


def test_one_that_the_policy_guards_is_none(check: Check) -> None:
    guarded = (
        "pcall(function() kumo.mimepart.parse(''):rebuild() end) pcall(kumo.dns.lookup_mx, 'x')"
    )
    source = init(f"{LOGGER} {guarded}", f"kumo.on('validate_config', function() {guarded} end)")
    assert check(source).findings == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("kumo.define_spool { nme = 'data', path = '/x' }", "unknown field `nme`"),
        ("kumo.start_esmtp_listener { listen = 25 }", "deserialize error"),
        ("kumo.set_httpinject_threads 'many'", "bad argument #1"),
    ],
)
def test_wrong_arguments_of_functions_without_effect_are_found_at_their_place(
    check: Check, call: str, message: str
) -> None:
    finding = only(check(init(f"{LOGGER}\n{call}")))
    assert (finding.line, finding.level, finding.code) == (4, "error", "policy-error")
    assert message in finding.message


def test_a_task_is_not_started(check: Check) -> None:
    body = f"{LOGGER} kumo.spawn_task {{ event_name = 'tick', args = {{}} }}"
    outcome = check(init(body, "kumo.on('tick', function() kumo.validation_failed() end)"))
    assert outcome.findings == []


# missing-handler, unknown-event ------------------------------------------------------------------


def test_a_filter_without_handler_is_an_error_with_the_nearest_name(check: Check) -> None:
    outcome = check(logger("filter_event = 'is_smpt'") + "kumo.on('is_smtp', function() end)")
    finding = next(f for f in outcome.findings if f.level == "error")
    assert (finding.line, finding.code) == (3, "missing-handler")
    assert "did you mean `is_smtp`?" in finding.message
    assert not outcome.all_well


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("pre_initt", "pre_init"),
        ("get_queue_confg", "get_queue_config"),
        ("smtp_server_message_recieved", "smtp_server_message_received"),
        ("validate_conf", "validate_config"),
    ],
)
def test_a_handler_of_a_misspelt_event_is_a_warning_with_the_right_name(
    check: Check, name: str, meant: str
) -> None:
    finding = only(check(init(LOGGER, f"kumo.on('{name}', function() end)")))
    assert (finding.line, finding.level, finding.code) == (5, "warning", "unknown-event")
    assert f"nothing fires the event `{name}`" in finding.message
    assert finding.message.endswith(f"did you mean `{meant}`?")


def test_a_handler_that_nothing_fires_is_only_noted(check: Check) -> None:
    finding = only(check(init(LOGGER, "kumo.on('my_own_business', function() end)")))
    assert (finding.level, finding.code) == ("info", "unknown-event")
    assert "did you mean" not in finding.message


def test_a_misspelt_event_in_a_module_is_found_there(check: Check) -> None:
    module = "local kumo = require 'kumo'\nkumo.on('shutdown_loging', function() end)"
    finding = only(check("require 'hooks'\n" + init(LOGGER), hooks=module))
    assert finding.file.endswith("hooks.lua")
    assert (finding.line, finding.code) == (2, "unknown-event")


FIRED = {
    "KumoMTA's own events": """
        for _, name in ipairs { 'smtp_server_message_received', 'http_message_generated' } do
          kumo.on(name, function() end)
        end
        kumo.on('validate_config', function() end)
        kumo.on('get_queue_config', function() error('not fired') end)""",
    "a constructor that a handler names": """
        kumo.on('get_queue_config', function(domain)
          return kumo.make_queue_config { protocol = { custom_lua = { constructor = 'make.it' } } }
        end)
        kumo.on('make.it', function() return {} end)""",
    "names put together at run time": """
        for _, name in ipairs { 'a', 'b' } do kumo.on('make.' .. name, function() end) end
        kumo.on(('mak%s'):format('e'), function() end)""",
    "names that are constants": """
        local EVENT = 'init_'
        kumo.on(EVENT, function() end)
        kumo.on('get_queue_config', function() return { constructor = EVENT } end)""",
    "an event of a task": """
        kumo.on('tick', function() end)
        kumo.on('pre_init', function()
          kumo.spawn_task { event_name = 'ti' .. 'ck', args = {} }
        end)""",
}


@pytest.mark.parametrize("rest", FIRED.values(), ids=FIRED)
def test_events_that_are_fired_or_may_be_are_not_remarked_on(check: Check, rest: str) -> None:
    assert check(init(LOGGER, rest)).findings == []


def test_an_event_that_only_another_module_names_is_not_remarked_on(check: Check) -> None:
    queues = "return { hook = { constructor = 'make.hook' } }"
    makers = "local kumo = require('kumo')\nkumo.on('make.hook', function() end)"
    source = "local queues = require 'queues'\nrequire 'makers'\n" + init(LOGGER)
    assert check(source, queues=queues, makers=makers).findings == []
    nested = "return require('queues')"
    source = "local all = require 'nested'\nrequire 'makers'\n" + init(LOGGER)
    assert check(source, queues=queues, makers=makers, nested=nested).findings == []


def test_modules_that_require_each_other_are_read_once(check: Check) -> None:
    a = "local kumo = require 'kumo'\nlocal b = function() return require 'b' end\nreturn {}"
    source = "require 'a'\n" + init(LOGGER, "kumo.on('odd', function() end)")
    assert codes(check(source, a=a, b="return require 'a'")) == ["unknown-event"]


# Loggers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{{ code }}", "did you mean `response.code`?"),
        ("{{ sendr }}", "did you mean `sender`?"),
        ("{{ subject }}", "did you mean `headers.subject`?"),
        ("{{ tenant }}", "did you mean `meta.tenant`?"),
        ("{{ xyzzy }}", "it renders as empty text"),
    ],
)
def test_an_unknown_variable_of_a_template_is_a_warning(
    check: Check, template: str, hint: str
) -> None:
    settings = "meta = { 'tenant' }, headers = { 'Subject' }, "
    settings += f"per_record = {{ Bounce = {{ template = [[{template}]] }} }}"
    finding = only(check(logger(settings)))
    assert (finding.line, finding.level, finding.code) == (3, "warning", "template-variable")
    assert finding.message.startswith("per_record.Bounce.template: no record has `")
    assert finding.message.endswith(hint)


@pytest.mark.parametrize(
    "template",
    [
        "{{ log_record | tojson }} {{ now() }} {{ session_id }} {{ response.enhanced_code.class }}",
        "{% set x = 1 %}{{ x }}{% for r in recipient %}{{ r }}{{ loop.index }}{% endfor %}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}{{ meta.anything }}{{ headers['x-y'] }}",
    ],
)
def test_names_that_records_templates_and_the_engine_have_are_known(
    check: Check, template: str
) -> None:
    assert check(logger(f"per_record = {{ Any = {{ template = [[{template}]] }} }}")).findings == []


def test_a_kind_that_goes_without_what_any_says_is_a_warning(check: Check) -> None:
    settings = """per_record = { Any = { template = 'x', segment_header = 'h' }, OOB = {},
      Bounce = { suffix = '_bounce' }, Delivery = { template = 'd' },
      Expiration = { enable = false } }"""
    first, second = check(logger(settings)).findings
    assert {(f.line, f.level, f.code) for f in (first, second)} == {(3, "warning", "shadows-any")}
    assert ": Delivery without its segment_header;" in first.message
    assert ": Bounce, OOB without its template and segment_header;" in second.message


@pytest.mark.parametrize(
    "per_record",
    [
        "Any = { enable = false, template = 'x' }, Bounce = {}",
        "Any = { suffix = '_rest', template = 'x' }, Bounce = { suffix = '_bounce' }",
        "Any = { log_dir = 'rest', template = 'x' }, Bounce = { suffix = '_bounce' }",
        "Any = { template = 'x' }, Bounce = { enable = false }",
        "Any = { template = 'x' }, Bounce = { template = 'y' }",
        "Bounce = {}, Delivery = { suffix = '_d' }",
    ],
)
def test_any_as_the_rest_is_no_trap(check: Check, per_record: str) -> None:
    assert check(logger(f"per_record = {{ {per_record} }}")).findings == []


def test_an_x_header_is_noted_for_what_it_costs(check: Check) -> None:
    finding = only(check(logger("headers = { 'Subject', 'X-Shop-Id', 'X-*' }")))
    assert (finding.level, finding.code) == ("info", "headers-cost")
    assert "`X-Shop-Id`" in finding.message
    assert "`x_shop_id` in meta" in finding.message


def test_what_a_loop_says_again_is_said_once(check: Check) -> None:
    body = """for _, name in ipairs { 'a', 'b' } do
      kumo.configure_local_logs { log_dir = name, headers = { 'X-Id' } }
    end"""
    outcome = check(init(body))
    assert len(outcome.configured) == 2
    assert codes(outcome) == ["headers-cost"]


def test_a_log_dir_that_a_file_is_in_the_way_of_is_an_error(check: Check, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    outcome = check(init(LOGGER))
    assert (only(outcome).line, only(outcome).level, only(outcome).code) == (3, "error", "log-dir")
    assert only(outcome).message.endswith(f"{tmp_path / 'out'} is not a directory")
    settings = "per_record = { OOB = { log_dir = 'out/x' }, Bounce = { log_dir = 'a\\0b' } }"
    outcome = check(f"{logger(settings)}".replace("'out', ", "'good', "))
    assert codes(outcome) == ["log-dir", "log-dir"]
    assert {finding.level for finding in outcome.findings} == {"error"}


def test_nothing_is_made(check: Check, tmp_path: Path) -> None:
    check(init("kumo.configure_local_logs { log_dir = 'a/b/c' }"))
    assert os.listdir(tmp_path) == ["init.lua"]


def test_commands_are_named_and_not_run(check: Check, tmp_path: Path) -> None:
    body = f"""{LOGGER}
      local ok, how, code = os.execute('touch made')
      assert(os.execute() and ok and how == 'exit' and code == 0)"""
    finding = only(check(init(body)))
    assert (finding.line, finding.level, finding.code) == (4, "info", "withheld")
    assert finding.message == "os.execute is not run: 'touch made'"
    assert os.listdir(tmp_path) == ["init.lua"]


def test_what_the_policy_writes_is_thrown_away(check: Check, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    body = f"""{LOGGER}
      local f = io.open('made', 'w') f:write 'x' f:close() assert(io.open('made'):read() == 'x')
      local g = kumo.fs.open('kept', 'a') g:write '!' g:close()
      assert(io.open('kept'):read 'a' == 'as it was!' and kumo.secrets.load './kept' == 'as it was!')
      local db = require('sqlite').open 'db' db:execute 'create table t (a)'
      assert(#require('sqlite').open('db'):execute 'select name from sqlite_master' == 1)
      assert(os.rename('kept', 'moved') and not io.open 'kept' and io.open 'moved')
      assert(os.remove 'moved' and not os.remove 'moved' and io.open('/dev/null', 'w'):write 'x')
      assert(not pcall(kumo.fs.open, '', 'w'))"""
    outcome = check(init(body))
    assert outcome.findings == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["init.lua", "kept"]
    assert (tmp_path / "kept").read_text() == "as it was"


@pytest.mark.parametrize(
    ("template", "code", "said"),
    [
        ("{{ recipient | uper }}", "template-error", "uper"),
        ("{{ response.cod }}", "template-variable", "did you mean `response.code`"),
        ("{{ response.enhanced_code.clas }}", "template-variable", "response.enhanced_code.class"),
        ("{{ peer_address.nam }}", "template-variable", "did you mean `peer_address.name`"),
    ],
)
def test_misspelt_filters_and_attributes_of_templates_are_found(
    check: Check, template: str, code: str, said: str
) -> None:
    table = f"per_record = {{ Bounce = {{ template = '{template}' }} }}"
    (finding,) = check(init(LOGGER[:-2] + f", {table} }}")).findings
    assert finding.code == code
    assert said in finding.message


def test_attributes_that_values_have_of_themselves_are_not_remarked_on(check: Check) -> None:
    table = "per_record = { Bounce = { template = '{{ response.content.upper() }}{{ peer_address.addr.x }}' } }"
    assert check(init(LOGGER[:-2] + f", {table} }}")).findings == []


@pytest.mark.parametrize("key", ["max_file_size = 0", "max_segment_duration = '0s'"])
def test_a_segment_for_every_record_is_probably_not_meant(check: Check, key: str) -> None:
    (finding,) = check(init(LOGGER[:-2] + f", {key} }}")).findings
    assert (finding.level, finding.code) == ("warning", "tiny-segments")
