"""The program as a whole: its arguments, its help, its standard streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command import ROOT, Command

from kumolog import __version__
from kumolog.cli import main

COMMANDS = ("run", "check", "explain", "cat", "script", "api")


def usage_error(*arguments: str) -> int:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert isinstance(raised.value.code, int)
    return raised.value.code


def test_without_a_command_it_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error() == 2
    output = capsys.readouterr()
    assert output.out == ""
    for command in COMMANDS:
        assert f"\n  {command} " in output.err


def test_help_names_every_command_and_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error("--help") == 0
    output = capsys.readouterr()
    assert "Run KumoMTA logging policy anywhere." in output.out
    for command in COMMANDS:
        assert f"\n  {command} " in output.out
    assert output.err == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_its_own_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error(command, "--help") == 0
    assert f"usage: kumolog {command} " in capsys.readouterr().out


def test_the_version_is_the_packages(kumolog: Command) -> None:
    done = kumolog.run("--version")
    assert (done.returncode, done.stdout) == (0, f"kumolog {__version__}\n".encode())


def test_an_unknown_command_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error("chekc") == 2
    error = capsys.readouterr().err
    assert "no command 'chekc': it is one of run, check, " in error


@pytest.mark.parametrize("option", ["--bogus", "--rej", "-x"])
def test_an_unknown_or_shortened_option_shows_the_commands_own_usage(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usage_error("run", "init.lua", option) == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: kumolog run ")
    assert f"unrecognized arguments: {option}\n" in error


def test_options_may_stand_anywhere(kumolog: Command, capsys: pytest.CaptureFixture[str]) -> None:
    event = kumolog.directory / "events"
    event.write_text('{"type":"Delivery"}\n')
    done = kumolog.run("run", "--json", "init.lua", "--root", "a", "events", "--quiet", "events")
    assert done.returncode == 0, done.stderr
    assert len(kumolog.records("a/out")) == 2


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--flush-interval", "5", "a unit should follow '5'"),
        ("--flush-interval", "soon", "a duration is written like 500ms or 5s"),
        ("--flush-interval", "-1s", "--flush-interval"),
        ("--handler-timeout", "0", "longer than 0"),
        ("--sync", "always", "never"),
    ],
)
def test_a_wrong_value_of_an_option_says_what_would_be_right(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usage_error("run", "init.lua", option, value) == 2
    error = capsys.readouterr().err
    assert option in error
    assert said in error


def test_there_are_no_colours_even_where_they_are_asked_for(kumolog: Command) -> None:
    done = kumolog.run("run", "--help", env=kumolog.environment | {"FORCE_COLOR": "1"})
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("module", ["lupa", "msgspec", "zstandard", "minijinja"])
def test_help_loads_none_of_the_libraries(module: str) -> None:
    code = f"import sys\nimport kumolog.cli\nprint({module!r} in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "False\n"


def test_a_check_without_templates_does_not_load_their_engine(kumolog: Command) -> None:
    code = "import sys\nfrom kumolog.cli import main\nmain(['check', 'init.lua'])\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "print('minijinja' in sys.modules)"],
        capture_output=True,
        cwd=kumolog.directory,
        env=kumolog.environment,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == b"False"


# Standard streams -------------------------------------------------------------------------------


def shell(kumolog: Command, line: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a shell line in which $K stands for the program; a stream closed there is closed."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=kumolog.directory,
        env=kumolog.environment | {"K": f"{sys.executable} -m kumolog"},
        capture_output=True,
        timeout=60,
    )


def test_what_the_policy_prints_never_gets_into_a_segment_when_stdout_is_closed(
    kumolog: Command,
) -> None:
    kumolog.policy(
        "print('printed'); io.stdout:flush()\n" + (kumolog.directory / "init.lua").read_text()
    )
    (kumolog.directory / "events").write_text('{"type":"Delivery"}\n')
    done = shell(kumolog, "$K run init.lua events >&-")
    assert done.returncode == 0, done.stderr
    assert [record["type"] for record in kumolog.records()] == ["Delivery"]


@pytest.mark.parametrize(
    "line",
    ["$K run init.lua events --json >&-", "$K check init.lua > /dev/full", "$K cat events >&-"],
)
def test_output_that_cannot_be_written_is_an_error_not_a_traceback(
    line: str, kumolog: Command
) -> None:
    (kumolog.directory / "events").write_text('{"type":"Delivery"}\n')
    done = shell(kumolog, line)
    assert done.returncode == 1
    assert b"kumolog: error: writing to standard output: " in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "$K run init.lua events --json | true",
        "$K check init.lua | true",
        "$K cat events events | true",
        "$K cat events 2>&- >&-",
    ],
)
def test_a_reader_that_has_gone_away_is_no_news(line: str, kumolog: Command) -> None:
    (kumolog.directory / "events").write_text('{"type":"Delivery"}\n')
    done = shell(kumolog, line)
    assert done.stderr == b""


@pytest.mark.parametrize("how", ["2>&-", "2> /dev/full", "2> >(true)"])
def test_a_run_goes_on_when_nobody_can_be_told(how: str, kumolog: Command) -> None:
    kumolog.policy(
        (kumolog.directory / "init.lua").read_text()
        + "for i = 1, 9 do kumo.log_warn('hear me') end"
    )
    (kumolog.directory / "events").write_text('{"type":"Delivery"}\nnonsense\n')
    done = shell(kumolog, f"(sleep 0.3; exec $K run init.lua events) {how}")
    assert done.returncode == 1
    assert len(kumolog.records()) == 1
    assert not kumolog.segments()[0].stat().st_mode & 0o222


def test_a_closed_stdin_is_an_error(kumolog: Command) -> None:
    done = shell(kumolog, "$K run init.lua <&-")
    assert done.returncode == 1
    assert b"reading stdin at byte 0: Bad file descriptor" in done.stderr


def test_names_that_are_not_utf_8_are_shown_in_any_locale(kumolog: Command) -> None:
    name = b"\xff\xc3\xa9.lua"
    (kumolog.directory / os.fsdecode(name)).write_text("x")
    done = kumolog.run(b"check", name, env=kumolog.environment | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert done.stdout.startswith(b"\\xff\xc3\xa9.lua:\n  \\xff\xc3\xa9.lua:1: error: ")
    assert done.stderr == b""
    done = kumolog.run(b"run", name)
    assert done.returncode == 2
    assert b".lua:1: " in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_interrupt_while_the_policy_loads_ends_it(kumolog: Command) -> None:
    kumolog.policy("io.stderr:write 'loading\\n' while true do end")
    with kumolog.start("check", "init.lua") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"loading\n"
        process.send_signal(2)
        assert process.wait(60) == -2
        assert process.stderr.read() == b""


def test_the_module_file_is_the_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kumolog", "--version"], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout.startswith(b"kumolog ")
