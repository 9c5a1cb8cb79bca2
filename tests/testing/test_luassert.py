"""Assertions of Lua specs: what holds, and what a failing one tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from luaspecs import load, outcome_of, run_all, text_of_failure

HOLDING = [
    "assert.are.equal(1, 1)",
    "assert.equals('a', 'a')",
    "assert.are_equal(1, 1.0)",
    "assert.is.equal(nil, nil)",
    "assert.are_not.equal({}, {})",
    "assert.are.same({ 1, { x = 'y' } }, { 1, { x = 'y' } })",
    "assert.same(1, 1)",
    "assert.are_not.same({ 1 }, { 1, 2 })",
    "assert.are_not.same({ 1, 2 }, { 1 })",
    "assert.is_not.same({ a = false }, {})",
    "assert.are.same(setmetatable({ 1 }, { __index = {} }), { 1 })",
    "local t, u = {}, {} t.t, u.t = t, u assert.same(t, u)",
    "local mt = { __eq = function(a, b) return a[1] == b[1] end } "
    "assert.same({ x = setmetatable({ 1, 2 }, mt) }, { x = setmetatable({ 1, 3 }, mt) })",
    "assert.is_true(true)",
    "assert.True(true)",
    "assert.is.True(true)",
    "assert.is_false(false)",
    "assert.is_not_true(1)",
    "assert.truthy(1)",
    "assert.is_truthy('')",
    "assert.falsy(nil)",
    "assert.is_falsy(false)",
    "assert.is_nil(nil)",
    "assert.is_nil()",
    "assert.is_not_nil(0)",
    "assert.is_not.Nil(0)",
    "assert.is_string('a') assert.is_number(1) assert.is_table({}) assert.is_function(print)",
    "assert.is_boolean(false) assert.is_thread(coroutine.create(print))",
    "assert.is_not_string(1) assert.is.no.number('1')",
    "assert.is_callable(setmetatable({}, { __call = print }))",
    "assert.has_error(function() error('x') end)",
    "assert.has.errors(function() error('x') end)",
    "assert.has_error(function() error('x') end, 'x')",
    "assert.has_error(function() error({ code = 1 }) end, { code = 1 })",
    "assert.error(function() error() end)",
    "assert.has_no.errors(function() end)",
    "assert.has_no_error(function() end)",
    "assert.no_error(function() end)",
    "assert.no.error(function() error('x') end, 'y')",
    "assert.error_matches(function() error('code 42') end, 'code %d+')",
    "assert.has_error.matches(function() error('code 42') end, '^.*code')",
    "assert.error_matches(function() error(setmetatable({}, { __tostring = function() return 'odd' end })) end, 'odd')",
    "assert.is_nil(select(2, pcall(assert.equal, 1, 1, 'x')) ~= 1 or nil)",
    "assert.matches('%d+', 'a 12 b')",
    "assert.has.match('%d+', 'a 12 b')",
    "assert.matches('a.c', 'a.c', 1, true)",
    "assert.is_not.matches('^b', 'abc')",
    "assert.equal('12', assert.matches('a (%d+)', 'a 12'))",
    "assert.near(1.0, 1.05, 0.1)",
    "assert.is_not.near(1.0, 1.2, 0.1)",
    "assert.unique({ 1, 2, 3 })",
    "assert.unique({ {}, {} })",
    "assert.is_not.unique({ {}, {} }, true)",
    "assert.equal(3, assert(3, 'unused'))",
    "assert.equal('a', (select(2, assert(true, 'a'))))",
    "assert.equal('msg', select(2, pcall(assert, false, 'msg')))",
    "assert.equal('assertion failed!', select(2, pcall(assert, nil)))",
    "assert.is_false(pcall(assert.equal, 1, 2))",
    "assert.equal(nil, (next(getmetatable('').__index) == nil) or nil)",
    "assert.is_true(match.is_matcher(match._))",
    "assert.same({ a = match.is_string(), b = match._ }, { a = 'x', b = 1 })",
    "assert.same({ match.matches('^a'), match.is_not_nil() }, { 'abc', 1 })",
    "assert.same({ match.near(1, 0.5), match.is_any_of('x', 'y') }, { 1.2, 'y' })",
    "assert.same(match.is_all_of(match.is_number(), match.is_not.equal(2)), 3)",
    "assert.is_not.same({ match.is_none_of(1, 2) }, { 2 })",
    "assert.returned_arguments(2, 'a', 'b')",
]


@pytest.mark.parametrize("body", HOLDING)
def test_it_holds(tmp_path: Path, body: str) -> None:
    outcome = outcome_of(tmp_path, body)
    assert outcome.state == "passed", str(outcome)


@pytest.mark.parametrize("body", HOLDING)
def test_nothing_depends_on_library_functions_that_a_spec_replaces(
    tmp_path: Path, body: str
) -> None:
    spoil = "local s = { 'format', 'sub', 'gsub', 'find', 'byte', 'rep', 'lower', 'gmatch' }\n"
    spoil += "for _, name in ipairs(s) do string[name] = function() return 'spoilt' end end"
    assert outcome_of(tmp_path, f"{spoil}\n{body}").state == "passed"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("assert.are.equal(1, 2)", "assert.are.equal: expected 1, got 2"),
        ("assert.are.equal(1, '1')", "expected 1 (a number), got '1' (a string)"),
        ("assert.are.equal(1)", "assert.are.equal: expected 1, got nil"),
        ("assert.equal('a', nil)", "assert.equal: expected 'a', got nil"),
        ("assert.equal(0.3, 0.1 + 0.2)", "expected 0.3, got 0.30000000000000004"),
        ("assert.equal(0/0, 0/0)", "expected nan, got nan"),
        (
            "assert.equal({ a = 1 }, { a = 1 })",
            "two tables of the same content are not the same table: compare contents with "
            "assert.are.same (both hold { a = 1 })",
        ),
        ("assert.are_not.equal('x', 'x')", "assert.are_not.equal: both are 'x'"),
        ("assert.are_not.same({ 1 }, { 1 })", "assert.are_not.same: both are { 1 }"),
        ("assert.is_true('yes')", "assert.is_true: expected true, got 'yes'"),
        ("assert.is_true()", "assert.is_true: expected true, got no value"),
        ("assert.is_false(nil)", "expected false, got nil"),
        ("assert.truthy(nil)", "expected something true (neither nil nor false), got nil"),
        ("assert.is_nil({ 1, x = 'y' })", "assert.is_nil: expected nil, got { 1, x = 'y' }"),
        ("assert.is_not_nil(nil)", "assert.is_not_nil: expected anything but nil, got nil"),
        ("assert.is_string(5)", "assert.is_string: expected a string, got 5"),
        ("assert.is_not.table({})", "expected anything but a table, got {}"),
        ("assert.has_error(function() end)", "expected an error, but none was raised"),
        ("assert.has_error(function() end, 'x')", "expected the error 'x', but none was raised"),
        (
            "assert.has_error(function() error('boom') end, 'boon')",
            "assert.has_error: another error was raised: expected 'boon', got 'boom'",
        ),
        (
            "assert.has_error('f')",
            "assert.has_error needs a function to call, got 'f': wrap the call, as in function()",
        ),
        ("assert.has_no.errors(function() error('boom', 0) end)", "expected no error, got: boom"),
        ("assert.no_error(function() error({ 1 }) end)", "expected no error, got { 1 }"),
        (
            "assert.error_matches(function() error('boom', 0) end, '^x')",
            "assert.error_matches: the error 'boom' does not match '^x'",
        ),
        ("assert.matches('^a', 'xyz')", "assert.matches: 'xyz' does not match the pattern '^a'"),
        ("assert.matches('^a', nil)", "expected a string that matches '^a', got nil"),
        ("assert.is_not.matches('^x', 'xyz')", "'xyz' matches the pattern '^x'"),
        ("assert.near(1, 1.5, 0.1)", "expected 1 with a tolerance of 0.1, got 1.5, which is 0.5"),
        ("assert.near(1, 'x', 0.1)", "assert.near needs three numbers"),
        ("assert.unique({ 'a', 'b', 'a' })", "assert.unique: [1] and [3] are both 'a'"),
        ("assert.equal(1, 2, 'counting')", "counting\nassert.equal: expected 1, got 2"),
        ("assert.is_true(false, 'because')", "because\nassert.is_true: expected true, got false"),
        ("assert.message('so').is_nil(1)", "so\nassert.is_nil: expected nil, got 1"),
        ("assert(1 == 2, 'plain words')", "plain words"),
        ("assert(false)", "assertion failed!"),
        ("assert.is.no.number(1)", "assert.is.no.number: expected anything but a number, got 1"),
        (
            "assert.is_smae(1, 1)",
            "assert.is_smae: there is no such assertion, did you mean assert.is_same?",
        ),
        ("assert.are.eqal(1, 1)", "assert.are.eqal: there is no such assertion, did you mean"),
        ("assert.xyzzy(1)", "see assert:names() for what there is"),
        ("assert.are(1)", "assert.are needs one more word"),
        ("match.is_strin()", "there is no such assertion, did you mean"),
        ("error('x'); assert.equal(1, 1)", "x"),
    ],
)
def test_a_failure_says_what_was_wanted_and_what_came(
    tmp_path: Path, body: str, expected: str
) -> None:
    told = text_of_failure(tmp_path, body)
    assert expected in told
    assert f">    2 | {body}" in told
    assert str(tmp_path / "policy_spec.lua:2:") in told


def test_tables_are_told_apart_by_the_way_to_the_first_difference_and_by_lines(
    tmp_path: Path,
) -> None:
    told = text_of_failure(
        tmp_path,
        """
        local record = { type = 'Reception', meta = { tenant = 'a', tags = { 'x', 'y' } }, size = 10 }
        local got = { type = 'Reception', meta = { tenant = 'b', tags = { 'x', 'y' } }, size = 10, new = true }
        assert.are.same(record, got)""",
    )
    assert told.startswith(
        "assert.are.same: the tables differ at .meta.tenant: expected 'a', got 'b'\n"
        "- expected\n"
        "+ got\n"
        "\n"
        "  ... 3 more lines alike\n"
        "        'x',\n"
        "        'y',\n"
        "      },\n"
        "-     tenant = 'a',\n"
        "+     tenant = 'b',\n"
        "    },\n"
        "+   new = true,\n"
        "    size = 10,\n"
        "    type = 'Reception',\n"
        "  }\n"
    )


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ("{ { 1 }, { 2 } }", "{ { 1 }, { 3 } }", "at [2][1]: expected 2, got 3"),
        ("{ ['a b'] = 1 }", "{}", "at ['a b']: expected 1, got nil"),
        ("{}", "{ x = { 1 } }", "at .x: expected nil, got { 1 }"),
        ("{ x = '1' }", "{ x = 1 }", "at .x: expected '1' (a string), got 1 (a number)"),
        ("{ [true] = 1 }", "{ [true] = 2 }", "at [true]: expected 1, got 2"),
        ("{ a = match.is_string(), b = 1 }", "{ a = 'x', b = 2 }", "at .b: expected 1, got 2"),
        ("{ a = match.is_string() }", "{ a = 1 }", "at .a: expected match.is_string(), got 1"),
        (
            "{ f = print }",
            "{ f = function() end }",
            "at .f: expected a built-in function, got function <",
        ),
        ("{ 1 }", "'x'", "assert.same: expected { 1 }, got 'x'"),
        ("1", "{}", "assert.same: expected 1, got {}"),
        ("'a'", "'b'", "assert.same: expected 'a', got 'b'"),
        ("{ 0.1 + 0.2 }", "{ 0.3 }", "expected 0.30000000000000004, got 0.3"),
    ],
)
def test_the_first_difference_is_named(
    tmp_path: Path, expected: str, actual: str, told: str
) -> None:
    assert told in text_of_failure(tmp_path, f"assert.same({expected}, {actual})")


def test_what_counts_as_the_same_is_not_marked(tmp_path: Path) -> None:
    told = text_of_failure(
        tmp_path,
        "assert.same({ id = match.is_string(), n = 1, z = 1 }, { id = 'x', n = 1.0, z = 2 })",
    )
    assert "    id = 'x',\n    n = 1,\n-   z = 1,\n+   z = 2,\n" in told


def test_tables_that_contain_themselves_can_differ(tmp_path: Path) -> None:
    told = text_of_failure(
        tmp_path,
        "local t, u = { x = 1 }, { x = 2 } t.own, u.own = t, u assert.same(t, u)",
    )
    assert "at .x: expected 1, got 2" in told
    assert "own = <a table around this one>" in told


def test_long_tables_show_only_what_is_around_the_difference(tmp_path: Path) -> None:
    told = text_of_failure(
        tmp_path,
        "local t, u = {}, {} for i = 1, 3000 do t[i], u[i] = i, i end u[1500] = 0 assert.same(t, u)",
    )
    assert "at [1500]: expected 1500, got 0" in told
    assert "- 1500" in told.replace("-   ", "- ")
    assert len(told.splitlines()) < 30


def test_texts_of_several_lines_are_compared_by_lines_in_which_all_is_visible(
    tmp_path: Path,
) -> None:
    told = text_of_failure(
        tmp_path, r"assert.equal('one\ntwo \nthree\r\n\tend\n', 'one\ntwo\nthree\n\tend')"
    )
    assert told.startswith(
        "assert.equal: the strings differ:\n- expected\n+ got\n\n  one\n"
        "- two\\x20\n- three\\r\n- \\tend\n+ two\n+ three\n+ \\tend<no newline at the end>\n"
    )


def test_long_lines_are_compared_at_the_first_character_that_differs(tmp_path: Path) -> None:
    told = text_of_failure(
        tmp_path,
        "assert.equal(('x'):rep(500) .. 'left' .. ('z'):rep(99), ('x'):rep(500) .. 'right')",
    )
    expected, got, arrow = told.splitlines()[1:4]
    assert expected == "  expected: ..." + "x" * 60 + "left" + "z" * 56 + "..."
    assert got == "       got: ..." + "x" * 60 + "right"
    assert expected[len(arrow) - 1] == "l"


@pytest.mark.parametrize(
    ("lua", "shown"),
    [
        (r"'caf\u{e9}'", "'café'"),
        (r"'a\u{a0}b'", r"'a\u{a0}b'"),
        (r"'\u{200b}'", r"'\u{200b}'"),
        (r"'\xff\xfe'", r"'\xff\xfe'"),
        (r"'\0\1\127'", r"'\0\x01\x7f'"),
        ('"it\'s"', '"it\'s"'),
        (r"'back\\slash'", r"'back\\slash'"),
    ],
)
def test_no_character_is_invisible(tmp_path: Path, lua: str, shown: str) -> None:
    assert f"expected 1, got {shown}" in text_of_failure(
        tmp_path, f"assert.same({{ 1 }}, {{ {lua} }})"
    ).replace(" (a number)", "").replace(" (a string)", "")


def test_an_assertion_in_a_helper_names_the_line_of_the_spec_that_called_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "helper.lua").write_text(
        "return { check = function(v)\n  assert.equal(1, v)\n  return v\nend }\n"
    )
    told = text_of_failure(tmp_path, "local helper = require 'helper'\nlocal x = helper.check(2)\n")
    assert "helper.lua:2:\n" in told
    assert ">    2 |   assert.equal(1, v)" in told
    assert f"called from {tmp_path}/policy_spec.lua:3: local x = helper.check(2)" in told


def test_an_assertion_in_a_coroutine_fails_at_its_own_line(tmp_path: Path) -> None:
    told = text_of_failure(
        tmp_path, "local co = coroutine.wrap(function()\nassert.equal(1, 2)\nend)\nco()"
    )
    assert told.startswith("assert.equal: expected 1, got 2")
    assert ">    3 | assert.equal(1, 2)" in told


def test_a_caught_failure_reads_as_an_error_does(tmp_path: Path) -> None:
    body = "local _, problem = pcall(assert.equal, 1, 2)\nerror(tostring(problem), 0)"
    assert "expected 1, got 2" in text_of_failure(tmp_path, body)


# Assertions of a user's own ------------------------------------------------------------------------


def test_assertions_can_be_registered_with_their_texts(tmp_path: Path) -> None:
    register = """
    local say = require 'say'
    say:set('even.yes', 'expected %s to be even')
    assert:register('assertion', 'even', function(state, arguments)
      return arguments[1] % 2 == 0
    end, 'even.yes', 'expected %s to be odd')
    assert.is_even(2)
    assert.is_not.even(3)
    """
    assert "assert.is.even: expected 3 to be even" in text_of_failure(
        tmp_path, register + "assert.is.even(3)"
    )
    assert "expected 2 to be odd" in text_of_failure(tmp_path, register + "assert.is_not_even(2)")
    assert "did you mean assert.is_even?" in text_of_failure(
        tmp_path, register + "assert.is_evn(2)"
    )


def test_a_registered_assertion_may_word_its_failure_itself(tmp_path: Path) -> None:
    body = """
    assert:register('assertion', 'has_key', function(state, arguments)
      state.failure_message = 'there is no ' .. arguments[2]
      return arguments[1][arguments[2]] ~= nil
    end)
    assert.has_key({ a = 1 }, 'a')
    assert.has_key({ a = 1 }, 'b')"""
    assert "assert.has_key: there is no b" in text_of_failure(tmp_path, body)


def test_matchers_can_be_registered(tmp_path: Path) -> None:
    body = """
    assert:register('matcher', 'multiple_of', function(state, arguments)
      return function(value) return value % arguments[1] == 0 end
    end)
    assert.same({ match.is_multiple_of(3) }, { 9 })
    assert.same({ match.is_multiple_of(3) }, { 10 })"""
    assert "expected match.is_multiple_of(3), got 10" in text_of_failure(tmp_path, body)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            "assert:register('modifier', 'x', print)",
            "takes 'assertion' or 'matcher', not 'modifier'",
        ),
        ("assert:register('assertion', 'x')", "needs a kind, a name and a function"),
    ],
)
def test_a_wrong_registration_says_what_would_be_right(
    tmp_path: Path, call: str, told: str
) -> None:
    assert told in text_of_failure(tmp_path, call)


def test_python_can_answer_assertions(tmp_path: Path) -> None:
    asked = []

    def matches_golden(place: str, name: str, _lines: object = None) -> str | None:
        asked.append((place, name))
        return None if name == "right" else f"{name} differs from its file"

    spec = load(
        tmp_path,
        "it('holds', function() assert.matches_golden('right', { 'a' }) end)\n"
        "it('fails', function() assert.matches_golden('wrong', { 'a' }) end)\n"
        "it('is not', function() assert.is_not.matches_golden('right', {}) end)\n"
        "it('stands for a value', function() assert.same({ match.matches_golden() }, { 'right' }) end)",
        assertions={"matches_golden": matches_golden},
    )
    outcomes = run_all(spec)
    assert asked[0] == (f"{tmp_path}/policy_spec.lua:1", "right")
    assert outcomes["holds"].state == "passed"
    assert "assert.matches_golden: wrong differs from its file" in str(outcomes["fails"])
    assert "it holds, which it must not" in str(outcomes["is not"])


# Spies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "s(1) assert.spy(s).was.called() assert.spy(s).was_called(1) assert.spy(s).called(1)",
        "assert.spy(s).was_not.called() assert.spy(s).was_not_called()",
        "s(1, { x = 2 }) assert.spy(s).was.called_with(1, { x = 2 })",
        "s('a') assert.spy(s).was_called_with(match.is_string())",
        "s('a') assert.spy(s).was_not.called_with('b')",
        "local t = { 1 } s(t) t[1] = 2 assert.spy(s).was.called_with({ 1 })",
        "s() s() assert.spy(s).called_at_least(2) assert.spy(s).called_at_most(2)",
        "s() s() assert.spy(s).called_more_than(1) assert.spy(s).called_less_than(3)",
        "assert.equal(6, s(5)) assert.spy(s).returned_with(6)",
        "s(1) s:clear() assert.spy(s).was_not.called()",
        "assert.is_true(spy.is_spy(s)) assert.is_false(spy.is_spy(print))",
        "local t = { f = function() return 1 end } local on = spy.on(t, 'f') t.f(7) "
        "assert.spy(t.f).was.called_with(7) on:revert() assert.is_false(spy.is_spy(t.f))",
        "local t = { f = function() return 1 end } stub(t, 'f').returns(2) assert.equal(2, t.f()) "
        "assert.stub(t.f).was.called() t.f:revert() assert.equal(1, t.f())",
        "local t = {} stub(t, 'f', 1, 2) assert.same({ 1, 2 }, { t.f() })",
        "local f = stub.new() f.on_call_with('a').returns(1) f.by_default.returns(0) "
        "assert.equal(1, f('a')) assert.equal(0, f('b'))",
        "local t = { f = function() end, in_it = { g = function() return 1 end } } mock(t, true) "
        "assert.is_nil(t.in_it.g()) assert.spy(t.in_it.g).was.called(1) mock.revert(t) "
        "assert.equal(1, t.in_it.g())",
        "local t = { f = print } local before = assert:snapshot() stub(t, 'f') before:revert() "
        "assert.equal(print, t.f)",
        "assert.equal(spy, require 'luassert.spy') assert.equal(stub, require('luassert.stub'))",
    ],
)
def test_spies_remember_their_calls(tmp_path: Path, body: str) -> None:
    outcome = outcome_of(
        tmp_path, f"local s = spy.new(function(a) return (tonumber(a) or 0) + 1 end)\n{body}"
    )
    assert outcome.state == "passed", str(outcome)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "s(1) s(2, 'b') assert.spy(s).was.called_with(3)",
            "assert.spy(...).was.called_with: no call had the arguments (3): it was called 2 times:\n"
            "  1: (1)\n  2: (2, 'b')\n",
        ),
        ("assert.spy(s).was.called()", "expected at least 1 calls, it was called 0 times"),
        ("s() assert.spy(s).was.called(2)", "expected 2 calls, it was called 1 time:\n  1: ()"),
        (
            "s() assert.spy(s).was_not.called()",
            "expected not at least 1 calls, it was called 1 time",
        ),
        ("assert.was.called(1)", "assert.called needs a spy: say assert.spy(s).was.called(...)"),
        ("assert.spy(print).was.called()", "got a built-in function"),
        ("spy.new(5)", "spy.new needs a function, got 5"),
        ("spy.on({}, 'f')", "spy.on needs a function in the table at 'f', there is nil"),
    ],
)
def test_a_failing_assertion_about_a_spy_lists_its_calls(
    tmp_path: Path, body: str, told: str
) -> None:
    assert told in text_of_failure(tmp_path, f"local s = spy.new() {body}")


def test_what_a_test_replaced_is_back_for_the_next(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "local t = { f = function() return 'real' end }\n"
        "before_each(function() stub(t, 'f').returns('stub') end)\n"
        "it('first', function() assert.equal('stub', t.f()) stub(t, 'g') end)\n"
        "it('second', function() assert.is_nil(t.g) t.f:revert() assert.equal('real', t.f()) end)\n",
    )
    assert {outcome.state for outcome in run_all(spec).values()} == {"passed"}
