"""Which test files a change affects."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kumolog.testing.watch import Watched


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {name: tmp_path / f"{name}.lua" for name in ("spec", "other", "policy", "helper")}
    for path in found.values():
        path.write_text("return 1")
    return found


@pytest.fixture
def watched(files: dict[str, Path]) -> Watched:
    """Two specs that need the same policy; one needs a helper, too."""
    watched = Watched()
    watched.expect([files["spec"], files["other"]])
    watched.learn(
        {
            files["spec"]: [files["spec"], files["policy"]],
            files["other"]: [files["other"], files["policy"], files["helper"]],
        }
    )
    return watched


def test_nothing_has_changed_as_long_as_nothing_has(watched: Watched) -> None:
    assert watched.changed() == []
    assert watched.affected([]) == set()


@pytest.mark.parametrize(
    ("name", "affected"),
    [("spec", ["spec"]), ("helper", ["other"]), ("policy", ["other", "spec"])],
)
def test_a_change_affects_those_who_need_the_file_and_is_told_once(
    watched: Watched, files: dict[str, Path], name: str, affected: list[str]
) -> None:
    files[name].write_text("return 'changed'")
    changed = watched.changed()
    assert changed == [files[name]]
    assert watched.affected(changed) == {files[other] for other in affected}
    assert watched.changed() == []


def test_a_new_time_alone_is_a_change(watched: Watched, files: dict[str, Path]) -> None:
    os.utime(files["policy"], (1, 1))
    assert watched.changed() == [files["policy"]]


def test_going_and_coming_back_are_changes(watched: Watched, files: dict[str, Path]) -> None:
    files["policy"].unlink()
    assert watched.changed() == [files["policy"]]
    files["policy"].write_text("return 2")
    assert watched.changed() == [files["policy"]]


def test_what_changes_while_the_tests_run_is_noticed_after_them(
    watched: Watched, files: dict[str, Path]
) -> None:
    files["policy"].write_text("return 'during the run'")
    watched.learn({files["spec"]: [files["spec"], files["policy"]]})
    assert watched.changed() == [files["policy"]]


def test_what_the_run_itself_writes_is_no_change(watched: Watched, files: dict[str, Path]) -> None:
    files["helper"].write_text("written by the run")
    watched.learn({}, [files["helper"]])
    assert watched.changed() == []


def test_a_directory_stands_for_its_lua_files(
    tmp_path: Path, watched: Watched, files: dict[str, Path]
) -> None:
    watched.learn({files["spec"]: [files["spec"], tmp_path]})
    (tmp_path / "notes.txt").write_text("x")
    assert watched.changed() == []
    (tmp_path / "new.lua").write_text("return 1")
    assert watched.affected(watched.changed()) == {files["spec"]}
    (tmp_path / "new.lua").write_text("return 22")
    assert watched.affected(watched.changed()) == {files["spec"]}


def test_files_that_were_not_run_are_not_known(watched: Watched, files: dict[str, Path]) -> None:
    assert watched.is_known(files["spec"])
    assert not watched.is_known(files["policy"])
