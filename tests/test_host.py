"""The host: events in, segments, rejects and counts out."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from support import Logged, RunPolicy, init, read_segment

from kumolog.errors import KumologError, PolicyError
from kumolog.host import Host

LOGGER = "kumo.configure_local_logs { log_dir = 'out' }"


def counts(logged: Logged, logger: int = 0) -> dict[str, int]:
    names = ("offered", "disabled", "filtered", "failed", "written")
    return {name: logged.summary.loggers[logger][name] for name in names}


def test_events_may_be_mappings_text_or_bytes(run_policy: RunPolicy) -> None:
    events = [{"type": "Delivery"}, '{"type":"Bounce"}', b'{"type":"OOB"}']
    logged = run_policy(init(LOGGER), events)
    assert [record["type"] for record in logged.records("out")] == ["Delivery", "Bounce", "OOB"]


def test_log_tells_whether_the_event_was_a_valid_one(tmp_path: Path) -> None:
    policy = tmp_path / "init.lua"
    policy.write_text(init(LOGGER))
    rejects = tmp_path / "rejects.jsonl"
    with Host.open(policy, root=tmp_path, rejects=rejects) as host:
        assert host.log({"type": "Delivery"})
        assert not host.log({"type": "Nonsense"})
        assert not host.log("{")


def test_the_counts_add_up(run_policy: RunPolicy) -> None:
    body = """
      kumo.configure_local_logs { log_dir = 'a', filter_event = 'f',
        per_record = { OOB = { enable = false }, Bounce = { template = '{{ 1 + site }}' } } }
      kumo.configure_local_logs { log_dir = 'b' }"""
    rest = """kumo.on('f', function(msg)
      local n = msg:get_meta 'n'
      if n == 3 then error('three') end
      return n ~= 2
    end)"""
    events: list[Any] = [{"type": "Delivery", "meta": {"n": n}} for n in range(5)]
    events += [{"type": "OOB"}, {"type": "Bounce"}, "nonsense", {"type": "Rejection"}]
    logged = run_policy(init(body, rest), events)
    assert (logged.summary.read, logged.summary.rejected) == (9, 1)
    assert counts(logged, 0) == {
        "offered": 8,
        "disabled": 1,
        "filtered": 1,
        "failed": 2,
        "written": 4,
    }
    assert counts(logged, 1) == {
        "offered": 8,
        "disabled": 0,
        "filtered": 0,
        "failed": 0,
        "written": 8,
    }
    assert len(logged.rejects) == 3
    assert not logged.summary.all_well


def test_the_summary_tells_segments_and_bytes(run_policy: RunPolicy) -> None:
    logged = run_policy(init(LOGGER), [{"type": "Delivery"}] * 3)
    (logger,) = logged.summary.loggers
    (segment,) = logged.segments("out")
    assert logger["segments"] == 1
    assert logger["bytes"] == len(read_segment(segment))
    assert logger["compressed_bytes"] == segment.stat().st_size


def test_an_invalid_line_is_rejected_verbatim_with_its_source_and_number(
    tmp_path: Path, run_policy: RunPolicy
) -> None:
    policy = tmp_path / "init.lua"
    policy.write_text(init(LOGGER))
    rejects = tmp_path / "rejects.jsonl"
    with Host.open(policy, root=tmp_path, rejects=rejects) as host:
        host.log_lines([b'{"type":"Delivery"}', b"\xff\x00", b'{"a": "\xc3\xa9"'], [7, 9, 10], "x")
    first, second = map(json.loads, rejects.read_text().splitlines())
    assert (first["source"], first["line"], first["raw_base64"]) == ("x", 9, "/wA=")
    assert (second["source"], second["line"], second["raw"]) == ("x", 10, '{"a": "é"')
    assert "JSON" in second["error"]


def test_a_failing_filter_rejects_the_event_once_for_each_logger(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }
      kumo.configure_local_logs { log_dir = 'b', filter_event = 'f' }
      kumo.configure_local_logs { log_dir = 'c' }"""
    rest = "kumo.on('f', function(msg)\n  return msg.nothing.more\nend)"
    logged = run_policy(init(body, rest), [{"type": "Delivery"}])
    assert [reject["log_dir"] for reject in logged.rejects] == ["a", "b"]
    for reject in logged.rejects:
        assert "init.lua:8: attempt to index a nil value (field 'nothing')" in reject["error"]
        assert json.loads(reject["raw"]) == {"type": "Delivery"}
    assert len(logged.records("c")) == 1


def test_a_filter_that_never_returns_fails_its_event_alone(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }"
    rest = """kumo.on('f', function(msg)
      while msg:get_meta 'stuck' do pcall(function() while true do end end) end
      return true
    end)"""
    events = [{"type": "Delivery", "size": n, "meta": {"stuck": n == 1}} for n in range(3)]
    logged = run_policy(init(body, rest), events, handler_timeout=0.2)
    assert [record["size"] for record in logged.records("a")] == [0, 2]
    (reject,) = logged.rejects
    assert "without returning" in reject["error"]
    assert "init.lua:" in reject["error"]


def test_rejections_are_never_asked_about(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }"
    rest = "kumo.on('f', function() error('asked') end)"
    logged = run_policy(init(body, rest), [{"type": "Rejection"}])
    assert [record["type"] for record in logged.records("a")] == ["Rejection"]


@pytest.mark.parametrize("result", ["0", "''", "{}", "true", "'false'", "0, nil", "true, false"])
def test_everything_but_nil_and_false_lets_a_record_through(
    run_policy: RunPolicy, result: str
) -> None:
    body = "kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }"
    rest = f"kumo.on('f', function() return {result} end)"
    assert len(run_policy(init(body, rest), [{"type": "Delivery"}]).records("a")) == 1


@pytest.mark.parametrize("result", ["", "nil", "false", "nil, true"])
def test_nil_and_false_turn_a_record_down(run_policy: RunPolicy, result: str) -> None:
    body = "kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }"
    rest = f"kumo.on('f', function() return {result} end)"
    logged = run_policy(init(body, rest), [{"type": "Delivery"}])
    assert counts(logged)["filtered"] == 1
    assert logged.segments("a") == []


def test_a_filter_event_without_handler_is_refused_with_the_nearest_name(
    run_policy: RunPolicy,
) -> None:
    body = "kumo.configure_local_logs { log_dir = 'a', filter_event = 'is_smpt' }"
    rest = "kumo.on('is_smtp', function() return true end)"
    with pytest.raises(PolicyError, match=r"init\.lua:3: .*`is_smpt`.* did you mean `is_smtp`"):
        run_policy(init(body, rest))
    logged = run_policy(
        init(body, rest),
        [{"type": "Delivery"}, {"type": "Rejection"}],
        allow_missing_handlers=True,
    )
    assert counts(logged)["filtered"] == 1
    assert [record["type"] for record in logged.records("a")] == ["Rejection"]


def test_a_policy_without_a_logger_is_refused(run_policy: RunPolicy) -> None:
    with pytest.raises(PolicyError, match="configures no logger"):
        run_policy(init(""))


def test_log_dirs_are_made_at_load_and_those_of_kinds_on_first_use(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'a/b/c',
      per_record = { Bounce = { log_dir = 'x/y', suffix = '/sub/z' } } }"""
    logged = run_policy(init(body), [{"type": "Bounce"}])
    assert (logged.root / "a/b/c").is_dir()
    (segment,) = logged.segments("x/y")
    assert segment.name == "z"
    assert segment.parent.name == "sub"


def test_a_log_dir_that_cannot_be_made_names_the_policys_line(
    run_policy: RunPolicy, tmp_path: Path
) -> None:
    (tmp_path / "root").write_text("a file")
    with pytest.raises(PolicyError, match=r"init\.lua:3: creating log_dir .*out: Not a directory"):
        run_policy(init(LOGGER))


def test_configure_local_logs_belongs_into_init(run_policy: RunPolicy) -> None:
    with pytest.raises(PolicyError, match=r"init\.lua:1: .* inside kumo.on\('init'"):
        run_policy("require('kumo').configure_local_logs { log_dir = 'a' }")
    body = LOGGER[:-2] + ", filter_event = 'f' }"
    rest = "kumo.on('f', function() kumo.configure_local_logs { log_dir = 'b' } end)"
    logged = run_policy(init(body, rest), [{"type": "Delivery"}])
    assert "inside kumo.on('init'" in logged.rejects[0]["error"]


def test_segments_left_by_an_earlier_run_are_finished_at_start(
    run_policy: RunPolicy, tmp_path: Path
) -> None:
    body = """kumo.configure_local_logs { log_dir = 'a',
      per_record = { Bounce = { log_dir = 'b', enable = false } } }"""
    leftovers = [tmp_path / "root" / name / "20230306-022811" for name in ("a", "b")]
    for leftover in leftovers:
        leftover.parent.mkdir(parents=True)
        leftover.write_text("left")
    run_policy(init(body))
    assert [leftover.stat().st_mode & 0o222 for leftover in leftovers] == [0, 0]


def test_records_become_visible_within_the_flush_interval(tmp_path: Path) -> None:
    policy = tmp_path / "init.lua"
    policy.write_text(init(LOGGER))
    with Host.open(policy, root=tmp_path, flush_interval=0.05) as host:
        host.log({"type": "Delivery", "size": 42})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = list((tmp_path / "out").iterdir())
            if found and b'"size":42' in read_segment(found[0]):
                break
            time.sleep(0.02)
        else:
            pytest.fail("the record never became visible")
        assert found[0].stat().st_mode & 0o200


def test_shutdown_logging_is_fired_at_the_end_and_its_error_is_a_diagnostic(
    run_policy: RunPolicy,
) -> None:
    rest = "kumo.on('shutdown_logging', function() error('too late') end)"
    logged = run_policy(init(LOGGER, rest), [{"type": "Delivery"}])
    assert any("too late" in text for _, text in logged.diagnostics)
    assert len(logged.records("out")) == 1


def test_pre_init_runs_before_init(run_policy: RunPolicy) -> None:
    source = """
      kumo.on('init', function() kumo.configure_local_logs { log_dir = 'b' } end)
      kumo.on('pre_init', function() kumo.configure_local_logs { log_dir = 'a' } end)
      kumo.on('pre_init', function() kumo.log_info('second') end)"""
    logged = run_policy(source)
    assert [logger["log_dir"] for logger in logged.summary.loggers] == ["a", "b"]
    assert ("info", f"{logged.root.parent}/init.lua:4: second") in logged.diagnostics


def test_closing_twice_gives_the_same_summary(tmp_path: Path) -> None:
    policy = tmp_path / "init.lua"
    policy.write_text(init(LOGGER))
    host = Host.open(policy, root=tmp_path)
    host.log({"type": "Delivery"})
    assert host.close() is host.close()


def test_intake_pauses_while_there_is_too_little_room(tmp_path: Path) -> None:
    policy = tmp_path / "init.lua"
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    limit = f"kumo.configure_local_logs {{ log_dir = 'out', min_free_space = {free * 2} }}"
    policy.write_text(init(limit))
    told: list[str] = []

    def report(level: str, text: str) -> None:
        told.append(f"{level}: {text}")
        host.hurry()  # what a signal does: the test must end

    host = Host.open(policy, report=report, root=tmp_path)
    host.log({"type": "Delivery"})
    summary = host.close()
    assert len(told) == 1
    assert "intake pauses until there is room" in told[0]
    assert summary.loggers[0]["written"] == 1


def test_a_rejects_file_that_cannot_be_written_is_an_error(
    tmp_path: Path, run_policy: RunPolicy
) -> None:
    with pytest.raises(KumologError, match="name another one with --rejects"):
        run_policy(init(LOGGER), ["nonsense"], rejects=tmp_path)


def test_after_hurry_a_policy_gets_a_grace_and_a_stuck_handler_is_cut_off(tmp_path: Path) -> None:
    policy = tmp_path / "init.lua"
    body = "kumo.configure_local_logs { log_dir = 'out', filter_event = 'f' }"
    rest = """kumo.on('f', function(msg)
      while msg:get_meta 'stuck' do end
      if msg:get_meta 'slow' then for _ = 1, 1e6 do end end
      return true
    end)"""
    policy.write_text(init(body, rest))
    rejects = tmp_path / "rejects.jsonl"
    host = Host.open(policy, root=tmp_path, rejects=rejects, handler_timeout=3600)
    host.hurry()
    host.log({"type": "Delivery", "meta": {"slow": True}})
    host.log({"type": "Delivery", "meta": {"stuck": True}})
    host.log({"type": "Delivery"})
    (logger,) = host.close().loggers
    assert (logger["failed"], logger["written"]) == (1, 2)
    assert "init.lua:6: did not return before the end of the run" in rejects.read_text()


def test_after_an_error_of_kumolog_itself_every_event_is_in_the_rejects(
    tmp_path: Path,
) -> None:
    def broken(level: str, text: str) -> None:
        raise RuntimeError("nobody hears this")

    body = "kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }"
    rest = "kumo.on('f', function(msg) kumo.log_info('x') return true end)"
    policy = tmp_path / "init.lua"
    policy.write_text(init(body, rest))
    rejects = tmp_path / "rejects.jsonl"
    host = Host.open(policy, root=tmp_path, rejects=rejects, report=broken)
    lines = [b'{"type":"Delivery","size":%d}' % size for size in range(3)]
    with pytest.raises(RuntimeError, match="nobody hears this"):
        host.log_lines([*lines, b"no event"])
    assert host.close().rejected == 4
    found = [json.loads(line) for line in rejects.read_bytes().splitlines()]
    assert [entry["raw"] for entry in found] == [*map(bytes.decode, lines), "no event"]
    assert "kumolog itself failed: RuntimeError" in found[0]["error"]
