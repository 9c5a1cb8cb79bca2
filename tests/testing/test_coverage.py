"""Coverage of policies: the lines, functions and handlers that were reached, and what shows them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import init

from kumolog.errors import KumologError, PolicyError
from kumolog.policy import Policy
from kumolog.testing import PATTERNS
from kumolog.testing.bench import PolicyBench
from kumolog.testing.coverage import Coverage
from kumolog.testing.coverage_files import CoveredFile
from kumolog.testing.luaspec import SpecFile


def covered(
    directory: Path, source: str | bytes, *fired: str, coverage: Coverage | None = None
) -> Coverage:
    """Loads a policy of that source and fires events."""
    coverage = coverage or Coverage()
    policy = loaded(directory, source, attach=coverage.attach)
    for event in fired:
        policy.fire(event)
    return coverage


def loaded(directory: Path, source: str | bytes, **options: Any) -> Policy:
    path = directory / "init.lua"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    policy = Policy(path, lambda *_: None, **options)
    policy.load()
    return policy


def only(coverage: Coverage) -> CoveredFile:
    (file,) = coverage.files()
    return file


def lines_of(coverage: Coverage, name: str = "init.lua") -> dict[int, bool]:
    (file,) = (file for file in coverage.files() if Path(file.path).name == name)
    return file.lines


# Lines counted by hand ---------------------------------------------------------------------------------

# A line that counts ends with its mark: + was reached, ! was not.
COUNTED = {
    "comments and nothing": """
        -- a comment +
        local a = 1 --+

        --[[ several
        lines ]]
        a = a + 1 --+
        """,
    "functions that are never called": """
        local function never(x) --+
          if x then --!
            return 1 --!
          end
          return 2 --!
        end

        function also_never() --+
          return never( --!
            3
          )
        end
        """,
    "functions that return and that do not": """
        local function gives(x) --+
          return x --+
        end
        local function does(x) --+
          gives(x) --+
        end
        does(1) --+
        """,
    "functions in functions": """
        local function outer() --+
          local function inner() --+
            return function() --!
              outer() --!
            end
          end
          local named = function() --+
            inner() --!
          end
          return inner --+
        end
        outer() --+
        """,
    "a function that is never made": """
        local function outer() --+
          local function inner() --!
            return 1 --!
          end
          return inner() --!
        end
        """,
    "functions in tables": """
        local M = { --+
          never = function() --+
            return 1 --!
          end,
          called = function() --+
            return 2 --+
          end,
        }
        M.called() --+
        """,
    "methods": """
        local M = {} --+
        function M:never() --+
          return self --!
        end
        function M.called(a) --+
          return a --+
        end
        M.late = function() --+
          return M --!
        end
        M.called() --+
        """,
    "branches": """
        local x = 3 --+
        if x == 1 then --+
          x = 'one' --!
        elseif x == 2 then --+
          x = 'two' --!
        elseif x == 3 then --+
          x = 'three' --+
        elseif x == 4 then --!
          x = 'four' --!
        else
          x = 'many' --!
        end
        if x then --+
          x = 1 --+
        else
          x = 2 --!
        end
        """,
    "conditions in several lines": """
        local x, y = os.getenv('NOT_SET'), true --+
        if x --+
          and x.y --+
          and x.z --!
        then
          y = 1 --!
        end
        if --+
          not x
          and y --+
        then
          y = 2 --+
        end
        """,
    "branches in one line": """
        local x = os.getenv('NOT_SET') --+
        if x then x = 1 else x = 2 end --+
        local y = x and x + 1 or 3 --+
        """,
    "calls and tables in several lines": """
        local log = { --+
          dir = '/var/log', --+
          per_record = { --+
            Any = { --+
              suffix = '_any', --+
            },
          },

          3,
        }
        string.format( --+
          '%s %s', --+
          log.dir, --+
          -- a comment
          'x'
        )
        local text = 'a'
          .. log.dir --+
          .. 'b' --+
        """,
    "long strings": """
        local text = [[ --+
          if x then
          end
        ]]
        local other = string.format([==[ --+
          ]] %s
        ]==], 'x') --+
        local third = 'x\\
        y' .. text --+
        """,
    "numeric loops": """
        for i = 1, 3 do --+
          local x = i --+
        end
        for i = 1, 0 do --+
          local x = i --!
        end
        """,
    "loops over tables": """
        for _, v in ipairs { 1, 2 } do --+
          local f = function() --+
            return v --!
          end
        end
        for _ in pairs {} do --+
          local x = 1 --!
        end
        """,
    "other loops": """
        local i = 0 --+
        while i < 3 do --+
          if i == 7 then --+
            i = 0 --!
          end
          i = i + 1 --+
        end
        repeat
          i = i - 1 --+
        until i == 0 --+
        while i > 9 do --+
          i = 1 --!
        end
        """,
    "ways out of loops": """
        for i = 1, 3 do --+
          if i == 7 then --+
            break --!
          end
          if i == 2 then --+
            goto continue --+
          end
          if i == 3 then --+
            break --+
          end
          i = 5 --+
          ::continue::
        end
        """,
    "endless loops": """
        local i = 0 --+
        while true do
          i = i + 1 --+
          if i > 5 then break end --+
        end
        """,
    "blocks": """
        do
          local x = 1 --+
          do
            local f = function() return x end --+
          end
        end
        """,
    "coroutines": """
        local co = coroutine.create(function(x) --+
          local y = coroutine.yield(x) --+
          if y then --+
            coroutine.yield(2) --+
            coroutine.yield(3) --!
          end
        end)
        coroutine.resume(co, 1) --+
        coroutine.resume(co, 1) --+
        local next_one = coroutine.wrap(function() --+
          coroutine.wrap(function() --+
            local x = 1 --+
          end)()
        end)
        next_one() --+
        """,
    "errors that are caught": """
        local ok = pcall(function() --+
          local x = 1 --+
          error('x') --+
          x = 2 --!
        end)
        if not ok then --+
          ok = select(2, pcall(error)) --+
        end
        xpcall(function() --+
          local x = nil .. 'x' --+
        end, function(problem) --+
          return problem --+
        end)
        """,
    "closing variables and metamethods": """
        local mt = {} --+
        mt.__close = function() --+
          mt.closed = true --+
        end
        mt.__index = function(_, key) --+
          return key --!
        end
        do
          local x <close> = setmetatable({}, mt) --+
        end
        """,
    "tail calls": """
        local function f(x) --+
          return tostring( --+
            x
          )
        end
        local function g(x) --+
          if x then return f(x) end --+
          return f( --!
            1
          )
        end
        return g(1) --+
        """,
    "statements on one line": """
        local x = 1; local y = 2 --+
        local function f() return x end x = 3 --+
        """,
    "constants": """
        local a <const> = 1
        local b --+
        local c = a --+
        if false then --+
          c = 2 --!
        end
        """,
    "ends on one line": """
        local function f(x) --+
          if x then --+
            for i = 1, 3 do --!
              x = i --!
        end end end
        f() --+
        """,
    "code that is no file's": """
        local f = load("local x = 1\\nlocal y = 2\\n\\n\\n\\n\\nreturn x") --+
        f() --+
        if f == 1 then --+
          --
          f() --!
        end
        """,
}


def marked(source: str) -> dict[int, bool]:
    """The lines of a source that are marked by hand."""
    ends = enumerate((line.rstrip()[-3:] for line in source.split("\n")), 1)
    return {line: end == "--+" for line, end in ends if end in ("--+", "--!")}


@pytest.mark.parametrize("name", COUNTED)
def test_the_lines_are_those_that_are_counted_by_hand(tmp_path: Path, name: str) -> None:
    assert lines_of(covered(tmp_path, COUNTED[name])) == marked(COUNTED[name])


@pytest.mark.parametrize("name", COUNTED)
def test_windows_line_ends_change_nothing(tmp_path: Path, name: str) -> None:
    source = COUNTED[name].replace("\n", "\r\n")
    assert lines_of(covered(tmp_path, source)) == marked(COUNTED[name])


def test_bytes_and_first_lines_that_lua_skips_change_nothing(tmp_path: Path) -> None:
    source = b"\xef\xbb\xbf#!/usr/bin/lua\nlocal x = '\xff\xfe\xe9' -- \xff\nif not x then\n  x = 1\nend\n"
    assert lines_of(covered(tmp_path, source)) == {2: True, 3: True, 4: False}


def test_a_file_without_code_has_no_lines(tmp_path: Path) -> None:
    coverage = covered(tmp_path, "-- nothing\n")
    assert lines_of(coverage) == {}
    assert coverage.report(tmp_path).split() == [
        *("file", "lines", "reached", "%", "branches", "missing"),
        "init.lua",
        "0",
        "0",
        "100.0",
    ]


# What programs do, told by themselves -----------------------------------------------------------------

Lines = list[str]


def indented(lines: Lines) -> Lines:
    return ["  " + line for line in lines]


def _compound(inner: st.SearchStrategy[Lines]) -> st.SearchStrategy[Lines]:
    block = st.lists(inner, min_size=1, max_size=3).map(lambda parts: sum(parts, Lines()))
    condition = st.sampled_from(["yes()", "no()"])
    heads = st.one_of(
        st.sampled_from(["for _ = 1, 0 do", "for _ = 1, 2 do", "do", "for _ in pairs { 1 } do"]),
        condition.map(lambda c: f"if {c} then"),
        condition.map(lambda c: f"while {c} and many() do"),
    )
    functions = st.sampled_from(
        ["pcall(function()", "coroutine.wrap(function()", "keep(function()"]
    )
    return st.one_of(
        st.tuples(heads, block).map(lambda p: [p[0], *indented(p[1]), "end"]),
        st.tuples(condition, block, block).map(
            lambda p: [f"if {p[0]} then", *indented(p[1]), "else", *indented(p[2]), "end"]
        ),
        st.tuples(functions, block).map(
            lambda p: [p[0], *indented(p[1]), "end)()" if "wrap" in p[0] else "end)"]
        ),
        st.tuples(condition, block).map(
            lambda p: ["repeat", *indented(p[1]), f"until not many() or {p[0]}"]
        ),
        st.tuples(condition, st.sampled_from(["return", "error('x')"])).map(
            lambda p: [f"if {p[0]} then", f"  {p[1]}", "end"]
        ),
        st.tuples(condition, block).map(
            lambda p: [
                "for _ = 1, 2 do",
                f"  if {p[0]} then",
                "    break",
                "  end",
                *indented(p[1]),
                "end",
            ]
        ),
    )


PROGRAMS = st.recursive(st.just(["note(LINE)"]), _compound, max_leaves=12)
_PRELUDE = (
    "local noted, left = {}, 50 function note(line) noted[#noted + 1] = line end "
    "function yes() return true end function no() return false end function keep() end "
    "function many() left = left - 1 return left > 0 end "
    "kumo.on('tell', function() kumo.log_info(table.concat(noted, ' ')) end) "
    "pcall(function()"
)


@given(lines=PROGRAMS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_programs_note_themselves_is_what_was_reached(tmp_path: Path, lines: Lines) -> None:
    text = [_PRELUDE, *lines, "end)"]
    source = "\n".join(line.replace("LINE", str(i)) for i, line in enumerate(text, 1))
    said: list[str] = []
    path = tmp_path / "init.lua"
    path.write_text(source)
    coverage = Coverage()
    policy = Policy(path, lambda _, line: said.append(line), attach=coverage.attach)
    policy.load()
    policy.fire("tell")
    noted = {int(number) for number in said[0].partition(": ")[2].split()}
    noting = {i for i, line in enumerate(text, 1) if "note(LINE)" in line}
    reached = lines_of(coverage)
    assert {line for line in noting if reached[line]} == noted & noting
    ends = {i for i, line in enumerate(text, 1) if line.strip() in ("end", "end)", "else")}
    assert not ends & set(reached)


# Files and runtimes -----------------------------------------------------------------------------------


def test_the_files_that_a_policy_loads_are_measured(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.lua").write_text(
            f"local M = {{}}\nfunction M.{name}()\n  return 1\nend\nreturn M\n"
        )
    coverage = covered(
        tmp_path,
        f"require('a').a()\ndofile('{tmp_path}/b.lua')\nlocal f = loadfile('{tmp_path}/c.lua')\nrequire 'a'",
    )
    assert [Path(file.path).name for file in coverage.files()] == [
        "a.lua",
        "b.lua",
        "c.lua",
        "init.lua",
    ]
    assert lines_of(coverage, "a.lua") == dict.fromkeys((1, 2, 3, 5), True)
    assert lines_of(coverage, "b.lua") == {1: True, 2: True, 3: False, 5: True}
    assert lines_of(coverage, "c.lua") == dict.fromkeys((1, 2, 3, 5), False)


def test_several_runtimes_reach_lines_of_one_file_together(tmp_path: Path) -> None:
    source = "kumo.on('a', function()\n  local x = 1\nend)\nkumo.on('b', function()\n  local x = 2\nend)\n"
    coverage = covered(tmp_path, source, "a")
    assert lines_of(coverage) == {1: True, 2: True, 4: True, 5: False}
    covered(tmp_path, source, coverage=coverage)
    assert lines_of(coverage)[5] is False
    covered(tmp_path, source, "b", coverage=coverage)
    assert coverage.percent == 100


def test_a_directory_of_work_that_changes_confuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    Path("init.lua").write_text("kumo.on('later', function()\n  local x = 1\nend)\n")
    coverage = Coverage()
    policy = Policy(Path("init.lua"), lambda *_: None, attach=coverage.attach)
    policy.load()
    monkeypatch.chdir("elsewhere")
    policy.fire("later")
    assert only(coverage).path == str(tmp_path / "init.lua")
    assert coverage.percent == 100
    assert only(coverage).handlers[0].reached


def test_of_a_file_that_changes_the_last_text_counts(tmp_path: Path) -> None:
    coverage = covered(tmp_path, "local x = 1\nlocal y = 2\n")
    covered(tmp_path, "local x = 1\nif not x then\n  x = 2\nend\n", coverage=coverage)
    assert lines_of(coverage) == {1: True, 2: True, 3: False}
    covered(tmp_path, "local x = 1\nlocal y = 2\n", coverage=coverage)
    assert lines_of(coverage) == {1: True, 2: True}


def test_a_file_that_a_policy_changes_while_it_runs_is_measured_as_it_was_last(
    tmp_path: Path,
) -> None:
    source = """local path = ...
        local function write(text) local f = io.open('PATH', 'w') f:write(text) f:close() return dofile('PATH') end
        local old = write 'local x = 1 return function()\\n  return 1\\nend'
        local new = write '\\nlocal x = 1 return function()\\n  return 1\\nend'
        old()""".replace("PATH", str(tmp_path / "made.lua"))
    assert lines_of(covered(tmp_path, source), "made.lua") == {2: True, 3: False}


def test_a_file_of_odd_name_and_a_handler_of_odd_event_are_shown(tmp_path: Path) -> None:
    directory = (tmp_path / "größe \udcff").absolute()
    directory.mkdir()
    coverage = covered(
        directory, b"kumo.on('\xff', function() end)\nkumo.on('\xc3\xa4', function() end)"
    )
    assert "/größe \\xff/init.lua:1" in coverage.report(tmp_path / "other")
    assert [handler.event for handler in only(coverage).handlers] == ["\\xff", "ä"]
    merged = Coverage()
    merged.merge(coverage.to_json())
    assert merged.lcov() == coverage.lcov()


def test_specs_and_what_is_named_are_omitted_but_not_what_specs_require(tmp_path: Path) -> None:
    (tmp_path / "routing.lua").write_text("return { a = function()\n  return 1\nend }")
    (tmp_path / "init.lua").write_text("require 'routing'\n")
    (tmp_path / "checks.lua").write_text("return 1")
    specs = [tmp_path / name for name in ("init_spec.lua", "[odd].lua")]
    for spec in specs:
        spec.write_text(
            "require 'checks' local routing = require 'routing'\nit('x', function() routing.a() end)"
        )
    coverage = Coverage([*PATTERNS, str(specs[1]), "check?.lua"])
    for spec in specs:
        file = SpecFile.load(spec, attach=coverage.attach)
        assert [file.run(item).state for item in file.items] == ["passed"]
        file.close()
    assert {Path(file.path).name: file.reached for file in coverage.files()} == {"routing.lua": 2}


def test_a_bench_reaches_the_handlers_that_it_asks(tmp_path: Path) -> None:
    (tmp_path / "init.lua").write_text(
        init("kumo.configure_local_logs { log_dir = '/logs', filter_event = 'keep' }")
        + "kumo.on('keep', function(msg)\n  if msg:get_meta 'spam' then\n    return false\n  end\n  return true\nend)\n"
        + "kumo.on('smtp_server_ehlo', function()\n  return 1\nend)\n"
    )
    coverage = Coverage()
    with PolicyBench(tmp_path / "init.lua", attach=coverage.attach) as bench:
        bench.log({"type": "Delivery"})
        assert len(bench.logged()) == 1
    assert [(h.event, h.line, h.reached) for h in only(coverage).handlers] == [
        ("init", 2, True),
        ("keep", 6, True),
        ("smtp_server_ehlo", 12, False),
    ]
    assert [line for line, reached in only(coverage).lines.items() if not reached] == [8, 13]


# Branches ---------------------------------------------------------------------------------------------

# Each with what is said of its branches that are never taken, by line.
BRANCHES = {
    "a statement on one line": (
        "local yes, no = true, false\nif no then yes = 1 end\nif yes then no = nil end\n",
        ["2 true", "3 false"],
    ),
    "no else": ("local yes = true\nif yes then\n  yes = 1\nend\n", ["2 false"]),
    "both": ("for i = 1, 2 do if i == 1 then i = 3 else i = 4 end end\n", []),
    "elseif": (
        "for i = 1, 2 do\n  if i == 1 then i = 3 elseif i == 2 then i = 4 elseif i == 3 then i = 5 else i = 6 end\nend\n",
        ["2 true", "2 false"],
    ),
    "loops": (
        "for _ in pairs {} do x = 1 end\nwhile x do x = 2 end\nfor i = 1, 0 do x = 3 end\nrepeat x = 4 until x\n",
        ["1 entered", "2 entered", "3 entered"],
    ),
    "leaving": (
        "local function f(x) for i = 1, 3 do if x == i then return i end if x then break end end do return end end f() f(1)\n"
        "for i = 1, 3 do if i == 2 then goto continue end local x = i ::continue:: end\n",
        ["1 true"],  # of the break: what follows the other if is never asked with x = 2
    ),
    "what is inside another is asked about once that is taken": (
        "if x then if y then while z do end end elseif not x then for _ = 1, 1 do if y then z = 1 end end end\n",
        ["1 true", "1 false", "1 true"],
    ),
    "words in strings and comments": (
        "local s = 'if x then end' -- if x then\nlocal t = [[\nif s then\n]] if s then t = s end -- end\n",
        ["4 false"],
    ),
    "conditions with functions in them": (
        "if (function() if x then return 1 end return true end)() then y = 1 end\n",
        ["1 false", "1 true"],
    ),
    "a coroutine": (
        "coroutine.wrap(function() if x then coroutine.yield() else y = 1 end end)()\n",
        ["1 true"],
    ),
}


def never_taken(coverage: Coverage) -> list[str]:
    file = only(coverage)
    return [
        f"{branch.line} {branch.outcome}"
        for branch in file.branches
        if not branch.reached and file.is_asked(branch)
    ]


@pytest.mark.parametrize("name", BRANCHES)
def test_the_branches_are_those_that_are_counted_by_hand(tmp_path: Path, name: str) -> None:
    source, expected = BRANCHES[name]
    assert sorted(never_taken(covered(tmp_path, source))) == sorted(expected)


def test_branches_are_shown_and_go_from_process_to_process(tmp_path: Path) -> None:
    source = "kumo.on('a', function(x)\n  if x then return 1 end\nend)\n"
    first, second, both = Coverage(), Coverage(), Coverage()
    loaded(tmp_path, source, attach=first.attach).fire("a", True)
    loaded(tmp_path, source, attach=second.attach).fire("a", False)
    title = "\n\nbranches never taken:\n  init.lua:2  the condition was never "
    assert first.report(tmp_path).endswith(f"{title}false")
    assert second.report(tmp_path).endswith(f"{title}true")
    for part in (first, second):
        both.merge(part.to_json())
    assert both.report(tmp_path).split("\n")[1:] == ["init.lua      2        2  100.0       2/2"]


def test_a_function_with_all_the_variables_there_can_be_still_runs(tmp_path: Path) -> None:
    names = ", ".join(f"x{i}" for i in range(199))
    source = f"local {names}\nif x1 then x2 = 1 end\nkumo.log_info 'it runs'\n"
    said: list[str] = []
    (tmp_path / "init.lua").write_text(source)
    policy = Policy(
        tmp_path / "init.lua", lambda _, line: said.append(line), attach=Coverage().attach
    )
    policy.load()
    assert said[0].endswith("it runs")


# What a policy notices --------------------------------------------------------------------------------


def outcome(directory: Path, source: str, **options: Any) -> str:
    try:
        loaded(directory, source, **options)
    except PolicyError as error:
        return "\n".join((str(error), *error.frames))
    return "fine"


FAILING = {
    "bad syntax": "local x = 1\nlocal = 2",
    "bad syntax behind a break": "while true do if x then break end\nend end",
    "an unfinished string": "local x = 'abc",
    "an unfinished long string": "if x then break end local x = [[abc",
    "an error in a handler": "kumo.on('init', function()\n  local x = nil .. 'a'\nend)",
    "an error in a function": "local function f()\n  error('x')\nend\nkumo.on('init', function() f() end)",
    "an error in a coroutine": "coroutine.wrap(function()\n  error('x')\nend)()",
    "no function": "kumo.on('init', 1)",
    "no name": "kumo.on(nil, print)",
    "a second handler": "kumo.on('init', print)\nkumo.on('init', print)",
    "a library function as handler": "kumo.on('init', error)",
    "a module that cannot be read": "require 'broken'",
    "a long run": "local x = 1\nwhile true do x = x + 1 end",
    "a long run that catches": "while true do pcall(function() while true do end end) end",
    "a long run in a coroutine": "coroutine.wrap(function()\n  while true do end\nend)()",
    "nothing": "local t = kumo.get_event_registrars 'init' assert(t == nil)",
    "registrars": "kumo.on('x', print) assert(kumo.get_event_registrars('x')[1][1]:match(':1$'))",
    "what is sealed": "assert(not debug and not string.dump and not getmetatable('').__index.dump)",
}


@pytest.mark.parametrize("name", FAILING)
def test_a_policy_fails_as_it_does_without_coverage(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.lua").write_text("x = = 1")
    expected = outcome(tmp_path, FAILING[name], load_seconds=0.1)
    assert outcome(tmp_path, FAILING[name], load_seconds=0.1, attach=Coverage().attach) == expected


def test_what_is_no_lua_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "broken.lua").write_text("x = = 1")
    coverage = covered(tmp_path, "pcall(require, 'broken')\n")
    assert lines_of(coverage) == {1: True}
    with pytest.raises(PolicyError):
        covered(tmp_path, "x = = 1", coverage=coverage)
    assert lines_of(coverage) == {1: True}


_HOOKS = """
local _, sandbox = ...
return function()
  local co = sandbox.env.coroutine.create(function() end)
  return { { select(2, debug.gethook()) }, { select(2, debug.gethook(co)) } }
end
"""


def test_only_coverage_hears_of_lines(tmp_path: Path) -> None:
    (tmp_path / "hooks.lua").write_text(_HOOKS)

    def hooks(**options: Any) -> list[list[Any]]:
        runtime = loaded(tmp_path, "", **options)._runtime
        found: Any = runtime.call_own(runtime.load_own(tmp_path / "hooks.lua", {}))
        return [table.sequence for table in found.sequence]

    (mask, count), in_coroutine = hooks()
    assert (mask, in_coroutine) == ("", ["", count])
    assert hooks(attach=Coverage().attach) == [["l", count]] * 2


# Functions and handlers -------------------------------------------------------------------------------


def test_functions_and_handlers_on_one_line_are_told_apart_from_the_line(tmp_path: Path) -> None:
    source = (
        "local function f() return 1 end\nlocal g = function() return 2 end\ng()\n"
        "kumo.on('a', function() return 1 end)\nkumo.on('b', function() return 1 end)\n"
    )
    file = only(covered(tmp_path, source, "b"))
    assert set(file.lines.values()) == {True}
    assert {function.name: function.reached for function in file.functions} == {
        "f": False,
        "g": True,
        "kumo.on('a')": False,
        "kumo.on('b')": True,
    }
    assert {handler.event: handler.reached for handler in file.handlers} == {"a": False, "b": True}


def test_a_handler_counts_by_its_registration(tmp_path: Path) -> None:
    source = "local function same() end\nfor _, name in ipairs { 'a', 'b' } do\n  kumo.on(name, same)\nend\nkumo.on('c', same)\n"
    handlers = only(covered(tmp_path, source, "b")).handlers
    assert [(h.event, h.line, h.reached) for h in handlers] == [
        ("a", 3, False),
        ("b", 3, True),
        ("c", 5, False),
    ]


def test_each_handler_of_an_event_that_has_several_counts(tmp_path: Path) -> None:
    source = "kumo.on('should_enqueue_log_record', function() return true end)\n" * 2
    handlers = only(covered(tmp_path, source, "should_enqueue_log_record")).handlers
    assert [(handler.line, handler.reached) for handler in handlers] == [(1, True), (2, False)]


# Merging ----------------------------------------------------------------------------------------------

_WORKER = """
import sys
from pathlib import Path
from kumolog.policy import Policy
from kumolog.testing.coverage import Coverage
coverage = Coverage()
policy = Policy(Path(sys.argv[1]), print, attach=coverage.attach)
policy.load()
policy.fire(sys.argv[2])
print(coverage.to_json())
"""
_TWO = (
    "kumo.on('a', function()\n  local x = 1\nend)\nkumo.on('b', function()\n  local x = 2\nend)\n"
)


def test_what_processes_measure_is_one_when_it_is_merged(tmp_path: Path) -> None:
    (tmp_path / "init.lua").write_text(_TWO)
    merged = Coverage()
    for event in ("a", "b"):
        command = [sys.executable, "-c", _WORKER, str(tmp_path / "init.lua"), event]
        done = subprocess.run(
            command, capture_output=True, check=True, cwd=Path(__file__).parents[2]
        )
        merged.merge(done.stdout)
        assert merged.percent == (75 if event == "a" else 100)
    assert [function.reached for function in only(merged).functions] == [True, True]
    assert [handler.reached for handler in only(merged).handlers] == [True, True]


def test_merging_goes_on_from_what_was_merged_in_any_order(tmp_path: Path) -> None:
    first, second = covered(tmp_path, _TWO, "a"), covered(tmp_path, _TWO, "b")
    here, there = Coverage(), Coverage()
    here.merge(first.to_json())
    covered(tmp_path, _TWO, "b", coverage=here)
    for part in (second, first, second):
        there.merge(part.to_json())
    assert here.percent == there.percent == 100
    assert here.report() == there.report()
    assert first.percent == 75


def test_merging_keeps_the_text_that_was_loaded_last(tmp_path: Path) -> None:
    old = covered(tmp_path, "local x = 1\n").to_json()
    new = covered(tmp_path, "local x = 1\nlocal y = 2\n").to_json()
    for parts in ((old, new), (new, old)):
        merged = Coverage()
        for part in parts:
            merged.merge(part)
        assert set(lines_of(merged)) == {1, 2}


def test_the_saved_form_is_plain_json(tmp_path: Path) -> None:
    saved = json.loads(
        covered(tmp_path, "local x = 1\nkumo.on('a', function()\n  return x\nend)\n").to_json()
    )
    (file,) = saved.pop("files")
    assert saved == {"format": "kumolog-coverage-1"}
    assert (len(file.pop("text")), file.pop("loaded") > 1e9) == (64, True)
    assert file == {
        "path": str(tmp_path / "init.lua"),
        "lines": {"1": True, "2": True, "3": False},
        "functions": [{"name": "kumo.on('a')", "first": 2, "last": 4, "reached": False}],
        "handlers": [{"event": "a", "line": 2, "reached": False}],
        "branches": [],
    }


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": "kumolog-coverage-2", "files": []}', b"\xff", '{"format": "x"'],
)
def test_what_is_not_saved_coverage_is_refused(text: str | bytes) -> None:
    with pytest.raises(KumologError, match=r"^merging coverage: not what kumolog saved: "):
        Coverage().merge(text)


# Reports ----------------------------------------------------------------------------------------------

_POLICY = """local routing = require 'routing'
kumo.on('init', function()
  routing.used()
end)
kumo.on('other', function()
  if routing then

    return 1
  end
  return 2
end)
"""
_ROUTING = """local M = {}
function M.used()
  return 1
end
function M.unused() return 1 end
local function reached() end
for _, f in ipairs { function() return 1 end, function() end } do f() end
return M
"""


@pytest.fixture
def reported(tmp_path: Path) -> Coverage:
    """Of two files, in the directory `policy`."""
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "routing.lua").write_text(_ROUTING)
    return covered(tmp_path / "policy", _POLICY)


def test_the_report_is_a_table_and_what_was_never_reached(
    reported: Coverage, tmp_path: Path
) -> None:
    assert reported.report(tmp_path).split("\n") == [
        "file                lines  reached      %  branches  missing",
        "policy/init.lua         7        4   57.1       0/2  6-10",
        "policy/routing.lua      7        7  100.0       1/1",
        "all                    14       11   78.5       1/3",
        "",
        "handlers never reached:",
        "  other  policy/init.lua:5",
        "",
        "functions never called:",
        "  kumo.on('other')  policy/init.lua:5",
        "  M.unused          policy/routing.lua:5",
        "  reached           policy/routing.lua:6",
    ]


def test_missing_ranges_end_at_what_was_reached(tmp_path: Path) -> None:
    source = "local x = os.getenv 'NOT_SET'\nif x then\n  x = 1\nend\nif x then\n  x = 2\n\n  -- z\n  x = 3\nend\nlocal y = 1\n"
    assert covered(tmp_path, source).report().split("\n")[1].endswith("  3, 6-9")


def test_files_elsewhere_are_shown_with_their_whole_path(
    reported: Coverage, tmp_path: Path
) -> None:
    assert f"\n{tmp_path}/policy/init.lua " in reported.report(tmp_path / "policy2")
    assert reported.report(tmp_path / "policy").split("\n")[1].startswith("init.lua ")
    assert f"SF:{tmp_path}/policy/init.lua\n" in reported.lcov(tmp_path / "policy2")


def test_a_report_of_all_that_there_is_lists_nothing_else(tmp_path: Path) -> None:
    assert covered(tmp_path, "local x = 1").report(tmp_path).split("\n")[1:] == [
        "init.lua      1        1  100.0"
    ]


def test_nothing_measured_is_said_and_meets_nothing() -> None:
    assert Coverage().report() == "coverage: nothing was measured, as no policy was loaded"
    assert Coverage().lcov() == ""
    assert not Coverage().meets(1)
    assert Coverage().meets(0)


def test_only_what_is_complete_counts_as_all(tmp_path: Path) -> None:
    source = "local x = 1\n" * 100 + "x = 1\n" * 2000 + "if not x then\n  x = 2\nend\n"
    coverage = covered(tmp_path, source)
    assert 99.95 < coverage.percent < 100
    assert "  99.9       1/2  2102" in coverage.report()
    assert coverage.meets(99.95)
    assert not coverage.meets(100)


def traced(text: str) -> dict[str, dict[str, Any]]:
    """Reads an lcov tracefile: for each file its functions, lines and totals."""
    files: dict[str, dict[str, Any]] = {}
    for record in text.split("end_of_record\n")[:-1]:
        file: dict[str, Any] = {"FN": {}, "FNDA": {}, "DA": {}}
        for key, _, value in (line.partition(":") for line in record.splitlines()):
            first, _, second = value.partition(",")
            match key:
                case "SF":
                    files[value] = file
                case "FN":
                    assert second not in file["FN"]
                    file["FN"][second] = int(first)
                case "FNDA":
                    file["FNDA"][second] = int(first)
                case "DA":
                    file["DA"][int(first)] = int(second)
                case _:
                    file[key] = value
    return files


def test_lcov_tells_the_same_to_programs(reported: Coverage, tmp_path: Path) -> None:
    files = traced(reported.lcov(tmp_path))
    assert list(files) == ["policy/init.lua", "policy/routing.lua"]
    policy, routing = files.values()
    assert policy["DA"] == {1: 1, 2: 1, 3: 1, 5: 1, 6: 0, 8: 0, 10: 0}
    assert (policy["LF"], policy["LH"], policy["FNF"], policy["FNH"], policy["TN"]) == (
        "7",
        "4",
        "2",
        "1",
        "",
    )
    assert (policy["BRF"], policy["BRH"]) == ("2", "0")
    assert policy["FN"] == {"kumo.on('init')": 2, "kumo.on('other')": 5}
    assert policy["FNDA"] == {"kumo.on('init')": 1, "kumo.on('other')": 0}
    assert routing["FN"] == {"M.used": 2, "M.unused": 5, "reached": 6, "anonymous@7": 7}
    assert routing["FNDA"] == {"M.used": 1, "M.unused": 0, "reached": 0, "anonymous@7": 1}


def test_lcov_tells_branches_and_which_of_them_nothing_asked_about(tmp_path: Path) -> None:
    source = "local x = 1\nif x then x = 2 elseif y then x = 3 end\nwhile not x do if y then x = 1 end end\n"
    report = covered(tmp_path, source).lcov()
    assert [line for line in report.splitlines() if line.startswith("BR")] == [
        "BRDA:2,0,0,1",
        "BRDA:2,0,1,0",
        "BRDA:2,0,2,0",
        "BRDA:3,1,0,0",
        "BRDA:3,2,0,-",
        "BRDA:3,2,1,-",
        "BRF:6",
        "BRH:1",
    ]


def test_functions_of_one_name_are_kept_apart_in_lcov(tmp_path: Path) -> None:
    source = "local function f() end\nlocal function f()\nend\nf()\n"
    (file,) = traced(covered(tmp_path, source).lcov()).values()
    assert file["FN"] == {"f:1-1": 1, "f:2-3": 2}
    assert file["FNDA"] == {"f:1-1": 0, "f:2-3": 1}
