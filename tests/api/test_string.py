"""`kumo.string`: Rust's string methods, domains, templates, folding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api import psl, string, texts
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue
from kumolog.params.arguments import ArgumentError

NOBODY = Registry(lambda _level, _text: None, None)


def call(function: Callable[..., Any], *arguments: LuaValue) -> Any:
    return function(NOBODY, "init.lua:1", *arguments)


@pytest.mark.parametrize(
    ("function", "arguments", "result"),
    [
        (string.split, ("a,b,,c", ","), ["a", "b", "", "c"]),
        (string.split, ("", ","), [""]),
        (string.split, ("abc", ""), ["", "a", "b", "c", ""]),
        (string.split, (12, 1), ["", "2"]),
        (string.rsplit, ("a,b,c", ","), ["c", "b", "a"]),
        (string.rsplit, ("aaa", "aa"), ["", "a"]),
        (string.rsplit, ("abc", ""), ["", "c", "b", "a", ""]),
        (string.splitn, ("a,b,c", 2, ","), ["a", "b,c"]),
        (string.splitn, ("a,b,c", 0, ","), []),
        (string.splitn, ("a,b,c", 1, ","), ["a,b,c"]),
        (string.splitn, ("a,b", 2**62, ","), ["a", "b"]),
        (string.splitn, ("abc", 2, ""), ["", "abc"]),
        (string.splitn, ("ab", 9, ""), ["", "a", "b", ""]),
        (string.rsplitn, ("a,b,c", 2, ","), ["c", "a,b"]),
        (string.rsplitn, ("abc", 3, ""), ["", "c", "ab"]),
        (string.split_whitespace, (" a\u2003b\x1cc\n",), ["a", "b\x1cc"]),
        (string.split_ascii_whitespace, (" a\u2003b\vc\fd",), ["a\u2003b\vc", "d"]),
        (string.trim, ("\u3000 a b \x85",), "a b"),
        (string.trim, ("\x1ca",), "\x1ca"),
        (string.trim_start, (" a ",), "a "),
        (string.trim_end, (" a ",), " a"),
        (string.replace, ("aXbX", "X", "-"), "a-b-"),
        (string.replace, ("ab", "", "-"), "-a-b-"),
        (string.replacen, ("aaa", "a", "b", 2), "bba"),
        (string.replacen, ("aaa", "a", "b", 0), "aaa"),
        (string.replacen, ("aaa", "a", "b", 2**62), "bbb"),
        (string.starts_with, (b"\xffa", b"\xff"), True),
        (string.starts_with, ("é", b"\xc3"), True),
        (string.ends_with, ("abc", "bc"), True),
        (string.ends_with, ("abc", "b"), False),
    ],
)
def test_strings_are_treated_as_rust_treats_them(
    function: Callable[..., Any], arguments: tuple[LuaValue, ...], result: Any
) -> None:
    assert call(function, *arguments) == result


@given(st.text("ab, ", max_size=9), st.text("ab,", max_size=2), st.integers(1, 12))
def test_the_pieces_make_up_the_text(s: str, separator: str, limit: int) -> None:
    assert separator.join(call(string.split, s, separator)) == s
    assert separator.join(reversed(call(string.rsplit, s, separator))) == s
    from_left = call(string.splitn, s, limit, separator)
    from_right = call(string.rsplitn, s, limit, separator)
    assert separator.join(from_left) == separator.join(reversed(from_right)) == s
    assert len(from_left) == min(limit, len(call(string.split, s, separator)))


@pytest.mark.parametrize("function", [string.split, string.trim, psl.psl_domain])
def test_what_is_no_text_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ArgumentError, match="bad argument #1: "):
        call(function, None, ",")
    with pytest.raises(ArgumentError, match="bad argument #1: "):
        call(function, b"\xff", ",")


@pytest.mark.parametrize(
    ("domain", "registered", "suffix"),
    [
        ("www.example.co.uk", "example.co.uk", "co.uk"),
        ("example.com", "example.com", "com"),
        ("com", None, "com"),
        ("co.uk", None, "co.uk"),
        ("a.b.nosuchtld", "b.nosuchtld", "nosuchtld"),
        ("me.github.io", "me.github.io", "github.io"),
        ("www.ck", "www.ck", "ck"),
        ("a.x.ck", "a.x.ck", "x.ck"),
        ("WWW.Example.Co.UK", "Example.Co.UK", "Co.UK"),
        ("xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn", "xn--55qx5d.cn"),
        ("", None, None),
    ],
)
def test_domains_follow_the_public_suffix_list(
    domain: str, registered: str | None, suffix: str | None
) -> None:
    assert call(psl.psl_domain, domain) == registered
    assert call(psl.psl_suffix, domain) == suffix


def context(**variables: LuaValue) -> LuaTable:
    return LuaTable(list(variables.items()))


def test_a_template_sees_the_table() -> None:
    source = "{{ name|upper }}: {% for n in list %}{{ n }} {% endfor %}"
    numbers = LuaTable([(1, 1), (2, 2.5)], [1, 2.5])
    assert call(texts.eval_template, "t", source, context(name="x", list=numbers)) == "X: 1 2.5 "


def test_the_name_of_a_template_decides_on_escaping() -> None:
    variables = context(v="<é>")
    assert call(texts.eval_template, "t.txt", "{{ v }}", variables) == "<é>"
    assert call(texts.eval_template, "t.html", "{{ v }}", variables) == "&lt;é&gt;"
    assert call(texts.eval_template, "t.html.j2", "{{ v }}", variables) == "&lt;é&gt;"
    assert call(texts.eval_template, "t.json", "{{ v }}", variables) == '"<é>"'


def test_escaping_holds_for_several_texts_too() -> None:
    variables = context(v="<", w=">")
    assert call(texts.eval_template, "t.html", "{{ v }}{{ w }}", variables) == "&lt;&gt;"


def test_static_text_is_left_as_it_is() -> None:
    assert call(texts.eval_template, "t", "{{ x }}", context(), "Static") == "{{ x }}"


def test_handlebars_is_refused() -> None:
    with pytest.raises(KumologError, match="does not render the dialect Handlebars"):
        call(texts.eval_template, "t", "{{ x }}", context(), "Handlebars")


def test_an_unknown_dialect_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KumologError, match="unknown variant `Mustache`, expected one of `Jinja`"):
        call(texts.eval_template, "t", "", context(), "Mustache")


def test_a_template_that_does_not_compile_raises() -> None:
    with pytest.raises(KumologError, match=r'compiling template: "{{ x" for template t: syntax'):
        call(texts.eval_template, "t", "{{ x", context())


def test_a_template_that_does_not_render_says_where() -> None:
    with pytest.raises(KumologError, match=r"unknown filter.*\(in t:2\)"):
        call(texts.eval_template, "t", "\n{{ 1|nosuchfilter }}", context())


def test_variables_are_no_log_record() -> None:
    headers = LuaTable([("X-Foo", "v")])
    source = "{{ headers['X-Foo'] }}{{ headers['x-foo'] }}|{{ log_record }}|{{ items }}"
    assert call(texts.eval_template, "t", source, context(headers=headers)) == "v||"


def test_a_context_that_is_no_table_gives_no_variables() -> None:
    assert call(texts.eval_template, "t", "[{{ x }}]", "text") == "[]"
    assert call(texts.eval_template, "t", "[{{ x }}]", None) == "[]"


def test_a_response_is_normalized() -> None:
    response = "queued as 0123abcd-1234-5678-9abc-0123456789ab for <a@b.c>"
    normal = call(texts.normalize_smtp_response, response)
    assert normal == "queued as {uuid} for {email}"


def test_wrapping_folds_at_blanks() -> None:
    assert call(texts.wrap, "aaa bbb ccc", 7) == b"aaa bbb\r\n\tccc"
    assert call(texts.wrap, "") == b""
    assert call(texts.wrap, "short line") == b"short line"


def test_a_word_longer_than_a_line_stays_whole_up_to_the_hard_limit() -> None:
    assert call(texts.wrap, "a " + "b" * 10 + " c", 5, 20) == b"a\r\n\tbbbbbbbbbb\r\n\tc"
    assert call(texts.wrap, "b" * 10, 3, 4) == b"bbbb\r\n\tbbbb\r\n\tbb"


def test_a_line_that_holds_nothing_is_refused() -> None:
    with pytest.raises(KumologError, match="at least one byte"):
        call(texts.wrap, "a", 0, 0)


@given(st.binary(max_size=60), st.integers(1, 20), st.integers(1, 30))
def test_wrapping_loses_nothing_but_blanks(source: bytes, soft: int, hard: int) -> None:
    wrapped = call(texts.wrap, source, soft, hard)
    assert b"".join(wrapped.split()) == b"".join(source.split())
    assert all(len(line) <= max(soft, hard) for line in wrapped.split(b"\r\n\t"))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (string.replace, ("a" * 2**20, "a", "b" * 2**20)),
        (string.replace, ("a" * 2**20, "", "b" * 2**10)),
        (string.replacen, ("a" * 2**20, "a", "b" * 2**20, 2**62)),
    ],
)
def test_a_text_that_would_fill_the_memory_is_not_made(
    function: Callable[..., Any], arguments: tuple[LuaValue, ...]
) -> None:
    with pytest.raises(KumologError, match="makes a text of more than 256 million characters"):
        call(function, *arguments)
