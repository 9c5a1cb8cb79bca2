"""The environment of a policy: what is in it, and that nothing in it ends or enters the host."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kumolog.errors import PolicyError
from kumolog.policy import Policy

Heard = Callable[..., list[str]]
Outlive = Callable[..., str]


def said(hear: Heard, expression: str) -> str:
    return hear(f"kumo.log_info({expression})")[0]


# What is there ----------------------------------------------------------------------------------


def test_the_standard_library_is_there_without_debug_and_what_leads_to_c(hear: Heard) -> None:
    names = said(
        hear,
        "type(string.format), type(table.sort), type(math.floor), type(utf8.char), type(io.open), "
        "type(os.time), type(coroutine.wrap), type(next), _VERSION, "
        "type(debug), type(package.loadlib), type(string.dump), type(python), package.cpath",
    )
    there, gone = names.split("Lua 5.4 ")
    assert set(there.split()) == {"function"}
    assert gone.split() == ["nil"] * 4


def test_globals_are_reached_by_every_usual_way(hear: Heard) -> None:
    source = """
        answer = 42
        kumo.log_info(_G.answer, _ENV.answer, rawget(_G, 'answer'), load('return answer')(), _G == _ENV)
    """
    assert hear(source) == ["42 42 42 42 true"]


def test_code_can_be_given_an_environment_of_its_own(hear: Heard) -> None:
    source = """
        local chunk = load('x = 1; return x', 'own', 't', {})
        local bare = load('return y', 'bare', 't', nil)
        kumo.log_info(chunk(), x, pcall(bare))
    """
    assert hear(source)[0].startswith("1 nil false")


def test_what_is_read_piece_by_piece_loads_too(hear: Heard) -> None:
    source = """
        local pieces, at = { 'return ', '6 ', '* 7' }, 0
        kumo.log_info(load(function() at = at + 1 return pieces[at] end)(), load('syntax error'))
    """
    assert hear(source)[0].startswith('42 nil [string "syntax error"]:1:')


def test_what_is_not_available_says_so(hear: Heard) -> None:
    with pytest.raises(PolicyError, match=r"init\.lua:1: os\.exit is not available in kumolog"):
        hear("os.exit(0)")
    with pytest.raises(PolicyError, match=r"init\.lua:2: io\.popen is not available in kumolog"):
        hear("\nio.popen('ls')")


def test_finalisers_do_not_run(hear: Heard) -> None:
    source = """
        local metatable = { __gc = function() kumo.log_info('finalised') end, __index = { x = 1 } }
        local t = setmetatable({}, metatable)
        kumo.log_info(t.x, type(metatable.__gc), getmetatable(t) == metatable)
        t = nil
        collectgarbage() collectgarbage()
    """
    assert hear(source) == ["1 function true"]


def test_a_protected_metatable_stays_protected(hear: Heard) -> None:
    source = """
        local t = setmetatable({}, { __metatable = 'locked' })
        kumo.log_info(getmetatable(t), pcall(setmetatable, t, { __gc = print }))
        kumo.log_info(pcall(setmetatable, {}))
        kumo.log_info(pcall(setmetatable, 1, { __gc = print }))
    """
    protected, missing, wrong = hear(source)
    assert protected == "locked false cannot change a protected metatable"
    assert "nil or table expected" in missing
    assert "table expected, got number" in wrong


def test_coroutines_work_as_in_lua(hear: Heard) -> None:
    source = """
        local co = coroutine.create(function(a, b)
            local c = coroutine.yield(a + b)
            local ok, text = pcall(function() return coroutine.yield(c) end)
            error({ code = text })
        end)
        local ok, sum = coroutine.resume(co, 1, 2)
        local _, c = coroutine.resume(co, 'c')
        local _, problem = coroutine.resume(co, 'd')
        kumo.log_info(ok, sum, c, problem.code, coroutine.status(co), coroutine.resume(co))
        local f = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
        kumo.log_info(f(), f(), f(), coroutine.isyieldable(), coroutine.close(coroutine.create(print)))
        kumo.log_info(pcall(coroutine.wrap(function() error('inside', 0) end)))
    """
    assert hear(source) == [
        "true 3 c d dead false cannot resume dead coroutine",
        "1 2 3 false true",
        "false inside",
    ]


def test_rep_refuses_only_what_would_fill_the_memory(hear: Heard) -> None:
    source = """
        kumo.log_info(('ab'):rep(3, '-'), ('x'):rep(0), ('x'):rep(-1), string.rep(5, 2), #('x'):rep(1 << 20))
        kumo.log_info(pcall(string.rep, 'x', 1 << 40))
        kumo.log_info(pcall(string.rep, '', 1 << 30, 'a separator'))
    """
    assert hear(source) == ["ab-ab-ab   55 1048576", *["false resulting string too large"] * 2]


# Modules ----------------------------------------------------------------------------------------


def test_modules_beside_the_policy_can_be_required(hear: Heard, tmp_path: Path) -> None:
    (tmp_path / "routes.lua").write_text(
        "loads = (loads or 0) + 1\nreturn { name = ..., where = select(2, ...) }"
    )
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "init.lua").write_text("return 'a list'")
    (tmp_path / "lists" / "deep.lua").write_text("depth = 1")
    source = """
        local routes = require 'routes'
        kumo.log_info(routes.name, routes.where, require('routes') == routes, loads)
        kumo.log_info(require 'lists', require 'lists.deep', depth, package.loaded['lists.deep'])
    """
    assert hear(source) == [f"routes {tmp_path}/routes.lua true 1", "a list true 1 true"]


def test_the_path_begins_as_kumomtas_does(hear: Heard, tmp_path: Path) -> None:
    patterns = said(hear, "package.path").split(";")
    expected = [
        "/opt/kumomta/share/?.lua",
        "/opt/kumomta/share/?/init.lua",
        f"{tmp_path}/?.lua",
        f"{tmp_path}/?/init.lua",
        "/opt/kumomta/etc/policy/?.lua",
        "/opt/kumomta/etc/policy/?/init.lua",
    ]
    assert patterns[:6] == expected
    assert len(patterns) > 6


def test_a_policy_may_extend_path_preload_and_searchers(hear: Heard, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "far.lua").write_text("return 'far'")
    source = f"""
        package.path = package.path .. ';{tmp_path}/other/?.lua'
        package.preload.made = function(name, extra) return name .. extra end
        table.insert(package.searchers, function(name)
            if name == 'found' then return function() return 'by searcher' end end
        end)
        kumo.log_info(require('far'), (require 'made'), (require 'found'))
        kumo.log_info(package.searchpath('far', package.path))
    """
    assert hear(source) == ["far made:preload: by searcher", f"{tmp_path}/other/far.lua"]


def test_a_module_that_is_not_there_lists_where_it_was_looked_for(
    hear: Heard, tmp_path: Path
) -> None:
    with pytest.raises(PolicyError) as caught:
        hear("\nrequire 'nowhere'")
    assert str(caught.value).startswith(f"{tmp_path}/init.lua:2: module 'nowhere' not found:")
    assert f"no file '{tmp_path}/nowhere.lua'" in str(caught.value)
    assert "no field package.preload['nowhere']" in str(caught.value)


def test_an_error_in_a_module_names_the_modules_line(hear: Heard, tmp_path: Path) -> None:
    (tmp_path / "broken.lua").write_text("\n\nlocal x = = 1")
    with pytest.raises(PolicyError, match=r"broken\.lua:3: unexpected symbol near '='"):
        hear("require 'broken'")
    (tmp_path / "raising.lua").write_text("\nerror('at load')")
    with pytest.raises(PolicyError, match=r"raising\.lua:2: at load") as caught:
        hear("\n\nrequire 'raising'")
    assert caught.value.frames[-1] == f"{tmp_path}/init.lua:3: in main chunk"


def test_dofile_and_loadfile_run_inside_the_environment(hear: Heard, tmp_path: Path) -> None:
    part = tmp_path / "part.lua"
    part.write_text("#!/usr/bin/lua\nseen = _G\nreturn 'part', 2")
    source = f"""
        kumo.log_info(dofile '{part}', seen == _G)
        kumo.log_info(loadfile('{part}', 't', {{ _G = 'own' }})(), loadfile('{part}', 'b'))
        kumo.log_info(loadfile('{tmp_path}/none.lua'))
        kumo.log_info(pcall(dofile, '{tmp_path}/none.lua'))
        kumo.log_info(pcall(dofile))
    """
    first, second, third, fourth, fifth = hear(source)
    assert first == "part true"
    assert second.startswith("part nil attempt to load a binary chunk")
    assert third == f"nil {tmp_path}/none.lua: No such file or directory"
    assert fourth == f"false {tmp_path}/none.lua: No such file or directory"
    assert fifth.startswith("false dofile needs a file name")


def test_a_policy_may_begin_with_a_byte_order_mark_or_a_shebang(hear: Heard) -> None:
    assert hear(b"\xef\xbb\xbfkumo.log_info(1)") == ["1"]
    assert hear(b"#!/usr/bin/env lua\nkumo.log_info(2)") == ["2"]


def test_a_policy_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    def ignore(level: str, text: str) -> None: ...

    with pytest.raises(PolicyError, match=r"none\.lua: No such file or directory"):
        Policy(tmp_path / "none.lua", ignore).load()
    with pytest.raises(PolicyError, match="Is a directory"):
        Policy(tmp_path, ignore).load()


# Nothing ends the host --------------------------------------------------------------------------

BYTECODE = (
    r"'\27Lua' .. string.char(0x54, 0, 0x19, 0x93, 13, 10, 26, 10, 4, 8, 8) .. ('\255'):rep(200)"
)

HAZARDS = {
    "no debug and a strict _G": """debug = nil
        setmetatable(_G, { __index = function(_, k) error('unknown ' .. tostring(k)) end,
                           __newindex = function(_, k) error('undeclared ' .. tostring(k)) end })""",
    "a debug that raises": "debug = setmetatable({}, { __index = function() error('no') end })",
    "every global gone": "for k in pairs(_G) do if k ~= 'kumo' and k ~= 'error' then _G[k] = nil end end",
    "kumo sealed": """setmetatable(kumo, { __newindex = function() error('sealed') end })
        setmetatable(package.loaded, { __index = function() error('sealed') end })""",
    "io methods replaced": """local files = getmetatable(io.stdout).__index
        for k in pairs(files) do files[k] = function() while true do end end end
        getmetatable(io.stdout).__gc, getmetatable(io.stdout).__close = nil, nil
        getmetatable(io.stdout).__index = nil""",
    "string library replaced": """for k in pairs(string) do
            if k ~= 'x' then string[k] = function() while true do end end end
        end
        for k in pairs(table) do table[k] = nil end
        tostring, type, error = nil, nil, nil""",
    "string metatable replaced": """local strings = getmetatable('')
        for _, name in ipairs { '__index', '__tostring', '__len', '__concat', '__eq', '__name' } do
            strings[name] = function() error('hijacked') end
        end""",
    "collector stopped": "collectgarbage('stop') collectgarbage('generational')",
    "standard output closed": "print(pcall(io.close)) print(pcall(io.stdout.close, io.stdout))",
}

HANDLERS = {
    "nan as a key": "msg:set_meta('x', { [1] = 0/0, y = -(0/0) }) local t = {} t[0/0] = 1",
    "a file's metatable on a table": """local files = getmetatable(io.stdout)
        local fake = setmetatable({}, files)
        pcall(files.__gc, fake) pcall(files.__index.read, fake) pcall(files.__gc, io.tmpfile())
        local file = io.tmpfile() file:close() pcall(files.__gc, file) pcall(file.read, file)
        return true""",
    "altered bytecode": f"""local code = {BYTECODE}
        assert(not load(code)) assert(not load(code, 'x', 'b')) assert(not load(code, 'x', 'bt'))
        assert(not load(function() local c = code code = nil return c end))
        return string.dump == nil""",
    "deep tables": """local deep = {} for _ = 1, 100000 do deep = { deep } end
        local ok, text = pcall(msg.set_meta, msg, 'x', deep)
        assert(not ok and text:find 'deep')
        assert(not pcall(kumo.json_encode, deep))
        return true""",
    "tables that contain themselves": """local t = {} t.t = t t[1] = t t[t] = t
        assert(not pcall(msg.set_meta, msg, 'x', t)) assert(not pcall(kumo.json_encode, t))
        return pcall(kumo.log_info, t)""",
    "deep json": """local ok = pcall(kumo.json_parse, ('['):rep(100000)) assert(not ok)
        return not pcall(kumo.json_parse, ('['):rep(900) .. (']'):rep(900)) or true""",
    "huge results": "return ('x'):rep(200000000)",
    "huge error": "error(('x'):rep(100000000))",
    "many results": "return table.unpack({}, 1, 200000)",
    "endless recursion": "local function f() return 1 + f() end return f()",
    "endless recursion of handlers": "local function f() return xpcall(error, f) end return f()",
    "an __index that asks itself": "return setmetatable({}, { __index = function(t, k) return t[k] end }).x",
    "an error table": "error({})",
    "an error that is nil": "error(nil)",
    "an error with a raising text": "error(setmetatable({}, { __tostring = function() error('again') end }))",
    "an error whose text is none": "error(setmetatable({}, { __tostring = function() return 1 end }))",
    "an error that is a coroutine": "error(coroutine.create(print))",
    "an error that is the message": "error(msg)",
    "a coroutine that resumes its maker": """local co co = coroutine.wrap(function() return co() end)
        return co()""",
    "a method called in a coroutine": """for _ = 1, 1000 do
            coroutine.wrap(function()
                msg:set_meta('x', { { 1 } }) coroutine.yield(msg:get_meta('list'), msg:recipient_list())
            end)()
        end return true""",
    "coroutines nested too deeply": """local function nest() return coroutine.wrap(nest)() end
        return nest()""",
    "a yield to nobody": "coroutine.yield(msg)",
    "a forged message": """local methods = { msg.id, msg.get_meta, msg.set_meta, msg.get_data }
        for _, fake in ipairs { {}, { 1, 2 }, { {}, 1 }, { msg[1], 0 }, { msg[1], 1.0 }, { msg[1], 1 << 62 },
                                { msg[1], 'x' }, setmetatable({}, { __index = msg }) } do
            for _, method in ipairs(methods) do pcall(method, fake, 'tenant', 1) end
        end
        for _, method in ipairs(methods) do
            assert(not pcall(method)) assert(not pcall(method, 'x')) assert(not pcall(method, print, 'x'))
        end
        return true""",
    "a spoilt message": "pcall(rawset, msg, 2, 1e9) pcall(rawset, msg, 1, nil) return pcall(msg.id, msg) or true",
    "finalisers": """for _ = 1, 100 do setmetatable({}, { __gc = function() while true do end end }) end
        collectgarbage() return true""",
    "a finaliser of files": """getmetatable(io.stdout).__gc = function() while true do end end
        for _ = 1, 50 do io.tmpfile() end collectgarbage() return true""",
    "searchers without end": """setmetatable(package.searchers, { __index = tostring })
        getmetatable('').__call = string.len require 'nothing'""",
    "deep frames that are not the policy's": """return load([[
            local function f() return 1 + f() end return f()]], '=x')()""",
    "a traceback of deep frames": """local n = 0
        local function f() n = n + 1 if n < 150000 then return 1 + f() end return #kumo.traceback(1) end
        return f()""",
    "a place far out": """return load([[ local log, n = ..., 0
            local function f() n = n + 1 if n < 150000 then return 1 + f() end log('x') return 1 end
            return f() ]], '=x')(kumo.log_info)""",
    "slow calls": """local t = {} for i = 1, 20000 do t[i] = i end
        while true do pcall(kumo.json_encode, t) end""",
    "events fired all the time": """while true do
            pcall(kumo.digest.hmac_sha1, { event_name = 'key', event_args = { 1 } }, 'x')
        end""",
    "objects changed": """for _ = 1, 3 do
            local regex = kumo.regex.compile('a')
            for k in next, regex do rawset(regex, k, {}) end
            assert(regex:find('a') == 'a')
        end
        collectgarbage() return kumo.regex.compile('b'):find('b')""",
    "a closed coroutine that loops": """local co = coroutine.create(function()
            local x <close> = setmetatable({}, { __close = function() while true do end end })
            coroutine.yield()
        end)
        coroutine.resume(co) coroutine.close(co)""",
}


@pytest.mark.parametrize("rest", HAZARDS.values(), ids=HAZARDS)
def test_whatever_a_policy_does_at_load_the_host_lives(outlive: Outlive, rest: str) -> None:
    out = outlive("return msg:get_meta('list')", rest)
    assert "policy error" in out or "filtered 0 failed 0 written 3" in out


@pytest.mark.parametrize("body", HANDLERS.values(), ids=HANDLERS)
def test_whatever_a_handler_does_the_host_lives(outlive: Outlive, body: str) -> None:
    out = outlive(body, "kumo.on('key', function() return 'k' end)")
    assert sum(int(count) for count in re.findall(r"(?:filtered|failed|written) (\d+)", out)) == 3


def test_hazards_that_are_no_errors_do_not_fail_the_record(outlive: Outlive) -> None:
    for name in (
        "altered bytecode",
        "deep tables",
        "a forged message",
        "finalisers",
        "deep json",
        "a file's metatable on a table",
        "a method called in a coroutine",
        "a finaliser of files",
        "a place far out",
        "objects changed",
    ):
        assert "written 3" in outlive(HANDLERS[name]), name


def test_nothing_of_python_is_in_reach(hear: Heard) -> None:
    source = """
        local seen, found = {}, {}
        local function walk(value, path)
            local kind = type(value)
            if kind == 'userdata' and io.type(value) == nil then found[#found + 1] = path end
            if kind ~= 'table' or seen[value] then return end
            seen[value] = true
            for k, v in next, value do
                walk(k, path .. ' key') walk(v, path .. '.' .. tostring(k))
            end
            walk(getmetatable(value), path .. ' metatable')
        end
        walk(_G, '_G') walk(getmetatable(''), 'strings') walk(getmetatable(io.stdout), 'files')
        walk(require 'kumo', 'kumo')
        local ok, problem = pcall(kumo.json_parse, '{')
        walk(problem, 'problem')
        kumo.log_info(#found, table.concat(found, ' '))
    """
    assert hear(source) == ["0 "]
