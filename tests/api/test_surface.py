"""The whole kumo table is there, and does what surface.tsv says of each name."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest
from support import RunPolicy, init

import kumolog.api
from kumolog.api import Row, events, surface
from kumolog.luaobject import LuaObject
from kumolog.policy import Policy

FUNCTIONS = [row for row in surface() if row.kind == "function" and row.name.startswith("kumo.")]
RECORDED = [row for row in FUNCTIONS if not row.module]


def load(tmp_path: Path, source: str) -> tuple[Policy, list[str]]:
    texts: list[str] = []
    (tmp_path / "init.lua").write_text(source)
    policy = Policy(
        tmp_path / "init.lua", lambda _level, text: texts.append(text.split(": ", 1)[1])
    )
    policy.load()
    return policy, texts


def test_every_function_of_the_table_is_there(tmp_path: Path) -> None:
    lines = "\n".join(f"kumo.log_info('{row.name}', type({row.name}))" for row in FUNCTIONS)
    _, texts = load(tmp_path, lines)
    assert texts == [f"{row.name} function" for row in FUNCTIONS]


def test_every_module_of_the_table_has_its_functions() -> None:
    for row in FUNCTIONS:
        if row.module and row.module != "lua":
            module = import_module(f"kumolog.api.{row.module}")
            assert callable(getattr(module, row.name.rpartition(".")[2])), row.name


def test_rows_are_complete_and_unique() -> None:
    names = [row.name for row in surface()]
    assert len(names) == len(set(names))
    assert {row.kind for row in surface()} == {"function", "method", "field", "event"}
    assert {row.role for row in surface()} == {"live", "inert", "refuse"}
    assert {event.handlers for event in events()} == {"single", "multiple"}


def test_what_is_refused_says_why() -> None:
    for row in surface():
        assert bool(row.note) == (row.role == "refuse" and row.signature != "module table"), (
            row.name
        )


def test_functions_without_effect_are_checked_and_recorded(tmp_path: Path) -> None:
    source = """kumo.set_httpinject_threads(4)
        kumo.define_spool { name = 'data', path = '/var/spool/data' }
        kumo.log_info(pcall(kumo.define_spool, { nme = 'data' }))
        kumo.log_info(pcall(kumo.start_http_listener, { listen = 5 }))"""
    policy, (spool, listener) = load(tmp_path, source)
    calls = [(call.name, call.place.rpartition(":")[2]) for call in policy.registry.calls]
    assert calls == [("kumo.set_httpinject_threads", "1"), ("kumo.define_spool", "2")]
    assert spool.startswith("false deserialize error: unknown field `nme`")
    assert listener.startswith("false deserialize error: ")


@pytest.mark.parametrize("row", [row for row in RECORDED if row.role == "refuse"], ids=str)
def test_what_cannot_be_had_says_so(tmp_path: Path, row: Row) -> None:
    _, (text,) = load(tmp_path, f"kumo.log_info(pcall({row.name}))")
    assert text == (
        f"false {row.name} is not available in kumolog: {row.note}; "
        "mock it in a spec, or guard it with pcall"
    )


def test_what_constructors_give_can_be_passed_on_and_read(tmp_path: Path) -> None:
    source = """
        local source = kumo.make_egress_source { name = 'x' }
        kumo.log_info(type(source), type(kumo.make_egress_pool { name = 'p', entries = { { name = 'x' } } }))
        kumo.log_info(select('#', kumo.set_httpinject_threads(4)), kumo.set_httpinject_threads(4))
        local config = kumo.make_queue_config { max_age = '5 minutes' }
        kumo.log_info(config.max_age, config.egress_pool, config.egress_pool ~= nil, config.nothing)
        local names = {}
        for name in pairs(config) do names[#names + 1] = name end
        kumo.log_info(names[1], names[#names], #config, pcall(function() config.max_age = 1 end))"""
    _, texts = load(tmp_path, source)
    assert texts[:3] == ["userdata userdata", "1 nil", "5m null true nil"]
    assert texts[3].startswith("egress_pool timerwheel_tick_interval 0 false ")


def test_a_handler_may_call_what_gives_nothing(run_policy: RunPolicy) -> None:
    source = init("kumo.configure_local_logs { log_dir = 'a', filter_event = 'keep' }",
                  "kumo.on('keep', function() kumo.set_httpinject_threads(2) return true end)")  # fmt: skip
    assert len(run_policy(source, [{"type": "Delivery"}]).records("a")) == 1


def test_refusals_end_the_handler_and_can_be_caught(run_policy: RunPolicy) -> None:
    source = init("kumo.configure_local_logs { log_dir = 'a', filter_event = 'keep' }",
                  "kumo.on('keep', function() kumo.log_info(pcall(kumo.disconnect, 421, 'later', 'If421'))\n"
                  "kumo.log_info(pcall(kumo.reject, 70000, 'x')) kumo.reject(550, 'no') end)")  # fmt: skip
    logged = run_policy(source, [{"type": "Delivery"}])
    assert logged.diagnostics[0][1].endswith('false kumo.disconnect(421, "later", "If421")')
    assert "out of range" in logged.diagnostics[1][1]
    assert logged.rejects[0]["error"].endswith('init.lua:6: kumo.reject(550, "no")')


@pytest.mark.parametrize("name", ["kumo.nonsense", "kumo.string.nonsense"])
def test_what_the_api_lacks_is_nil(tmp_path: Path, name: str) -> None:
    assert load(tmp_path, f"kumo.log_info({name})")[1] == ["nil"]


def classes_by_name() -> dict[str, type[LuaObject]]:
    for module in pkgutil.walk_packages(kumolog.api.__path__, "kumolog.api."):
        import_module(module.name)
    found: dict[str, type[LuaObject]] = {}
    waiting = [LuaObject]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if hasattr(kind, "lua_name"):
            found[letters(kind.lua_name)] = kind
    return found


def letters(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())


# Messages and addresses live in the Lua room.
IN_LUA = ("message", "address", "addressheader", "headeraddress", "event", "kumo", "_")
LIVE = [row for row in surface() if row.role == "live"]


def test_every_live_function_has_a_module_and_the_module_has_tests() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.parent.rglob("test_*.py"))
    for row in LIVE:
        if row.kind == "function":
            assert row.module, row.name
            words = (
                f"kumolog.api.{row.module} ",
                f"import {row.module}",
                row.name,
                ", " + row.module,
            )
            assert any(word in tests for word in words), row.name


def test_every_live_method_and_field_is_there() -> None:
    classes = classes_by_name()
    for row in LIVE:
        kind, *member = re.split("[:.]", row.name, maxsplit=1)
        if row.kind in ("method", "field") and member and not row.name.startswith(IN_LUA):
            found = classes[letters(kind)]
            names = (found.lua_methods, found.lua_metamethods, found.lua_fields)
            assert any(member[0] in known for known in names), row.name
