"""Which files `kumolog test` runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumolog.errors import KumologError
from kumolog.testing.discovery import find_targets


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = """b_spec.lua a_test.lua policy.lua test_x.py specs/deep/c_spec.lua .git/no_spec.lua
        node_modules/no_spec.lua build/no_spec.lua env/pyvenv.cfg env/no_spec.lua spec.lua x_spec.lua.bak"""
    for name in names.split():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["."], ["a_test.lua", "b_spec.lua", "specs/deep/c_spec.lua"]),
        (["specs", "b_spec.lua"], ["specs/deep/c_spec.lua", "b_spec.lua"]),
        (["b_spec.lua", "./b_spec.lua", "b_spec.lua"], ["b_spec.lua"]),
        (["policy.lua", "test_x.py"], ["policy.lua", "test_x.py"]),
        (["b_spec.lua::block::it"], ["b_spec.lua::block::it"]),
        (["env"], ["env/no_spec.lua"]),
        ([".git"], [".git/no_spec.lua"]),
    ],
)
@pytest.mark.usefixtures("tree")
def test_directories_give_their_specs_and_files_themselves(
    paths: list[str], found: list[str]
) -> None:
    assert [str(target) for target in find_targets(paths)] == found


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("nowhere", "running the tests of nowhere: there is no such file or directory"),
        (
            "nowhere_spec.lua::x",
            "running the tests of nowhere_spec.lua: there is no such file or directory",
        ),
        ("x_spec.lua.bak", "name a directory, a spec \\(.lua\\) or a Python test \\(.py\\)"),
        ("specs::x", "name a directory, a spec"),
    ],
)
@pytest.mark.usefixtures("tree")
def test_what_is_no_test_file_is_refused(path: str, told: str) -> None:
    with pytest.raises(KumologError, match=told):
        find_targets([path])
