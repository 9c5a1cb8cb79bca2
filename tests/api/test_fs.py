"""kumo.fs."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest

from kumolog.api import fs
from kumolog.api.registry import Registry
from kumolog.api.timevalue import Time
from kumolog.errors import KumologError


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, None)


def call(function: Any, *arguments: Any) -> Any:
    return function(Registry(lambda _level, _text: None, None), "init.lua:1", *arguments)


# Files ------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"one\ntwo\xff")
    return path


def test_a_file_is_read_to_its_end_or_in_parts(file: Path) -> None:
    opened = call(fs.open, str(file))
    assert opened.read(3) == b"one"
    assert opened.read() == b"\ntwo\xff"
    assert opened.read() == b""
    assert opened.read(3) == b""
    opened.close()


def test_a_large_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 5_000_000)
    opened = call(fs.open, str(tmp_path / "large"))
    assert opened.read() == b"x" * 5_000_000
    opened.close()


def test_mode_w_keeps_what_is_there(file: Path) -> None:
    opened = call(fs.open, str(file), "w")
    assert opened.write("ONE") is None
    opened.close()
    assert file.read_bytes() == b"ONE\ntwo\xff"


@pytest.mark.parametrize("mode", ["w", "a", "r+", "w+", "a+", "wb", "r+b", "rb+"])
def test_every_mode_but_r_makes_a_file(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "new"
    call(fs.open, str(path), mode).close()
    assert path.read_bytes() == b""


def test_mode_a_writes_at_the_end(file: Path) -> None:
    opened = call(fs.open, str(file), "a")
    opened.seek("set", 0)
    opened.write(b"\x00")
    opened.write(5)
    opened.close()
    assert file.read_bytes() == b"one\ntwo\xff\x005"


@pytest.mark.parametrize("mode", ["r+", "w+", "a+"])
def test_a_mode_with_plus_reads_and_writes(file: Path, mode: str) -> None:
    opened = call(fs.open, str(file), mode)
    opened.seek("end")
    opened.write("!")
    opened.seek("set")
    assert opened.read() == b"one\ntwo\xff!"
    opened.close()


def test_seek_takes_its_arguments_in_either_order(file: Path) -> None:
    opened = call(fs.open, str(file))
    assert opened.seek("end", -1) == 7
    assert opened.seek(-3, "cur") == 4
    assert opened.seek() == 4
    assert opened.seek(2) == 6
    assert opened.seek("set") == 0
    assert opened.seek(3, "set") == 3
    for wrong in ((-1, "set"), ("nowhere",), (True,)):
        with pytest.raises(KumologError):
            opened.seek(*wrong)
    opened.close()


def test_a_closed_file_can_only_be_closed_again(file: Path) -> None:
    opened = call(fs.open, str(file), "r+")
    assert opened.flush() is None
    assert opened.close() is None
    assert opened.close() is None
    for act in (
        opened.flush,
        opened.read,
        opened.seek,
        lambda: opened.write("x"),
        lambda: opened.read(1),
    ):
        with pytest.raises(KumologError, match="the file is closed"):
            act()


def test_a_dropped_file_is_closed(file: Path) -> None:
    opened = call(fs.open, str(file))
    descriptor = opened._descriptor
    del opened
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_file_does_only_what_its_mode_allows(file: Path) -> None:
    reading, writing = call(fs.open, str(file)), call(fs.open, str(file), "w")
    with pytest.raises(KumologError, match=r"writing '.*file': Bad file descriptor"):
        reading.write("x")
    with pytest.raises(KumologError, match=r"reading '.*file': Bad file descriptor"):
        writing.read()
    reading.close()
    writing.close()


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("missing", "r", "No such file"),
        ("missing/below", "w", "No such file"),
        ("file", "x", "the mode 'x' is none of"),
        ("file", "", "the mode '' is none of"),
        ("nul\0", "r", "null byte"),
    ],
)
def test_what_cannot_be_opened_raises(file: Path, name: str, mode: str, reason: str) -> None:
    with pytest.raises(KumologError, match=reason):
        call(fs.open, f"{file.parent}/{name}", mode)


# Directories ------------------------------------------------------------------------------------


def test_a_directory_is_listed_with_full_paths(tmp_path: Path) -> None:
    for name in (".dot", "a", "é"):
        (tmp_path / name).touch()
    expected = sorted(f"{tmp_path}/{name}" for name in (".dot", "a", "é"))
    assert sorted(call(fs.read_dir, str(tmp_path))) == expected
    assert sorted(call(fs.read_dir, f"{tmp_path}/")) == expected


def test_what_cannot_be_listed_raises(tmp_path: Path) -> None:
    with pytest.raises(KumologError, match=r"listing '.*missing': No such file"):
        call(fs.read_dir, str(tmp_path / "missing"))
    (tmp_path / os.fsdecode(b"\xff")).touch()
    with pytest.raises(KumologError, match="not UTF-8"):
        call(fs.read_dir, str(tmp_path))
    with pytest.raises(KumologError, match="bad argument #1"):
        call(fs.read_dir)


# Globs ------------------------------------------------------------------------------------------


def test_a_glob_is_relative_to_the_base(tmp_path: Path) -> None:
    (tmp_path / "b.lua").touch()
    (tmp_path / "a.lua").touch()
    for function in (fs.glob, fs.uncached_glob):
        assert call(function, "*.lua", str(tmp_path)) == ["a.lua", "b.lua"]
        assert call(function, f"{tmp_path}/*.lua") == [f"{tmp_path}/a.lua", f"{tmp_path}/b.lua"]
        with pytest.raises(KumologError, match="malformed"):
            call(function, "[")


def test_a_glob_is_remembered_by_pattern_and_base(tmp_path: Path, registry: Registry) -> None:
    def glob(*arguments: Any) -> list[str]:
        return fs.glob(registry, "init.lua:1", *arguments)

    base, other = str(tmp_path), tmp_path / "other"
    other.mkdir()
    assert glob("*.lua", base) == []
    (tmp_path / "a.lua").touch()
    (other / "b.lua").touch()
    assert glob("*.lua", base) == []
    assert glob("*.lua", str(other)) == ["b.lua"]
    assert glob("a.lua", base) == ["a.lua"]
    assert fs.uncached_glob(registry, "init.lua:1", "*.lua", base) == ["a.lua"]


def test_a_glob_of_no_lifetime_is_not_remembered(tmp_path: Path, registry: Registry) -> None:
    assert fs.glob(registry, "", "*.lua", str(tmp_path), 0) == []
    (tmp_path / "a.lua").touch()
    assert fs.glob(registry, "", "*.lua", str(tmp_path), 0) == ["a.lua"]


def test_only_so_many_globs_are_remembered(registry: Registry) -> None:
    for number in range(300):
        fs.glob(registry, "", f"/nowhere/{number}")
    assert len(registry.state(fs.GlobCache).found) == 256


@pytest.mark.parametrize("ttl", [-1, float("nan")])
def test_a_lifetime_is_not_negative(ttl: float) -> None:
    with pytest.raises(KumologError, match="ttl_seconds"):
        call(fs.glob, "*", ".", ttl)


# Metadata ---------------------------------------------------------------------------------------


def test_metadata_are_those_of_the_file_system(file: Path) -> None:
    file.chmod(0o640)
    os.utime(file, ns=(1_500_000_000, -500_000_000))
    shown, found = call(fs.metadata_for_path, str(file)), file.stat()
    fields = {name: getattr(shown, place) for name, place in shown.lua_fields.items()}
    assert [fields.pop(name).tostring() for name in ("atime", "mtime")] == [
        "1970-01-01 00:00:01.500 UTC",
        "1969-12-31 23:59:59.500 UTC",
    ]
    assert isinstance(fields.pop("ctime"), Time)
    assert fields == {
        "blksize": found.st_blksize,
        "blocks": found.st_blocks,
        "dev": found.st_dev,
        "gid": found.st_gid,
        "ino": found.st_ino,
        "is_dir": False,
        "is_file": True,
        "is_symlink": False,
        "len": 8,
        "mode": 0o100640,
        "nlink": 1,
        "rdev": found.st_rdev,
        "readonly": False,
        "size": 8,
        "uid": found.st_uid,
    }


def test_read_only_means_that_nobody_may_write(file: Path) -> None:
    file.chmod(0o444)
    assert call(fs.metadata_for_path, str(file)).readonly
    file.chmod(0o464)
    assert not call(fs.metadata_for_path, str(file)).readonly


def test_a_link_is_followed_or_looked_at(file: Path) -> None:
    link = file.parent / "link"
    link.symlink_to(file)
    assert call(fs.metadata_for_path, str(link)).is_file
    shown = call(fs.symlink_metadata_for_path, str(link))
    assert (shown.is_symlink, shown.is_file) == (True, False)
    assert call(fs.metadata_for_path, str(file.parent)).is_dir


@pytest.mark.parametrize("function", [fs.metadata_for_path, fs.symlink_metadata_for_path])
def test_metadata_of_nothing_raise(tmp_path: Path, function: Any) -> None:
    for path in (f"{tmp_path}/missing", "", "nul\0"):
        with pytest.raises(KumologError, match="looking at"):
            call(function, path)


def test_a_file_that_never_ends_is_not_read_whole(registry: Registry) -> None:
    opened = call(fs.open, "/dev/zero")
    with pytest.raises(KumologError, match="/dev/zero: it has more than 256 MiB"):
        opened.read()
    assert opened.read(3) == b"\0\0\0"
    with pytest.raises(KumologError, match="/dev/zero: it has more than 256 MiB"):
        registry.files.read("/dev/zero")
