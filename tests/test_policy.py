"""Loading a policy: the order of its events, what it may call, and the handlers it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import RunPolicy, init

from kumolog.errors import PolicyError
from kumolog.host import Host
from kumolog.policy import Policy, nearest

STOCK = """
local kumo = require 'kumo'

kumo.on('init', function()
  kumo.set_config_monitor_globs { '/opt/kumomta/etc/policy/**/*.lua' }
  kumo.define_spool { name = 'data', path = '/var/spool/kumomta/data', kind = 'RocksDB' }
  kumo.define_spool { name = 'meta', path = '/var/spool/kumomta/meta' }
  kumo.start_esmtp_listener { listen = '0.0.0.0:25', relay_hosts = { '127.0.0.1' } }
  kumo.start_http_listener { listen = '127.0.0.1:8000' }
  kumo.configure_redis_throttles { node = 'redis://127.0.0.1/' }
  kumo.aaa.configure_acct_log { log_dir = '/var/log/kumomta/acct' }
  kumo.configure_local_logs { log_dir = '/var/log/kumomta', max_segment_duration = '1 minute' }
end)

kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  return kumo.make_queue_config { max_age = '1 day', egress_pool = 'pool' }
end)
kumo.on('get_egress_pool', function(name)
  return kumo.make_egress_pool { name = name, entries = { { name = 'ip-1' } } }
end)
kumo.on('get_egress_source', function(name) return kumo.make_egress_source { name = name } end)
kumo.on('get_egress_path_config', function(domain, source, site)
  return kumo.make_egress_path { enable_tls = 'Opportunistic' }
end)
kumo.on('smtp_server_message_received', function(msg)
  msg:set_meta('tenant', 'acme')
  kumo.reject(550, 'no')
end)
"""


def load(tmp_path: Path, source: str, validating: bool = False) -> tuple[Policy, list[str]]:
    texts: list[str] = []
    path = tmp_path / "init.lua"
    path.write_text(source)
    policy = Policy(
        path, lambda level, text: texts.append(f"{level}: {text}"), validating=validating
    )
    policy.load()
    return policy, texts


def test_a_stock_policy_runs_unchanged(run_policy: RunPolicy) -> None:
    logged = run_policy(STOCK, [{"type": "Delivery"}, {"type": "Bounce"}])
    assert [r["type"] for r in logged.records("/var/log/kumomta")] == ["Delivery", "Bounce"]


def test_calls_without_effect_are_recorded_while_the_policy_starts(tmp_path: Path) -> None:
    policy, _ = load(tmp_path, STOCK)
    calls = [(call.name, call.place) for call in policy.registry.calls]
    assert ("kumo.start_http_listener", f"{tmp_path}/init.lua:9") in calls
    assert ("kumo.define_spool", f"{tmp_path}/init.lua:6") in calls
    before = len(calls)
    policy.fire("shutdown_logging")
    assert len(policy.registry.calls) == before


def test_the_events_of_the_start_come_in_kumomtas_order(tmp_path: Path) -> None:
    source = "".join(f"kumo.on('{name}', function() kumo.log_info '{name}' end)\n"
                     for name in ("shutdown_logging", "init", "pre_init", "main", "validate_config"))  # fmt: skip
    _, texts = load(tmp_path, f"kumo.log_info 'load'\n{source}")
    assert [text.rsplit(": ", 1)[1] for text in texts] == ["load", "pre_init", "init"]


def test_shutdown_logging_fires_when_the_host_closes_and_its_error_is_only_told(
    run_policy: RunPolicy,
) -> None:
    source = init("kumo.configure_local_logs { log_dir = 'logs' }",
                  "kumo.on('shutdown_logging', function() kumo.log_info 'bye' error 'too late' end)")  # fmt: skip
    logged = run_policy(source, [{"type": "Delivery"}])
    assert len(logged.records("logs")) == 1
    (level, said), (worse, told) = logged.diagnostics
    assert (level, said.rsplit(": ")[-1], worse) == ("info", "bye", "error")
    assert "too late" in told


def test_validating_shows_as_a_global(tmp_path: Path) -> None:
    _, texts = load(tmp_path, "kumo.log_info(_VALIDATING_CONFIG)", validating=True)
    _, others = load(tmp_path, "kumo.log_info(_VALIDATING_CONFIG)")
    assert (texts[0].endswith(": true"), others[0].endswith(": nil")) == (True, True)


def test_kumo_is_a_module_and_a_global(tmp_path: Path) -> None:
    _, texts = load(
        tmp_path,
        "kumo.log_info(require 'kumo' == kumo, package.loaded.kumo == kumo, type(kumo.version))",
    )
    assert texts[0].endswith(": true true string")


def test_log_functions_join_their_arguments_behind_the_place(tmp_path: Path) -> None:
    source = "kumo.log_error('a', 1, 2.0, nil, true)\nkumo.log_warn()\nkumo.log_info '\\xff\\u{e9}'"
    _, texts = load(tmp_path, source)
    path = f"{tmp_path}/init.lua"
    assert texts == [
        f"error: {path}:1: a 1 2.0 nil true",
        f"warning: {path}:2: ",
        f"info: {path}:3: \\xff\u00e9",
    ]


def test_debug_lines_are_shown_where_the_policy_asks_for_them(tmp_path: Path) -> None:
    source = """kumo.log_debug 'hidden'
        kumo.set_diagnostic_log_filter 'lua=debug'
        kumo.log_debug(nil)
        kumo.set_diagnostic_log_filter 'lua=error'
        kumo.log_warn 'hidden'"""
    _, texts = load(tmp_path, source)
    assert texts == [f"debug: {tmp_path}/init.lua:3: nil"]


def test_an_error_while_the_policy_starts_is_raised_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"init\.lua:2: no"):
        load(tmp_path, "kumo.on('pre_init', function()\nerror 'no' end)")


def test_results_of_the_file_and_of_its_events_are_ignored(tmp_path: Path) -> None:
    load(tmp_path, "kumo.on('init', function() return 1, 2, 3 end) return 4, 5, 6")


def test_a_filter_without_a_handler_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    source = init("\nkumo.configure_local_logs { log_dir = 'logs', filter_event = 'keep_recrds' }",
                  "kumo.on('keep_records', function() return true end)")  # fmt: skip
    (tmp_path / "init.lua").write_text(source)
    with pytest.raises(PolicyError) as caught:
        Host.open(tmp_path / "init.lua", root=tmp_path, rejects=tmp_path / "rejects")
    assert str(caught.value) == (
        f"{tmp_path}/init.lua:4: the filter_event `keep_recrds` has no handler, so this logger would drop every "
        "record: did you mean `keep_records`?"
    )


def test_a_filter_without_a_handler_can_be_allowed_and_drops_everything(
    run_policy: RunPolicy,
) -> None:
    source = init("kumo.configure_local_logs { log_dir = 'a', filter_event = 'none' }\n"
                  "kumo.configure_local_logs { log_dir = 'b', filter_event = 'keep' }",
                  "kumo.on('keep', function() return true end)")  # fmt: skip
    events = [{"type": "Delivery"}, {"type": "Rejection"}]
    logged = run_policy(source, events, allow_missing_handlers=True)
    assert [r["type"] for r in logged.records("a")] == ["Rejection"]
    assert [r["type"] for r in logged.records("b")] == ["Delivery", "Rejection"]


def test_a_filter_may_be_registered_after_the_logger(run_policy: RunPolicy) -> None:
    source = "kumo.on('init', function() kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' } end)\n"
    source += "kumo.on('f', function() return true end)"
    assert len(run_policy(source, [{"type": "Delivery"}]).records("a")) == 1


def test_without_filters_lua_is_not_asked(run_policy: RunPolicy) -> None:
    source = init(
        "kumo.configure_local_logs { log_dir = 'a', per_record = { Bounce = { enable = false } } }"
    )
    logged = run_policy(source, [{"type": "Delivery"}, {"type": "Bounce"}])
    assert [r["type"] for r in logged.records("a")] == ["Delivery"]
    assert logged.summary.loggers[0]["disabled"] == 1


def test_the_nearest_name_is_none_where_none_is_near() -> None:
    assert nearest("keep_recrds", ["keep_records", "init"]) == "keep_records"
    assert nearest("xyz", ["keep_records"]) is None


def test_a_misspelt_function_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"did you mean `kumo\.configure_local_logs`"):
        load(tmp_path, "kumo.on('init', function() kumo.configure_local_log {} end)")
    with pytest.raises(PolicyError, match=r"did you mean `kumo\.string`"):
        load(tmp_path, "kumo.strng.trim('x')")
    load(tmp_path, "assert(kumo.not_there == nil)")


def test_a_module_of_kumomta_that_is_not_installed_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="put a copy of it beside the policy"):
        load(tmp_path, "require 'policy-extras.shaping'")
