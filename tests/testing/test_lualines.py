"""Reading the text of Lua files: tokens, lines that only close something, names of functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.testing.lualines import function_names, stand_ins, tokens, with_visible_breaks


def texts(source: str) -> list[str]:
    return [token.text for token in tokens(source)]


def test_comments_and_strings_hide_what_is_in_them() -> None:
    source = """a --[[ b ]] "c -- \\" d" --[==[ ]] ]==] 'e\\'--' [[ f ]] [=[ ]] g ]=] h -- i"""
    assert texts(source) == ["a", '"c -- \\" d"', "'e\\'--'", "[[ f ]]", "[=[ ]] g ]=]", "h"]


def test_names_numbers_labels_and_signs_are_apart() -> None:
    assert texts("::top:: x1=0x1p-3..a[b[1]]") == [
        *("::top::", "x1", "=", "0x1p-3..a", "[", "b", "[", "1", "]", "]")
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\r"])
def test_lines_are_counted_as_lua_counts_them(end: str) -> None:
    found = tokens(
        end.join(["a", "", "'b\\", "c'", "[[", "", "]]", "--[[", "]] d", "'e\\z", "  f' g"])
    )
    assert [(token.line, token.last) for token in found] == [
        *((1, 1), (3, 4), (5, 7), (9, 9), (10, 11), (11, 11))
    ]


@given(st.text(alphabet="[]-=\"'\\\n\rz:a.(){}1 "))
def test_no_text_is_too_odd(source: str) -> None:
    found = tokens(source)
    stand_ins(found)
    function_names(found)
    assert with_visible_breaks(source) == source


@given(
    st.lists(
        st.sampled_from(["end", "else", "if", "do", "until", "function", "then", "\n", "x", "("])
    )
)
def test_no_structure_is_too_odd(words: list[str]) -> None:
    found = tokens(" ".join(words))
    assert all(opener is None or opener < line for line, opener in stand_ins(found).items())
    assert len(function_names(found)) == words.count("function")


def test_a_break_behind_then_is_parted_from_it_and_nothing_else_changes() -> None:
    source = "if x then -- then break\n  break end\nlocal then_ = 'then break' while y do break end"
    assert with_visible_breaks(source) == source.replace("  break end", "  ;break end")


STAND_INS = {
    "a function": ("local function f()\n  x()\nend", {3: 1}),
    "a call": ("f(function()\n  x()\nend)", {3: 1}),
    "the outermost counts": ("f(\n  a,\n  function()\n    x()\n  end)", {5: 1}),
    "a table": ("x = {\n  a = 1,\n}", {3: 1}),
    "more behind the end": ("f(function()\nend, 5)", {}),
    "a condition": (
        "if a\n  and b\nthen\n  x()\nelseif c\nthen\n  y()\nelse\n  z()\nend",
        {3: 1, 6: 5, 8: 1, 10: 1},
    ),
    "loops": (
        "for i = 1, 2\ndo\nend\nwhile x\ndo\n  do\n    y()\n  end\nend",
        {2: 1, 3: 1, 5: 4, 8: None, 9: 4},
    ),
    "repeat": ("repeat\n  x()\nuntil y", {}),
    "a function in the head of a loop": (
        "for _ in f(function()\n  do x() end\nend) do\n  y()\nend",
        {3: 1, 5: 1},
    ),
    "a long string": ("x = [[\n\n]]", {3: 1}),
    "a long string in a call": ("f([[\n]], 1)", {}),
    "a label": ("do\n  ::a::\nend", {2: None, 3: None}),
    "closed and opened again": ("f({\n  1\n}, {\n  2\n})", {3: 1, 5: 1}),
    "comments": ("f(function()\nend) -- f(1)", {2: 1}),
    "brackets of brackets": ("a[b[\n1\n]]", {3: 1}),
}


@pytest.mark.parametrize("name", STAND_INS)
def test_a_line_that_only_closes_belongs_to_where_that_was_opened(name: str) -> None:
    source, expected = STAND_INS[name]
    assert stand_ins(tokens(source)) == expected


NAMES = {
    "local function f() end": "f",
    "function f() end": "f",
    "function a.b:c(x) end": "a.b:c",
    "local f = function() end": "f",
    "a.b = function() end": "a.b",
    "return { key = function() end }": "key",
    "kumo.on('init', function() end)": "kumo.on('init')",
    "obj:on([[a\n  b]], function() end)": "obj:on([[a b]])",
    "x[1] = function() end": "anonymous@1",
    "f(1, function() end)": "anonymous@1",
    "\nf(function() end)": "anonymous@2",
    "('x', function() end)": "anonymous@1",
}


@pytest.mark.parametrize("source", NAMES)
def test_a_function_is_called_by_its_name_or_by_what_it_is_for(source: str) -> None:
    assert function_names(tokens(source)) == [NAMES[source]]
