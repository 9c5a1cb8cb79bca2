"""Branches of Lua texts: what is put into the text changes none of its lines."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from kumolog.testing.branches import Branch, with_probes

_WORDS = [
    "if",
    "then",
    "else",
    "elseif",
    "end",
    "for",
    "while",
    "do",
    "repeat",
    "until",
    "function",
    "return",
    "(",
    ")",
    "x",
    "'if'",
    "--then",
    "[[do]]",
    "1",
]


def test_every_branch_begins_with_a_loop_of_its_own() -> None:
    text, branches = with_probes("if a then b() end -- end\nfor i = 1, 2 do c() end\n", "p")
    assert text == (
        "if a then for p0 = 1, 2 do local _ end  b()  else for p1 = 1, 2 do local _ end end -- end\n"
        "for i = 1, 2 do for p2 = 1, 2 do local _ end  c() end\n"
    )
    assert branches == [
        Branch(0, 1, "true", 1, None),
        Branch(0, 1, "false", 1, None),
        Branch(1, 2, "entered", 2, None),
    ]


def test_conditions_and_branches_are_told_by_their_own_lines() -> None:
    source = "if a\nthen\n  while b\n  do c() end\nelseif d then e()\nend\n"
    assert with_probes(source, "p")[1] == [
        Branch(0, 1, "true", 2, None),
        Branch(1, 3, "entered", 4, 0),
        Branch(0, 5, "true", 5, None),
        Branch(0, 5, "false", 6, None),
    ]


@given(st.lists(st.sampled_from([*_WORDS, "\n"])).map(" ".join) | st.text())
@example("if until")
def test_no_text_loses_a_line_or_a_word(source: str) -> None:
    text, branches = with_probes(source, "p")
    for number in range(len(branches)):
        assert text.count(f" for p{number} = 1, 2 do local _ end ") == 1
        text = text.replace(f" else for p{number} = 1, 2 do local _ end end", "end")
        text = text.replace(f" for p{number} = 1, 2 do local _ end ", "")
    assert text == source
