from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from kumolog.segments.mending import (
    Fate,
    Outcome,
    finish_segment,
    remove_leftover,
    repair_segment,
)

Read = Callable[[Path], bytes]
NAME = "20230306-022811_recv"
PACKED = zstandard.ZstdCompressor(write_checksum=True).compress(b"text\n" * 9)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(PACKED + b"something else in between" + PACKED)
    return path


def test_what_was_damaged_says_what_is_left_of_it(damaged: Path, read: Read) -> None:
    outcome = finish_segment(str(damaged))
    kept = damaged.parent / f".{NAME}.damaged"
    assert outcome == Outcome(
        str(damaged), Fate.DAMAGED, records=18, unreadable=25, original=str(kept)
    )
    assert not outcome.is_well
    assert read(damaged) == b"text\n" * 18
    assert finish_segment(str(damaged)) is None


def test_where_files_cannot_be_linked_the_original_is_copied(
    damaged: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, destination: str) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    content = damaged.read_bytes()
    outcome = repair_segment(str(damaged))
    assert outcome.original is not None
    assert Path(outcome.original).read_bytes() == content
    assert read(damaged) == b"text\n" * 18


def test_a_repair_that_was_killed_after_it_had_kept_the_original_is_done_again(
    damaged: Path, read: Read
) -> None:
    os.link(damaged, damaged.parent / f".{NAME}.damaged")
    finish_segment(str(damaged))
    assert read(damaged) == b"text\n" * 18
    assert sorted(os.listdir(damaged.parent)) == [f".{NAME}.damaged", NAME]


def test_a_finished_segment_that_is_torn_is_repaired_by_hand_only(
    tmp_path: Path, read: Read
) -> None:
    path = tmp_path / NAME
    path.write_bytes(PACKED[:-2])
    path.chmod(0o440)
    assert finish_segment(str(path)) is None
    assert repair_segment(str(path)) == Outcome(str(path), Fate.REPAIRED, records=9)
    assert read(path) == b"text\n" * 9
    assert path.stat().st_mode & 0o7777 == 0o440


def test_what_somebody_holds_is_not_touched_even_when_it_is_read_only(damaged: Path) -> None:
    damaged.chmod(0o444)
    content = damaged.read_bytes()
    with open(damaged, "rb") as live:
        fcntl.flock(live, fcntl.LOCK_EX)
        assert repair_segment(str(damaged)).fate is Fate.LIVE
    assert damaged.read_bytes() == content


def test_a_name_tells_a_segment_where_the_content_cannot(tmp_path: Path, read: Read) -> None:
    for name in ("notes", "20230306-022811"):
        (tmp_path / name).write_bytes(b"")
    assert repair_segment(str(tmp_path / "notes")).fate is Fate.FOREIGN
    assert repair_segment(str(tmp_path / "20230306-022811")).fate is Fate.REPAIRED
    assert repair_segment(str(tmp_path / "notes"), is_segment=True).fate is Fate.REPAIRED
    assert read(tmp_path / "notes") == b""


def test_a_repair_begins_anew_when_its_file_is_taken_for_a_leftover(
    damaged: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, removed = os.open, []

    def take_away(path: str, flags: int, mode: int = 0o777) -> int:
        descriptor = opened(path, flags, mode)
        if flags & os.O_CREAT and not removed:
            removed.append(path)
            remove_leftover(path)  # another process starts at this very moment
        return descriptor

    monkeypatch.setattr(os, "open", take_away)
    assert finish_segment(str(damaged)) is not None
    assert len(removed) == 1
    assert read(damaged) == b"text\n" * 18
