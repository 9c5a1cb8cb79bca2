from __future__ import annotations

import os
from pathlib import Path

import pytest

from kumolog.errors import KumologError
from kumolog.sources.places import Place, Watched, checked_inputs


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("d/2_recv", "d/1_recv", "d/1_deliv", "d/.hidden", "e/3_recv", "f[1]"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_place_is_a_file_a_directory_or_a_pattern() -> None:
    assert Place("d/2_recv").paths() == ["d/2_recv"]
    assert Place("d").paths() == ["d/1_deliv", "d/1_recv", "d/2_recv"]
    assert Place("d/*_recv").paths() == ["d/1_recv", "d/2_recv"]
    assert Place("{d,e}/*_recv").paths() == ["d/1_recv", "d/2_recv", "e/3_recv"]
    assert Place("[de]").paths() == ["d/1_deliv", "d/1_recv", "d/2_recv", "e/3_recv"]
    assert Place("x*").paths() == []


def test_a_file_may_be_called_like_a_pattern() -> None:
    assert Place("f[1]").paths() == ["f[1]"]


def test_what_cannot_be_read_is_refused(directory: Path) -> None:
    with pytest.raises(KumologError, match="reading gone: No such file"):
        checked_inputs([Place("gone")])
    with pytest.raises(KumologError, match="- is given twice"):
        checked_inputs([Place("-"), Place("-")])
    with pytest.raises(KumologError, match=r"\[a.* is malformed"):
        Place("[a")


def test_each_file_is_given_once(directory: Path) -> None:
    watched = Watched(Place("d"))
    assert watched.fresh() == ["d/1_deliv", "d/1_recv", "d/2_recv"]
    (directory / "d/3_recv").write_bytes(b"")
    (directory / "d/0_recv").write_bytes(b"")
    assert watched.fresh() == ["d/0_recv", "d/3_recv"]
    assert watched.fresh() == []


def test_a_renamed_file_is_not_given_again(directory: Path) -> None:
    watched = Watched(Place("d"))
    first, second, _ = watched.fresh()
    watched.read(first, os.stat(first))
    watched.read("d/2_recv", None)  # passed over
    for path in (first, second, "d/2_recv"):
        os.rename(path, f"{path}.old")
    assert watched.fresh() == []
    os.rename(f"{second}.old", f"{second}.older")
    assert watched.fresh() == []


def test_a_file_that_is_made_anew_is_given_again(directory: Path) -> None:
    watched = Watched(Place("d"))
    for path in watched.fresh():
        watched.read(path, os.stat(path))
        os.unlink(path)
    assert watched.fresh() == []
    (directory / "d/1_recv").write_bytes(b"new")
    assert watched.fresh() == ["d/1_recv"]


def test_a_directory_that_goes_away_is_told(directory: Path) -> None:
    watched = Watched(Place("e"))
    watched.fresh()
    (directory / "e/3_recv").unlink()
    (directory / "e").rmdir()
    with pytest.raises(KumologError, match="reading e: No such file"):
        watched.fresh()
