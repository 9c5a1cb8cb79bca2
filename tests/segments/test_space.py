from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from kumolog.segments.space import FreeSpace


@dataclass(frozen=True)
class Limit:
    percent: int | None = None
    bytes: int | None = None


def with_statvfs(monkeypatch: pytest.MonkeyPatch, **values: int) -> None:
    fields = (
        "bsize",
        "frsize",
        "blocks",
        "bfree",
        "bavail",
        "files",
        "ffree",
        "favail",
        "flag",
        "namemax",
    )
    answer = os.statvfs_result([values.get(name, 0) for name in fields])
    monkeypatch.setattr(os, "statvfs", lambda path: answer)


@pytest.mark.parametrize(
    ("available", "limit", "short"),
    [
        (99, Limit(percent=10), True),  # 9.9 % counts as 9
        (100, Limit(percent=10), False),
        (109, Limit(percent=10), False),
        (1000, Limit(percent=101), True),
        (100, Limit(bytes=409_600), False),
        (100, Limit(bytes=409_601), True),
        (0, Limit(percent=0), False),
        (0, None, False),
    ],
)
def test_space_is_short_strictly_below_its_limit(
    monkeypatch: pytest.MonkeyPatch, available: int, limit: Limit | None, short: bool
) -> None:
    with_statvfs(monkeypatch, frsize=4096, bsize=1 << 20, blocks=1000, bavail=available, bfree=999)
    assert (FreeSpace(Path("."), limit).shortage() is not None) == short


def test_the_text_says_what_is_short_where_and_what_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_statvfs(monkeypatch, frsize=4096, blocks=1000, bavail=30, files=100, favail=7)
    assert FreeSpace(Path("."), Limit(percent=10), Limit(bytes=8)).shortage() == (
        ".: 3% of the space free, min_free_space is 10% and 7 of inodes free, min_free_inodes is 8"
    )
    assert FreeSpace(Path("."), Limit(bytes=999_999)).shortage() == (
        ".: 122880 bytes of space free, min_free_space is 999999"
    )


def test_a_file_system_that_counts_no_inodes_has_no_share_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_statvfs(monkeypatch, frsize=4096, blocks=1000, bavail=1000)
    assert FreeSpace(Path("."), None, Limit(percent=10)).shortage() is None


def test_a_real_disk_fills_and_recovers(small_disk: Path) -> None:
    space = FreeSpace(small_disk, Limit(percent=50))
    assert space.shortage() is None
    (small_disk / "x").write_bytes(bytes(200_000))
    assert "min_free_space is 50%" in (space.shortage() or "")
    (small_disk / "x").unlink()
    assert space.shortage() is None


def test_a_missing_directory_is_measured_where_it_would_be_made(small_disk: Path) -> None:
    (small_disk / "x").write_bytes(bytes(200_000))
    assert FreeSpace(small_disk / "a" / "b", Limit(percent=50)).shortage() is not None
    assert FreeSpace(small_disk / "a" / "b", Limit(percent=5)).shortage() is None


def test_what_cannot_be_measured_counts_as_short_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(path: Path) -> os.statvfs_result:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "statvfs", fail)
    assert FreeSpace(Path("out"), Limit(percent=5)).shortage() == (
        "measuring the free space of out: Input/output error"
    )
    assert FreeSpace(Path("out")).shortage() is None
