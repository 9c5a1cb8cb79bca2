from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import zstandard

from kumolog.segments.names import Target
from kumolog.segments.rotation import WriterOptions
from kumolog.segments.segment import Sync
from kumolog.segments.writer import Writer


def readable(directory: Path) -> set[bytes]:
    """The whole lines that can be read now."""
    found: set[bytes] = set()
    for path in directory.rglob("2*"):
        decoder = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
        found |= set(decoder.decompress(path.read_bytes()).split(b"\n")[:-1])
    return found


def wait_for(writer: Writer, batches: int) -> None:
    deadline = time.monotonic() + 60
    while writer.flushed < batches:
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("sync", ["never", "close", "flush"])
@pytest.mark.parametrize("max_size", [300, 1_000_000])
def test_what_is_called_flushed_can_be_read(tmp_path: Path, sync: Sync, max_size: int) -> None:
    luck = random.Random(max_size)
    options = WriterOptions(max_file_size=max_size, flush_interval=0.02, sync=sync)
    writer = Writer(options, report=pytest.fail)
    writer.start()
    targets = [Target(tmp_path, suffix) for suffix in (None, "_a", "_b")]
    batches: list[list[bytes]] = []
    for number in range(60):
        lines = [b"%d-%d" % (number, n) for n in range(luck.randrange(1, 30))]
        if luck.random() < 0.1:
            lines.append(b"%d-" % number + luck.randbytes(600_000).hex().encode())  # seals
        writer.put(luck.choice(targets), lines)
        batches.append(lines)
        assert writer.batches_put == number + 1
        flushed = writer.flushed
        assert readable(tmp_path).issuperset(line for batch in batches[:flushed] for line in batch)
    wait_for(writer, len(batches))
    assert readable(tmp_path) == {line for batch in batches for line in batch}
    writer.close()
    assert writer.flushed == len(batches)


def test_a_segment_that_waits_holds_back_only_what_came_after_it_did(tmp_path: Path) -> None:
    writer = Writer(WriterOptions(flush_interval=3600.0, max_file_size=100), report=pytest.fail)
    writer.start()
    assert (writer.batches_put, writer.flushed) == (0, 0)
    writer.put(Target(tmp_path, "_a"), [])
    assert writer.batches_put == 0
    for _ in range(3):
        writer.put(Target(tmp_path, "_a"), [b"x" * 200])
    wait_for(writer, 3)
    writer.put(Target(tmp_path, "_b"), [b"waits"])
    for _ in range(3):
        writer.put(Target(tmp_path, "_a"), [b"x" * 200])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*_a"))) < 6 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert (writer.batches_put, writer.flushed) == (7, 3)
    writer.put(Target(tmp_path, "_b"), [b"x" * 200])
    wait_for(writer, 8)
    writer.close()


def test_what_failed_is_never_called_flushed(tmp_path: Path) -> None:
    said: list[str] = []
    writer = Writer(WriterOptions(flush_interval=0.0), report=said.append, grace=0.0)
    writer.start()
    writer.put(Target(tmp_path), [b"1"])
    wait_for(writer, 1)
    (tmp_path / "file").touch()
    writer.hurry()
    writer.put(Target(tmp_path / "file" / "x"), [b"2"])
    writer.put(Target(tmp_path), [b"3"])
    totals = writer.close()
    assert [line for _, line in totals.unwritten] == [b"2"]
    assert writer.flushed == 1
