"""The files that the config monitor watches."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumolog.api.config_monitor import (
    ConfigMonitor,
    eval_config_monitor_globs,
    set_config_monitor_globs,
)
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue, from_json


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, None)


def test_kumomtas_own_directory_is_watched_unasked(registry: Registry) -> None:
    (glob,) = registry.state(ConfigMonitor).globs
    assert glob.pattern == "/opt/kumomta/etc/**/*.{lua,json,toml,yaml}"


def test_the_regular_files_that_match_are_given_absolute_and_sorted(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b.lua", "a.toml", "sub/c.lua", "other"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "directory.lua").mkdir()
    monkeypatch.chdir(tmp_path)
    globs = from_json(["**/*.lua", "./*.{toml,lua}", "sub/../*.toml"])
    assert set_config_monitor_globs(registry, "", globs) is None
    assert eval_config_monitor_globs(registry, "") == [
        f"{tmp_path}/{name}" for name in ("a.toml", "b.lua", "sub/c.lua")
    ]


def test_nothing_has_to_be_watched(registry: Registry) -> None:
    set_config_monitor_globs(registry, "", LuaTable())
    assert eval_config_monitor_globs(registry, "") == []


@pytest.mark.parametrize(
    ("globs", "reason"),
    [
        (from_json(["ok", "["]), "malformed"),
        ("*.lua", "bad argument #1: error converting Lua string to Vec<String>"),
        (None, "bad argument #1"),
        (from_json([True]), "error converting Lua boolean to String"),
    ],
)
def test_bad_globs_change_nothing(registry: Registry, globs: LuaValue, reason: str) -> None:
    before = registry.state(ConfigMonitor).globs
    with pytest.raises(KumologError, match=reason):
        set_config_monitor_globs(registry, "", globs)
    assert registry.state(ConfigMonitor).globs is before
