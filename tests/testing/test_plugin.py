"""Lua specs and policies under pytest: a real one, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support import init

ROOT = Path(__file__).parent.parent.parent
POLICY = init(
    "kumo.configure_local_logs { log_dir = 'out', filter_event = 'wanted' }",
    "kumo.on('wanted', function(msg) return msg:get_meta('tenant') == 'bakery' end)",
)
SPEC = """\
local kumolog = require 'kumolog'

describe('outer', function()
  setup(function() print 'set up' end)
  teardown(function() print 'torn down' end)
  it('passes #fast', function() end)
  it('fails', function()
    print 'about to fail'
    local policy = kumolog.load 'init.lua'
    policy:log { type = 'Delivery', meta = { tenant = 'harbour' } }
    assert.equal(1, #policy:logged())
  end)
  describe('inner #slow', function()
    it('raises', function() local function deep() error('boom') end deep() end)
    it('is not written yet')
    it('is not ready', function() pending('until Monday') end)
  end)
  it('runs on', function() while true do end end)
  it('goes on', function() end)
end)
describe('wrong', function()
  it('has no function', 5)
end)
it('is twice', function() end)
it('is twice', function() end)
it('has a::b [1] in its name', function() end)
"""
OUTCOMES = {
    "outer::passes #fast": "passed",
    "outer::fails": "failure",
    "outer::inner #slow::raises": "failure",
    "outer::inner #slow::is not written yet": "skipped",
    "outer::inner #slow::is not ready": "skipped",
    "outer::runs on": "failure",
    "outer::goes on": "passed",
    "is twice": "passed",
    "is twice (2)": "passed",
    "has a:b (1) in its name": "passed",
}


class Project:
    """A directory of files, and pytest in it."""

    def __init__(self, directory: Path, files: dict[str, str]) -> None:
        self.directory = directory
        for name, text in files.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Nobody else's plugins, and no warning goes unseen."""
        own = (
            "-p",
            "kumolog.testing.plugin",
            "-p",
            "xdist.plugin",
            "-W",
            "error",
            "--strict-markers",
        )
        return subprocess.run(
            [sys.executable, "-m", "pytest", *own, "-o", "kumolog_seconds=0.3", *arguments],
            cwd=self.directory,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTEST_ADDOPTS": "",
            },
            capture_output=True,
            text=True,
        )

    def outcomes(self, report: str = "report.xml") -> dict[str, str]:
        """How each test ended, by what leads to it."""
        found = {}
        for case in ElementTree.parse(self.directory / report).iter("testcase"):
            if (outcome := next((child.tag for child in case), "passed")) != "error":
                found[case.attrib["name"].replace(" > ", "::")] = outcome
        return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    files = {"init.lua": POLICY, "some_spec.lua": SPEC, "bad_test.lua": "it('x'"}
    return Project(tmp_path_factory.mktemp("project"), files)


@pytest.fixture(scope="module")
def output(project: Project) -> str:
    """What one run of everything shows; it leaves report.xml."""
    done = project.pytest("-ra", "--continue-on-collection-errors", "--junitxml=report.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("output")
def test_every_test_is_an_item_with_an_outcome_of_its_own(project: Project) -> None:
    assert project.outcomes() == OUTCOMES


def test_a_failure_shows_the_lines_of_the_spec_and_no_python(output: str) -> None:
    assert "____ outer fails ____" in output
    assert "assert.equal: expected 1, got 0\n\nsome_spec.lua:11:\n" in output
    assert ">   11 |     assert.equal(1, #policy:logged())" in output
    assert "Traceback" not in output
    assert ".py" not in output.partition("collected")[2].replace("report.xml", "")


def test_a_failure_shows_what_was_printed_and_what_became_of_the_events(output: str) -> None:
    assert "-- Captured stdout call --" in output
    assert "\nabout to fail\n" in output
    assert "-- Captured events call --" in output
    assert (
        '1. {"type":"Delivery","meta":{"tenant":"harbour"}}\n   -> out: Delivery filtered by wanted ('
        in output
    )


def test_the_summary_says_what_failed_where_and_what_is_pending(output: str) -> None:
    assert "FAILED some_spec.lua::outer::fails - assert.equal: expected 1, got 0" in output
    assert "SKIPPED [1] some_spec.lua:15: this test has no function yet" in output
    assert "SKIPPED [1] some_spec.lua:16: until Monday" in output


def test_what_cannot_be_loaded_is_an_error_of_collecting_with_its_place(output: str) -> None:
    assert "ERROR collecting bad_test.lua" in output
    assert "\nbad_test.lua:1:\n>    1 | it('x'" in output
    assert "ERROR collecting some_spec.lua" in output
    assert (
        "describe 'wrong': it 'has no function' needs a function, got 5\n\nsome_spec.lua:22:\n"
        in output
    )


def test_a_test_that_does_not_end_fails_alone(output: str) -> None:
    assert (
        "FAILED some_spec.lua::outer::runs on - ran for more than 0.3s without returning" in output
    )


def test_the_report_names_blocks_and_messages(project: Project, output: str) -> None:
    assert output
    cases = list(ElementTree.parse(project.directory / "report.xml").iter("testcase"))
    (failed,) = [case for case in cases if case.attrib["name"] == "outer > fails"]
    assert failed.attrib["classname"] == "some_spec"
    assert {case.attrib["classname"] for case in cases} == {"some_spec", "bad_test"}
    failure = failed.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "assert.equal: expected 1, got 0"
    assert "some_spec.lua:11:" in (failure.text or "")


def test_several_processes_run_what_one_does(project: Project) -> None:
    done = project.pytest("-n", "2", "--continue-on-collection-errors", "--junitxml=both.xml")
    assert project.outcomes("both.xml") == OUTCOMES, done.stdout
    assert "assert.equal: expected 1, got 0\n\nsome_spec.lua:11:\n" in done.stdout
    assert "FAILED some_spec.lua::outer::fails - assert.equal: expected 1, got 0" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["-k", "slow and raises"], ["outer::inner #slow::raises"]),
        (["-k", "fast or twice"], ["outer::passes #fast", "is twice", "is twice (2)"]),
        (["-m", "fast"], ["outer::passes #fast"]),
        (["some_spec.lua::outer::inner #slow::raises"], ["outer::inner #slow::raises"]),
        (["some_spec.lua::has a:b (1) in its name"], ["has a:b (1) in its name"]),
    ],
)
def test_tests_are_chosen_as_those_of_python_are(
    project: Project, arguments: list[str], names: list[str]
) -> None:
    arguments = ["-q", "--collect-only", "--continue-on-collection-errors", *arguments]
    lines = project.pytest(*arguments).stdout.splitlines()
    assert [line for line in lines if line.startswith("some_spec.lua::")] == [
        f"some_spec.lua::{name}" for name in names
    ]


def test_the_last_failures_are_run_again_and_x_stops_at_the_first(tmp_path: Path) -> None:
    spec = "it('a', function() end) it('b', error) it('c', error)"
    project = Project(tmp_path, {"x_spec.lua": spec})
    assert "1 failed, 1 passed" in project.pytest("-x").stdout
    assert "= 1 failed in" in project.pytest("--last-failed", "-x").stdout


def test_what_blocks_share_is_torn_down_after_their_last_test(tmp_path: Path) -> None:
    spec = """describe('block', function()
      setup(function() print '<up>' end)
      teardown(function() print '<down>' end)
      it('one', function() print '<one>' end)
      it('two', function() print '<two>' end)
      it('three', function() print '<three>' end)
    end)
    it('last', function() print '<last>' end)"""
    done = Project(tmp_path, {"x_spec.lua": spec}).pytest("-s", "-q", "-k", "not two")
    words = [word for word in done.stdout.replace(">", ">\n").split() if word.endswith(">")]
    assert [word.lstrip(".") for word in words] == ["<up>", "<one>", "<three>", "<down>", "<last>"]


def test_a_teardown_that_fails_at_the_end_is_told(tmp_path: Path) -> None:
    spec = (
        "teardown(function() error('cannot') end) it('a', function() end) it('b', function() end)"
    )
    done = Project(tmp_path, {"x_spec.lua": spec}).pytest("-q", "-k", "a")
    assert "teardown: cannot" in done.stdout
    assert done.returncode == 1


def test_policies_are_closed_when_their_test_ends_and_others_go_on(tmp_path: Path) -> None:
    spec = """local kumolog = require 'kumolog'
    local kept, own
    setup(function() kept = kumolog.load 'init.lua' end)
    local event = { type = 'Delivery', meta = { tenant = 'bakery' } }
    it('logs to both', function()
      own = kumolog.load 'init.lua'
      own:log(event) kept:log(event)
    end)
    it('has only the one that was loaded before', function()
      kept:log(event)
      assert.equal(2, #kept:logged())
      assert.is_true(own:segments()[1].finished)
      assert.is_false(kept:segments()[1].finished)
      assert.has_error(function() own:log(event) end)
    end)"""
    done = Project(tmp_path, {"x_spec.lua": spec, "init.lua": POLICY}).pytest("-q")
    assert done.returncode == 0, done.stdout


def test_coverage_is_of_all_processes_together(tmp_path: Path) -> None:
    policy = init(
        "kumo.configure_local_logs { log_dir = 'out', filter_event = 'wanted' }",
        "kumo.on('wanted', function(msg)\n"
        "  if msg:get_meta('tenant') == 'bakery' then return true end\n"
        "  return false\n"
        "end)",
    )
    spec = """local kumolog = require 'kumolog'
    it('logs %s', function()
      local policy = kumolog.load 'init.lua'
      policy:log { type = 'Delivery', meta = { tenant = '%s' } }
    end)"""
    files = {f"{name}_spec.lua": spec % (name, name) for name in ("bakery", "harbour")}
    project = Project(tmp_path, {"init.lua": policy, **files})
    one = project.pytest("--kumolog-coverage", "bakery_spec.lua")
    assert "init.lua:6  the condition was never false" in one.stdout
    for processes in ([], ["-n", "2", "--dist", "loadfile"]):
        done = project.pytest("--kumolog-coverage", "--kumolog-lcov=policy.info", *processes)
        assert done.returncode == 0
        assert done.stdout.count("- coverage of policies -") == 1
        assert "100.0       2/2\n" in done.stdout
        assert "BRF:2\nBRH:2\n" in (tmp_path / "policy.info").read_text()
        (tmp_path / "policy.info").unlink()


SEARCH = "(('a'):rep(40)):find(('a-'):rep(35) .. 'b')"  # longer than anybody lives


def test_a_call_that_nothing_can_end_fails_alone_and_is_left_behind(tmp_path: Path) -> None:
    policy = init(
        "kumo.configure_local_logs { log_dir = 'out', filter_event = 'wanted' }",
        f"kumo.on('wanted', function(msg) return msg:get_meta 'bad' and {SEARCH} or true end)",
    )
    spec = f"""local kumolog = require 'kumolog'
    it('comes first', function() end)
    it('searches', function() return {SEARCH} end)
    it('goes on', function() end)
    it('has the policy search', function()
      kumolog.load('init.lua'):log {{ type = 'Delivery', meta = {{ bad = true }} }}
    end)
    it('goes on again', function()
      local policy = kumolog.load 'init.lua'
      policy:log {{ type = 'Delivery' }}
      assert.equal(1, #policy:logged())
    end)"""
    files = {"init.lua": policy, "a_spec.lua": spec, "b_spec.lua": "it('last', function() end)"}
    project = Project(tmp_path, files)
    done = project.pytest("--junitxml=report.xml")
    assert done.returncode == 1
    assert project.outcomes() == {
        "comes first": "passed",
        "searches": "failure",
        "goes on": "passed",
        "has the policy search": "failure",
        "goes on again": "passed",
        "last": "passed",
    }
    assert "the spec did not come back within 0.3s from a call that nothing can end" in done.stdout
    assert "the filter handlers did not come back within 0.3s from a call that" in done.stdout
    assert '1. {"type":"Delivery","meta":{"bad":true}}' in done.stdout


def test_a_file_that_never_comes_back_is_an_error_and_its_programs_are_ended(
    tmp_path: Path,
) -> None:
    number = tmp_path / "number"
    spec = f"os.execute('echo $$ > {number}; exec sleep 1000')"
    project = Project(tmp_path, {"a_spec.lua": spec, "b_spec.lua": "it('b', function() end)"})
    done = project.pytest("--continue-on-collection-errors")
    assert "1 passed, 1 error" in done.stdout
    assert "loading the file: the spec did not come back within 0.3s" in done.stdout
    assert not Path("/proc", number.read_text().strip()).exists()


def test_what_was_rejected_while_a_test_passed_is_told(tmp_path: Path) -> None:
    spec = """local kumolog = require 'kumolog'
    it('passes', function() kumolog.load('init.lua'):log { type = 'Delivery' } end)
    it('expects it', function()
      local policy = kumolog.load 'init.lua'
      policy:log { type = 'Delivery' }
      assert.equal(1, #policy:rejects())
    end)"""
    policy = init(
        "kumo.configure_local_logs { log_dir = 'out', filter_event = 'wanted' }",
        "kumo.on('wanted', function(msg) error 'never' end)",
    )
    project = Project(tmp_path, {"x_spec.lua": spec, "init.lua": policy})
    for processes in ([], ["-n", "1"]):
        done = project.pytest(*processes)
        assert done.returncode == 0
        assert "x_spec.lua::passes passed, but" in done.stdout
        assert "event 1: init.lua:5: never\n" in done.stdout
        assert "expects it passed, but" not in done.stdout


# Python tests ------------------------------------------------------------------------------------

PYTHON = """
from pathlib import Path
from kumolog.testing.events import event

benches = []

def log(kumolog_policy):
    bench = kumolog_policy("init.lua", at="2026-03-02T09:00:00Z")
    bench.log(event("Delivery", recipient="ada@inbox.example", meta={"tenant": "bakery"}))
    benches.append(bench)
    return bench

def test_it_logs(kumolog_policy):
    assert len(log(kumolog_policy).logged()) == 1

def test_it_was_closed():
    assert benches[0].segments()[0].finished

def test_golden(kumolog_policy, kumolog_golden):
    kumolog_golden("out.jsonl", log(kumolog_policy).lines())

def test_it_fails(kumolog_policy):
    assert log(kumolog_policy).logged() == []
"""


def test_a_python_test_loads_a_policy_and_compares_with_golden_files(tmp_path: Path) -> None:
    project = Project(tmp_path, {"init.lua": POLICY, "tests/test_policy.py": PYTHON})
    first = project.pytest("-q")
    assert "3 failed" not in first.stdout
    assert "2 failed, 2 passed" in first.stdout
    assert "golden/test_policy/out.jsonl is missing" in first.stdout
    assert "   -> out: Delivery written by wanted (init.lua:" in first.stdout
    assert "1 failed, 3 passed" in project.pytest("-q", "--kumolog-update-golden").stdout
    golden = tmp_path / "tests" / "golden" / "test_policy" / "out.jsonl"
    assert '"recipient":"ada@inbox.example"' in golden.read_text()
    # Times, ids and the node are the same in another run.
    assert "1 failed, 3 passed" in project.pytest("-q").stdout


# Other projects ----------------------------------------------------------------------------------


def test_a_project_without_specs_notices_nothing(tmp_path: Path) -> None:
    python = "import sys\ndef test_x():\n    assert not {'lupa', 'kumolog.policy', 'kumolog.testing.items'} & {*sys.modules}\n"
    project = Project(tmp_path, {"init.lua": "error('not a spec')", "test_x.py": python})
    done = project.pytest()
    assert done.returncode == 0, done.stdout
    assert "collected 1 item" in done.stdout


@pytest.mark.parametrize("given", ["soon", "0", "-1"])
def test_a_time_budget_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    done = Project(tmp_path, {}).pytest("-o", f"kumolog_seconds={given}")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"kumolog_seconds must be a number of seconds, not '{given}'" in done.stderr


def test_the_package_offers_the_plugin_to_pytest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (name,) = project["entry-points"]["pytest11"].values()
    hook: Callable[..., object] = import_module(name).pytest_collect_file
    assert callable(hook)
    assert any(need.startswith("pytest>=") for need in project["optional-dependencies"]["test"])
