"""The objects of `kumo.regex`."""

from __future__ import annotations

from typing import cast

import pytest

from kumolog.api import regex, regex_set_map
from kumolog.api.memoized import MemoizedTable
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue, Opaque
from kumolog.params.arguments import ArgumentError

NOBODY = cast(Registry, None)


def compiled(pattern: str) -> regex.Regex:
    return regex.compile(NOBODY, "init.lua:1", pattern)


def map_of(**pairs: LuaValue) -> regex_set_map.RegexSetMap:
    return regex_set_map.new(NOBODY, "init.lua:1", LuaTable(list(pairs.items())))


def test_captures_have_numbers_and_names() -> None:
    found = compiled(r"(?<user>\w+)@(\w+)(!)?").captures("to joe@host now")
    assert found == {0: "joe@host", 1: "joe", 2: "host", "user": "joe"}
    assert compiled("x").captures("y") is None


def test_find_gives_texts() -> None:
    digits = compiled(r"\d+")
    assert digits.find("a12b345") == "12"
    assert digits.find("none") is None
    assert digits.find_all("a12b345") == ["12", "345"]
    assert digits.is_match("a1") is True
    assert digits.is_match("a") is False


def test_replacing_takes_the_first_all_or_some() -> None:
    digits = compiled(r"\d")
    assert digits.replace("1 2 3", "x") == "x 2 3"
    assert digits.replace_all("1 2 3", "x") == "x x x"
    assert digits.replacen("1 2 3", 2, "x") == "x x 3"
    assert digits.replacen("1 2 3", 0, "x") == "x x x"
    assert digits.replacen("1 2 3", "1", 7) == "7 2 3"


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("$1-$name", "ab-ab"),
        ("${1}1", "ab1"),
        ("$11", ""),
        ("$2", ""),
        ("$$1", "$1"),
        ("$nobody.", "."),
        ("${", "${"),
        ("$", "$"),
        ("${a b}", "${a b}"),
        (r"\1", r"\1"),
    ],
)
def test_a_replacement_names_groups(template: str, result: str) -> None:
    assert compiled("(?<name>ab)|(c)").replace("ab", template) == result


def test_split_keeps_empty_pieces() -> None:
    assert compiled(",").split(",a,,b,") == ["", "a", "", "b", ""]
    assert compiled(",").split("") == [""]


def test_what_is_no_text_is_refused_by_name() -> None:
    with pytest.raises(ArgumentError, match=r"bad argument #2 to `Regex\.find`: "):
        compiled("a").find(b"\xff")
    with pytest.raises(ArgumentError, match=r"bad argument #4 to `Regex\.replacen`: "):
        compiled("a").replacen("a", 1)
    with pytest.raises(ArgumentError, match="bad argument #1: "):
        regex.compile(NOBODY, "init.lua:1", True)


def test_a_bad_pattern_is_shown() -> None:
    with pytest.raises(KumologError, match=r'kumo.regex.compile\("\(a"\): Parsing error'):
        compiled("(a")


def test_escape_quotes_what_has_a_meaning() -> None:
    assert regex.escape(NOBODY, "init.lua:1", "a.b*[c]-#&") == r"a\.b\*\[c\]-\#&"


def test_a_regex_set_map_searches_anywhere() -> None:
    found = map_of(**{r"^mail\.": "mail", r"\.example\.com$": "example"})
    assert found.index("mail.host") == "mail"
    assert found.index("a.example.com") == "example"
    assert found.index("host") is None


def test_with_several_matches_the_first_pattern_in_order_counts() -> None:
    assert map_of(b=2, a=1).index("ab") == 1
    assert map_of(a=1, b=2).index("ab") == 1


def test_a_regex_set_map_keeps_tables_as_memoized_tables() -> None:
    found = map_of(a=LuaTable([("x", 1)])).index("a")
    assert isinstance(found, MemoizedTable)
    assert found.index("x") == 1


def test_a_regex_set_map_refuses_bad_patterns_and_functions() -> None:
    with pytest.raises(KumologError, match=r"kumo\.regex_set_map\.new: "):
        map_of(**{"(?=a)": 1})
    with pytest.raises(KumologError, match="a function cannot be kept"):
        map_of(a=Opaque("function"))


def test_an_absent_table_makes_an_empty_map() -> None:
    assert regex_set_map.new(NOBODY, "init.lua:1").index("a") is None


@pytest.mark.parametrize("pattern", ["((a{1000}){1000}){1000}", "(?:(?:(?:a?){1000}){1000}){1000}"])
def test_repetitions_that_would_make_a_huge_program_are_refused(pattern: str) -> None:
    with pytest.raises(KumologError, match="exceeds size limit"):
        compiled(pattern)


def test_large_repetitions_are_not_refused() -> None:
    assert compiled("^(?:ab{1000}){20}$").is_match(("a" + "b" * 1000) * 20)
