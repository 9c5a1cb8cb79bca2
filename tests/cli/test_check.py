"""``kumolog check``: what it prints, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.command import LOGGER, Command
from support import init

from kumolog.cli import main

WRONG = init("kumo.configure_local_logs { log_dir = 'out', filter_event = 'f' }")
WARNED = init(LOGGER, "kumo.on('inti', function() end)")
BROKEN = "local function f() error('no') end\nlocal function g() f() end\ng()"


def tree(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything in a directory."""
    paths = [(str(path), path, path.stat()) for path in directory.rglob("*")]
    return {
        name: (status.st_mode, status.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for name, path, status in paths
    }


@pytest.fixture
def here(kumolog: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(kumolog.directory)
    return kumolog


@pytest.mark.parametrize(
    ("source", "code"), [(init(LOGGER), 0), (WARNED, 0), (WRONG, 1), (BROKEN, 2)]
)
def test_the_exit_code_tells_errors_from_policies_that_do_not_load(
    here: Command, source: str, code: int
) -> None:
    here.policy(source)
    assert main(["check", "init.lua"]) == code


def test_the_worst_of_several_policies_decides(here: Command) -> None:
    here.policy(WRONG, "wrong.lua")
    here.policy(BROKEN, "broken.lua")
    assert main(["check", "init.lua", "wrong.lua", "init.lua"]) == 1
    assert main(["check", "broken.lua", "wrong.lua", "missing.lua", "init.lua"]) == 2


def test_text_lists_for_each_policy_what_it_configures_and_what_is_wrong(
    here: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    here.policy(WRONG, "wrong.lua")
    main(["check", "init.lua", "wrong.lua"])
    assert capsys.readouterr().out == (
        "init.lua:\n"
        "  init.lua:3: logger out\n"
        "  ok\n"
        "wrong.lua:\n"
        "  wrong.lua:3: logger out; filter f (no handler)\n"
        "  wrong.lua:3: error: the filter_event `f` has no handler, so this logger would drop every "
        "record: register it with kumo.on('f', ...) [missing-handler]\n"
        "  has errors\n"
    )


def test_the_policys_frames_are_shown(here: Command, capsys: pytest.CaptureFixture[str]) -> None:
    here.policy(BROKEN)
    main(["check", "init.lua"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  init.lua:1: error: no [policy-error]"
    assert [line.split(": in ")[0] for line in lines[2:-1]] == [
        "    init.lua:1",
        "    init.lua:2",
        "    init.lua:3",
    ]


def test_json_is_an_array_of_findings_for_each_policy(
    here: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    here.policy(WARNED, "warned.lua")
    assert main(["check", "--json", "warned.lua", "init.lua", "missing.lua"]) == 2
    warned, clean, missing = map(json.loads, capsys.readouterr().out.splitlines())
    assert clean == []
    assert missing == [
        {
            "file": "missing.lua",
            "line": 0,
            "level": "error",
            "code": "policy-error",
            "message": "No such file or directory",
        }
    ]
    (finding,) = warned
    assert (finding["line"], finding["code"]) == (5, "unknown-event")


PRINTING = """print('one') io.write('two\\n') io.stdout:write('three\\n') io.stdout:flush()
require('kumo').on('validate_config', function() print('five') end)
"""


@pytest.mark.parametrize("options", [["--json"], []])
def test_what_the_policy_prints_is_kept_out_of_the_report(
    kumolog: Command, options: list[str]
) -> None:
    clean = kumolog.run("check", *options, "init.lua")
    assert clean.returncode == 0
    assert b"one" not in clean.stdout
    kumolog.policy(PRINTING + init(LOGGER), "printing.lua")
    done = kumolog.run("check", *options, "printing.lua", "init.lua")
    assert done.returncode == 0
    assert done.stdout.endswith(clean.stdout)
    assert sorted(done.stderr.split()) == [b"five", b"one", b"three", b"two"]
    if options:
        assert list(map(json.loads, done.stdout.splitlines())) == [[], []]


def test_a_failed_validation_makes_the_exit_code_1(
    here: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    here.policy(init(LOGGER, "kumo.on('validate_config', function() kumo.validation_failed() end)"))
    assert main(["check", "init.lua"]) == 1
    assert capsys.readouterr().out.endswith("[validation-failed]\n  has errors\n")


def test_it_opens_and_makes_nothing(kumolog: Command) -> None:
    segment = kumolog.directory / "out" / "20230306-022811"
    segment.parent.mkdir()
    segment.write_bytes(b"left by a run that was killed")
    body = LOGGER + "\nkumo.configure_local_logs { log_dir = 'new/dir' }"
    kumolog.policy(init(body))
    before = tree(kumolog.directory)
    done = kumolog.run("check", "init.lua")
    assert done.returncode == 0
    assert tree(kumolog.directory) == before


@pytest.mark.parametrize(
    ("mode", "log_dir", "said"),
    [
        (0o555, "a", "log_dir a is not writable: there is no permission to write in "),
        (0o555, "a/b/c", "log_dir a/b/c cannot be made: there is no permission to write in "),
        (0o000, "a/b/c", "log_dir a/b/c cannot be made: there is no permission to look for "),
    ],
)
def test_a_log_dir_that_may_not_be_written_is_only_a_warning(
    unprivileged: Command, mode: int, log_dir: str, said: str
) -> None:
    directory = unprivileged.directory / "a"
    directory.mkdir(mode=mode)
    unprivileged.policy(init(f"kumo.configure_local_logs {{ log_dir = '{log_dir}' }}"))
    done = unprivileged.run("check", "--json", "init.lua")
    directory.chmod(0o755)
    assert done.returncode == 0
    (finding,) = json.loads(done.stdout)
    assert (finding["line"], finding["level"], finding["code"]) == (3, "warning", "log-dir")
    assert finding["message"].startswith(said)
