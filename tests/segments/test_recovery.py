from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support import needs_zstd

from kumolog.segments.mending import Fate, Outcome
from kumolog.segments.recovery import (
    earlier_segments,
    finish_earlier_segments,
    repaired_file,
    repaired_segments,
)

Read = Callable[[Path], bytes]
NAME = "20230306-022811_recv"


def fates(directory: Path) -> list[Fate]:
    return [outcome.fate for outcome in earlier_segments(directory)]


def compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def flushed_file() -> tuple[bytes, list[tuple[int, bytes]]]:
    """A segment of several frames, and after each flush: its length and the lines in it by then."""
    source = random.Random(7)
    data, lines, points = b"", b"", [(0, b"")]
    for frame in range(4):
        batches = [
            b"".join(b'{"id":"%s","n":%d}\n' % (source.randbytes(6).hex().encode(), n) for n in r)
            for r in (range(3), range(1), range(40), range(1 if frame % 2 else 3000))
        ]
        stream = zstandard.ZstdCompressor(write_checksum=True).compressobj()
        for batch in batches:
            data += stream.compress(batch) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            lines += batch
            points.append((len(data), lines))
        data += stream.flush()
    return data, points


FILE, POINTS = flushed_file()


def finished(directory: Path, data: bytes) -> Path:
    """The segment after recovery of a file with that content."""
    path = directory / NAME
    path.write_bytes(data)
    list(earlier_segments(directory))
    assert not path.stat().st_mode & 0o222
    assert [p for p in os.listdir(directory) if "repair" in p] == []
    return path


@needs_zstd
@settings(deadline=None, max_examples=80)
@given(st.integers(0, len(FILE)) | st.sampled_from([n + d for n, _ in POINTS for d in range(9)]))
def test_a_file_cut_anywhere_keeps_all_that_was_flushed_in_whole_lines(cut: int) -> None:
    cut = min(cut, len(FILE))
    with tempfile.TemporaryDirectory() as name:
        path = finished(Path(name), FILE[:cut])
        subprocess.run(["zstd", "-tq", path], check=True)
        text = zstandard.ZstdDecompressor().stream_reader(
            path.read_bytes(), read_across_frames=True
        )
        kept = text.read()
    everything = POINTS[-1][1]
    assert everything.startswith(kept)
    assert kept == b"" or kept.endswith(b"\n")
    assert len(kept) >= max(len(lines) for at, lines in POINTS if at <= cut)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(POINTS), st.binary(min_size=1, max_size=50) | st.just(bytes(5000)))
def test_what_was_flushed_survives_any_garbage_after_it(
    point: tuple[int, bytes], garbage: bytes
) -> None:
    at, lines = point
    if not at:
        return
    with tempfile.TemporaryDirectory() as name:
        path = finished(Path(name), FILE[:at] + garbage)
        reader = zstandard.ZstdDecompressor().stream_reader(
            path.read_bytes(), read_across_frames=True
        )
        assert reader.read().startswith(lines)


def test_a_complete_segment_is_only_marked(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(FILE)
    path.chmod(0o664)
    assert fates(tmp_path) == [Fate.MARKED]
    assert path.read_bytes() == FILE
    assert path.stat().st_mode & 0o7777 == 0o444


def test_a_repaired_segment_keeps_mode_and_time_and_says_so(tmp_path: Path, read: Read) -> None:
    path = tmp_path / NAME
    path.write_bytes(compress(b"one\ntwo\n") + compress(b"three\n" * 9)[:-4])
    path.chmod(0o660)
    os.utime(path, ns=(1, 1_678_069_691_123_456_789))
    reports: list[tuple[str, str]] = []
    finish_earlier_segments(tmp_path, lambda *report: reports.append(report))
    assert read(path) == b"one\ntwo\n" + b"three\n" * 9
    assert path.stat().st_mode & 0o7777 == 0o440
    assert path.stat().st_mtime_ns == 1_678_069_691_123_456_789
    assert zstandard.get_frame_parameters(path.read_bytes()).has_checksum
    assert reports == [("info", f"{path} was left unfinished; repaired, 11 records kept")]
    assert os.listdir(tmp_path) == [NAME]


def test_an_incomplete_last_line_is_dropped(tmp_path: Path, read: Read) -> None:
    stream = zstandard.ZstdCompressor().compressobj()
    torn = stream.compress(b"one\ntw") + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    assert read(finished(tmp_path, torn)) == b"one\n"


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_segment_without_even_a_frame_header_becomes_a_valid_empty_one(
    tmp_path: Path, read: Read, length: int
) -> None:
    path = finished(tmp_path, FILE[:length])
    assert read(path) == b""
    assert path.stat().st_size > 0


def test_an_empty_file_that_is_no_segment_is_only_marked(tmp_path: Path) -> None:
    (tmp_path / "notes").write_bytes(b"")
    assert fates(tmp_path) == [Fate.MARKED]
    assert (tmp_path / "notes").read_bytes() == b""


def test_a_file_that_is_no_zstd_is_only_marked(tmp_path: Path) -> None:
    (tmp_path / "README").write_bytes(b"hello\nwor")
    assert fates(tmp_path) == [Fate.MARKED]
    assert (tmp_path / "README").read_bytes() == b"hello\nwor"
    assert not (tmp_path / "README").stat().st_mode & 0o222


def test_the_original_of_a_damaged_segment_is_kept_beside_it(tmp_path: Path, read: Read) -> None:
    good, bad = compress(b"one\n"), bytearray(compress(b"two\n" * 50))
    bad[-1] ^= 1  # its checksum
    content = good + bytes(bad) + compress(b"three\n")
    path, kept = tmp_path / NAME, tmp_path / f".{NAME}.damaged"
    path.write_bytes(content)
    reports: list[tuple[str, str]] = []
    finish_earlier_segments(tmp_path, lambda *report: reports.append(report))
    assert read(path) == b"one\n" + b"two\n" * 50 + b"three\n"
    assert kept.read_bytes() == content
    assert reports == [
        (
            "error",
            f"{path} is damaged; repaired as far as it can be read, 52 records kept (50 of them "
            "from a damaged frame), 0 spoiled left out, 4 bytes unreadable; the original is "
            f"{kept}",
        )
    ]
    assert fates(tmp_path) == []


def test_a_large_frame_is_repaired_without_holding_it_in_memory(tmp_path: Path) -> None:
    stream = zstandard.ZstdCompressor().compressobj()
    line = b"x" * 1023 + b"\n"
    torn = b"".join(stream.compress(line * 1024) for _ in range(300)) + stream.flush(
        zstandard.COMPRESSOBJ_FLUSH_BLOCK
    )
    assert len(torn) < 100_000
    (tmp_path / NAME).write_bytes(torn)
    program = """
        import resource, sys
        from pathlib import Path
        from kumolog.segments.recovery import finish_earlier_segments
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        finish_earlier_segments(Path(sys.argv[1]), lambda level, text: print(text))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    report, kilobytes = done.stdout.splitlines()
    assert "307,200 records kept" in report
    assert int(kilobytes) < 64_000


def test_what_is_no_regular_visible_file_in_the_directory_itself_is_left_alone(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "out"
    (directory / "sub").mkdir(parents=True)
    outside = tmp_path / "outside"
    left_alone = [directory / ".checkpoint", directory / "sub" / NAME, outside]
    for path in left_alone:
        path.write_bytes(FILE[:100])
    strange = os.fsencode(directory) + b"/20230306-022811_\xff"
    with open(strange, "wb") as file:
        file.write(FILE[:100])
    (directory / NAME).symlink_to(outside)
    os.mkfifo(directory / "pipe")
    assert fates(directory) == []
    for path in left_alone:
        assert path.read_bytes() == FILE[:100]
        assert path.stat().st_mode & 0o222
    assert os.stat(strange).st_mode & 0o222


def test_read_only_files_are_not_even_read(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(FILE[:100])
    (tmp_path / NAME).chmod(0o444)
    assert fates(tmp_path) == []
    assert (tmp_path / NAME).read_bytes() == FILE[:100]


def test_a_missing_directory_is_fine(tmp_path: Path) -> None:
    assert fates(tmp_path / "none") == []


def test_a_directory_that_cannot_be_listed_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    reports: list[tuple[str, str]] = []
    finish_earlier_segments(tmp_path / "file", lambda *report: reports.append(report))
    assert reports == [
        ("error", f"{tmp_path / 'file'} left as it was: listing it: Not a directory")
    ]


def test_a_locked_file_is_left_to_its_writer(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(FILE[:100])
    with open(path, "rb") as live:
        fcntl.flock(live, fcntl.LOCK_EX)
        assert fates(tmp_path) == [Fate.LIVE]
    assert path.read_bytes() == FILE[:100]


@pytest.mark.skipif(not hasattr(fcntl, "F_SETLEASE"), reason="this system has no leases")
def test_a_file_that_a_process_without_locks_writes_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(FILE[:100])
    with open(path, "ab"):
        assert fates(tmp_path) == [Fate.LIVE]
    assert path.read_bytes() == FILE[:100]


def test_a_file_that_is_only_being_read_is_finished(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(FILE[:1000])
    with open(path, "rb") as tailer:
        assert fates(tmp_path) == [Fate.REPAIRED]
        assert tailer.read() == FILE[:1000]


def test_the_temporary_file_of_a_killed_repair_is_removed(tmp_path: Path, read: Read) -> None:
    path = tmp_path / NAME
    path.write_bytes(FILE[:1000])
    (tmp_path / f".kumolog-repair-{path.stat().st_ino}").write_bytes(b"half")
    (tmp_path / ".kumolog-repair-1").write_bytes(b"half")
    assert fates(tmp_path) == [Fate.REPAIRED]
    read(path)
    assert os.listdir(tmp_path) == [NAME]


def test_a_repair_without_room_leaves_the_file_as_it_was(
    small_disk: Path, fill: Callable[[Path], Path], read: Read
) -> None:
    path = small_disk / NAME
    path.write_bytes(FILE[:-30])
    filler = fill(small_disk)
    (outcome,) = earlier_segments(small_disk)
    assert outcome == Outcome(str(path), Fate.FAILED, reason="No space left on device")
    assert path.read_bytes() == FILE[:-30]
    assert path.stat().st_mode & 0o222
    filler.unlink()
    assert fates(small_disk) == [Fate.REPAIRED]
    assert os.listdir(small_disk) == [NAME]
    assert POINTS[-1][1].startswith(read(path))


def test_the_others_are_finished_when_one_cannot_be(
    small_disk: Path, fill: Callable[[Path], Path]
) -> None:
    (small_disk / NAME).write_bytes(FILE[:-30])
    (small_disk / "later").write_bytes(b"plain")
    fill(small_disk)
    assert fates(small_disk) == [Fate.FAILED, Fate.MARKED]


WRITER = """
    import sys
    from pathlib import Path
    from kumolog.segments.names import Target
    from kumolog.segments.rotation import WriterOptions
    from kumolog.segments.writer import Writer

    writer = Writer(WriterOptions(flush_interval=0.02, back_pressure=0), report=print)
    writer.start()
    target = Target(Path(sys.argv[1]), "_k")
    number = 0
    for burst in (1, 3, 30_000, 1, 2, 5, 40_000, 7) * 1000:
        writer.put(target, [b"%09d %s" % (n, b"x" * 60) for n in range(number, number + burst)])
        number += burst
        print(number, flush=True)
"""


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes into ``out`` until it is killed, and says what it has handed over."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), tmp_path / "out"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("moment", [3, 11, 40])
def test_after_a_kill_all_that_a_reader_could_see_is_in_a_valid_segment(
    tmp_path: Path, read: Read, victim: subprocess.Popen[str], moment: int
) -> None:
    assert victim.stdout is not None
    for _ in range(moment):
        put = int(victim.stdout.readline())
    assert fates(tmp_path / "out") == [Fate.LIVE]
    (path,) = (tmp_path / "out").iterdir()
    seen = path.read_bytes()
    victim.send_signal(signal.SIGKILL)
    put = max([put, *(int(text) for text in victim.communicate()[0].split())])
    (outcome,) = earlier_segments(tmp_path / "out")
    assert outcome.fate in (Fate.MARKED, Fate.REPAIRED)
    lines = read(path).splitlines()
    assert [int(line[:9]) for line in lines] == list(range(len(lines)))
    assert len(lines) <= put + 40_000
    visible = 0
    while seen:
        frame = zstandard.ZstdDecompressor().decompressobj()
        visible += frame.decompress(seen).count(b"\n")
        seen = frame.unused_data
    assert len(lines) >= visible


def test_the_directories_that_a_suffix_makes_are_entered(tmp_path: Path, read: Read) -> None:
    torn, untouched = FILE[:-30], tmp_path / "mine" / NAME
    inside = [
        tmp_path / "20230306-022811_a" / "x",
        tmp_path / "20230306-022811" / "sub" / "deep" / "x.log",
        tmp_path / "20230306-022812" / "empty",
    ]
    for path in (*inside, untouched):
        path.parent.mkdir(parents=True)
        path.write_bytes(torn if path.name != "empty" else b"")
    (inside[0].parent / ".kumolog-repair-7").write_bytes(b"half")
    assert fates(tmp_path) == [Fate.REPAIRED] * 3
    assert read(inside[0]) == read(inside[1])
    assert POINTS[-1][1].startswith(read(inside[0]))
    assert read(inside[2]) == b""
    assert not any(path.stat().st_mode & 0o222 for path in inside)
    assert os.listdir(inside[0].parent) == ["x"]
    assert untouched.read_bytes() == torn
    assert fates(tmp_path) == []


def test_by_hand_finished_segments_are_looked_at_too(tmp_path: Path, read: Read) -> None:
    contents = {
        "20230306-022811": FILE,
        "20230306-022812": FILE[:-30],
        "20230306-022813": b"{}\n",
        "other": FILE[:-30],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o444)
    outcomes = list(repaired_segments(tmp_path))
    assert [outcome.fate for outcome in outcomes] == [Fate.SOUND, Fate.REPAIRED, Fate.FOREIGN]
    assert read(tmp_path / "20230306-022812").count(b"\n") == outcomes[1].records
    assert (tmp_path / "other").read_bytes() == FILE[:-30]
    assert repaired_file(tmp_path / "other").fate is Fate.REPAIRED
    assert repaired_file(tmp_path / "none").reason == "No such file or directory"


def test_by_hand_what_is_no_segment_keeps_its_write_bits(tmp_path: Path) -> None:
    for name in ("notes", "20230306-022811.txt"):
        (tmp_path / name).write_bytes(b"hello")
    assert [outcome.fate for outcome in repaired_segments(tmp_path)] == [Fate.FOREIGN]
    assert all(path.stat().st_mode & 0o200 for path in tmp_path.iterdir())
