from __future__ import annotations

import os
from pathlib import Path

import pytest

from kumolog.errors import KumologError, SegmentError
from kumolog.segments.candidates import Candidates


def names(candidates: Candidates) -> list[str]:
    """The names of all that it gives out now."""
    found = []
    while (path := candidates.next()) is not None:
        found.append(os.path.relpath(path, candidates.directory))
        candidates.done(os.stat(path) if os.path.exists(path) else None)
    return found


def make(directory: Path, *names: str) -> None:
    for name in names:
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)


def test_regular_files_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    make(tmp_path, "b", "é", "B", "a-1", "a/2", ".hidden")
    (tmp_path / "link").symlink_to("b")
    os.mkfifo(tmp_path / "pipe")
    assert names(Candidates(str(tmp_path))) == ["B", "a-1", "b", "é"]
    assert names(Candidates(str(tmp_path), "**")) == ["B", "a-1", "a/2", "b", "é"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*_recv", ["1_recv", "2_recv"]),
        ("[!1]_*", ["2_recv", "3_x"]),
        ("{1,3}_*", ["1_recv", "3_x"]),
        (".*", [".0"]),
        ("sub/*", ["sub/9"]),
        ("3_x", ["3_x"]),
    ],
)
def test_a_pattern_chooses(tmp_path: Path, pattern: str, found: list[str]) -> None:
    make(tmp_path, "1_recv", "2_recv", "3_x", ".0", "sub/9", ".checkpoint")
    left_out = [str(tmp_path / ".checkpoint")]
    assert names(Candidates(str(tmp_path), pattern, left_out=left_out)) == found


def test_each_file_comes_once_and_a_name_below_one_that_was_read_comes_next(tmp_path: Path) -> None:
    candidates = Candidates(str(tmp_path))
    assert candidates.next() is None
    make(tmp_path, "2", "3")
    assert names(candidates) == ["2", "3"]
    make(tmp_path, "1", "4")
    assert names(candidates) == ["1", "4"]
    assert names(candidates) == []


def test_a_renamed_file_is_known_and_one_made_anew_is_not(tmp_path: Path) -> None:
    make(tmp_path, "1", "2")
    candidates = Candidates(str(tmp_path))
    assert names(candidates) == ["1", "2"]
    (tmp_path / "1").rename(tmp_path / "3")
    (tmp_path / "2").unlink()
    assert names(candidates) == []
    make(tmp_path, "2")
    assert names(candidates) == ["2"]


def test_what_is_gone_before_its_turn_is_not_given_out(tmp_path: Path) -> None:
    make(tmp_path, "1", "2")
    candidates = Candidates(str(tmp_path), now=lambda: 0.0)
    candidates.look()
    (tmp_path / "2").unlink()
    candidates.look()
    assert names(candidates) == ["1"]


def test_a_directory_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, "file")
    for name, reason in (("gone", "No such file"), ("file", "Not a directory")):
        with pytest.raises(SegmentError, match=f"reading {tmp_path / name}: {reason}"):
            Candidates(str(tmp_path / name)).next()
    with pytest.raises(KumologError, match="is malformed"):
        Candidates(str(tmp_path), "[")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list everything")
def test_a_directory_without_permission_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o300)
    with pytest.raises(SegmentError, match="Permission denied"):
        Candidates(str(tmp_path)).next()
