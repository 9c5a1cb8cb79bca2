"""kumo.http.build_url."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.http import build_url
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue, from_json

REGISTRY = Registry(lambda _level, _text: None, None)


def build(base: LuaValue, params: LuaValue) -> str:
    return build_url(REGISTRY, "init.lua:1", base, params)


@pytest.mark.parametrize(
    ("base", "params", "url"),
    [
        ("http://example.com", {"a": "b"}, "http://example.com/?a=b"),
        ("HTTP://Example.COM:80/x", {"a": "b c"}, "http://example.com/x?a=b+c"),
        (
            "http://example.com/?q=%20#top",
            {"a": "é&="},
            "http://example.com/?q=%20&a=%C3%A9%26%3D#top",
        ),
        ("http://example.com/?", {"a": "*-._~"}, "http://example.com/?a=*-._%7E"),
        ("http://example.com/é", {}, "http://example.com/%C3%A9"),
        ("http://bücher.example/", {"n": 5}, "http://xn--bcher-kva.example/?n=5"),
        ("http://[::1]:8080/x", {"a": ""}, "http://[::1]:8080/x?a="),
        ("mailto:a@example.com", {"subject": "x"}, "mailto:a@example.com?subject=x"),
    ],
)
def test_parameters_are_added_to_the_query(base: str, params: dict[str, str], url: str) -> None:
    assert build(base, from_json(params)) == url


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1, max_size=4))
def test_parameters_read_back_as_they_were(params: dict[str, str]) -> None:
    url = build("https://example.com/path?old=1", from_json(params))
    read = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert read == [("old", "1"), *params.items()]


@pytest.mark.parametrize(
    "base", ["", "example.com", "/path", "http://", "http://a b/", "http://x:99999/"]
)
def test_what_is_no_absolute_url_raises(base: str) -> None:
    with pytest.raises(KumologError):
        build(base, LuaTable())


@pytest.mark.parametrize(
    ("base", "params"),
    [(None, LuaTable()), ("http://a/", None), ("http://a/", from_json({"a": True}))],
)
def test_wrong_arguments_raise(base: LuaValue, params: LuaValue) -> None:
    with pytest.raises(KumologError, match="bad argument #"):
        build(base, params)
