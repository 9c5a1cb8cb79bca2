"""kumo.secrets, and with it every kind of key source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kumolog.api.registry import Registry
from kumolog.api.secrets import load
from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue, from_json


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, None)


def table(**items: LuaValue) -> LuaTable:
    return LuaTable(list(items.items()))


def test_a_string_is_the_path_of_a_file(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"s3\xffcret\n")
    assert load(registry, "", str(tmp_path / "key")) == b"s3\xffcret\n"


def test_a_missing_file_raises(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(KumologError, match=r"reading .*missing: No such file"):
        load(registry, "", str(tmp_path / "missing"))


@pytest.mark.parametrize("data", ["key\u00e9", b"key\xc3\xa9", from_json(list(b"key\xc3\xa9"))])
def test_key_data_are_the_key_itself(registry: Registry, data: LuaValue) -> None:
    assert load(registry, "", table(key_data=data)) == b"key\xc3\xa9"


def test_key_data_win_over_a_vault(registry: Registry) -> None:
    source = table(vault_mount="m", vault_path="p", key_data="k")
    assert load(registry, "", source) == b"k"


@pytest.mark.parametrize(("answer", "key"), [("text", b"text"), (b"\xff", b"\xff")])
def test_an_event_is_fired_for_its_key(registry: Registry, answer: Any, key: bytes) -> None:
    fired = []
    registry.fire = lambda *call: fired.append(call) or answer  # the policy's end
    source = table(event_name="get_key", event_args=from_json(["a", 1, {"b": [True]}]))
    assert load(registry, "", source) == key
    assert fired == [("get_key", "a", 1, {"b": [True]})]


@pytest.mark.parametrize("answer", [None, 5, LuaTable()])
def test_an_event_without_a_string_raises(registry: Registry, answer: LuaValue) -> None:
    registry.fire = lambda *_: answer
    with pytest.raises(
        KumologError, match="the event `get_key`: its handler has to return a string"
    ):
        load(registry, "", table(event_name="get_key", event_args=from_json(["a"])))


def test_a_vault_is_refused_with_a_way_out(registry: Registry) -> None:
    with pytest.raises(KumologError, match="secret/dkim of a vault: kumolog asks no vaults"):
        load(registry, "", table(vault_mount="secret", vault_path="dkim"))


@pytest.mark.parametrize(
    "source",
    [
        None,
        5,
        True,
        b"\xff",
        LuaTable(),
        table(key_data=5),
        table(event_name="e", event_args=LuaTable()),
        table(vault_mount="m"),
    ],
)  # fmt: skip - one row of them
def test_anything_else_is_no_key_source(registry: Registry, source: LuaValue) -> None:
    with pytest.raises(
        KumologError,
        match="deserialize error: data did not match any variant of untagged enum KeySource, while processing ",
    ):
        load(registry, "", source)
