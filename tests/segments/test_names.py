from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import SegmentError
from kumolog.segments.names import Names, Target, has_segment_form, segment_name

NOON = 1_678_069_691  # 2023-03-06 02:28:11 UTC


def create(names: Names, target: Target) -> str:
    path, descriptor = names.create(target)
    os.close(descriptor)
    return path


def test_a_name_is_the_utc_second_and_the_suffix_as_given() -> None:
    assert segment_name(NOON, "_recv") == "20230306-022811_recv"
    assert segment_name(NOON, ".csv") == "20230306-022811.csv"
    assert segment_name(NOON, None) == "20230306-022811"


def test_a_name_does_not_depend_on_the_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert segment_name(NOON, None) == "20230306-022811"


@given(st.integers(0, 4_000_000_000), st.integers(0, 4_000_000_000))
def test_names_sort_as_their_seconds(one: int, other: int) -> None:
    assert (segment_name(one, "_x") < segment_name(other, "_x")) == (one < other)
    assert has_segment_form(segment_name(one, "_x"))


def test_a_fraction_of_a_second_is_cut_off(tmp_path: Path) -> None:
    names = Names(lambda: NOON + 0.999, sync_directory=False)
    assert create(names, Target(tmp_path)) == str(tmp_path / "20230306-022811")


def test_a_taken_name_is_passed_over_and_its_file_left_alone(tmp_path: Path) -> None:
    (tmp_path / "20230306-022811").write_bytes(b"mine")
    (tmp_path / "20230306-022812").symlink_to("nowhere")
    (tmp_path / "20230306-022813").mkdir()
    names = Names(lambda: NOON, sync_directory=False)
    assert create(names, Target(tmp_path)) == str(tmp_path / "20230306-022814")
    assert (tmp_path / "20230306-022811").read_bytes() == b"mine"


def test_a_suffix_with_a_slash_passes_over_a_second_whose_directory_is_a_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "20230306-022811").write_bytes(b"a segment without suffix")
    names = Names(lambda: NOON, sync_directory=False)
    assert create(names, Target(tmp_path, "/sub/x")) == str(tmp_path / "20230306-022812/sub/x")
    assert create(names, Target(tmp_path)) == str(tmp_path / "20230306-022813")


def test_a_directory_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        Names(lambda: NOON, sync_directory=False).create(Target(tmp_path / "file", "/sub/x"))


def test_later_names_of_a_key_sort_after_earlier_ones_even_when_the_clock_goes_back(
    tmp_path: Path,
) -> None:
    seconds = iter([NOON, NOON, NOON - 500, NOON + 1, NOON + 60])
    names = Names(lambda: next(seconds), sync_directory=False)
    made = [create(names, Target(tmp_path, "_x")) for _ in range(5)]
    assert made == sorted(set(made))
    assert made[-1].endswith("20230306-022911_x")


def test_the_names_of_one_key_do_not_hold_up_another(tmp_path: Path) -> None:
    names = Names(lambda: NOON, sync_directory=False)
    for _ in range(3):
        create(names, Target(tmp_path, "_a"))
    assert create(names, Target(tmp_path, "_b")).endswith("20230306-022811_b")


def test_no_suffix_and_an_empty_one_are_different_keys_with_different_files(tmp_path: Path) -> None:
    names = Names(lambda: NOON, sync_directory=True)
    assert Target(tmp_path, None).key != Target(tmp_path, "").key
    assert create(names, Target(tmp_path, None)) != create(names, Target(tmp_path, ""))


@pytest.mark.parametrize("suffix", ["_recv/x.log", "/sub/x"])
def test_missing_directories_are_made_also_those_in_the_suffix(tmp_path: Path, suffix: str) -> None:
    names = Names(lambda: NOON, sync_directory=True)
    path = create(names, Target(tmp_path / "a" / "b", suffix))
    assert path == f"{tmp_path}/a/b/20230306-022811{suffix}"
    assert os.path.isfile(path)


def test_a_new_file_is_locked(tmp_path: Path) -> None:
    path, descriptor = Names(lambda: NOON, sync_directory=False).create(Target(tmp_path))
    with open(path, "rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


def test_the_header_does_not_tell_targets_apart(tmp_path: Path) -> None:
    assert Target(tmp_path, "_x", b"a").key == Target(tmp_path, "_x", b"b").key


def test_a_suffix_that_cannot_be_in_a_file_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SegmentError, match=r"suffix '\\x00' cannot name a file"):
        Target(tmp_path, "\0")
    with pytest.raises(SegmentError, match="suffix"):
        Target(tmp_path, "\ud800")
    with pytest.raises(SegmentError, match="log_dir"):
        Target(Path("a\0b"))


@pytest.mark.parametrize("suffix", ["/", "_x/", "/sub/.", "a//"])
def test_a_suffix_that_names_a_directory_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(SegmentError, match="it has to end in a file name"):
        Target(tmp_path, suffix)


@pytest.mark.parametrize("suffix", ["x" * 240, "/" + "x" * 255, "ü" * 120, "/a/./b", ".", "/.x"])
def test_a_suffix_may_be_as_long_as_a_file_name(tmp_path: Path, suffix: str) -> None:
    create(Names(lambda: NOON, sync_directory=False), Target(tmp_path, suffix))


@pytest.mark.parametrize("suffix", ["x" * 241, "/" + "x" * 256 + "/a", "ü" * 121])
def test_a_suffix_that_is_too_long_for_a_file_name_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(SegmentError, match="at most 255 bytes"):
        Target(tmp_path, suffix)
