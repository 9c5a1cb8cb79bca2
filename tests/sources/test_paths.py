from __future__ import annotations

import os
from pathlib import Path

import pytest

from kumolog.errors import KumologError
from kumolog.sources.paths import display_name, expand, segments


def put(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).write_bytes(b"{}\n")


def test_segments_come_in_name_order(tmp_path: Path) -> None:
    put(tmp_path, "20230306-022811_recv", "20230306-022811", "20230305-235959_z", "é", "z")
    assert [os.path.basename(path) for path in segments(str(tmp_path))] == [
        "20230305-235959_z",
        "20230306-022811",
        "20230306-022811_recv",
        "z",
        "é",
    ]


def test_only_regular_files_without_a_leading_dot_are_segments(tmp_path: Path) -> None:
    put(tmp_path, "20230306-022811", ".checkpoint")
    (tmp_path / "below").mkdir()
    put(tmp_path / "below", "20230306-022812")
    (tmp_path / "latest").symlink_to("20230306-022811")
    os.mkfifo(tmp_path / "fifo")
    assert segments(str(tmp_path)) == [str(tmp_path / "20230306-022811")]


def test_inputs_keep_the_order_given(tmp_path: Path) -> None:
    put(tmp_path, "b", "a")
    (tmp_path / "d").mkdir()
    put(tmp_path / "d", "2", "1")
    b, d, a = (str(tmp_path / name) for name in "bda")
    assert [entry.path for entry in expand([b, d, a])] == [b, f"{d}/1", f"{d}/2", a]
    assert [entry.size for entry in expand([b])] == [3]


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    put(tmp_path, "there")
    with pytest.raises(KumologError, match=r"^reading .*/gone: No such file or directory$"):
        expand([str(tmp_path / "there"), str(tmp_path / "gone")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("given", ["", "d", "d/locked"])
def test_a_path_that_may_not_be_read_is_named(tmp_path: Path, given: str) -> None:
    (tmp_path / "d").mkdir()
    put(tmp_path / "d", "locked")
    (tmp_path / "d" / "locked").chmod(0)
    if given == "":
        (tmp_path / "d").chmod(0)
    with pytest.raises(KumologError, match=r"^reading .*/d"):
        expand([str(tmp_path / (given or "d"))])


def test_stdin_can_be_given_once() -> None:
    with pytest.raises(KumologError, match="given twice"):
        expand(["-", "-"])


def test_a_name_that_is_not_utf8_can_still_be_printed() -> None:
    assert display_name(os.fsdecode(b"out/\xff_recv")) == "out/\\xff_recv"
    assert display_name("-") == "stdin"
