from __future__ import annotations

import errno
import fcntl
import os
import random
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.clock import Clock
from kumolog.errors import SegmentError
from kumolog.segments.names import Target
from kumolog.segments.rotation import WriterOptions
from kumolog.segments.segment import CHUNK, Totals
from kumolog.segments.writer import Writer

Read = Callable[[Path], bytes]
NOON = 1_678_069_691.5
NEVER = 3600.0


def quiet(text: str) -> None:
    raise AssertionError(f"nothing to report was expected: {text}")


class Reports(list[str]):
    """Diagnostics, with a way to wait for the next one."""

    def __init__(self) -> None:
        self._heard = threading.Semaphore(0)
        self._next = 0

    def __call__(self, text: str) -> None:
        self.append(text)
        self._heard.release()

    def wait(self) -> str:
        assert self._heard.acquire(timeout=20)
        self._next += 1
        return self[self._next - 1]


def make(report: Callable[[str], None] = quiet, grace: float = 5.0, **options: Any) -> Writer:
    options = {"flush_interval": NEVER, **options}
    writer = Writer(WriterOptions(**options), report=report, clock=Clock(lambda: NOON), grace=grace)
    writer.start()
    return writer


def write(target: Target, batches: list[list[bytes]], **options: Any) -> Totals:
    writer = make(**options)
    for batch in batches:
        writer.put(target, batch)
    return writer.close()


def segments(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if not path.name.startswith("."))


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def visible(path: Path) -> bytes:
    """What a reader gets out of a segment that is being written."""
    data, out = path.read_bytes(), b""
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        out += frame.decompress(data)
        data = frame.unused_data
    return out


def noise(count: int, length: int = 200) -> list[bytes]:
    """Records that do not compress."""
    source = random.Random(count)
    return [source.randbytes(length) for _ in range(count)]


def ended(records: list[bytes]) -> bytes:
    """What the records are in a segment: each with a newline of its own."""
    return b"".join(record + b"\n" for record in records)


def test_records_come_back_in_order_from_a_read_only_segment(tmp_path: Path, read: Read) -> None:
    totals = write(Target(tmp_path, "_recv"), [[b"one", b"two"], [], [b"three\nfour"]])
    (path,) = segments(tmp_path)
    assert path.name == "20230306-022811_recv"
    assert read(path) == b"one\ntwo\nthree\nfour\n"
    assert not path.stat().st_mode & 0o222
    size = path.stat().st_size
    assert totals == Totals(written=3, segments=1, bytes=19, compressed_bytes=size)


def test_every_record_gets_exactly_one_newline_however_it_is_written(
    tmp_path: Path, read: Read
) -> None:
    records = [b"plain", b"", b"in\nside", b"ended\n", b"\n", b""]
    burst = [*records, b"x" * CHUNK, *records]
    writer = make(flush_interval=0.01)
    put: list[bytes] = []
    for batch in (records, records, burst, burst, records):  # frames left open and frames ended
        writer.put(Target(tmp_path), batch)
        put += batch
        expected = ended(put)
        until(lambda e=expected: segments(tmp_path) and visible(segments(tmp_path)[0]) == e)
    totals = writer.close()
    inside = sum(record.count(b"\n") for record in put)
    assert read(segments(tmp_path)[0]) == ended(put)
    assert ended(put).count(b"\n") == inside + len(put)
    assert (totals.written, totals.bytes) == (len(put), len(ended(put)))


def test_an_empty_record_is_an_empty_line(tmp_path: Path, read: Read) -> None:
    totals = write(Target(tmp_path), [[b""], [b"", b""]], max_file_size=2)
    assert [read(path) for path in segments(tmp_path)] == [b"\n\n", b"\n"]
    assert (totals.written, totals.bytes) == (3, 3)


def test_without_records_there_is_no_file_and_no_directory(tmp_path: Path) -> None:
    assert write(Target(tmp_path / "out", "", b"header\n"), [[]]) == Totals()
    assert not (tmp_path / "out").exists()


def test_only_the_write_bits_are_cleared(tmp_path: Path) -> None:
    previous = os.umask(0o007)
    try:
        write(Target(tmp_path), [[b"x"]])
    finally:
        os.umask(previous)
    assert stat.S_IMODE(segments(tmp_path)[0].stat().st_mode) == 0o440


def test_every_frame_has_a_checksum(tmp_path: Path) -> None:
    writer = make(flush_interval=0.01)
    writer.put(Target(tmp_path), [b"trickle"])
    until(lambda: segments(tmp_path) and visible(segments(tmp_path)[0]))
    writer.put(Target(tmp_path), [b"x" * CHUNK])
    writer.close()
    data, frames = segments(tmp_path)[0].read_bytes(), 0
    while data:
        assert zstandard.get_frame_parameters(data).has_checksum
        frame = zstandard.ZstdDecompressor().decompressobj()
        frame.decompress(data)
        data, frames = frame.unused_data, frames + 1
    assert frames == 2


@pytest.mark.parametrize("level", [0, 1, 9, 21])
def test_every_level_gives_a_segment_that_zstd_accepts(
    tmp_path: Path, read: Read, level: int
) -> None:
    writer = make(compression_level=level, flush_interval=0.01)
    writer.put(Target(tmp_path), [b"trickle"])
    until(lambda: segments(tmp_path) and visible(segments(tmp_path)[0]))
    writer.put(Target(tmp_path), [b"y" * CHUNK])
    writer.close()
    assert read(segments(tmp_path)[0]) == b"trickle\n" + b"y" * CHUNK + b"\n"


def test_the_header_of_the_record_that_opens_the_segment_is_written_once(
    tmp_path: Path, read: Read
) -> None:
    writer = make(max_file_size=4)
    a, b = Target(tmp_path, "_x", b"A no newline "), Target(tmp_path, "_x", b"B:")
    writer.put(a, [b"1"])
    writer.put(b, [b"2", b"3"])
    totals = writer.close()
    assert [read(p) for p in segments(tmp_path)] == [b"A no newline 1\n2\n", b"B:3\n"]
    assert totals.bytes == 6


def test_a_segment_is_closed_when_its_size_equals_the_limit(tmp_path: Path, read: Read) -> None:
    write(Target(tmp_path), [[b"12345", b"12345", b"x"]], max_file_size=12)
    assert [read(p) for p in segments(tmp_path)] == [b"12345\n12345\n", b"x\n"]


@pytest.mark.parametrize("options", [{"max_file_size": 0}, {"max_segment_duration": 0.0}])
def test_a_limit_of_zero_gives_every_record_its_own_segment(
    tmp_path: Path, read: Read, options: dict[str, Any]
) -> None:
    lines = [b"%d" % n for n in range(300)]
    totals = write(Target(tmp_path, "_z"), [lines[:250], lines[250:]], **options)
    assert totals.segments == 300
    assert [visible(path) for path in segments(tmp_path)] == [line + b"\n" for line in lines]
    assert read(segments(tmp_path)[-1]) == b"299\n"


@settings(deadline=None, max_examples=60)
@given(
    lines=st.lists(st.binary(max_size=30), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    limit=st.integers(0, 400),
    flush_interval=st.sampled_from([0.0, NEVER]),
)
def test_segments_in_name_order_are_the_input_and_each_obeys_the_limit(
    lines: list[bytes], cuts: list[int], limit: int, flush_interval: float
) -> None:
    edges = [0, *sorted(cuts), len(lines)]
    batches = [lines[a:b] for a, b in pairwise(edges)]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        target = Target(directory, "_p", b"HEAD")
        totals = write(target, batches, max_file_size=limit, flush_interval=flush_interval)
        contents = [visible(path).removeprefix(b"HEAD") for path in segments(directory)]
    given_lines = [line for batch in batches for line in batch]
    assert b"".join(contents) == ended(given_lines)
    assert (totals.written, totals.segments) == (len(given_lines), len(contents))
    assert totals.bytes == len(ended(given_lines))
    rest = iter(given_lines)
    for number, content in enumerate(contents):
        size = 0
        while size < limit or not size:
            line = next(rest, None)
            if line is None:
                break
            size += len(line) + 1
        assert len(content) == size, f"segment {number} holds other records than its limit says"


def test_kinds_that_share_directory_and_suffix_share_a_segment_others_do_not(
    tmp_path: Path, read: Read
) -> None:
    writer = make()
    writer.put(Target(tmp_path / "a", "_x"), [b"1"])
    writer.put(Target(tmp_path / "a", "_y"), [b"2"])
    writer.put(Target(tmp_path / "b", "_x"), [b"3"])
    writer.put(Target(tmp_path / "a" / ".." / "a", "_y"), [b"other spelling"])
    writer.put(Target(tmp_path / "a", "_x"), [b"4"])
    assert writer.close().segments == 4
    assert [read(p) for p in segments(tmp_path / "a")] == [b"1\n4\n", b"2\n", b"other spelling\n"]
    assert [read(p) for p in segments(tmp_path / "b")] == [b"3\n"]


def test_an_idle_segment_is_finished_when_its_time_is_over(tmp_path: Path, read: Read) -> None:
    writer = make(max_segment_duration=0.05)
    writer.put(Target(tmp_path), [b"one"])
    until(lambda: segments(tmp_path) and not segments(tmp_path)[0].stat().st_mode & 0o222)
    assert read(segments(tmp_path)[0]) == b"one\n"
    writer.put(Target(tmp_path), [b"two"])
    assert writer.close().segments == 2


def test_a_record_after_the_time_is_over_goes_into_a_new_segment(
    tmp_path: Path, read: Read
) -> None:
    now = 100.0
    writer = Writer(
        WriterOptions(max_segment_duration=60.0, flush_interval=0, back_pressure=0),
        report=quiet,
        clock=Clock(lambda: NOON, lambda: now),
    )
    writer.start()
    writer.put(Target(tmp_path), [b"one"])
    until(lambda: segments(tmp_path) and visible(segments(tmp_path)[0]))
    now = 159.0
    writer.put(Target(tmp_path), [b"two"])
    until(lambda: visible(segments(tmp_path)[0]) == b"one\ntwo\n")
    now = 160.0
    writer.put(Target(tmp_path), [b"three"])
    writer.close()
    assert [read(p) for p in segments(tmp_path)] == [b"one\ntwo\n", b"three\n"]


def test_quiet_records_become_visible_while_the_segment_is_open(tmp_path: Path, read: Read) -> None:
    writer = make(flush_interval=0.02)
    for number in range(1, 6):
        writer.put(Target(tmp_path), [b"%d" % number])
        until(
            lambda n=number: segments(tmp_path) and visible(segments(tmp_path)[0]).count(b"\n") == n
        )
    assert segments(tmp_path)[0].stat().st_mode & 0o222
    writer.close()
    assert read(segments(tmp_path)[0]) == b"1\n2\n3\n4\n5\n"


def test_bursts_and_trickles_mix_in_one_segment(tmp_path: Path, read: Read) -> None:
    writer = make(flush_interval=0.01)
    expected = b""
    for number in range(4):
        for batch in ([b"quiet %d" % number], noise(3000, 400 + number)):
            writer.put(Target(tmp_path), batch)
            expected += ended(batch)
            size = len(expected)
            until(lambda n=size: segments(tmp_path) and len(visible(segments(tmp_path)[0])) == n)
    writer.close()
    assert read(segments(tmp_path)[0]) == expected


def test_an_open_segment_is_locked_and_a_finished_one_is_not(tmp_path: Path) -> None:
    writer = make(flush_interval=0.01)
    writer.put(Target(tmp_path), [b"x"])
    until(lambda: segments(tmp_path))
    with open(segments(tmp_path)[0], "rb") as other:
        until(lambda: visible(segments(tmp_path)[0]))
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        writer.close()
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("sync", ["never", "close", "flush"])
def test_every_sync_policy_writes_the_same(tmp_path: Path, read: Read, sync: str) -> None:
    lines = noise(12_000, 100)
    batches = [lines[n : n + 1000] for n in range(0, len(lines), 1000)]
    totals = write(Target(tmp_path / "new"), batches, sync=sync, flush_interval=0.01)
    assert totals.written == len(lines)
    assert b"".join(read(p) for p in segments(tmp_path / "new")) == ended(lines)


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every sync from now on: which, and of what."""
    calls: list[tuple[str, str]] = []

    def noting(name: str) -> Callable[[int], None]:
        real = getattr(os, name)

        def sync(descriptor: int) -> None:
            calls.append((name, os.readlink(f"/proc/self/fd/{descriptor}")))
            real(descriptor)

        return sync

    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, noting(name))
    return calls


def test_flush_syncs_data_and_what_leads_to_it_and_close_syncs_files(
    tmp_path: Path, syncs: list[tuple[str, str]]
) -> None:
    target = Target(tmp_path / "new" / "out", "/sub/x")
    writer = make(sync="flush", flush_interval=0.5, max_file_size=4)
    writer.put(target, [b"1"])
    until(lambda: "fdatasync" in dict(syncs))
    first = target.directory / "20230306-022811" / "sub" / "x"
    above = [first.parent, *first.parent.parents]
    assert syncs == [*(("fsync", str(place)) for place in above), ("fdatasync", str(first))]
    syncs.clear()
    writer.put(target, [b"2", b"3"])
    writer.close()
    second = target.directory / "20230306-022812" / "sub" / "x"
    new = [second.parent, second.parent.parent, target.directory]
    assert syncs == [("fsync", str(path)) for path in (first, *new, second)]


def test_without_sync_nothing_waits_for_the_disk(
    tmp_path: Path, syncs: list[tuple[str, str]]
) -> None:
    write(Target(tmp_path), [[b"x"]])
    assert syncs == []


def test_a_directory_that_is_made_anew_is_made_durable_again(
    tmp_path: Path, syncs: list[tuple[str, str]]
) -> None:
    writer = make(sync="close", max_file_size=0)
    target = Target(tmp_path / "out")
    for _ in range(2):
        writer.put(target, [b"x"])
        until(lambda: [p for p in tmp_path.glob("out/2*") if not p.stat().st_mode & 0o222])
        assert ("fsync", str(tmp_path)) in syncs
        shutil.rmtree(target.directory)
        syncs.clear()
    writer.close()


def test_after_a_sync_that_failed_the_data_is_written_again(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int, int]] = []
    sync, write_at = os.fdatasync, os.pwrite

    def failing(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        calls.append(("fdatasync", 0, size))
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        sync(descriptor)

    def noted(descriptor: int, data: bytes, offset: int) -> int:
        calls.append(("pwrite", offset, offset + len(data)))
        return write_at(descriptor, data, offset)

    monkeypatch.setattr(os, "fdatasync", failing)
    monkeypatch.setattr(os, "pwrite", noted)
    reports = Reports()
    writer = make(reports, sync="flush", flush_interval=0.01)
    writer.put(Target(tmp_path), [b"first"])
    until(lambda: len(calls) == 1)
    lines = noise(30_000, 60)  # several writes
    writer.put(Target(tmp_path), lines)
    path = segments(tmp_path)[0]
    assert reports.wait() == (
        f"syncing {path}: Input/output error; intake pauses until that is mended"
    )
    assert reports.wait() == f"syncing {path}: works again; intake goes on"
    writer.close()
    kinds = [kind for kind, _, _ in calls]
    assert kinds[:3] == ["fdatasync", "fdatasync", "pwrite"]
    safe, size = calls[0][2], calls[1][2]
    rewritten = [(start, end) for kind, start, end in calls if kind == "pwrite"]
    assert {start for start, _ in rewritten} >= {safe}
    assert max(end for _, end in rewritten) == size
    assert read(path) == ended([b"first", *lines])


def test_two_writers_on_one_directory_keep_apart(tmp_path: Path) -> None:
    one, two = make(max_file_size=0), make(max_file_size=0)
    for number in range(100):
        one.put(Target(tmp_path), [b"one %d" % number])
        two.put(Target(tmp_path), [b"two %d" % number])
    one.close()
    two.close()
    contents = [visible(path) for path in segments(tmp_path)]
    assert [c for c in contents if c[:3] == b"one"] == [b"one %d\n" % n for n in range(100)]
    assert [c for c in contents if c[:3] == b"two"] == [b"two %d\n" % n for n in range(100)]


def test_a_closed_writer_refuses_records_and_closes_again(tmp_path: Path) -> None:
    writer = make()
    totals = writer.close()
    with pytest.raises(SegmentError, match="closed"):
        writer.put(Target(tmp_path), [b"x"])
    assert writer.close() == totals


def test_a_writer_that_was_never_started_still_writes_what_it_holds(
    tmp_path: Path, read: Read
) -> None:
    writer = Writer(WriterOptions(), report=quiet)
    writer.put(Target(tmp_path), [b"x"])
    assert writer.close().written == 1
    assert read(segments(tmp_path)[0]) == b"x\n"


def put_on_and_on(writer: Writer, target: Target) -> None:
    for _ in range(2000):
        writer.put(target, [b"x"])
        time.sleep(0.005)


def test_a_fault_in_the_thread_is_raised_by_put_and_close(tmp_path: Path) -> None:
    writer = make(flush_interval=0)
    writer.put(Target(tmp_path, header="text"), [b"1"])  # type: ignore[arg-type]  # the fault
    with pytest.raises(SegmentError, match="writer"):
        put_on_and_on(writer, Target(tmp_path))
    with pytest.raises(SegmentError, match="TypeError"):
        writer.close()


# A full queue.


@contextmanager
def stalled(directory: Path, **options: Any) -> Iterator[tuple[Writer, Target]]:
    """A writer that cannot write until the block ends: a file is where its directory should be."""
    obstacle = directory / "out"
    obstacle.write_bytes(b"")
    reports = Reports()
    writer = make(reports, **options)
    target = Target(obstacle)
    writer.put(target, [b"first"])
    assert reports.wait() == (
        f"creating a segment in {obstacle}: Not a directory; intake pauses until that is mended"
    )
    yield writer, target
    obstacle.unlink()
    assert reports.wait() == f"creating a segment in {obstacle}: works again; intake goes on"
    assert len(reports) == 2


def put_aside(writer: Writer, target: Target, lines: list[bytes]) -> threading.Thread:
    thread = threading.Thread(target=writer.put, args=(target, lines))
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("fitting", "waiting", "options"),
    [
        ([b"x"] * 10, [b"y"], {"back_pressure": 10}),
        ([b"x"] * 7, [b"y"] * 4, {"back_pressure": 10}),
        ([b"x"] * 11, [b"y"], {"back_pressure": 10}),  # too large, let into an empty queue
        ([b"x" * (8 << 20)], [b"y"], {}),
    ],
)
def test_put_waits_while_the_queue_is_full(
    tmp_path: Path,
    read: Read,
    fitting: list[bytes],
    waiting: list[bytes],
    options: dict[str, Any],
) -> None:
    with stalled(tmp_path, **options) as (writer, target):
        writer.put(target, fitting)
        thread = put_aside(writer, target, waiting)
        thread.join(0.1)
        assert thread.is_alive()
    thread.join(20)
    totals = writer.close()
    assert totals.unwritten == []
    assert read(segments(tmp_path / "out")[0]) == ended([b"first", *fitting, *waiting])


def test_without_back_pressure_records_put_returns_when_the_writer_has_taken_them(
    tmp_path: Path, read: Read
) -> None:
    with stalled(tmp_path, back_pressure=0) as (writer, target):
        thread = put_aside(writer, target, [b"second"])
        thread.join(0.1)
        assert thread.is_alive()
    thread.join(20)
    writer.close()
    assert read(segments(tmp_path / "out")[0]) == b"first\nsecond\n"


def test_hurry_lets_a_waiting_put_through(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    reports = Reports()
    writer = make(reports, back_pressure=1, grace=0.3)
    target = Target(tmp_path / "out")
    writer.put(target, [b"1"])
    reports.wait()
    writer.put(target, [b"2"])
    thread = put_aside(writer, target, [b"3"])
    writer.hurry()
    thread.join(20)
    assert not thread.is_alive()
    totals = writer.close()
    assert totals.unwritten == [(target, b"%d" % n) for n in (1, 2, 3)]
    assert totals.reason == f"creating a segment in {target.directory}: Not a directory"


# Failing disks.


def test_a_full_disk_pauses_intake_and_nothing_is_lost_or_written_twice(
    small_disk: Path, fill: Callable[[Path], Path], read: Read
) -> None:
    reports = Reports()
    writer = make(reports, flush_interval=0.01, back_pressure=100)
    target = Target(small_disk, "_recv")
    expected = noise(200)
    writer.put(target, expected)
    until(lambda: segments(small_disk) and visible(segments(small_disk)[0]))
    filler = fill(small_disk)
    more = noise(400)
    threads = [put_aside(writer, target, more)]
    path = segments(small_disk)[0]
    assert reports.wait() == (
        f"writing to {path}: No space left on device; intake pauses until there is room"
    )
    filler.unlink()
    assert reports.wait() == f"writing to {path}: works again; intake goes on"
    threads[0].join(20)
    totals = writer.close()
    assert len(reports) == 2
    assert (totals.written, totals.unwritten) == (600, [])
    assert read(path) == ended(expected + more)


def test_room_that_comes_back_in_pieces_is_used(
    small_disk: Path, fill: Callable[[Path], Path], read: Read
) -> None:
    reports = Reports()
    filler = fill(small_disk)
    writer = make(reports, flush_interval=0.01)
    lines = noise(500)
    writer.put(Target(small_disk), lines)
    reports.wait()
    size = filler.stat().st_size
    for left in (size - 20_000, size - 70_000, 0):
        os.truncate(filler, left)
        time.sleep(0.15)
    assert "works again" in reports.wait()
    writer.close()
    assert read(segments(small_disk)[0]) == ended(lines)


@pytest.mark.parametrize("interval", [0.01, NEVER])
def test_what_a_full_disk_does_not_take_at_the_end_is_given_back_exactly(
    small_disk: Path, fill: Callable[[Path], Path], read: Read, interval: float
) -> None:
    reports = Reports()
    writer = make(reports, grace=0.3, flush_interval=interval, max_file_size=100_000)
    target, elsewhere = Target(small_disk), Target(small_disk.parent / "healthy")
    first = noise(700)  # more than one segment
    writer.put(target, first)
    until(lambda: segments(small_disk) and not segments(small_disk)[0].stat().st_mode & 0o222)
    filler = fill(small_disk)
    writer.put(elsewhere, [b"fine"])
    second = noise(300)
    writer.put(target, second)
    writer.put(elsewhere, [b"fine too"])
    totals = writer.close()
    filler.unlink()
    assert totals.reason is not None
    assert totals.reason.endswith("No space left on device")
    assert {kept for kept, _ in totals.unwritten} == {target}
    inside = b"".join(visible(path) for path in segments(small_disk))
    assert inside + ended([line for _, line in totals.unwritten]) == ended(first + second)
    assert totals.written + len(totals.unwritten) == len(first + second) + 2
    assert read(segments(elsewhere.directory)[0]) == b"fine\nfine too\n"
    for path in segments(small_disk):
        if not path.stat().st_mode & 0o222:
            read(path)


def test_a_segment_that_got_nothing_is_removed_when_given_up(
    small_disk: Path, fill: Callable[[Path], Path]
) -> None:
    reports = Reports()
    fill(small_disk)
    writer = make(reports, grace=0.1)
    writer.put(Target(small_disk), [b"x"])
    totals = writer.close()
    assert totals.unwritten == [(Target(small_disk), b"x")]
    assert (totals.written, totals.segments) == (0, 0)
    assert segments(small_disk) == []


def test_a_segment_whose_directory_was_removed_goes_on_whole_in_a_new_one(
    tmp_path: Path, read: Read
) -> None:
    reports = Reports()
    writer = make(reports, flush_interval=0.01)
    target = Target(tmp_path / "out", "_x")
    writer.put(target, [b"before"])
    until(lambda: target.directory.exists() and visible(segments(target.directory)[0]))
    old = segments(target.directory)[0]
    shutil.rmtree(target.directory.rename(tmp_path / "away"))
    writer.put(target, [b"after"])
    text = reports.wait()
    new = segments(target.directory)[0]
    assert text == f"{old} was deleted while open; its records go on in {new}"
    totals = writer.close()
    assert read(new) == b"before\nafter\n"
    assert (totals.written, totals.segments) == (2, 1)


def test_a_segment_that_was_moved_away_is_finished_where_it_is(tmp_path: Path, read: Read) -> None:
    writer = make(flush_interval=0.01)
    writer.put(Target(tmp_path / "out"), [b"1"])
    until(lambda: (tmp_path / "out").exists() and visible(segments(tmp_path / "out")[0]))
    (tmp_path / "out").rename(tmp_path / "moved")
    writer.put(Target(tmp_path / "out"), [b"2"])
    writer.close()
    assert read(segments(tmp_path / "moved")[0]) == b"1\n2\n"


def test_a_deleted_segment_waits_for_room_to_go_on(
    small_disk: Path, fill: Callable[[Path], Path], read: Read
) -> None:
    reports = Reports()
    writer = make(reports, flush_interval=0.01)
    lines = noise(200)
    writer.put(Target(small_disk), lines)
    until(lambda: segments(small_disk) and visible(segments(small_disk)[0]))
    with open(segments(small_disk)[0], "rb"):
        segments(small_disk)[0].unlink()
        filler = fill(small_disk)
        writer.put(Target(small_disk), [b"last"])
        assert "intake pauses until there is room" in reports.wait()
        filler.unlink()
        assert "records go on in" in reports.wait()
        assert "works again" in reports.wait()
    assert writer.close().written == 201
    assert read(segments(small_disk)[0]) == ended([*lines, b"last"])


def test_a_segment_that_cannot_be_made_read_only_is_reported_and_nothing_stops(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    reports = Reports()
    totals = write(Target(tmp_path), [[b"1", b"2"]], report=reports, max_file_size=0)
    assert totals.segments == 2
    assert reports == [
        f"marking {path} read-only: Operation not permitted" for path in segments(tmp_path)
    ]
    assert [read(path) for path in segments(tmp_path)] == [b"1\n", b"2\n"]
