from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import zstandard
from segmentfiles import Segment, finished, lines
from support import needs_zstd

import kumolog.segments
from kumolog.errors import SegmentError
from kumolog.host import Host
from kumolog.record import Record
from kumolog.segments import follow, read
from kumolog.segments.recovery import finish_earlier_segments

TEXT = b"".join(b'{"type":"Delivery","n":%d}\n' % number for number in range(3000))


def test_a_segment_or_a_directory_of_them_is_read_as_asked_for(tmp_path: Path) -> None:
    finished(tmp_path / "1", {"n": 1}, {"n": 2})
    finished(tmp_path / "2_x", {"n": 3})
    assert list(read(tmp_path / "1")) == [{"n": 1}, {"n": 2}]
    assert list(read(str(tmp_path))) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert list(read(tmp_path, pattern="*_x")) == [{"n": 3}]
    records = read(tmp_path)
    assert next(records) == {"n": 1}
    (tmp_path / "2_x").unlink()
    with pytest.raises(SegmentError, match="2_x: No such file"):
        list(records)


def test_records_can_have_their_type(tmp_path: Path) -> None:
    policy = tmp_path / "init.lua"
    policy.write_text("kumo.on('init', function() kumo.configure_local_logs { log_dir = 'a' } end)")
    with Host.open(policy, root=tmp_path / "out", rejects=tmp_path / "rejects") as host:
        host.log({"type": "Bounce", "recipient": "ada@inbox.example"})
    (record,) = read(tmp_path / "out" / "a", typed=True)
    assert isinstance(record, Record)
    assert (record.type, record.recipient) == ("Bounce", "ada@inbox.example")
    for batch in follow(tmp_path / "out" / "a", typed=True):
        assert batch.records == [record]
        break


def test_what_comes_before_a_fault_is_read(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(zstandard.compress(b"1\n") + b"garbage!")
    (tmp_path / "2").write_bytes(b"2\nno\n3\n")
    for name, expected, error in (("1", 1, "corrupt at byte"), ("2", 2, "line 2 is no record")):
        records = read(tmp_path / name)
        assert next(records) == expected
        with pytest.raises(SegmentError, match=error):
            next(records)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_an_error_or_left(tmp_path: Path, caplog: Any) -> None:
    finished(tmp_path / "1", 1).chmod(0)
    finished(tmp_path / "2", 2)
    with pytest.raises(SegmentError, match="1: Permission denied"):
        list(read(tmp_path))
    for batch in follow(tmp_path):
        assert batch.records == [2]
        break
    assert "1: Permission denied; it is ignored" in caplog.text


def test_a_torn_segment_gives_its_whole_lines_and_a_warning_once_it_is_complete(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segment = Segment(tmp_path / "1")
    segment.write(b"1\n2\n3")
    segment.leave()
    with caplog.at_level(logging.WARNING):
        assert list(read(segment.path)) == [1, 2]
        assert caplog.text == ""
        segment.path.chmod(0o444)
        assert list(read(segment.path)) == [1, 2]
    assert caplog.records[0].name == "kumolog.segments"
    assert "it ends inside a compressed frame" in caplog.text


def test_the_package_offers_what_it_says() -> None:
    assert [getattr(kumolog.segments, name).__module__ for name in kumolog.segments.__all__]
    with pytest.raises(AttributeError, match="has no attribute 'raed'"):
        kumolog.segments.raed  # type: ignore[attr-defined] # noqa: B018 - asking for it is the test


def states() -> dict[str, bytes]:
    """Segments as they can be found."""
    stream = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    flushed = stream.compress(TEXT) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    whole = flushed + stream.flush()
    frames = zstandard.compress(TEXT[:1000]) + zstandard.compress(TEXT[1000:])
    return {
        "whole": whole,
        "frames": frames,
        "empty": zstandard.compress(b""),
        "unfinished": flushed,
        "torn": flushed[: len(flushed) // 2],
        "torn-frame": frames[:-7],
        "skippable": b"\x50\x2a\x4d\x18\x03\0\0\0abc" + whole,
        "damaged": whole[: len(whole) // 2] + b"\xff" * 20 + whole[len(whole) // 2 + 20 :],
        "trailing": whole + b"garbage",
    }


@needs_zstd
@pytest.mark.parametrize("state", list(states()))
@pytest.mark.parametrize("repaired", [False, True], ids=["as it is", "repaired"])
def test_what_the_zstd_program_reads_is_read(tmp_path: Path, state: str, repaired: bool) -> None:
    path = tmp_path / "20230306-022811"
    path.write_bytes(states()[state])
    if repaired:
        finish_earlier_segments(tmp_path, print)
        assert not path.stat().st_mode & 0o222
    done = subprocess.run(["zstd", "-dcq", path], capture_output=True)
    text, is_whole = done.stdout, done.returncode == 0
    taken: list[Any] = []
    try:
        taken += read(path)  # keeps what comes before the error
    except SegmentError:
        assert not repaired
        assert not is_whole
    ours = lines(taken).replace(b" ", b"")
    # A fault may first show at the end of its frame, in the checksum.
    assert state == "damaged" or TEXT.startswith(ours)
    assert ours == text if is_whole else ours.startswith(text[: text.rfind(b"\n") + 1])


def test_a_follower_ends_when_another_thread_closes_it(tmp_path: Path) -> None:
    follower = follow(tmp_path)
    threading.Timer(0.05, follower.close).start()
    with follower:
        assert list(follower) == []
    assert list(follower) == []


def test_a_follower_ends_with_the_error_of_its_filter(tmp_path: Path) -> None:
    finished(tmp_path / "1", {"n": 1})
    follower = follow(tmp_path, filter=lambda record: record["type"] == "Delivery")
    with pytest.raises(KeyError):
        next(follower)
    assert list(follower) == []


WRITE = """
import sys, time
from pathlib import Path
from kumolog.segments.names import Target
from kumolog.segments.rotation import WriterOptions
from kumolog.segments.writer import Writer

options = WriterOptions(max_segment_duration=0.1, flush_interval=0.02)
writers = [Writer(options, report=print) for _ in "ab"]
targets = [Target(Path(sys.argv[1]), suffix) for suffix in ("_recv", "_send", None)]
for writer in writers:
    writer.start()
for number in range(0, 900, 10):
    writer, target = writers[number // 10 % 2], targets[number // 10 % 3]
    writer.put(target, [b'{"n":%d}' % n for n in range(number, number + 10)])
    time.sleep(0.01)
for writer in writers:
    assert writer.close().written == 450
"""

# Is killed once it has committed so many batches.
READ = """
import os, signal, sys
from kumolog.segments import follow

batches = follow(sys.argv[1], checkpoint="killed", pattern="*_recv", batch_size=7, latency=0.05)
for number, batch in enumerate(batches):
    if number == 15:
        os.kill(os.getpid(), signal.SIGKILL)
    print(*(record["n"] for record in batch.records), flush=True)
    batch.commit()
"""


def collect(directory: Path, taken: list[int], expected: int, **options: Any) -> None:
    with follow(directory, latency=0.05, **options) as follower:
        for batch in follower:
            taken += [record["n"] for record in batch.records]
            batch.commit()
            if len(taken) >= expected:
                return


def test_readers_of_a_directory_that_rotates_fast_get_every_record_once(tmp_path: Path) -> None:
    """Of all suffixes at once in one run, and of one suffix over any number of runs."""
    everything: list[int] = []
    some: list[int] = []
    threads = [
        threading.Thread(target=collect, args=(tmp_path, everything, 900)),
        threading.Thread(target=collect, args=(tmp_path, some, 300), kwargs={"pattern": "*_recv"}),
    ]
    for thread in threads:
        thread.start()
    command = [sys.executable, "-c"]
    with subprocess.Popen([*command, WRITE, tmp_path]) as writer:
        killed = subprocess.run([*command, READ, tmp_path], stdout=subprocess.PIPE)
        assert writer.wait(30) == 0
    assert killed.returncode == -signal.SIGKILL
    for thread in threads:
        thread.join(30)
    received = [n for n in range(900) if n // 10 % 3 == 0]
    assert sorted(everything) == list(range(900))
    assert sorted(some) == received
    before = [int(n) for n in killed.stdout.split()]
    after: list[int] = []
    collect(tmp_path, after, 300 - len(before), pattern="*_recv", checkpoint="killed")
    assert sorted(before + after) == received
