from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support import read_segment

from kumolog.clock import Clock
from kumolog.errors import SegmentError
from kumolog.segments.line_writer import LineWriter, LineWriterOptions, moment_name
from kumolog.segments.names import Target

SECOND = 1_000_000_000


class Time:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1_678_070_891 * SECOND
        self.clock = Clock(wall_ns=lambda: self.now, monotonic=lambda: self.now / SECOND)


def writer(directory: Path, time: Time, suffix: str | None = None, **options: Any) -> LineWriter:
    return LineWriter(Target(directory, suffix), LineWriterOptions(UTC, **options), time.clock)


def found(directory: Path) -> dict[str, bytes]:
    return {path.name: read_segment(path) for path in sorted(directory.iterdir())}


@pytest.mark.parametrize(
    ("nanos", "zone", "name"),
    [
        (0, "UTC", "20230306-024811"),
        (120_000_000, "UTC", "20230306-024811.120"),
        (1_000, "UTC", "20230306-024811.000001"),
        (1, "UTC", "20230306-024811.000000001"),
        (0, "Asia/Kathmandu", "20230306-083311"),
    ],
)
def test_a_name_is_the_moment_with_the_digits_that_it_needs(
    nanos: int, zone: str, name: str
) -> None:
    assert moment_name(1_678_070_891 * SECOND + nanos, ZoneInfo(zone)) == name


def test_a_segment_ends_with_the_line_that_reaches_the_size(tmp_path: Path) -> None:
    time = Time()
    lines = writer(tmp_path / "made" / "here", time, "_x", max_file_size=4)
    for line in (b"1\n", b"2\n", b"3\n"):
        lines.write(line)
        time.now += SECOND // 2
    segments = sorted((tmp_path / "made" / "here").iterdir())
    assert [path.name for path in segments] == ["20230306-024811_x", "20230306-024812_x"]
    assert [path.stat().st_mode & 0o222 > 0 for path in segments] == [False, True]
    lines.finish()
    lines.finish()
    assert found(tmp_path / "made" / "here") == dict(
        zip((path.name for path in segments), (b"1\n2\n", b"3\n"), strict=True)
    )
    assert not segments[1].stat().st_mode & 0o222


def test_a_segment_ends_with_a_line_written_after_its_duration(tmp_path: Path) -> None:
    time = Time()
    lines = writer(tmp_path, time, max_segment_duration=5.0)
    lines.write(b"1\n")
    time.now += 10 * SECOND
    lines.write(b"2\n")
    lines.write(b"3\n")
    lines.finish()
    assert list(found(tmp_path).values()) == [b"1\n2\n", b"3\n"]


def test_a_name_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "20230306-024811").write_bytes(b"kept")
    lines = writer(tmp_path, Time(), max_file_size=0)
    for line in (b"1\n", b"2\n"):
        lines.write(line)
    names = sorted(os.listdir(tmp_path))
    assert names == [
        "20230306-024811",
        "20230306-024811.000000001",
        "20230306-024811.000000002",
    ]
    assert (tmp_path / "20230306-024811").read_bytes() == b"kept"


def test_what_was_written_a_second_ago_can_be_read(tmp_path: Path) -> None:
    time = Time()
    lines = writer(tmp_path, time)
    lines.write(b"1\n")
    time.now += SECOND
    lines.write(b"2\n")
    assert list(found(tmp_path).values()) == [b"1\n2\n"]
    lines.finish()


@pytest.mark.parametrize("level", [-(2**31), -1, 0, 3, 22, 2**31 - 1])
def test_any_level_is_taken(tmp_path: Path, level: int) -> None:
    lines = writer(tmp_path, Time(), compression_level=level)
    lines.write(b"1\n")
    lines.finish()
    assert list(found(tmp_path).values()) == [b"1\n"]


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SegmentError, match=r"creating the segment .*/file/20230306-024811: "):
        writer(tmp_path / "file", Time()).write(b"1\n")


def test_a_full_disk_is_an_error_and_nothing_is_lost_once_there_is_room(
    small_disk: Path, fill: Callable[[Path], Path]
) -> None:
    time = Time()
    lines = writer(small_disk, time)
    lines.write(b"1\n")
    filler = fill(small_disk)
    time.now += SECOND
    with pytest.raises(SegmentError, match=r"writing to the segment .*: No space left"):
        lines.write(b"2\n")
    with pytest.raises(SegmentError, match="No space left"):
        lines.finish()
    filler.unlink()
    lines.write(b"3\n")
    lines.finish()
    assert list(found(small_disk).values()) == [b"1\n2\n", b"3\n"]
