"""Running code within its time, errors as texts with places, and failures of the host itself."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import RunPolicy, init

from kumolog.errors import KumologError, PolicyError
from kumolog.lua.runtime import Runtime

Heard = Callable[..., list[str]]

EVENT = {"type": "Reception", "sender": "a@example.com", "meta": {"x": 1}}
LOGGER = init("kumo.configure_local_logs { log_dir = 'logs', filter_event = 'keep' }")


def handler(body: str, before: str = "") -> str:
    """A policy whose filter handler has that body, from line 2 on, for all but the sender `ok`."""
    return (
        f"kumo.on('keep', function(msg) if msg:sender().user == 'ok' then return true end\n{body}\nend)\n"
        f"{before}\n{LOGGER}"
    )


# Handlers that never return ---------------------------------------------------------------------

ENDLESS = {
    "loop": "while true do end",
    "pcall loop": "while true do pcall(function() while true do end end) end",
    "pcall of a message method": "while true do pcall(msg.get_meta, msg, 'x') end",
    "set_meta loop": "while true do msg:set_meta('y', { {}, { 1, 2 } }) end",
    "error loop": "while true do pcall(error, 'x') end",
    "xpcall with a looping handler": "xpcall(error, function() while true do end end)",
    "xpcall loop": "while true do xpcall(error, function() while true do end end) end",
    "coroutine": "coroutine.wrap(function() while true do end end)()",
    "coroutine.resume loop": """while true do
        coroutine.resume(coroutine.create(function() while true do end end)) end""",
    "endless coroutines": "while true do coroutine.wrap(function() coroutine.yield() end)() end",
    "coroutine.close loop": """while true do
        local co = coroutine.create(function()
            local x <close> = setmetatable({}, { __close = function() while true do end end })
            coroutine.yield()
        end)
        coroutine.resume(co) coroutine.close(co)
    end""",
    "load with an endless reader": "while true do load(function() return ' ' end) end",
    "gsub callback": "(('x'):rep(1000)):gsub('.', function() while true do end end)",
    "gsub of gsub": "while true do (('x'):rep(1000)):gsub('.', function() end) end",
    "sort comparator": "table.sort({ 3, 2, 1 }, function() while true do end end)",
    "big strings": "while true do local s = ('x'):rep(1000000) end",
    "__index": "return setmetatable({}, { __index = function() while true do end end }).x",
    "__tostring": "return tostring(setmetatable({}, { __tostring = function() while true do end end }))",
    "__tostring of the error": "error(setmetatable({}, { __tostring = function() while true do end end }))",
    "__close": """local x <close> = setmetatable({}, { __close = function() while true do end end })""",
    "iterator": "for _ in function() return 1 end do end",
    "goto": "::again:: goto again",
    "tail calls": "local function f() return f() end return f()",
    "loaded code": "return load('while true do end')()",
    "code that calls itself ours": "return load('while true do end', '=kumolog')()",
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_a_handler_that_never_returns_fails_for_its_record_only(
    run_policy: RunPolicy, body: str
) -> None:
    events = [
        EVENT,
        EVENT | {"sender": "ok@example.com"},
        EVENT,
        EVENT | {"sender": "ok@example.com"},
    ]
    logged = run_policy(handler(body), events, handler_timeout=0.05)
    assert [r["sender"] for r in logged.records("logs")] == ["ok@example.com"] * 2
    assert logged.summary.loggers[0]["failed"] == 2
    for reject in logged.rejects:
        assert "init.lua:" in reject["error"]


def test_the_error_names_the_line_where_the_time_ran_out(
    run_policy: RunPolicy, tmp_path: Path
) -> None:
    logged = run_policy(
        handler("local n = 0\n\nwhile true do n = n + 1 end"), [EVENT], handler_timeout=0.05
    )
    assert [r["error"] for r in logged.rejects] == [
        f"{tmp_path}/init.lua:4: ran for more than 0.05s without returning"
    ]


def test_a_handler_that_returns_just_after_its_time_is_not_torn_down(run_policy: RunPolicy) -> None:
    # Time that passes inside one C call or between handlers interrupts nobody.
    body = "os.execute('sleep 0.1') return true"
    logged = run_policy(handler(body), [EVENT] * 3, handler_timeout=0.05)
    assert len(logged.records("logs")) == 3


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("\nwhile true do end", 2),
        ("while true do pcall(function() while true do end end) end", 1),
        ("kumo.on('pre_init', function()\nwhile true do end end)", 2),
        ("kumo.on('init', function()\n\nrepeat until false end)", 3),
        ("kumo.on('init', function() while true do xpcall(error, print) end end)", 1),
    ],
)
def test_what_never_returns_while_the_policy_starts_is_an_error(
    hear: Heard, tmp_path: Path, source: str, line: int
) -> None:
    with pytest.raises(PolicyError) as caught:
        hear(source, load_seconds=0.05)
    assert (
        str(caught.value)
        == f"{tmp_path}/init.lua:{line}: ran for more than 0.05s without returning"
    )


def test_long_work_within_the_time_is_left_alone(hear: Heard) -> None:
    source = """
        local n = 0
        for i = 1, 300000 do n = n + i end
        local co = coroutine.wrap(function() for i = 1, 300000 do n = n - i end return n end)
        kumo.log_info(co())
    """
    assert hear(source) == ["0"]


# Errors -----------------------------------------------------------------------------------------

TEXTS = {
    "error('plain')": "init.lua:2: plain",
    "error('bare', 0)": "init.lua:2: bare",
    "error({})": "init.lua:2: error object is a table value",
    "error({ code = 1 }, 0)": "init.lua:2: error object is a table value",
    "error(nil)": "init.lua:2: error object is a nil value",
    "error()": "init.lua:2: error object is a nil value",
    "error(true)": "init.lua:2: error object is a boolean value",
    "error(12)": "init.lua:2: 12",
    "error(print)": "init.lua:2: error object is a function value",
    "error(setmetatable({}, { __tostring = function() return 'its text' end }))": "init.lua:2: its text",
    "error(setmetatable({}, { __tostring = error }))": "init.lua:2: error object is a table value",
    "error('\\xff\\0\\xfe end', 0)": "init.lua:2: \udcff\0\udcfe end",
    "error('snow: \\u{2603}', 0)": "init.lua:2: snow: \u2603",
    "local x = nil; x.y = 1": "init.lua:2: attempt to index a nil value (local 'x')",
    "undefined_function()": "init.lua:2: attempt to call a nil value (global 'undefined_function')",
    "load('error(1)', 'chunk')()": "init.lua:2: 1",
    "load('\\n\\nerror(\"inside\")', 'chunk')()": 'init.lua:2: [string "chunk"]:3: inside',
    "kumo.reject(550, 'no')": 'init.lua:2: kumo.reject(550, "no")',
    "kumo.disconnect(421, 'x')": 'init.lua:2: kumo.disconnect(421, "x")',
}


TEXTS_OF_MESSAGES = {
    "msg:unknown_method()": "init.lua:2: attempt to call a nil value (method 'unknown_method')",
    "msg.get_meta('x')": "init.lua:2: bad self argument: get_meta is a method of a message, "
    "call it as msg:get_meta(...)",
    "msg.id()": "init.lua:2: bad self argument: id is a method of a message, call it as msg:id(...)",
    "msg.extra = 1": "init.lua:2: Message takes no fields, so extra cannot be set",
}


@pytest.mark.parametrize("body", TEXTS)
def test_an_error_is_a_text_with_the_policys_place(hear: Heard, tmp_path: Path, body: str) -> None:
    with pytest.raises(PolicyError) as caught:
        hear(f"kumo.on('init', function()\n{body}\nend)")
    assert str(caught.value) == f"{tmp_path}/{TEXTS[body]}"


def test_errors_of_filter_handlers_read_the_same(run_policy: RunPolicy, tmp_path: Path) -> None:
    texts = TEXTS | TEXTS_OF_MESSAGES
    choices = ", ".join(f"function(msg) {body} end" for body in texts).replace("\n", " ")
    source = (
        "local n = 0 kumo.on('keep', function(msg) n = n + 1; return ({\n"
        f"{choices} }})[n](msg) end)\n{LOGGER}"
    )
    logged = run_policy(source, [EVENT] * len(texts))
    wanted = [f"{tmp_path}/{text}".encode(errors="surrogateescape") for text in texts.values()]
    assert [reject["error"] for reject in logged.rejects] == [
        text.decode(errors="backslashreplace") for text in wanted
    ]


@pytest.mark.parametrize("text", ["error('x', 0)", "while true do end"])
def test_without_a_frame_left_the_place_is_that_of_the_handler(
    run_policy: RunPolicy, tmp_path: Path, text: str
) -> None:
    source = f"\nkumo.on('keep', function() return load([[{text}]])() end)\n{LOGGER}"
    logged = run_policy(source, [EVENT], handler_timeout=0.05)
    assert logged.rejects[0]["error"].startswith(f"{tmp_path}/init.lua:2: ")


def test_a_long_error_text_is_cut(hear: Heard) -> None:
    with pytest.raises(PolicyError) as caught:
        hear("error(('x'):rep(10000000))")
    assert len(str(caught.value)) < 5000
    assert str(caught.value).endswith("xxx...")


def test_frames_are_the_policys_own_from_the_inside_out(hear: Heard, tmp_path: Path) -> None:
    source = """local function inner() error('deep') end
        function outer() inner() end
        kumo.on('init', function()
            pcall(function() error('caught') end)
            table.sort({ 1, 2 }, function() outer() end)
        end)"""
    with pytest.raises(PolicyError) as caught:
        hear(source)
    init_lua = f"{tmp_path}/init.lua"
    places, names = zip(*(frame.split(": in ") for frame in caught.value.frames), strict=True)
    assert list(places) == [f"{init_lua}:{line}" for line in (1, 2, 5, 5)]
    assert names[0] == "function 'inner'" or "inner" in names[0]
    assert names[-1] == f"function <{init_lua}:3>"


def test_a_recursion_without_end_is_an_error_with_few_frames(hear: Heard) -> None:
    with pytest.raises(PolicyError, match="stack overflow") as caught:
        hear("local function f() return 1 + f() end f()")
    assert len(caught.value.frames) <= 20


@pytest.mark.parametrize("folder", ["a" * 70, "é" * 40, "%1%s-(x)" * 9])
def test_long_paths_are_named_in_full(tmp_path: Path, folder: str) -> None:
    from kumolog.policy import Policy

    deep = tmp_path / folder
    deep.mkdir()
    module, policy = deep / "module.lua", deep / "init.lua"
    heard: list[str] = []

    def errors_with(source: str) -> PolicyError:
        policy.write_text(source)
        with pytest.raises(PolicyError) as caught:
            Policy(policy, lambda _level, text: heard.append(text)).load()
        return caught.value

    assert str(errors_with("\nerror('x')")) == f"{policy}:2: x"
    assert str(errors_with("\nx = = 1")).startswith(f"{policy}:2: unexpected symbol")
    module.write_text("\n\nerror('y')")
    error = errors_with("kumo.log_info('here') require 'module'")
    assert str(error) == f"{module}:3: y"
    assert error.frames[0] == f"{module}:3: in main chunk"
    assert heard == [f"{policy}:1: here"]


def test_a_path_that_is_not_utf8_is_named_as_it_is(tmp_path: Path) -> None:
    import os

    from kumolog.policy import Policy

    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "init.lua").write_text("require 'part'")
    (folder / "part.lua").write_text("\nerror('x')")
    with pytest.raises(PolicyError) as caught:
        Policy(folder / "init.lua", lambda _level, _text: None).load()
    assert str(caught.value) == f"{folder}/part.lua:2: x"


def test_an_error_caught_by_the_policy_is_no_error(hear: Heard) -> None:
    source = """
        kumo.log_info(select('#', pcall(function() end)), select('#', pcall(select, 2, 1)), select('#', load '1'))
        kumo.log_info(pcall(error, { code = 7 }))
        local ok, problem = pcall(error, { code = 7 })
        kumo.log_info(ok, problem.code, select('#', pcall(error)))
        kumo.log_info(xpcall(error, function(text) return 'handled ' .. text end, 'x', 0))
    """
    counts, first, second, third = hear(source)
    assert counts == "1 1 2"
    assert first.startswith("false table: 0x")
    assert (second, third) == ("false 7 2", "false handled x")


# Failures of the host ---------------------------------------------------------------------------


class BrokenError(Exception):
    pass


def runtime(**functions: Callable[..., Any]) -> Runtime:
    lua = Runtime({}, {"column": print, "get_meta": print, "set_meta": print}, [], 5.0)
    for name, function in functions.items():
        lua.define(f"kumo.{name}", function)
    return lua


def run(lua: Runtime, tmp_path: Path, source: str) -> None:
    path = tmp_path / "init.lua"
    path.write_text(source)
    lua.run_file(path)


@pytest.mark.parametrize(
    "failure", [BrokenError("host"), KeyError("x"), ZeroDivisionError("v"), KeyboardInterrupt()]
)
@pytest.mark.parametrize(
    "source",
    [
        "kumo.fail()",
        "pcall(kumo.fail)",
        "while true do pcall(kumo.fail) end",
        "coroutine.wrap(function() while true do pcall(kumo.fail) end end)()",
        "while true do coroutine.resume(coroutine.create(kumo.fail)) end",
    ],
)
def test_a_failure_of_the_host_comes_out_whatever_the_policy_catches(
    tmp_path: Path, source: str, failure: BaseException
) -> None:
    def fail(_place: str) -> None:
        raise failure

    with pytest.raises(type(failure)) as caught:
        run(runtime(fail=fail), tmp_path, source)
    assert caught.value is failure


def test_the_first_failure_of_the_host_is_the_one_that_comes_out(tmp_path: Path) -> None:
    failures = iter([BrokenError("first"), KeyError("second")])

    def fail(_place: str) -> None:
        raise next(failures)

    with pytest.raises(BrokenError, match="first"):
        run(runtime(fail=fail), tmp_path, "pcall(kumo.fail) pcall(kumo.fail)")


def test_a_runtime_goes_on_after_a_failure_of_the_host(tmp_path: Path) -> None:
    answers: list[Any] = []

    def fail(_place: str) -> None:
        raise BrokenError

    lua = runtime(fail=fail, tell=lambda _place, *values: answers.extend(values))
    with pytest.raises(BrokenError):
        run(lua, tmp_path, "kumo.fail()")
    run(lua, tmp_path, "kumo.tell(pcall(function() return 5 end))")
    assert answers == [True, 5]


@pytest.mark.parametrize(
    "source",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(kumo.note) end",
        "while true do xpcall(kumo.note, function() end) end",
        "while true do coroutine.resume(coroutine.create(kumo.note)) end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    ],
)
def test_an_interrupt_comes_out_whatever_the_policy_catches(tmp_path: Path, source: str) -> None:
    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(runtime(note=lambda _place: None), tmp_path, source)
    finally:
        signal.signal(signal.SIGALRM, former)


def test_what_has_no_lua_form_is_a_failure_of_the_host(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no Lua form"):
        run(runtime(give=lambda _place: object()), tmp_path, "kumo.give()")


def test_a_message_to_the_policy_is_an_error_it_can_catch(tmp_path: Path) -> None:
    heard: list[Any] = []

    def refuse(_place: str, *_arguments: Any) -> None:
        raise KumologError("refusing: caf\u00e9 \udcff")

    lua = runtime(refuse=refuse, tell=lambda _place, *values: heard.extend(values))
    run(lua, tmp_path, "kumo.tell(pcall(kumo.refuse, 1))")
    assert heard == [False, b"refusing: caf\xc3\xa9 \xff"]
    with pytest.raises(PolicyError, match=r"init\.lua:2: refusing: caf\u00e9 \udcff"):
        run(lua, tmp_path, "\nkumo.refuse()")


def test_the_place_of_a_call_is_the_policys_line(tmp_path: Path) -> None:
    places: list[str] = []
    lua = runtime(note=lambda place: places.append(place))
    run(
        lua,
        tmp_path,
        "kumo.note()\npcall(kumo.note)\n\nload('kumo.note()')()\nlocal t = { pcall(kumo.note) }",
    )
    assert places == [f"{tmp_path}/init.lua:{line}" for line in (1, 2, 4, 5)]


def test_lack_of_memory_in_a_handler_is_an_error_of_its_record(run_policy: RunPolicy) -> None:
    body = "return string.rep('x', 1 << 62)"
    logged = run_policy(handler(body), [EVENT, EVENT | {"sender": "ok@example.com"}])
    assert logged.summary.loggers[0]["failed"] == 1
    assert "resulting string too large" in logged.rejects[0]["error"]


def test_what_the_policy_prints_comes_out_when_it_closes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from kumolog.policy import Policy

    (tmp_path / "init.lua").write_text("print('one', 2, nil, true, 1.0) io.write('more\\n')")
    policy = Policy(tmp_path / "init.lua", lambda _level, _text: None)
    policy.load()
    policy.close()
    assert capfd.readouterr().out == "one\t2\tnil\ttrue\t1.0\nmore\n"


@pytest.mark.parametrize(
    "body",
    [
        "local s = 'xxxxxxxx' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = { #t } end",
        "return ('x'):rep(1 << 29)",
    ],
)
def test_a_handler_that_takes_all_memory_fails_for_its_record_only(
    run_policy: RunPolicy, body: str
) -> None:
    events = [EVENT, EVENT | {"sender": "ok@example.com"}] * 2
    logged = run_policy(handler(body), events, lua_memory=64 << 20)
    assert len(logged.records("logs")) == 2
    assert ["not enough memory" in reject["error"] for reject in logged.rejects] == [True, True]


@pytest.mark.parametrize("kept", ["{}", "msg:get_meta('x') .. #kept", "msg:recipient_list()"])
def test_a_policy_that_keeps_ever_more_is_loaded_anew(run_policy: RunPolicy, kept: str) -> None:
    body = f"""if msg:sender().user == 'ok' then return kept == nil end
        kept = kept or {{}} while true do kept[#kept + 1] = {kept} end"""
    good = EVENT | {"sender": "ok@example.com"}
    logged = run_policy(handler(body), [good, EVENT, good, EVENT, good], lua_memory=32 << 20)
    assert len(logged.records("logs")) == 3
    assert ["not enough memory" in reject["error"] for reject in logged.rejects] == [True, True]
    told = [text for level, text in logged.diagnostics if level == "warning"]
    assert len(told) == 2
    assert "has used up its memory, so it is loaded anew" in told[0]
