"""kumo.configure_bounce_classifier."""

from __future__ import annotations

from pathlib import Path

import pytest
from luatables import array, fields

from kumolog.api.classifier import configure_bounce_classifier
from kumolog.api.classify import BounceClassifier
from kumolog.api.misc import bump_config_epoch
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def registry(told: list[tuple[str, str]]) -> Registry:
    return Registry(lambda level, text: told.append((level, text)), lambda _path: None)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "rules.toml"
    path.write_text("[rules]\nFull = ['full']\n")
    return str(path)


def configure(registry: Registry, place: str = "init.lua:1", **params: LuaValue) -> None:
    configure_bounce_classifier(registry, place, fields(**params))


def found(registry: Registry, text: str) -> str | None:
    find = registry.state(BounceClassifier).find
    assert find is not None
    return find(text)


def test_the_files_are_read_at_once(registry: Registry, file: str) -> None:
    configure(registry, files=array(file), back_pressure=1, pool_size=2, cache_size=0,
              uncategorized_cache_size=0)  # fmt: skip
    Path(file).unlink()
    assert [found(registry, text) for text in ("552 full", "552 fine")] == ["Full", None]


def test_a_new_epoch_reads_them_again(
    registry: Registry, file: str, told: list[tuple[str, str]]
) -> None:
    configure(registry, files=array(file))
    Path(file).write_text("[rules]\nFine = ['fine']\n")
    bump_config_epoch(registry, "init.lua:2")
    assert found(registry, "552 fine") == "Fine"
    Path(file).unlink()
    bump_config_epoch(registry, "init.lua:3")
    assert found(registry, "552 fine") == "Fine"
    ((level, text),) = told
    assert level == "error"
    assert "No such file" in text


def test_a_second_call_is_an_error_that_names_the_first(registry: Registry, file: str) -> None:
    configure(registry, files=array(file))
    with pytest.raises(KumologError, match=r"called already, at init\.lua:1"):
        configure(registry, "init.lua:9", files=array(file))


def test_a_call_that_failed_does_not_count(registry: Registry, file: str) -> None:
    with pytest.raises(KumologError, match="ends in"):
        configure(registry, files=array("rules.txt"))
    configure(registry, files=array(file))
    assert found(registry, "full") == "Full"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "deserialize error: missing field `files`, while processing {}"),
        ({"file": "x"}, "deserialize error: unknown field `file`, expected one of `files`, `back"),
        ({"files": "x"}, "deserialize error: invalid type: string, expected table, while"),
        ({"files": array(), "cache_size": 1.0}, "floating point `1.0`, expected usize"),
        ({"files": array(), "pool_size": -1}, "invalid value: integer `-1`, expected usize"),
    ],
)
def test_the_table_is_closed_and_typed(
    registry: Registry, params: dict[str, LuaValue], reason: str
) -> None:
    with pytest.raises(KumologError) as caught:
        configure(registry, **params)
    assert reason in str(caught.value)
    assert registry.state(BounceClassifier).find is None


def test_a_misspelt_key_is_set_right(registry: Registry) -> None:
    with pytest.raises(KumologError) as caught:
        configure(registry, file=array())
    assert caught.value.with_hint == f"{caught.value} (did you mean `files`?)"


def test_while_checking_problems_are_gathered(file: str) -> None:
    registry = Registry(lambda _level, _text: None, None)
    configure(registry, "init.lua:3", files=array("gone.toml"))
    configure(registry, "init.lua:4", files=array(file))
    configure(registry, "init.lua:5", files=array(file))
    assert [problem.split(": ")[0] for problem in registry.problems] == ["init.lua:3", "init.lua:5"]
    assert found(registry, "full") == "Full"
