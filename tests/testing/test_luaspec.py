"""Lua spec files: what they declare, in which order it runs, and what is told when it fails."""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import ClassVar

import pytest
from luaspecs import load, outcome_of, run_all, states, text_of_failure

from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.testing.luaspec import PATTERNS, SpecFile


def printed(capsys: pytest.CaptureFixture[str], directory: Path, source: str) -> list[str]:
    """The words that a source prints while all of it runs."""
    run_all(load(directory, source))
    return capsys.readouterr().out.split()


# What a file declares ----------------------------------------------------------------------------------


def test_items_have_full_names_lines_and_tags_in_the_order_of_the_file(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        """it('stands alone', function() end)
        describe('outer #slow', function()
          it('is inside', function() end)
          context('inner', function()
            spec('is deeper #net-1', function() end)
          end)
          test('is inside again', function() end)
        end)
        insulate(function() it('has no block name', function() end) end)
        expose('shown', function() it('is shown', function() end) end)
        """,
    )
    path = str(tmp_path / "policy_spec.lua")
    assert [(item.names, item.place.line) for item in spec.items] == [
        (("stands alone",), 1),
        (("outer #slow", "is inside"), 3),
        (("outer #slow", "inner", "is deeper #net-1"), 5),
        (("outer #slow", "is inside again"), 7),
        (("has no block name",), 9),
        (("shown", "is shown"), 10),
    ]
    assert {item.place.file for item in spec.items} == {path}
    assert [item.tags for item in spec.items[:3]] == [set(), {"slow"}, {"slow", "net-1"}]
    assert spec.items[2].name == "outer #slow inner is deeper #net-1"


def test_pending_is_said_in_four_ways(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        """pending('one')
        pending('two', function() error('never run') end)
        it('three')
        describe('four')
        it('five', function() pending('not yet') error('never reached') end)
        it('six', function() pending() end)
        """,
    )
    outcomes = run_all(spec)
    assert {outcome.state for outcome in outcomes.values()} == {"pending"}
    assert [item.pending is None for item in spec.items] == [False] * 4 + [True] * 2
    assert outcomes["five"].reason == "not yet"
    assert "has no function yet" in outcomes["three"].reason


def test_names_may_be_the_same(tmp_path: Path) -> None:
    spec = load(tmp_path, "for i = 1, 3 do it('same', function() assert.equal(2, i) end) end")
    assert [spec.run(item).state for item in spec.items] == ["failed", "passed", "failed"]


@pytest.mark.parametrize(
    ("name", "is_one"), [("a_spec.lua", True), ("a_test.lua", True), ("spec.lua", False)]
)
def test_spec_files_are_told_by_their_names(name: str, is_one: bool) -> None:
    assert any(fnmatch(name, pattern) for pattern in PATTERNS) == is_one


@pytest.mark.parametrize(
    ("source", "name", "line", "told"),
    [
        ("local x =\n= 2", "(loading the file)", 2, "unexpected symbol near '='"),
        (
            "local a\nlocal b\na.b = 1",
            "(loading the file)",
            3,
            "attempt to index a nil value (local 'a')",
        ),
        (
            "descirbe('x', print)",
            "(loading the file)",
            1,
            "attempt to call a nil value (global 'descirbe')",
        ),
        ("require 'no_such_helper'", "(loading the file)", 1, "module 'no_such_helper' not found"),
        ("describe('x', function()\n  error('boom')\nend)", "x", 2, "boom"),
        (
            "describe('x', function()\nit('a', function() end)\nlocal t = nil + 1\nend)",
            "x",
            3,
            "attempt to perform arithmetic on a nil value",
        ),
        ("describe('x', 5)", "(loading the file)", 1, "describe 'x' needs a function, got 5"),
        (
            "it(function() end)",
            "(loading the file)",
            1,
            "it needs a name and a function, got function <",
        ),
        ("it('x', {})", "(loading the file)", 1, "it 'x' needs a function, got {}"),
        ("before_each('x')", "(loading the file)", 1, "before_each needs a function, got 'x'"),
        ("finally(print)", "(loading the file)", 1, "finally belongs into a test"),
        ("while true do end", "(loading the file)", 1, "ran for more than 0.2s"),
        (
            "describe('x', function() while true do pcall(error) end end)",
            "(loading the file)",
            1,
            "ran for more",
        ),
    ],
)
def test_a_file_that_cannot_be_collected_is_a_failing_item(
    tmp_path: Path, source: str, name: str, line: int, told: str
) -> None:
    spec = load(tmp_path, source, seconds=0.2)
    (item,) = spec.items
    assert item.name == name
    text = str(spec.run(item))
    assert told in text
    assert f"policy_spec.lua:{line}:\n" in text
    assert f">    {line} | {source.splitlines()[line - 1]}" in text


def test_a_file_that_is_not_there_is_a_failing_item(tmp_path: Path) -> None:
    spec = SpecFile.load(tmp_path / "gone_spec.lua")
    assert "No such file or directory" in str(spec.run(spec.items[0]))


def test_a_block_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    source = """describe('bad', function() it('lost', print) error('boom') end)
    it('good', function() end)"""
    assert states(tmp_path, source) == {"bad": "failed", "good": "passed"}


@pytest.mark.parametrize("word", ["it", "describe", "before_each", "setup", "it.each"])
def test_nothing_can_be_declared_while_a_test_runs(tmp_path: Path, word: str) -> None:
    told = text_of_failure(tmp_path, f"{word}('x', function() end)")
    assert f"{word} cannot be used while tests run" in told


# The order of things ----------------------------------------------------------------------------------

ORDER = """
teardown(function() print 'teardown' end)
lazy_teardown(function() print 'lazy_teardown' end)
lazy_setup(function() print 'lazy_setup' end)
setup(function() print 'setup' end)
before_each(function() print 'before' end)
after_each(function() print 'after' end)
it('one', function() finally(function() print 'finally' end) print 'one' end)
describe('inner', function()
  it('two', function() print 'two' end)
  it('three', function() print 'three' end)
  setup(function() print 'setup2' end)
  teardown(function() print 'teardown2' end)
  before_each(function() print 'before2' end)
  after_each(function() print 'after2' end)
end)
it('four', function() print 'four' end)
"""


def test_everything_runs_in_busteds_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert " ".join(printed(capsys, tmp_path, ORDER)) == (
        "setup lazy_setup before one finally after "
        "setup2 before before2 two after2 after before before2 three after2 after teardown2 "
        "before four after lazy_teardown teardown"
    )


def test_one_item_alone_has_the_setups_of_its_blocks_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = load(tmp_path, ORDER)
    for _ in range(2):
        assert spec.run(spec.items[2]).state == "passed"
        assert " ".join(capsys.readouterr().out.split()) == (
            "setup setup2 lazy_setup before before2 three after2 after "
            "teardown2 lazy_teardown teardown"
        )


def test_blocks_stay_set_up_for_the_item_that_follows_and_close_ends_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = load(tmp_path, ORDER)
    spec.run(spec.items[1], spec.items[2])
    assert "teardown" not in capsys.readouterr().out
    assert spec.close() == ()
    assert capsys.readouterr().out.split() == ["teardown2", "lazy_teardown", "teardown"]
    assert spec.close() == ()


def test_whatever_is_announced_the_setups_of_an_item_are_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = load(tmp_path, ORDER)
    spec.run(spec.items[1], spec.items[2])
    capsys.readouterr()
    spec.run(spec.items[0])
    assert capsys.readouterr().out.split()[0] == "teardown2"


def test_a_pending_item_sets_nothing_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, tmp_path, "setup(function() print 'setup' end) pending('x')") == []


def test_clean_up_runs_after_a_test_that_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
    after_each(function() print 'after' end)
    teardown(function() print 'teardown' end)
    it('fails', function()
      finally(function() print 'finally' end)
      error('boom')
    end)"""
    assert printed(capsys, tmp_path, source) == ["finally", "after", "teardown"]


def test_a_failing_before_each_stops_the_test_and_undoes_what_it_began(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
    after_each(function() print 'outer' end)
    describe('block', function()
      before_each(function()
        error('no room')
      end)
      after_each(function() print 'inner' end)
      describe('deeper', function()
        before_each(function() print 'never' end)
        after_each(function() print 'never' end)
        it('does it', function() print 'never' end)
      end)
    end)"""
    spec = load(tmp_path, source)
    told = str(spec.run(spec.items[0]))
    assert capsys.readouterr().out.split() == ["inner", "outer"]
    assert told.startswith("before_each of 'block': no room\n")
    assert ">    5 |         error('no room')" in told


def test_a_failing_setup_fails_every_test_of_its_block_once_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
    describe('block', function()
      setup(function() print 'setup' error('no server') end)
      teardown(function() print 'teardown' end)
      it('one', function() print 'never' end)
      it('two', function() print 'never' end)
    end)
    it('three', function() print 'three' end)"""
    outcomes = run_all(load(tmp_path, source))
    assert capsys.readouterr().out.split() == ["setup", "teardown", "three"]
    assert [outcome.state for outcome in outcomes.values()] == ["failed", "failed", "passed"]
    assert str(outcomes["block two"]).startswith("setup of 'block': no server\n")


@pytest.mark.parametrize("hook", ["setup", "before_each"])
def test_pending_in_a_hook_makes_the_tests_pending(tmp_path: Path, hook: str) -> None:
    source = f"{hook}(function() pending('no network') end) it('x', error) it('y', error)"
    assert states(tmp_path, source) == {"x": "pending", "y": "pending"}


@pytest.mark.parametrize("hook", ["after_each", "teardown", "lazy_teardown"])
def test_a_failing_clean_up_fails_the_test_before_it(tmp_path: Path, hook: str) -> None:
    spec = load(
        tmp_path,
        f"describe('b', function() {hook}(function() error('x') end) it('t', function() end) end)",
    )
    outcome = spec.run(spec.items[0])
    assert outcome.state == "failed"
    assert str(outcome).startswith(f"{hook} of 'b': x\n")


def test_all_that_went_wrong_is_told(tmp_path: Path) -> None:
    source = """after_each(function() error('third') end)
    it('x', function() finally(function() error('second') end) error('first') end)"""
    spec = load(tmp_path, source)
    outcome = spec.run(spec.items[0])
    assert [(failure.what, failure.message) for failure in outcome.failures] == [
        (None, "first"),
        ("finally", "second"),
        ("after_each", "third"),
    ]


# Cases ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (
            "it.each { { 1, 2, 3 }, { 2, 2, 4 } } ('%d + %d = %d', print)",
            ["1 + 2 = 3", "2 + 2 = 4"],
        ),
        ("it.each { 'a', 'b' } ('takes %s', print)", ["takes a", "takes b"]),
        ("it.each { 'a', 'b' } ('takes it', print)", ["takes it (a)", "takes it (b)"]),
        ("it.each { { x = 1 }, { x = { 2 } } } ('x is $x', print)", ["x is 1", "x is { 2 }"]),
        ("it.each { { a = { b = 'deep' } } } ('$a.b.', print)", ["deep."]),
        ("it.each { { x = '100%d' } } ('$x of it', print)", ["100%d of it"]),
        ("it.each { { x = 1 } } ('$y %% $x', print)", ["$y % 1"]),
        (
            "it.each { { name = 'first', x = 1 }, { x = 2 } } ('runs', print)",
            ["runs (first)", "runs (case 2)"],
        ),
        ("it.each { none = {}, all = {} } ('runs', print)", ["runs (all)", "runs (none)"]),
        ("it.each { { 'x' } } ('%d of them', print)", ["x of them"]),
        ("it.each { true } ('is %s', print)", ["is true"]),
        (
            "describe.each { 1, 2 } ('block %d', function(n) it('has ' .. n, print) end)",
            ["block 1 has 1", "block 2 has 2"],
        ),
        ("test.each { 1 } ('x%d', print) spec.each { 2 } ('y%d', print)", ["x1", "y2"]),
    ],
)
def test_each_case_is_an_item_with_a_name(tmp_path: Path, source: str, names: list[str]) -> None:
    assert [item.name for item in load(tmp_path, source).items] == names


def test_each_case_is_handed_over(tmp_path: Path) -> None:
    source = """
    it.each { { 1, 2, 3 }, { 2, 2, 5 } } ('%d + %d = %d', function(a, b, sum) assert.equal(sum, a + b) end)
    it.each { { kind = 'Delivery', 'x' } } ('whole', function(case) assert.same({ 'x', kind = 'Delivery' }, case) end)
    it.each { {} } ('empty', function(case) assert.same({}, case) end)"""
    assert list(states(tmp_path, source).values()) == ["passed", "failed", "passed", "passed"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("it.each {} ('x', print)", "it.each needs at least one case, the table is empty"),
        ("it.each(5)", "it.each needs a table of cases, got 5"),
        (
            "it.each { 1 }",
            "it.each{...} is without its test: it.each{...}('name', function(case) ... end)",
        ),
        ("it.each { 1 } ('x')", "it.each{...} 'x' needs a function, got nil"),
        ("it.each({ 1 }, 'x', print)", "it.each{...} is without its test"),
    ],
)
def test_cases_without_a_test_are_an_error(tmp_path: Path, source: str, told: str) -> None:
    spec = load(tmp_path, source)
    assert told in str(spec.run(spec.items[0]))


# Runaway tests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "assert.has_error(function() while true do end end)",
        "local t = setmetatable({}, { __eq = function() while true do end end }) "
        "assert.same(t, setmetatable({}, getmetatable(t)))",
        "spy.new(function() while true do end end)()",
        "xpcall(function() while true do end end, function() while true do end end)",
    ],
)
def test_a_test_that_does_not_end_fails_alone(tmp_path: Path, body: str) -> None:
    source = f"""
    local kept = 0
    setup(function() kept = kept + 1 end)
    it('before', function() end)
    it('runs on', function() {body} end)
    it('after', function() assert.equal(1, kept) end)"""
    outcomes = run_all(load(tmp_path, source, seconds=0.1))
    assert [outcome.state for outcome in outcomes.values()] == ["passed", "failed", "passed"]
    assert "ran for more than 0.1s without returning" in str(outcomes["runs on"])


def test_clean_up_has_time_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = """
    after_each(function() for i = 1, 100000 do end print 'after' end)
    teardown(function() print 'teardown' end)
    it('runs on', function() finally(function() print 'finally' end) while true do end end)"""
    run_all(load(tmp_path, source, seconds=0.1))
    assert capsys.readouterr().out.split() == ["finally", "after", "teardown"]


@pytest.mark.parametrize("keep", ["local", ""])
def test_a_test_that_takes_all_memory_fails_alone(tmp_path: Path, keep: str) -> None:
    source = f"""
    it('eats', function() {keep} t = {{}} while true do t[#t + 1] = {{ 1, 2, 3 }} end end)
    it('eats texts', function() {keep} s = 'x' while true do s = s .. s end end)
    it('after', function() assert.is_nil(t) end)"""
    outcomes = run_all(load(tmp_path, source, max_memory=32 << 20))
    assert [outcome.state for outcome in outcomes.values()] == ["failed", "failed", "passed"]
    assert "not enough memory" in str(outcomes["eats"])


def test_memory_kept_by_a_test_is_not_missing_to_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
    teardown(function() print 'teardown' end)
    it('keeps', function() kept = ('x'):rep(40 << 20) end)
    it('is fine', function() for i = 1, 100000 do end assert.is_nil(kept) end)"""
    assert states(tmp_path, source, max_memory=32 << 20)["is fine"] == "passed"
    assert capsys.readouterr().out.split() == ["teardown", "teardown"]


def test_a_file_that_declares_other_tests_the_second_time_is_told_so(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    source = f"""
    it('runs on', function() while true do end end)
    local again = io.open('{flag}')
    io.open('{flag}', 'w'):close()
    it(again and 'other' or 'one', function() end)"""
    outcomes = run_all(load(tmp_path, source, seconds=0.1))
    assert "now declares other tests" in str(outcomes["one"])


def test_endless_recursion_is_an_error_like_others(tmp_path: Path) -> None:
    told = text_of_failure(tmp_path, "local function f() return 1 + f() end\nf()")
    assert "stack overflow" in told


# Between specs and the world -------------------------------------------------------------------------------


def test_globals_are_shared_within_a_file_only(tmp_path: Path) -> None:
    source = (
        "it('a', function() assert.is_nil(x) x = 1 end) it('b', function() assert.equal(1, x) end)"
    )
    for _ in range(2):
        assert set(states(tmp_path, source).values()) == {"passed"}


def test_print_and_io_write_go_through_python_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome_of(
        tmp_path, "print('a', nil, 1.5) io.write('b', 2, '\\n'):write('') print('caf\\u{e9} \\xff')"
    )
    assert capsys.readouterr().out == "a\tnil\t1.5\nb2\ncafé \\xff\n"


def test_what_goes_to_luas_own_stdout_comes_out_with_its_test(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome_of(tmp_path, "io.stdout:write('raw')")
    assert capfd.readouterr().out == "raw"


def test_io_write_to_a_file_writes_there(tmp_path: Path) -> None:
    body = f"io.output('{tmp_path}/out') io.write('text') io.close() io.output(io.stdout)"
    assert outcome_of(tmp_path, body).state == "passed"
    assert (tmp_path / "out").read_text() == "text"


def test_modules_are_found_beside_the_spec_above_it_and_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs, working = tmp_path / "policy" / "specs", tmp_path / "working"
    for directory, name in ((specs, "beside"), (specs.parent, "above"), (working, "elsewhere")):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.lua").write_text(f"return '{name}'")
    (specs.parent / "beside.lua").write_text("return 'wrong'")
    monkeypatch.chdir(working)
    body = "assert.same({ 'beside', 'above', 'elsewhere' }, { require 'beside', require 'above', (require 'elsewhere') })"
    outcome = outcome_of(
        specs,
        body.replace("require 'beside', require 'above'", "(require 'beside'), (require 'above')"),
    )
    assert outcome.state == "passed", str(outcome)
    spec = load(specs, "")
    assert spec.resolve("above.lua") == specs.parent / "above.lua"
    assert spec.resolve("elsewhere.lua") == working / "elsewhere.lua"
    assert spec.resolve("nowhere.lua") == specs / "nowhere.lua"


def test_places_below_the_working_directory_are_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "\npolicy_spec.lua:2:\n" in text_of_failure(tmp_path, "error('x')")


def test_long_paths_are_named_in_full(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 80)
    directory.mkdir()
    assert text_of_failure(directory, "error('boom')").startswith(
        f"boom\n\n{directory}/policy_spec.lua:2:\n"
    )


def test_specs_written_for_busted_find_its_modules(tmp_path: Path) -> None:
    source = """require 'busted.runner'()
    local assert = require 'luassert'
    local busted = require 'busted'
    local match = require 'luassert.match'
    busted.it('runs', function() assert.equal(busted.describe, describe) assert.is_table(match) end)"""
    assert states(tmp_path, source) == {"runs": "passed"}


def test_a_helper_of_a_policy_can_be_tested_with_the_kumo_table(tmp_path: Path) -> None:
    (tmp_path / "helper.lua").write_text(
        "local kumo = require 'kumo'\n"
        "return function(msg) return kumo.json_encode({ x = msg:get_meta('x') }) end\n"
    )
    body = """local helper = require 'helper'
    local msg = kumo.make_message('a@example.com', 'b@example.com', 'Subject: x\\r\\n\\r\\nbody')
    msg:set_meta('x', 1)
    assert.equal('{"x":1}', helper(msg))"""
    outcome = outcome_of(tmp_path, body)
    assert outcome.state == "passed", str(outcome)


@pytest.mark.parametrize(
    "body",
    ["debug.getinfo(1)", "python.eval('1')", "os.exit()", "io.popen('id')", "package.loadlib('x')"],
)
def test_a_spec_is_as_sealed_as_a_policy(tmp_path: Path, body: str) -> None:
    assert outcome_of(tmp_path, body).state == "failed"


class Bench(LuaObject):
    """An object as the harness offers it."""

    lua_name = "Bench"
    lua_methods: ClassVar[dict[str, str]] = {"log": "log"}

    def log(self, event: object) -> str:
        raise KumologError("init.lua:3: boom")


def test_modules_of_python_can_be_required(tmp_path: Path) -> None:
    places = []

    def bench(place: str, policy: str) -> Bench:
        places.append((place, policy))
        return Bench()

    modules = {"kumolog": {"bench": bench, "version": "1.0"}}
    body = "local kumolog = require 'kumolog'\nassert.equal('1.0', kumolog.version)\n"
    told = text_of_failure(
        tmp_path, body + "local b = kumolog.bench('init.lua')\nb:log({})", modules=modules
    )
    assert places == [(f"{tmp_path}/policy_spec.lua:4", "init.lua")]
    assert told.startswith("init.lua:3: boom\n")
    assert ">    5 | b:log({})" in told


def test_what_fails_in_python_itself_is_not_hidden(tmp_path: Path) -> None:
    def broken(_place: str) -> None:
        raise ZeroDivisionError

    spec = load(
        tmp_path,
        "it('x', function() pcall(require('kumolog').broken) end) it('y', function() end)",
        modules={"kumolog": {"broken": broken}},
    )
    with pytest.raises(ZeroDivisionError):
        spec.run(spec.items[0])
    assert spec.run(spec.items[1]).state == "passed"


def test_hints_of_the_kumo_table_are_given(tmp_path: Path) -> None:
    assert "did you mean" in text_of_failure(tmp_path, "kumo.configure_local_log {}")


def test_many_tests_run_in_one_process_quickly(tmp_path: Path) -> None:
    source = "for i = 1, 500 do it('number ' .. i, function() assert.same({ i }, { i }) end) end"
    assert set(states(tmp_path, source).values()) == {"passed"}


def test_importing_the_runner_loads_no_test_framework() -> None:
    code = "import sys, kumolog.testing.luaspec; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
