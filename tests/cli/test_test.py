"""``kumolog test``: what it runs, what it prints, and its exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli.command import Command, wait_until
from support import init

POLICY = init(
    "kumo.configure_local_logs { log_dir = 'out', filter_event = 'wanted' }",
    "kumo.on('wanted', function(msg) return msg:get_meta('tenant') == 'bakery' end)",
)
SPEC = """\
local kumolog = require 'kumolog'
describe('the policy', function()
  local policy
  before_each(function() policy = kumolog.load('init.lua', { at = '2026-03-02T09:00:00Z' }) end)
  it('logs the bakery', function()
    policy:log { type = 'Delivery', meta = { tenant = 'bakery' } }
    assert.equal(1, #policy:logged())
  end)
  it('logs the harbour', function()
    print 'not yet'
    policy:log { type = 'Delivery', meta = { tenant = 'harbour' } }
    assert.equal(1, #policy:logged())
  end)
  it('is not written yet')
end)
"""
PASSING = SPEC.replace("'harbour' } }", "'bakery' } }")


@pytest.fixture
def specs(kumolog: Command) -> Command:
    """A policy and a spec of which one test fails."""
    kumolog.policy(POLICY)
    kumolog.policy(SPEC, "policy_spec.lua")
    return kumolog


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stdout.decode()


def test_a_failure_is_told_with_what_went_in_and_what_came_out(specs: Command) -> None:
    done = specs.run("test")
    assert done.returncode == 1
    assert done.stderr == b""
    head, failure, summary = said(done).split("\n\n", 1)[0], said(done), said(done).splitlines()[-1]
    assert head == "policy_spec.lua: 1 passed, 1 pending, 1 failed"
    assert "failed: the policy > logs the harbour (policy_spec.lua:9)\n" in failure
    assert "  assert.equal: expected 1, got 0\n\n  policy_spec.lua:12:\n" in failure
    assert "  >   12 |     assert.equal(1, #policy:logged())\n" in failure
    assert "  stdout:\n    not yet\n" in failure
    assert (
        '  events:\n    1. {"type":"Delivery","meta":{"tenant":"harbour"}}\n'
        "       -> out: Delivery filtered by wanted (init.lua:5)\n"
    ) in failure
    assert summary.startswith("1 passed, 1 pending, 1 failed in 1 file (")


def test_what_fails_for_the_same_reason_is_told_once(specs: Command) -> None:
    specs.policy("nonsense", "init.lua")
    shown = said(specs.run("test"))
    assert (
        "failed: the policy > logs the bakery (policy_spec.lua:5)\n"
        "failed: the policy > logs the harbour (policy_spec.lua:9)\n\n  before_each of 'the policy': init.lua:1: "
    ) in shown
    assert shown.count("init.lua:1: ") == 1


def test_passing_is_told_in_a_line_for_each_file(specs: Command) -> None:
    specs.policy(PASSING, "policy_spec.lua")
    (specs.directory / "below").mkdir()
    specs.policy("it('a', function() end)", "below/x_test.lua")
    done = specs.run("test")
    assert done.returncode == 0
    assert said(done).splitlines()[:2] == [
        "policy_spec.lua: 2 passed, 1 pending",
        "below/x_test.lua: 1 passed",
    ]
    assert sorted(path.name for path in specs.directory.iterdir()) == [
        "below",
        "init.lua",
        "policy_spec.lua",
    ]


def test_verbose_shows_every_test_and_why_one_is_pending(specs: Command) -> None:
    lines = said(specs.run("test", "-v")).splitlines()
    assert lines[0] == "policy_spec.lua"
    assert lines[1].startswith("  passed  the policy > logs the bakery (")
    assert lines[2].startswith("  failed  the policy > logs the harbour (")
    assert lines[3].startswith(
        "  pending the policy > is not written yet: this test has no function yet ("
    )


def test_what_cannot_be_loaded_fails_and_the_rest_is_run(specs: Command) -> None:
    specs.policy(PASSING, "policy_spec.lua")
    specs.policy("it('x'", "bad_spec.lua")
    done = specs.run("test")
    assert done.returncode == 1
    assert "loading the file: ')' expected near <eof>\n\n  bad_spec.lua:1:" in said(done)
    assert "2 passed, 1 pending, 1 broken in 2 files" in said(done)


def test_tests_are_chosen_and_the_first_failure_may_end_it(specs: Command) -> None:
    assert "1 passed, 2 not asked for" in said(specs.run("test", "-k", "bakery"))
    assert "1 pending in 1 file" in said(
        specs.run("test", "policy_spec.lua::the policy::is not written yet")
    )
    specs.policy("it('a', error) it('b', error)", "two_spec.lua")
    assert "\n1 failed in 1 file" in said(specs.run("test", "-x", "two_spec.lua"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["empty"],
            "there are no specs below empty: their names are like *_spec.lua or *_test.lua",
        ),
        (["nowhere"], "running the tests of nowhere: there is no such file or directory"),
        (["notes.txt"], "running the tests of notes.txt: name a directory, a spec"),
        (["-k", "nobody"], "no test in 1 file matches -k 'nobody'"),
        (["-k", "a and"], "-k"),
        (["none_spec.lua"], "there are no tests in 1 file"),
        (["policy_spec.lua::nothing"], "nothing"),
        (["--fail-under", "90"], "--fail-under is about coverage: give --coverage as well"),
        (["--coverage", "--fail-under", "101"], "it must be a percentage, from 0 to 100"),
        (["--junit", "."], "writing the report .: Is a directory"),
    ],
)
def test_what_is_no_use_ends_with_2(specs: Command, arguments: list[str], told: str) -> None:
    (specs.directory / "empty").mkdir()
    specs.policy("", "notes.txt")
    if "none_spec.lua" in arguments:
        specs.policy("", "none_spec.lua")
    done = specs.run("test", *arguments)
    assert done.returncode == 2, said(done)
    assert told in done.stderr.decode()
    assert done.stdout == b""


def test_without_pytest_it_says_how_to_get_it(specs: Command) -> None:
    code = "import sys; sys.modules['pytest'] = None; from kumolog.cli import main; sys.exit(main(['test']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=specs.directory,
        env=specs.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "kumolog: error: tests are run by pytest, which is missing: pip install 'kumolog[test]'\n"
    )


def test_how_pytest_is_set_up_disturbs_nothing(specs: Command) -> None:
    specs.policy(PASSING, "policy_spec.lua")
    specs.policy("raise SystemExit('conftest')", "conftest.py")
    specs.policy("raise SystemExit('package')", "__init__.py")
    specs.policy("raise SystemExit('test')", "test_x.py")
    specs.policy("[pytest]\naddopts = --nonsense\n", "pytest.ini")
    specs.policy("[tool.pytest.ini_options]\naddopts = ['--nonsense']\n", "pyproject.toml")
    specs.environment |= {"PYTEST_ADDOPTS": "--nonsense", "PYTEST_PLUGINS": "nonsense"}
    done = specs.run("test")
    assert (done.returncode, done.stderr) == (0, b"")
    assert not (specs.directory / ".pytest_cache").exists()


def test_a_python_test_is_run_where_it_is_named(specs: Command) -> None:
    specs.policy("VALUE = 1", "helper.py")
    specs.policy("import pytest\n@pytest.fixture\ndef one(): return 1", "conftest.py")
    specs.policy(
        "import helper\ndef test_x(one): assert helper.VALUE == one\ndef test_y(one): assert one == 2",
        "test_x.py",
    )
    done = specs.run("test", "policy_spec.lua", "test_x.py")
    assert done.returncode == 1
    assert "test_x.py: 1 passed, 1 failed" in said(done)
    assert "failed: test_y (test_x.py:3)" in said(done)
    assert "policy_spec.lua: 1 passed" in said(done)


def test_a_report_is_written(specs: Command) -> None:
    assert specs.run("test", "--junit", "reports/junit.xml").returncode == 1
    (suite,) = ElementTree.parse(specs.directory / "reports" / "junit.xml").getroot()
    assert suite.attrib["name"] == "kumolog"
    assert [suite.attrib[name] for name in ("tests", "failures", "skipped", "errors")] == list(
        "3110"
    )


def test_the_report_has_the_place_and_the_blocks_of_each_test(specs: Command) -> None:
    (specs.directory / "policies").mkdir()
    specs.policy(SPEC, "policies/some_spec.lua")
    specs.run("test", "policies", "--junit", "junit.xml")
    cases = ElementTree.parse(specs.directory / "junit.xml").iter("testcase")
    assert [
        [case.attrib[name] for name in ("classname", "name", "file", "line")] for case in cases
    ] == [
        ["policies.some_spec", f"the policy > {name}", "policies/some_spec.lua", line]
        for name, line in (
            ("logs the bakery", "5"),
            ("logs the harbour", "9"),
            ("is not written yet", "14"),
        )
    ]


def test_what_failed_is_run_again(specs: Command) -> None:
    specs.policy("it('passes', function() end)", "other_spec.lua")
    specs.run("test")
    again = said(specs.run("test", "--last-failed"))
    assert again.startswith("policy_spec.lua: 1 failed\n")
    specs.policy(PASSING, "policy_spec.lua")
    assert said(specs.run("test", "--last-failed")).startswith("policy_spec.lua: 1 passed\n")
    assert "3 passed, 1 pending in 2 files" in said(specs.run("test", "--last-failed"))
    assert not list(specs.directory.glob(".*"))


def test_tests_run_in_a_random_order_that_can_be_had_again(specs: Command) -> None:
    blocks = "".join(
        f"describe('{block}', function()"
        + "".join(f" it('{block}{number}', function() end)" for number in range(6))
        + " end)\n"
        for block in "abc"
    )
    specs.policy(blocks, "policy_spec.lua")
    specs.policy(blocks, "other_spec.lua")

    def order(*arguments: str) -> list[str]:
        lines = said(specs.run("test", "-v", *arguments)).splitlines()
        return [line.split(" (")[0] for line in lines if " > " in line or line.endswith(".lua")]

    orders = [order("--seed", seed) for seed in "112"]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    within = [line.split("passed")[-1].split(" > ")[0] for line in orders[0] if " > " in line]
    assert all(len({*within[at : at + 6]}) == 1 for at in range(0, 36, 6))  # blocks stay together
    shuffled = said(specs.run("test", "--shuffle"))
    seed = shuffled.rstrip().rpartition("the order is that of --seed ")[2]
    assert int(seed) >= 0


def test_tests_are_listed_and_not_run(specs: Command) -> None:
    done = specs.run("test", "--list")
    assert said(done).splitlines() == [
        "policy_spec.lua:5: the policy > logs the bakery",
        "policy_spec.lua:9: the policy > logs the harbour",
        "policy_spec.lua:14: the policy > is not written yet",
    ]
    assert done.returncode == 0


def test_a_test_may_be_given_less_time(specs: Command) -> None:
    specs.policy("it('runs on', function() while true do end end)", "policy_spec.lua")
    done = specs.run("test", "--timeout", "200ms")
    assert "ran for more than 0.2s without returning" in said(done)


def test_results_are_printed_for_programs(specs: Command) -> None:
    done = specs.run("test", "--json", "--coverage", "--seed", "1")
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    assert shown["counts"] == {"passed": 1, "failed": 1, "pending": 1}
    assert shown["seed"] == 1
    (failed,) = [test for test in shown["tests"] if test["state"] == "failed"]
    assert failed["name"] == "the policy > logs the harbour"
    assert failed["place"] == "policy_spec.lua:9"
    assert failed["failures"][0].startswith("assert.equal: expected 1, got 0\n")
    assert failed["printed"]["stdout"] == "not yet\n"
    (file,) = shown["coverage"]["files"]
    assert (file["file"], file["missing"], file["branches"]) == ("init.lua", [], 0)
    assert shown["coverage"]["percent"] == 100


def test_a_test_that_passed_though_events_were_rejected_is_told_of(specs: Command) -> None:
    specs.policy(
        """local kumolog = require 'kumolog'
        it('is careless', function() kumolog.load('init.lua'):log { type = 'Delivry' } end)
        it('is careful', function()
          local policy = kumolog.load 'init.lua'
          policy:log { type = 'Delivry' }
          assert.equal(1, #policy:rejects())
        end)""",
        "policy_spec.lua",
    )
    done = specs.run("test")
    assert done.returncode == 0
    assert (
        "passed, but events were rejected that it did not ask about: is careless "
        "(policy_spec.lua:2)\n\n  event 1: unknown record type 'Delivry': did you mean `Delivery`?\n"
    ) in said(done)
    assert "is careful" not in said(done)


def test_golden_files_are_made_on_demand_and_then_compared_with(specs: Command) -> None:
    specs.policy(
        """local kumolog = require 'kumolog'
        it('is golden', function()
          local policy = kumolog.load('init.lua', { at = '2026-03-02T09:00:00Z' })
          policy:log { type = 'Delivery', recipient = 'ada@inbox.example', meta = { tenant = 'bakery' } }
          assert.matches_golden('out.jsonl', policy:lines())
        end)""",
        "golden_spec.lua",
    )
    missing = specs.run("test", "golden_spec.lua")
    assert missing.returncode == 1
    assert "golden/golden_spec/out.jsonl is missing" in said(missing)
    made = specs.run("test", "golden_spec.lua", "--update-golden")
    assert made.returncode == 0
    assert "wrote golden/golden_spec/out.jsonl\n" in said(made)
    assert specs.run("test", "golden_spec.lua").returncode == 0
    golden = specs.directory / "golden" / "golden_spec" / "out.jsonl"
    golden.write_text(golden.read_text().replace("ada@", "bob@"))
    assert '    recipient: expected "bob@inbox.example", got "ada@inbox.example"\n' in said(
        specs.run("test", "golden_spec.lua")
    )


def test_coverage_is_shown_and_may_be_required(specs: Command) -> None:
    specs.policy(PASSING, "policy_spec.lua")
    policy = init(
        "kumo.configure_local_logs { log_dir = 'out', filter_event = 'wanted' }",
        "kumo.on('wanted', function(msg)\nif msg:get_meta 'x' then\nreturn 1 > 2\nend\nreturn true\nend)",
    )
    specs.policy(policy)
    done = specs.run("test", "--coverage", "--fail-under", "50")
    assert done.returncode == 0, said(done)
    assert "init.lua" in said(done).split("pending in 1 file")[1]
    assert "policy_spec.lua" not in said(done).split("pending in 1 file")[1]
    done = specs.run("test", "--coverage", "--fail-under", "100")
    assert done.returncode == 1
    assert "% of the lines, fewer than 100%\n" in said(done)


def test_coverage_is_written_for_programs(specs: Command) -> None:
    specs.policy(PASSING, "policy_spec.lua")
    done = specs.run("test", "--coverage", "--lcov", "reports/lcov.info")
    assert done.returncode == 0, said(done)
    lines = (specs.directory / "reports" / "lcov.info").read_text().splitlines()
    assert lines[1] == "SF:init.lua"
    assert "FNDA:1,kumo.on('wanted')" in lines
    assert "DA:5,1" in lines
    done = specs.run("test", "--lcov", "reports/lcov.info")
    assert done.returncode == 2
    assert b"--lcov is about coverage: give --coverage as well" in done.stderr


def test_a_failure_says_why_an_event_was_rejected_and_what_the_policy_reported(
    specs: Command,
) -> None:
    specs.policy(
        init(
            "kumo.configure_local_logs { log_dir = 'out' }",
            "kumo.on('smtp_server_message_received', function(msg)\n"
            "kumo.log_error 'about to go wrong'\nlocal nothing = nil .. ''\nend)",
        )
    )
    specs.policy(
        "it('receives', function()\n"
        "local policy = require 'kumolog'.load 'init.lua'\n"
        "policy:log { type = 'Reception', data = 'Subject: x\\n\\n', meta = { b = { d = 1, c = 2 }, a = 3 } }\n"
        "assert.equal(1, #policy:logged())\nend)",
        "policy_spec.lua",
    )
    told = said(specs.run("test"))
    assert (
        '1. {"type":"Reception","data":"Subject: x\\n\\n","meta":{"a":3,"b":{"c":2,"d":1}}}\n'
        in told
    )
    assert "-> rejected: " in told
    assert "attempt to concatenate a nil value" in told
    assert "error: " in told.partition("-> rejected: ")[2]
    assert "about to go wrong" in told


def test_output_that_cannot_be_written_ends_with_1(specs: Command) -> None:
    with Path("/dev/full").open("wb") as full:
        done = specs.run("test", stdout=full)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("kumolog: error: writing to standard output: ")


# Watching ----------------------------------------------------------------------------------------

WAITING = "waiting for changes; Ctrl-C ends it\n"


def test_watching_runs_again_what_a_change_affects(specs: Command) -> None:
    specs.policy("it('other', function() end)", "other_spec.lua")
    output = specs.directory / "output"
    with output.open("wb") as file, specs.start("test", "--watch", stdout=file) as process:

        def rounds(count: int) -> str:
            return wait_until(
                lambda: output.read_text().count(WAITING) == count and output.read_text()
            )

        assert (
            "other_spec.lua: 1 passed\npolicy_spec.lua: 1 passed, 1 pending, 1 failed\n"
            in rounds(1)
        )
        specs.policy(POLICY.replace("'bakery'", "'harbour' or true"))
        second = rounds(2).split(WAITING)[1]
        assert "init.lua changed: running policy_spec.lua\npolicy_spec.lua: 2 passed" in second
        assert "other_spec.lua" not in second
        specs.policy("it('new', function() end)", "new_spec.lua")
        assert "running new_spec.lua\nnew_spec.lua: 1 passed\n" in rounds(3).split(WAITING)[2]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_watching_imports_changed_python_anew(specs: Command) -> None:
    specs.policy("VALUE = 1", "helper.py")
    specs.policy("import helper\ndef test_x(): assert helper.VALUE == 2", "test_x.py")
    output = specs.directory / "output"
    with (
        output.open("wb") as file,
        specs.start("test", "--watch", "test_x.py", stdout=file) as process,
    ):
        wait_until(lambda: WAITING in output.read_text())
        specs.policy("VALUE = 2 # changed", "helper.py")
        wait_until(lambda: output.read_text().count(WAITING) == 2)
        assert "helper.py changed: running test_x.py\ntest_x.py: 1 passed" in output.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_ctrl_c_ends_it_after_the_test_that_runs(specs: Command) -> None:
    specs.policy(
        """it('is slow', function()
          io.open('started', 'w'):close()
          while not io.open('go') do end
        end)
        it('is never run', function() io.open('wrong', 'w'):close() end)""",
        "policy_spec.lua",
    )
    with specs.start("test") as process:
        wait_until((specs.directory / "started").exists)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        (specs.directory / "go").touch()
        output = process.communicate(timeout=20)[0].decode()
    assert process.returncode == 1
    assert "\ninterrupted: 1 passed in 1 file" in output
    assert not (specs.directory / "wrong").exists()
