"""Mocks: functions of a test in the place of the API's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kumolog.errors import KumologError, PolicyError
from kumolog.luavalue import LuaTable
from kumolog.testing.bench import PolicyBench

Ask = Callable[..., Any]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """What a handler gives back, in a policy with mocks; it gets a message."""

    def run(body: str, mocks: Mapping[str, Callable[..., Any]], before: str = "") -> Any:
        path = tmp_path / "init.lua"
        path.write_text(
            f"local kumo = require 'kumo'\n{before}\nkumo.on('it', function(msg)\n{body}\nend)"
        )
        with PolicyBench(path, mocks=mocks) as bench:
            return bench.fire("it", bench.message({"sender": "a@b.c", "meta": {"x": 1}})).value

    return run


def test_a_refused_function_is_mocked(ask: Ask) -> None:
    found = ask(
        "return kumo.dns.lookup_mx('a.b').hosts[1]",
        {"kumo.dns.lookup_mx": lambda name: {"hosts": [f"mx.{name}"]}},
    )
    assert found == "mx.a.b"


def test_a_mock_is_in_force_while_the_policy_loads(ask: Ask) -> None:
    before = "local found = kumo.dns.lookup_txt 'x'"
    assert ask("return found[1]", {"kumo.dns.lookup_txt": lambda _: ["v=spf1"]}, before) == "v=spf1"


def test_a_later_mock_reaches_functions_that_the_policy_holds(tmp_path: Path) -> None:
    (tmp_path / "init.lua").write_text(
        "local look = require 'kumo'.dns.lookup_txt\nkumo.on('it', function() return look('x') end)"
    )
    with PolicyBench(tmp_path / "init.lua") as bench:
        with pytest.raises(PolicyError, match="not available"):
            bench.fire("it")
        for answer in (1, 2):
            bench.mock("kumo.dns.lookup_txt", lambda _, answer=answer: answer)
            assert bench.fire("it").value == answer
        assert [call.arguments for call in bench.calls("kumo.dns.lookup_txt")] == [("x",)] * 2


def test_a_mock_may_give_functions(ask: Ask) -> None:
    def build(_options: LuaTable) -> Any:
        return {
            "get": lambda _self, url: {
                "send": lambda _self: {"status_code": lambda _self: len(url)}
            }
        }

    body = "return kumo.http.build_client({}):get('http://x'):send():status_code()"
    assert ask(body, {"kumo.http.build_client": build}) == 8


def test_a_method_of_a_message_is_mocked_and_gets_the_message(ask: Ask) -> None:
    def verify(message: Any, resolver: Any = None) -> Any:
        return [message.sender().email, message.get_meta("x"), resolver]

    assert (
        ask(
            "return msg:dkim_verify('r')[1] .. msg:dkim_verify('r')[3]",
            {"message:dkim_verify": verify},
        )
        == "a@b.cr"
    )


def test_a_method_that_changes_a_message_is_mocked(ask: Ask) -> None:
    changed: list[Any] = []
    body = "msg:set_meta('x', 2) return msg:get_meta 'x'"
    assert ask(body, {"message:set_meta": lambda _, key, value: changed.append((key, value))}) == 1
    assert changed == [("x", 2)]


def test_methods_of_other_objects_are_mocked(ask: Ask) -> None:
    mocks = {"http_client:get": lambda client, url: f"{client.lua_name} {url}"}
    assert ask("return kumo.http.build_client({}):get 'http://x'", mocks) == "http_client http://x"
    body = (
        "return kumo.counter_series.define({ name = 'a', num_buckets = 1, bucket_size = 1 }):sum()"
    )
    assert ask(body, {"counter_series:sum": lambda _: 42}) == 42


def test_a_live_function_is_mocked(ask: Ask) -> None:
    assert (
        ask("return kumo.string.trim ' a '", {"kumo.string.trim": lambda _: "mocked"}) == "mocked"
    )


@pytest.mark.parametrize(
    "error", [RuntimeError("no network"), KumologError("no network"), ValueError("no network")]
)
def test_an_error_of_a_mock_is_one_that_the_policy_can_catch(ask: Ask, error: Exception) -> None:
    def fail(_name: str) -> Any:
        raise error

    body = "local ok, text = pcall(kumo.dns.lookup_mx, 'a') return tostring(ok) .. text"
    assert ask(body, {"kumo.dns.lookup_mx": fail}) == "falseno network"


def test_an_assertion_of_a_mock_reaches_the_test(ask: Ask) -> None:
    def fail(name: str) -> Any:
        assert name == "b"

    with pytest.raises(AssertionError):
        ask("pcall(kumo.dns.lookup_mx, 'a')", {"kumo.dns.lookup_mx": fail})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("kumo.dns.lookup_mxx", "did you mean `kumo.dns.lookup_mx`"),
        ("message:get_meta", "give the event the meta"),
        ("kumo.on", "only functions and methods"),
        ("nothing", "no function or method"),
    ],
)
def test_what_cannot_be_mocked_is_refused(ask: Ask, name: str, why: str) -> None:
    with pytest.raises(KumologError, match=why):
        ask("", {name: lambda *_: None})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("kumo.configure_local_logs", "it works here as in KumoMTA, and calls are kept only of"),
        (
            "kumo.define_spol",
            "no function or method of this name: did you mean `kumo.define_spool`?",
        ),
    ],
)
def test_asking_for_calls_that_nobody_keeps_is_an_error(
    tmp_path: Path, name: str, told: str
) -> None:
    (tmp_path / "init.lua").write_text("")
    with PolicyBench(tmp_path / "init.lua") as bench:
        with pytest.raises(KumologError, match="asking for calls of") as caught:
            bench.calls(name)
        assert told in str(caught.value)
        assert bench.calls("kumo.define_spool") == []
