from __future__ import annotations

import errno
import gzip
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from segmentfiles import Segment

from kumolog.errors import KumologError
from kumolog.reading.sink import Sink
from kumolog.reading.times import Window
from kumolog.sources.cat import cat
from kumolog.sources.lines import MAX_LINE
from kumolog.sources.stop import Stop

TEXT = b"".join(b'{"type":"Delivery","n":%d}\n' % number for number in range(30_000))


class Result:
    def __init__(
        self, *paths: Path, tail: int | None = None, limit: int | None = None, **options: Any
    ) -> None:
        out = io.BytesIO()
        self.reports: list[str] = []
        with Stop() as stop:
            self.all_well = cat(
                [str(path) for path in paths],
                Sink(out, tail=tail, limit=limit),
                report=self.reports.append,
                stop=stop,
                **options,
            )
        self.output = out.getvalue()


def test_files_and_directories_come_out_as_they_are_in_order(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    (directory / "2").write_bytes(zstandard.compress(b"two\n\n") + zstandard.compress(b"2b\r\n"))
    (directory / "1").write_bytes(gzip.compress(TEXT))
    (directory / ".hidden").write_bytes(b"no\n")
    plain = tmp_path / "plain"
    plain.write_bytes(b"plain\n")
    result = Result(directory, plain)
    assert result.output == TEXT + b"two\n\n2b\r\nplain\n"
    assert (result.all_well, result.reports) == (True, [])


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    for name in "12":
        (tmp_path / name).write_bytes(b"line")
    assert Result(tmp_path).output == b"line\nline\n"


def test_a_torn_last_line_is_not_printed(tmp_path: Path) -> None:
    segment = tmp_path / "1"
    encoded = zstandard.compress(TEXT)
    segment.write_bytes(encoded[: len(encoded) // 2])
    segment.chmod(0o444)
    (tmp_path / "2").write_bytes(zstandard.compress(b"next\n"))
    result = Result(tmp_path)
    output = result.output.removesuffix(b"next\n")
    assert output
    assert TEXT.startswith(output)
    assert output.endswith(b"\n")
    assert result.all_well
    assert len(result.reports) == 1
    assert f"{segment}: it ends inside a compressed frame" in result.reports[0]


def test_a_segment_still_being_written_is_no_news(tmp_path: Path) -> None:
    compressor = zstandard.ZstdCompressor().compressobj()
    (tmp_path / "1").write_bytes(
        compressor.compress(b"one\nbegun") + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    )
    result = Result(tmp_path)
    assert (result.output, result.all_well, result.reports) == (b"one\n", True, [])


def test_a_broken_segment_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(zstandard.compress(b"one\nbegun") + b"garbage")
    (tmp_path / "2").write_bytes(zstandard.compress(b"two\n"))
    result = Result(tmp_path)
    assert result.output == b"one\ntwo\n"
    assert not result.all_well
    assert len(result.reports) == 1
    assert result.reports[0].startswith(f"reading {tmp_path / '1'}: corrupt at byte ")


def test_a_line_too_long_to_hold_is_passed_on(tmp_path: Path) -> None:
    long = b"x" * (MAX_LINE * 2 + 1000)
    (tmp_path / "1").write_bytes(zstandard.compress(long + b"\nnext\n"))
    (tmp_path / "2").write_bytes(zstandard.compress(b"last\n" + long))
    assert Result(tmp_path).output == long + b"\nnext\nlast\n" + long + b"\n"


def test_what_is_passed_on_of_a_broken_long_line_gets_an_end(tmp_path: Path) -> None:
    long = b"x" * (MAX_LINE + 1000)
    (tmp_path / "1").write_bytes(zstandard.compress(long) + b"garbage")
    (tmp_path / "2").write_bytes(b"next\n")
    assert Result(tmp_path).output.lstrip(b"x") == b"\nnext\n"


def test_a_missing_path_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(KumologError, match="gone: No such file"):
        Result(tmp_path, tmp_path / "gone")


def stamped(*stamps: int, tag: str = "x") -> bytes:
    return b"".join(b'{"timestamp":%d,"tag":"%s"}\n' % (s, tag.encode()) for s in stamps)


def stored(path: Path, text: bytes, modified: int | None = None) -> Path:
    """A finished segment."""
    path.write_bytes(zstandard.compress(text))
    path.chmod(0o444)
    if modified is not None:
        os.utime(path, (modified, modified))
    return path


def test_patterns_name_segments_and_directories(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for name in ("1_recv", "1_deliv", "2_recv", "d/3"):
        stored(tmp_path / name, name.encode() + b"\n")
    assert Result(tmp_path / "*_recv").output == b"1_recv\n2_recv\n"
    assert Result(tmp_path / "[d]").output == b"d/3\n"
    with pytest.raises(KumologError, match="no file matches this pattern"):
        Result(tmp_path / "*.gz")


def test_segments_are_merged_in_the_order_of_time(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    stored(tmp_path / "a/1", stamped(1, 4, 3, 8))
    stored(tmp_path / "b/1", stamped(2, 3, 5, tag="y"))
    (tmp_path / "b/2").write_bytes(stamped(6, 9, tag="z"))
    result = Result(tmp_path / "a", tmp_path / "b", merge=True)
    order = re.findall(rb'(\d+),"tag":"(.)"', result.output)
    assert b" ".join(number + tag for number, tag in order) == b"1x 2y 3y 4x 3x 5y 6z 8x 9z"
    assert (result.all_well, result.reports) == (True, [])


def test_a_broken_segment_is_merged_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(zstandard.compress(stamped(1, 5)) + b"garbage!")
    stored(tmp_path / "2", stamped(2, 6))
    result = Result(tmp_path, merge=True)
    assert re.findall(rb'"timestamp":(\d)', result.output) == [b"1", b"2", b"5", b"6"]
    assert not result.all_well
    assert len(result.reports) == 1


@pytest.mark.parametrize("merge", [False, True])
def test_only_as_many_are_read_from_the_end_as_are_wanted(tmp_path: Path, merge: bool) -> None:
    (tmp_path / "1").write_bytes(zstandard.compress(stamped(1)) + b"garbage!")
    for number in range(2, 6):
        stored(tmp_path / str(number), stamped(number * 10, number * 10 + 1))
    result = Result(tmp_path, merge=merge, tail=3)
    assert re.findall(rb'"timestamp":(\d+)', result.output) == [b"41", b"50", b"51"]
    assert bool(result.reports) == merge  # for a merge all has to be read


def test_what_comes_after_the_last_record_wanted_is_not_read(tmp_path: Path) -> None:
    stored(tmp_path / "1", b"one\ntwo\n")
    (tmp_path / "2").write_bytes(zstandard.compress(b"three\n") + b"garbage!")
    result = Result(tmp_path, limit=2)
    assert result.output == b"one\ntwo\n"
    assert result.reports == []


HOUR = 3600
DAY = 1_772_755_200  # 2026-03-06


def test_segments_that_can_have_no_record_of_the_window_are_not_read(tmp_path: Path) -> None:
    def broken(name: str, timestamp: int, modified: int) -> None:
        path = tmp_path / name
        path.write_bytes(zstandard.compress(stamped(timestamp)) + b"garbage!")
        os.utime(path, (modified, modified))

    broken("20260306-000000_old", DAY + HOUR, DAY + 2 * HOUR)
    stored(tmp_path / "20260306-000000_x", stamped(DAY + HOUR, DAY + 5 * HOUR), DAY + 5 * HOUR)
    stored(tmp_path / "20260308-000000_replayed", stamped(DAY + 5 * HOUR))
    broken("20260308-000000_new", DAY + 48 * HOUR, DAY + 49 * HOUR)
    window = Window(DAY + 4 * HOUR, DAY + 6 * HOUR)
    result = Result(tmp_path, window=window)
    # All of a segment is given: choosing records is the sink's.
    assert result.output == stamped(DAY + HOUR, DAY + 5 * HOUR, DAY + 5 * HOUR)
    assert result.reports == []
    assert Result(tmp_path, window=window, merge=True).output == result.output
    assert len(Result(tmp_path).reports) == 2


def test_a_line_too_long_is_told_and_left_out_where_records_are_chosen(tmp_path: Path) -> None:
    long = b"x" * (MAX_LINE * 2 + 1000)
    stored(tmp_path / "1", b"first\n" + long + b"\nnext\n")
    stored(tmp_path / "2", b"last\n" + long)
    result = Result(tmp_path, limit=9)
    assert result.output == b"first\nnext\nlast\n"
    assert result.reports == [
        f"reading {tmp_path / name}: a line is longer than 16 MiB: it is no record" for name in "12"
    ]
    assert not result.all_well


@pytest.mark.parametrize("options", [{}, {"merge": True}, {"tail": 1}])
def test_the_progress_is_told_in_stored_bytes(tmp_path: Path, options: dict[str, Any]) -> None:
    sizes = [stored(tmp_path / name, TEXT).stat().st_size for name in "123"]
    told: list[tuple[int, int | None]] = []
    Result(tmp_path, **options, progress=lambda *progress: told.append(progress))
    consumed = [number for number, _ in told]
    assert {total for _, total in told} == {sum(sizes)}
    assert consumed == sorted(consumed)
    assert consumed[-1] == (sizes[-1] if "tail" in options else sum(sizes))


FOLLOW = """
import signal, sys
from kumolog.reading.sink import Sink
from kumolog.sources.cat import cat
from kumolog.sources.stop import Stop

stop = Stop()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
report = lambda message: print(message, file=sys.stderr, flush=True)
sink = Sink(sys.stdout.buffer, tail=OPTIONS.pop("tail", None))
well = cat(sys.argv[1:], sink, follow=True, report=report, stop=stop, **OPTIONS)
sys.exit(0 if well else 1)
"""


class Follower:
    """``cat`` in a process of its own, following."""

    def __init__(self, *paths: Path, **options: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"OPTIONS = {options!r}\n{FOLLOW}", *paths],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout
        assert self.process.stderr
        self._stdout, self._stderr = self.process.stdout, self.process.stderr

    def line(self) -> bytes:
        return self._stdout.readline()

    def report(self) -> bytes:
        return self._stderr.readline()

    def interrupt(self) -> bytes:
        """Stop it; what it had still written."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=30)[0]


@pytest.fixture
def follow() -> Iterator[Callable[..., Follower]]:
    started: list[Follower] = []

    def start(*paths: Path, **options: Any) -> Follower:
        started.append(Follower(*paths, **options))
        return started[-1]

    yield start
    for follower in started:
        with follower.process:
            follower.process.kill()


def test_a_follower_prints_a_growing_segment_and_goes_on_to_newer_ones(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    first = Segment(tmp_path / "20230306-022811")
    first.write(b"1\n2\n")
    follower = follow(tmp_path)
    assert [follower.line(), follower.line()] == [b"1\n", b"2\n"]
    first.write(b"3\nbeg")
    assert follower.line() == b"3\n"
    first.write(b"un\n")
    assert follower.line() == b"begun\n"
    second = Segment(tmp_path / "20230306-022812")
    second.write(b"5\n")
    first.write(b"4\n")
    first.finish()
    assert [follower.line(), follower.line()] == [b"4\n", b"5\n"]
    second.write(b"6\n")
    assert follower.line() == b"6\n"
    second.finish()
    assert follower.interrupt() == b""
    assert follower.process.returncode == 0


def test_a_follower_waits_in_an_empty_directory(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    follower = follow(tmp_path)
    time.sleep(0.5)
    segment = Segment(tmp_path / "20230306-022811")
    segment.write(b"1\n")
    assert follower.line() == b"1\n"
    segment.leave()
    assert follower.interrupt() == b""


def test_a_follower_reads_every_segment_of_a_directory_once(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    follower = follow(tmp_path)
    for name in ("2", "3", "1", "4"):
        segment = Segment(tmp_path / name)
        segment.write(name.encode() + b"\n")
        assert follower.line() == name.encode() + b"\n"
        segment.finish()
        time.sleep(0.3)
    assert follower.interrupt() == b""


def test_a_follower_names_a_broken_segment_and_goes_on(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    broken = tmp_path / "1"
    broken.write_bytes(zstandard.compress(b"one\n") + b"garbage!")
    follower = follow(tmp_path)
    assert follower.line() == b"one\n"
    assert b"corrupt at byte" in follower.report()
    segment = Segment(tmp_path / "2")
    segment.write(b"two\n")
    segment.finish()
    assert follower.line() == b"two\n"
    assert follower.interrupt() == b""
    assert follower.process.returncode == 1


def test_a_follower_gives_up_on_a_segment_that_was_deleted(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    leftover = Segment(tmp_path / "1")
    leftover.write(b"one\n")
    leftover.leave()
    follower = follow(tmp_path)
    assert follower.line() == b"one\n"
    newer = Segment(tmp_path / "2")
    newer.write(b"two\n")
    newer.leave()
    leftover.path.unlink()
    assert follower.line() == b"two\n"


def test_a_follower_of_a_file_ends_when_the_file_is_finished(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    segment = Segment(tmp_path / "1")
    segment.write(b"one\n")
    follower = follow(segment.path)
    assert follower.line() == b"one\n"
    segment.write(b"two\n")
    segment.finish()
    assert follower.process.communicate(timeout=30)[0] == b"two\n"
    assert follower.process.returncode == 0


def test_a_follower_of_two_directories_hears_both(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    directories = [tmp_path / "a", tmp_path / "b"]
    for directory in directories:
        directory.mkdir()
    segments = [Segment(directory / "1") for directory in directories]
    follower = follow(*directories)
    for text in (b"one\n", b"two\n"):
        for segment in reversed(segments):
            segment.write(text)
            assert follower.line() == text
    for segment in segments:
        segment.leave()


WRITE = """
import os, pathlib, sys, time, zstandard
directory = pathlib.Path(sys.argv[1])
number = 0
for segment in range(20):
    path = directory / f"20230306-0228{segment:02}"
    compressor = zstandard.ZstdCompressor().compressobj()
    with path.open("wb", buffering=0) as file:
        for _ in range(10):
            text = b"".join(b"%d\\n" % (number + i) for i in range(100))
            number += 100
            data = compressor.compress(text) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            file.write(data[: len(data) // 2])
            time.sleep(0.002)
            file.write(data[len(data) // 2 :])
        file.write(compressor.flush())
    path.chmod(0o444)
"""


def test_a_follower_misses_nothing_of_a_writer_that_rotates(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    follower = follow(tmp_path)
    with subprocess.Popen([sys.executable, "-c", WRITE, tmp_path]):
        assert [int(follower.line()) for _ in range(20_000)] == list(range(20_000))
    assert follower.interrupt() == b""
    assert follower.process.returncode == 0


def test_a_follower_does_not_print_a_renamed_segment_again(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    first = Segment(tmp_path / "1")
    first.write(b"one\n")
    follower = follow(tmp_path)
    assert follower.line() == b"one\n"
    first.path.rename(tmp_path / "renamed-early")
    first.path = tmp_path / "renamed-early"
    first.write(b"two\n")
    assert follower.line() == b"two\n"
    first.finish()
    second = Segment(tmp_path / "2")
    second.write(b"three\n")
    assert follower.line() == b"three\n"
    first.path.rename(tmp_path / "renamed-late")
    second.write(b"four\n")
    second.finish()
    last = Segment(tmp_path / "3")
    last.write(b"five\n")
    last.finish()
    assert [follower.line(), follower.line()] == [b"four\n", b"five\n"]
    assert follower.interrupt() == b""


def test_a_follower_hears_all_segments_of_a_directory_at_once(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    names = ("1_deliv", "1_recv", "2_other")
    segments = [Segment(tmp_path / name) for name in names]
    follower = follow(tmp_path)
    for text in (b"one\n", b"two\n"):
        for segment in reversed(segments):
            segment.write(segment.path.name.encode() + text)
            assert follower.line() == segment.path.name.encode() + text
    segments[0].finish()
    newer = Segment(tmp_path / "3_deliv")
    newer.write(b"new\n")
    assert follower.line() == b"new\n"
    segments[1].write(b"three\n")
    assert follower.line() == b"three\n"
    for segment in (*segments[1:], newer):
        segment.leave()


def test_a_follower_of_a_pattern_goes_on_to_what_matches_later(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    follower = follow(tmp_path / "*" / "*_recv")
    time.sleep(0.3)
    for directory in "ab":
        (tmp_path / directory).mkdir()
        for name in ("1_deliv", "1_recv"):
            segment = Segment(tmp_path / directory / name)
            segment.write(directory.encode() + name.encode() + b"\n")
            segment.finish()
        assert follower.line() == directory.encode() + b"1_recv\n"
    assert follower.interrupt() == b""


def test_a_follower_may_begin_with_the_last_records(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    live = Segment(tmp_path / "1_live")
    live.write(b"1\n2\n")
    for number in (2, 3):
        stored(tmp_path / str(number), b"a%d\nb%d\n" % (number, number))
    follower = follow(tmp_path, tail=3)
    assert [follower.line() for _ in range(3)] == [b"b2\n", b"a3\n", b"b3\n"]
    live.write(b"3\n")
    assert follower.line() == b"3\n"
    live.finish()
    assert follower.interrupt() == b""


def test_a_follower_merges_what_is_there_at_a_time(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    segments = [Segment(tmp_path / name) for name in "12"]
    segments[0].write(stamped(1, 5))
    segments[1].write(stamped(2, 3))
    follower = follow(tmp_path, merge=True)
    expected = [stamped(number) for number in (1, 2, 3, 5)]
    assert [follower.line() for _ in expected] == expected
    segments[1].write(stamped(4))
    assert follower.line() == stamped(4)
    for segment in segments:
        segment.finish()
    assert follower.interrupt() == b""


def test_a_follower_keeps_few_files_open_however_many_were_left_unfinished(
    tmp_path: Path, follow: Callable[..., Follower]
) -> None:
    leftovers = []
    for number in range(80):
        leftover = Segment(tmp_path / f"{number:03}")
        leftover.write(b"%d\nbegun" % number)
        os.utime(leftover.path, (DAY, DAY))
        leftovers.append(leftover)
    follower = follow(tmp_path)
    assert [int(follower.line()) for _ in leftovers] == list(range(80))
    time.sleep(0.5)
    assert len(os.listdir(f"/proc/{follower.process.pid}/fd")) < 50
    for number in (79, 0, 40):
        leftovers[number].write(b" and ended\n")
        assert follower.line() == b"begun and ended\n"
    for leftover in leftovers:
        leftover.finish()
    # The others end with the line that they had begun.
    assert [follower.line() for _ in range(77)] == [b"begun\n"] * 77
    assert follower.interrupt() == b""
    assert follower.process.returncode == 0


@pytest.mark.parametrize("is_told", [True, False])
def test_what_comes_is_followed_whether_the_system_tells_of_it_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_told: bool
) -> None:
    if not is_told:

        def used_up() -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr("kumolog.sources.notices.INotify", used_up)
    stored(tmp_path / "1", b"one\n")
    rounds = iter("2345")

    def is_wanted() -> bool:
        name = next(rounds, None)
        if name is not None:
            stored(tmp_path / name, name.encode() + b"\n")
        return name is not None

    assert Result(tmp_path, follow=True, is_wanted=is_wanted).output == b"one\n2\n3\n4\n5\n"
