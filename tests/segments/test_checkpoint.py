from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from kumolog.errors import KumologError
from kumolog.segments.checkpoint import Checkpoint, Position


def test_the_file_is_the_one_that_kumomta_writes(tmp_path: Path) -> None:
    segment = f"{tmp_path}/20230306-022811"
    Checkpoint(str(tmp_path), "billing").save(Position(segment, 3))
    assert os.listdir(tmp_path) == [".billing"]
    assert (tmp_path / ".billing").read_text() == f'{{"file":"{segment}","line":3}}'


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    checkpoint = Checkpoint(str(tmp_path), "x")
    assert checkpoint.load() is None
    for name in ("é", 'quo"ted', os.fsdecode(b"\xff")):
        position = Position(f"{tmp_path}/{name}", 5, {f"{tmp_path}/z": None, f"{tmp_path}/zz": 2})
        checkpoint.save(position)
        assert checkpoint.load() == position


@pytest.mark.parametrize(
    "spelling", ["out", "./out", "out/", "../{}/out", "{}/link", "/moved/away"]
)
def test_the_directory_may_be_spelled_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("out")
    monkeypatch.chdir(tmp_path)
    stored = spelling.format(tmp_path.name if spelling.startswith("..") else tmp_path)
    (tmp_path / "out" / ".x").write_text(f'{{"file":"{stored}/segment","line":1}}')
    assert Checkpoint("out", "x").load() == Position("out/segment", 1)


def test_keys_that_are_not_known_are_ignored(tmp_path: Path) -> None:
    (tmp_path / ".x").write_text('{"line": 1, "later": true, "file": "a"}')
    assert Checkpoint(str(tmp_path), "x").load() == Position(f"{tmp_path}/a", 1)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"file":"a"}', '{"file":"a","line":"1"}', "\xff{", "{}"]
)
def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / ".x").write_text(text, "latin-1")
    with pytest.raises(KumologError, match=rf"reading the checkpoint {tmp_path}/\.x: .*remove it"):
        Checkpoint(str(tmp_path), "x").load()


@pytest.mark.parametrize("name", ["", "a/b", "/", "nul\0"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KumologError, match="cannot be the name of a file"):
        Checkpoint(str(tmp_path), name)


def test_a_save_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / ".x").mkdir()
    (tmp_path / ".x" / "kept").touch()
    with pytest.raises(
        KumologError, match=rf"writing the checkpoint {tmp_path}/\.x: Is a directory"
    ):
        Checkpoint(str(tmp_path), "x").save(Position("a", 1))
    assert os.listdir(tmp_path) == [".x"]
    with pytest.raises(KumologError, match="No such file"):
        Checkpoint(str(tmp_path / "gone"), "x").save(Position("a", 1))


def test_a_position_tells_what_was_consumed() -> None:
    position = Position("b", 3, {"c": None, "d": 2})
    consumed = {path: position.consumed(path) for path in "abcde"}
    assert consumed == {"a": math.inf, "b": 3, "c": math.inf, "d": 2, "e": 0}
