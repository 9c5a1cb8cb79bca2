"""``kumolog script``: a policy's file as a script."""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path

import pytest
from cli.command import Command

from kumolog.policy import Policy
from kumolog.segments.segment import WRITE_BITS


def on_main(body: str) -> str:
    return f"local kumo = require 'kumo'\nkumo.on('main', function(...)\n{body}\nend)\n"


def test_main_gets_the_arguments_as_strings(kumolog: Command) -> None:
    kumolog.policy(on_main("for _, a in ipairs { ... } do print(type(a), a) end"), "s.lua")
    done = kumolog.run("script", "s.lua", "3", "two words", "é", b"\xff", "--json", "-x", "--")
    assert (done.returncode, done.stderr) == (0, b"")
    given = [b"3", b"two words", "é".encode(), b"\xff", b"--json", b"-x", b"--"]
    assert done.stdout.splitlines() == [b"string\t" + argument for argument in given]


def test_two_dashes_may_stand_before_the_arguments(kumolog: Command) -> None:
    kumolog.policy(on_main("print(...)"), "s.lua")
    assert kumolog.run("script", "s.lua", "--", "--help", "--").stdout == b"--help\t--\n"
    assert kumolog.run("script", "s.lua", "--").stdout == b"\n"


def test_without_a_main_the_file_was_all(kumolog: Command) -> None:
    kumolog.policy("print('ran', ...)", "s.lua")
    done = kumolog.run("script", "s.lua", "a")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ran\n", b"")


def test_the_other_events_are_not_fired(kumolog: Command) -> None:
    others = "".join(
        f"kumo.on('{event}', function() print '{event}' end)\n"
        for event in ("pre_init", "init", "validate_config", "shutdown_logging")
    )
    kumolog.policy(on_main("print 'main'") + others, "s.lua")
    assert kumolog.run("script", "s.lua").stdout == b"main\n"


def test_results_of_main_are_ignored(kumolog: Command) -> None:
    kumolog.policy(on_main("return false, 3"), "s.lua")
    assert kumolog.run("script", "s.lua").returncode == 0


def test_main_may_register_handlers_and_use_the_api(kumolog: Command) -> None:
    kumolog.policy(
        on_main("""kumo.on('later', function() end)
          print(#kumo.get_event_registrars 'later', kumo.string.split('a,b', ',')[2])"""),
        "s.lua",
    )
    done = kumolog.run("script", "s.lua")
    assert (done.returncode, done.stdout) == (0, b"1\tb\n")


def test_only_errors_are_reported_as_under_kumomta(kumolog: Command) -> None:
    kumolog.policy(on_main("kumo.log_error 'look'\nkumo.log_warn 'not this'"), "s.lua")
    done = kumolog.run("script", "s.lua")
    assert done.returncode == 0
    assert done.stderr == b"kumolog: error: s.lua:3: look\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x =", "s.lua:1: unexpected symbol near <eof>"),
        ("error('no')", "s.lua:1: no"),
        (on_main("kumo.string.split()"), "s.lua:3: bad argument #1"),
        (
            on_main("kumo.configure_local_logs { log_dir = 's.lua' }"),
            "s.lua:3: log_dir s.lua is not",
        ),
        (None, "s.lua: No such file or directory"),
    ],
)
def test_an_error_shows_its_place_and_exits_with_1(
    kumolog: Command, source: str | None, said: str
) -> None:
    if source is not None:
        kumolog.policy(source, "s.lua")
    done = kumolog.run("script", "s.lua")
    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"kumolog: error: {said}")
    assert b"Traceback" not in done.stderr


def test_an_error_shows_the_scripts_frames_after_what_it_printed(kumolog: Command) -> None:
    kumolog.policy(on_main("print 'before'\nlocal function f() error 'no' end\nf()"), "s.lua")
    done = kumolog.run("script", "s.lua")
    assert done.stdout == b"before\n"
    first, *frames = done.stderr.decode().splitlines()
    assert first == "kumolog: error: s.lua:4: no"
    assert [frame.split(": in ")[0] for frame in frames] == ["    s.lua:4", "    s.lua:5"]


def test_a_logger_makes_its_directory_and_finishes_what_is_in_it(kumolog: Command) -> None:
    for name in ("out", "oob"):
        (kumolog.directory / name).mkdir()
        (kumolog.directory / name / "20230306-022811").write_bytes(b"left by a run that was killed")
    body = """for _, dir in ipairs { 'out', 'new' } do
        kumo.configure_local_logs { log_dir = dir, per_record = { OOB = { log_dir = 'oob' } } }
      end"""
    kumolog.policy(on_main(body), "s.lua")
    done = kumolog.run("script", "s.lua")
    assert (done.returncode, done.stderr) == (0, b"")
    assert os.listdir(kumolog.directory / "new") == []
    for name in ("out", "oob"):
        (segment,) = kumolog.segments(name)
        assert not stat.S_IMODE(segment.stat().st_mode) & WRITE_BITS


@pytest.mark.parametrize(
    ("call", "code"),
    [("", 0), ("true", 0), ("false", 1), ("7", 7), ("3.0", 3), ("256 + 2", 2), ("'5'", 5)],
)
def test_a_script_may_choose_its_exit_code(kumolog: Command, call: str, code: int) -> None:
    leaving = f"io.write 'out' pcall(function() os.exit({call}) end) print 'not reached'"
    kumolog.policy(on_main(leaving), "s.lua")
    done = kumolog.run("script", "s.lua")
    assert (done.returncode, done.stdout, done.stderr) == (code, b"out", b"")


def test_an_exit_code_is_a_number(kumolog: Command) -> None:
    kumolog.policy(on_main("os.exit {}"), "s.lua")
    done = kumolog.run("script", "s.lua")
    assert done.returncode == 1
    assert b"bad argument #1 to 'exit' (number expected, got table)" in done.stderr


def test_a_script_has_all_the_time_there_is(kumolog: Command) -> None:
    body = """kumo.spawn_task { event_name = 'task', args = {} }
      assert(kumo.mpsc.define('q'):recv() == 1)"""
    task = "kumo.on('task', function() kumo.sleep(0.1) kumo.mpsc.define('q'):send(1) end)\n"
    endless = """kumo.on('endless', function() kumo.sleep(1e8) end)
      kumo.spawn_task { event_name = 'endless', args = {} }"""
    kumolog.policy(on_main(body) + task + endless, "s.lua")
    done = kumolog.run("script", "s.lua")
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_file_itself_may_configure_loggers(kumolog: Command) -> None:
    kumolog.policy("kumo.configure_local_logs { log_dir = 'out' }", "s.lua")
    assert kumolog.run("script", "s.lua").returncode == 0
    assert os.listdir(kumolog.directory / "out") == []


def test_a_file_is_needed_and_only_that(kumolog: Command) -> None:
    done = kumolog.run("script")
    assert done.returncode == 2
    assert b"arguments are required: FILE\n" in done.stderr


def test_there_may_be_no_time_limit(tmp_path: Path) -> None:
    path = tmp_path / "s.lua"
    path.write_text(on_main("for _ = 1, 1e6 do end finished = true assert(pcall(print))"))
    policy = Policy(path, lambda *_: None, load_seconds=math.inf)
    policy.run([])
    policy.close()
