"""Globs over real directories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.globs import Glob

FILES = [
    "a.lua",
    "b.lua",
    "c.toml",
    ".hidden.lua",
    "we[i]rd",
    "x-y",
    "x]y",
    "x!y",
    "back\\slash",
    "é.txt",
    "sub/d.lua",
    "sub/deep/e.lua",
    "sub/.dot/f.lua",
    ".dot/g.lua",
    "sub/deep/er/h.toml",
]  # fmt: skip - one list of names


@pytest.fixture
def tree(tmp_path: Path) -> str:
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return str(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("*.lua", ["a.lua", "b.lua"]),
        ("?.lua", ["a.lua", "b.lua"]),
        (".*.lua", [".hidden.lua"]),
        ("[a-b].lua", ["a.lua", "b.lua"]),
        ("[!a].lua", ["b.lua"]),
        ("[!b-z].lua", ["a.lua"]),
        ("[]x]?y", ["x!y", "x-y", "x]y"]),
        ("x[!-]y", ["x!y", "x]y"]),
        ("x[\\]]y", ["x]y"]),
        ("x[\\!-]y", ["x!y", "x-y"]),
        ("x[+-]y", ["x-y"]),
        ("we\\[i]rd", ["we[i]rd"]),
        ("we[[]i]rd", ["we[i]rd"]),
        ("back\\\\slash", ["back\\slash"]),
        ("{a,c}.{lua,toml}", ["a.lua", "c.toml"]),
        ("{a,{b,x}*}*{a,y}", ["a.lua", "b.lua", "x!y", "x-y", "x]y"]),
        ("*x*y*", ["x!y", "x-y", "x]y"]),
        ("{a,{b,c}}.*", ["a.lua", "b.lua", "c.toml"]),
        ("{*.toml,a*}", ["a.lua", "c.toml"]),
        ("{,.hidden}*.lua", [".hidden.lua", "a.lua", "b.lua"]),
        ("\\{a,b}.lua", []),
        ("?.txt", ["é.txt"]),
        ("sub", ["sub"]),
        ("sub/*", ["sub/d.lua", "sub/deep"]),
        ("sub//*.lua", ["sub/d.lua"]),
        ("*/*.lua", ["sub/d.lua"]),
        ("sub/../a.lua", ["sub/../a.lua"]),
        ("./*.toml", ["./c.toml"]),
        (".dot/*", [".dot/g.lua"]),
        ("**/*.lua", ["a.lua", "b.lua", "sub/d.lua", "sub/deep/e.lua"]),
        ("sub/**/*.{lua,toml}", ["sub/d.lua", "sub/deep/e.lua", "sub/deep/er/h.toml"]),
        ("sub/**/er/*", ["sub/deep/er/h.toml"]),
        ("sub/deep/**", ["sub/deep", "sub/deep/e.lua", "sub/deep/er", "sub/deep/er/h.toml"]),
        ("**/**/e.lua", ["sub/deep/e.lua"]),
        ("a**.lua", ["a.lua"]),
        ("missing/*", []),
        ("a.lua/*", []),
        ("a.lua/**", []),
        ("missing", []),
        ("", []),
        ("nul\0/*", []),
    ],
)
def test_a_glob_finds_what_it_says_relative_to_its_base(
    tree: str, pattern: str, paths: list[str]
) -> None:
    assert Glob.parse(pattern).paths(tree) == paths


def test_an_absolute_glob_gives_absolute_paths(tree: str) -> None:
    assert Glob.parse(f"{tree}/*.toml").paths("/nowhere") == [f"{tree}/c.toml"]
    assert Glob.parse("/").paths() == []


def test_the_base_is_the_working_directory_unless_given(
    tree: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    assert Glob.parse("*.toml").paths() == ["c.toml"]


def test_directories_behind_links_are_searched_but_no_circle_is_run(tree: str) -> None:
    os.symlink("sub", f"{tree}/link")
    os.symlink("..", f"{tree}/sub/up")
    os.symlink("nowhere", f"{tree}/dangling")
    found = Glob.parse("**/d.lua").paths(tree)
    assert found == ["link/d.lua", "sub/d.lua"]
    assert "sub/up" in Glob.parse("sub/**").paths(tree)
    assert Glob.parse("dang*").paths(tree) == ["dangling"]


def test_an_unreadable_base_matches_nothing(tmp_path: Path) -> None:
    assert Glob.parse("*").paths(str(tmp_path / "missing")) == []
    assert Glob.parse("**").paths(str(tmp_path / "missing")) == []


def test_a_name_that_is_not_utf_8_raises(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.lua")).touch()
    with pytest.raises(KumologError, match=r"b'\\xff\.lua' is not UTF-8"):
        Glob.parse("*").paths(str(tmp_path))


@pytest.mark.parametrize(
    "pattern", ["[", "[a", "[!]", "[]", "x[\\]", "{a", "{a,{b}", "a\\", "[z-a]", "{a/b,c}", "{[}"]
)
def test_a_malformed_glob_raises(pattern: str) -> None:
    with pytest.raises(KumologError, match="is malformed"):
        Glob.parse(pattern)


@given(st.text(alphabet="ab*?[]{},!-\\/.", max_size=12))
def test_any_pattern_is_a_glob_or_malformed(pattern: str) -> None:
    try:
        Glob.parse(pattern).paths("/nonexistent")
    except KumologError as error:
        assert "malformed" in str(error)  # noqa: PT017 - both ways out are right


@given(
    st.text(alphabet="ab*?[]{},!-\\.é\n", min_size=1, max_size=12).filter(
        lambda name: name not in (".", "..")
    )
)
def test_a_name_with_every_character_quoted_matches_itself_alone(name: str) -> None:
    (part,) = Glob.parse("".join(f"\\{char}" for char in name)).parts
    assert part.fullmatch(name)
    assert not part.fullmatch(name + "a")


def test_many_stars_and_alternatives_take_no_time(tmp_path: Path) -> None:
    (tmp_path / ("a" * 250)).touch()
    assert Glob.parse("*a" * 100 + "*b").paths(str(tmp_path)) == []
    assert Glob.parse("{*a,*aa}" * 8 + "**b").paths(str(tmp_path)) == []
    assert Glob.parse("*a" * 100 + "*").paths(str(tmp_path)) == ["a" * 250]
    with pytest.raises(KumologError, match="alternatives leave more than 1000 choices"):
        Glob.parse("{a,b}" * 30)
