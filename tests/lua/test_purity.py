"""Which handlers only look at meta, as told from their code."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumolog.policy import Policy

PURE = {
    "return true": set(),
    "return": set(),
    "return msg:get_meta 'tenant' == 'a'": {"tenant"},
    "return msg:get_meta('tenant')": {"tenant"},
    "local t = msg:get_meta 'tenant' if not t then return end return t ~= 'a' and t < 'b'": {
        "tenant"
    },
    "return msg:get_meta 'a' == 'x' or (msg:get_meta 'b' or 0) + 1 > 2": {"a", "b"},
    "return (msg:get_meta 'tenant' or ''):match '^ten' ~= nil": {"tenant"},
    "return string.find(msg:get_meta 'tenant', prefix, 1, true)": {"tenant"},
    "return tostring(msg:get_meta 'n'):sub(-1) .. suffix == '7x'": {"n"},
    "return #(msg:get_meta 'tenant' or '') // 2 == LIMIT": {"tenant"},
    "return type(msg:get_meta 'n') == 'number' and -(tonumber(msg:get_meta 'n')) < 0": {"n"},
    "for i = 1, 3 do if msg:get_meta 'n' == i then return true end end return false": {"n"},
    "local a, b = nil, absent return a == b": set(),
}
OTHERS = [
    "msg:set_meta('x', 1) return true",
    "return msg:sender()",
    "return msg",
    "local m = msg return m:get_meta 'x'",
    "local get = msg.get_meta return get(msg, 'x')",
    "return msg.get_meta(msg, 'x')",
    "return msg:get_meta(prefix)",
    "return msg:get_meta(1)",
    "return msg:get_meta('a', 'b')",
    "return msg:get_meta()",
    "return msg.get_meta",
    "local n = msg:get_meta 'x' msg = n return msg",
    "count = (count or 0) + 1 return true",
    "seen = msg:get_meta 'x' return true",
    "kept = true return kept",
    "return os.time() > 0",
    "return math.random() < 0.5",
    "print 'x' return true",
    "return helper(msg)",
    "return settings.tenant == msg:get_meta 'tenant'",
    "return ({ a = true })[msg:get_meta 'tenant']",
    "return msg:get_meta 'list'.x",
    "return msg:get_meta 'list'[1]",
    "for _, v in ipairs(msg:get_meta 'list') do if v then return true end end",
    "return (function() return true end)()",
    "return pcall(string.find, msg:get_meta 'x')",
    "return string.gsub(msg:get_meta 'x', 'a', 'b')",
    "return ('x'):format(msg:get_meta 'x')",
    "local s <close> = nil return true",
    "return tostring(settings)",
    "return KEPT == msg:get_meta 'x'",
    "goto out ::out:: return _G.x",
]


def keys(tmp_path: Path, body: str, before: str = "") -> set[str] | None:
    source = f"""local kumo = require 'kumo'
        local prefix, suffix, kept = 'ten', 'x', false
        local function helper(m) return true end
        local settings = {{}}
        LIMIT, KEPT = 3, {{}}
        {before}
        kumo.on('f', function(msg) {body} end)"""
    (tmp_path / "init.lua").write_text(source)
    policy = Policy(tmp_path / "init.lua", print)
    policy.load()
    found = policy._runtime.keys_asked("f")
    return None if found is None else set(found)


@pytest.mark.parametrize(("body", "asked"), PURE.items(), ids=PURE)
def test_what_only_looks_at_meta_is_known_with_its_keys(
    tmp_path: Path, body: str, asked: set[str]
) -> None:
    assert keys(tmp_path, body) == asked


@pytest.mark.parametrize("body", OTHERS)
def test_whatever_may_do_more_is_taken_to_do_so(tmp_path: Path, body: str) -> None:
    assert keys(tmp_path, body) is None


@pytest.mark.parametrize(
    "before",
    [
        "function string.match() count = 1 return true end",
        "getmetatable('').__index = function() return function() end end",
        "getmetatable('').__concat = function() count = 1 return 'x' end",
        "setmetatable(string, {})",
    ],
)
def test_texts_with_methods_of_the_policy_are_not_known(tmp_path: Path, before: str) -> None:
    assert keys(tmp_path, "return (msg:get_meta 'x' .. 'y'):match 'a'") == {"x"}
    assert keys(tmp_path, "return (msg:get_meta 'x' .. 'y'):match 'a'", before) is None


@pytest.mark.parametrize(
    "before",
    [
        "function tostring() count = 1 return 'x' end",
        "tostring = setmetatable({}, { __call = function() return 'x' end })",
        "tostring = nil setmetatable(_G, { __index = function() return print end })",
    ],
)
def test_globals_of_the_policy_are_not_known(tmp_path: Path, before: str) -> None:
    assert keys(tmp_path, "return tostring(msg:get_meta 'x') == 'x'", before) is None


def test_what_is_no_function_of_lua_is_not_known(tmp_path: Path) -> None:
    assert keys(tmp_path, "return true", "kumo.on('g', print)") == set()
    policy = Policy(tmp_path / "init.lua", print)
    policy.load()
    assert policy._runtime.keys_asked("g") is None
    assert policy._runtime.keys_asked("nobody") is None
