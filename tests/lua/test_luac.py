"""Reading dumps: the lines that Lua itself gives for the same code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kumolog.lua.luac import Prototype, prototypes
from kumolog.policy import Policy

ROOT = Path(__file__).parent.parent.parent
LUA_FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.lua"))
LUA_FILES.remove(
    "kumolog/lua/scanner.lua"
)  # is for LuaJIT, whose language has more kinds of numbers

_TELLER = """
local guard = ...
return {
  dump = function(source) return guard.dump(load(source)) end,
  -- The lines of the chunk, then those of the functions that it returns.
  lines = function(source, runs)
    local f, lines = load(source), {}
    local functions = runs and { f, f() } or { f }
    for i = 1, #functions do
      lines[i] = {}
      for line in pairs(debug.getinfo(functions[i], 'L').activelines) do table.insert(lines[i], line) end
      table.sort(lines[i])
    end
    return lines
  end,
}
"""


@pytest.fixture
def lua(tmp_path: Path) -> Any:
    """Calls one of the two functions above."""
    runtime = Policy(tmp_path / "init.lua", print)._runtime
    path = tmp_path / "teller.lua"
    path.write_text(_TELLER)
    teller = runtime.load_own(path, {})

    def call(name: str, *arguments: Any) -> Any:
        return runtime.call_own(teller[name], *arguments)

    return call


def read(lua: Any, source: str | bytes) -> list[Prototype]:
    dump = lua("dump", source)
    return prototypes(dump if isinstance(dump, bytes) else dump.encode())


def as_lua_says(lua: Any, source: str | bytes, runs: bool = True) -> list[frozenset[int]]:
    return [frozenset(lines.sequence) for lines in lua("lines", source, runs).sequence]


CASES = {
    "nothing": "",
    "one statement": "x = 1",
    "constants of every kind": "return function() return 1, 2.5, 'short', ('long'):rep(9), nil, true, false end",
    "a long constant": f"return function() return '{'x' * 300}' end",
    "functions in functions": """
        local function a()

          return function() end
        end
        return a, a()""",
    "variable arguments": "return function(...)\n\n  return ...\nend",
    "upvalues": "local x\nlocal y <const> = 2\nreturn function() x = x or y\nend",
    "a long gap": "x = 1" + "\n" * 400 + "y = 2\nreturn function()" + "\n" * 300 + "return 3\nend",
    "many instructions": "local t = {\n"
    + "x,\n" * 500
    + "}\nreturn function()\n"
    + "y(x)\n\n" * 300
    + "end",
    "backwards": "return f(\n\n\n1,\nfunction()\nend)",
}


@pytest.mark.parametrize("name", CASES)
def test_the_lines_of_each_function_are_those_that_lua_gives(lua: Any, name: str) -> None:
    source = (
        f"local function f(...) return select('#', ...) > 1 and select(2, ...) end {CASES[name]}"
    )
    found = read(lua, source)
    known = as_lua_says(lua, source)
    assert found[0].lines == known[0]
    assert set(known) <= {function.lines for function in found}


@pytest.mark.parametrize("path", LUA_FILES)
def test_the_lines_of_every_lua_file_here_are_those_that_lua_gives(lua: Any, path: str) -> None:
    source = (ROOT / path).read_bytes()
    found = read(lua, source)
    assert (found[0].first, found[0].last) == (0, 0)
    assert [found[0].lines] == as_lua_says(lua, source, runs=False)
    text = source.decode("latin-1").split("\n")
    for function in found[1:]:
        assert "function" in text[function.first - 1]
        assert "end" in text[function.last - 1]


def test_functions_come_in_the_order_of_the_text(lua: Any) -> None:
    source = "local function a()\n  return function()\n  end\nend\nlocal b = function() end\n"
    assert [(f.first, f.last) for f in read(lua, source)] == [(0, 0), (1, 4), (2, 3), (5, 5)]


@pytest.mark.parametrize("dump", [b"", b"\x1bLua\x53\x00", b"return 1"])
def test_what_is_no_dump_of_this_lua_is_refused(dump: bytes) -> None:
    with pytest.raises(ValueError, match=r"not one of Lua 5\.4"):
        prototypes(dump)
