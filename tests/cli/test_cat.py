"""``kumolog cat``: records out of segments, on standard output."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios
import time

import pytest
import zstandard
from cli.command import Command, wait_until

ONE, TWO = b'{"n":1}\n', b'{"n":2}\n'


@pytest.fixture
def directory(kumolog: Command) -> Command:
    """Two finished segments and a hidden file in d/."""
    (kumolog.directory / "d").mkdir()
    for name, text in (("2", TWO), ("1", ONE), (".0", b"hidden\n")):
        segment = kumolog.directory / "d" / name
        segment.write_bytes(zstandard.compress(text))
        segment.chmod(0o444)
    return kumolog


def growing(*texts: bytes) -> bytes:
    """A segment that is flushed after each text and not finished."""
    compressor = zstandard.ZstdCompressor().compressobj()
    flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    return b"".join(compressor.compress(text) + compressor.flush(flush) for text in texts)


def test_several_paths_come_one_after_the_other(directory: Command) -> None:
    done = directory.run("cat", "d", "d/1", "-", stdin=b"plain\n")
    assert done.returncode == 0
    assert done.stdout == ONE + TWO + ONE + b"plain\n"
    assert done.stderr == b""


def test_records_are_bytes(kumolog: Command) -> None:
    data = bytes(range(256)).replace(b"\n", b"") + b"\n"
    done = kumolog.run("cat", "-", stdin=data, env=kumolog.environment | {"PYTHONUTF8": "0"})
    assert done.stdout == data


def test_a_segment_that_is_being_written_gives_its_whole_lines(kumolog: Command) -> None:
    (kumolog.directory / "growing").write_bytes(growing(ONE, TWO[:4]))
    done = kumolog.run("cat", "growing")
    assert (done.returncode, done.stdout, done.stderr) == (0, ONE, b"")


def test_a_torn_segment_gives_its_whole_lines_and_is_told(kumolog: Command) -> None:
    torn = kumolog.directory / "torn"
    torn.write_bytes(growing(ONE, TWO[:4]))
    torn.chmod(0o444)
    done = kumolog.run("cat", "torn")
    assert (done.returncode, done.stdout) == (0, ONE)
    assert done.stderr.startswith(b"kumolog: warning: reading torn: it ends inside a compressed")


def test_a_corrupt_segment_is_told_and_the_others_are_shown(directory: Command) -> None:
    good = zstandard.compress(TWO * 5000)
    (directory.directory / "bad").write_bytes(good[:8] + b"\xff\xff\xff" + good[11:])
    done = directory.run("cat", "bad", "d")
    assert done.returncode == 1
    assert done.stdout.endswith(ONE + TWO)
    assert b"reading bad" in done.stderr


@pytest.mark.parametrize("path", ["missing", "d/3"])
def test_a_missing_path_is_an_error_before_anything_is_shown(directory: Command, path: str) -> None:
    done = directory.run("cat", "d", path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == f"kumolog: error: reading {path}: No such file or directory\n".encode()


def test_a_reader_that_stops_early_ends_it_quietly(kumolog: Command) -> None:
    (kumolog.directory / "big").write_bytes(zstandard.compress(ONE * 1_000_000))
    with kumolog.start("cat", "big") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == ONE
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_following_shows_what_comes_until_a_signal(directory: Command) -> None:
    segment = directory.directory / "d" / "3"
    compressor = zstandard.ZstdCompressor().compressobj()
    with directory.start("cat", "-f", "d") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert [process.stdout.readline() for _ in "12"] == [ONE, TWO]
        with segment.open("wb", buffering=0) as file:
            for number in range(3):
                line = b"%d\n" % number
                file.write(compressor.compress(line))
                file.write(compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
                assert process.stdout.readline() == line
            file.write(compressor.flush())
        segment.chmod(0o444)
        (directory.directory / "d" / "4").write_bytes(zstandard.compress(b"4\n"))
        assert process.stdout.readline() == b"4\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_a_run_can_be_followed(kumolog: Command) -> None:
    (kumolog.directory / "out").mkdir()
    with (
        kumolog.start("cat", "--follow", "out") as reader,
        kumolog.start("run", "init.lua", "--flush-interval", "50ms") as writer,
    ):
        assert writer.stdin is not None
        assert reader.stdout is not None
        for size in range(3):
            writer.stdin.write(b'{"type":"Delivery","size":%d}\n' % size)
            writer.stdin.flush()
            assert b'"size":%d,' % size in reader.stdout.readline()
        reader.terminate()
        assert reader.wait(60) == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_second_signal_ends_it_though_nobody_reads_what_it_writes(
    kumolog: Command, unbuffered: str
) -> None:
    kumolog.environment["PYTHONUNBUFFERED"] = unbuffered
    (kumolog.directory / "big").write_bytes(zstandard.compress(ONE * 1_000_000))
    reader, writer = os.pipe()
    with kumolog.start("cat", "big", stdout=writer) as process:
        os.close(writer)
        wait_until(lambda: unread(reader) >= fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ) - 4096)
        time.sleep(0.3)  # it has filled the pipe: now it waits
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)  # signals that wait for one another would be one
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    os.close(reader)


def unread(pipe: int) -> int:
    """Bytes that wait in a pipe."""
    answer = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(answer, sys.byteorder)


@pytest.mark.parametrize("last", [b'{"id"', b'{"id":"a', b"{"])
def test_a_plain_segment_that_was_cut_off_is_read_to_its_last_whole_line(
    kumolog: Command, last: bytes
) -> None:
    (kumolog.directory / "torn").write_bytes(b'{"id":1}\n' + last)
    done = kumolog.run("cat", "torn")
    assert done.stdout == b'{"id":1}\n'
    assert b"torn: it ends inside a line" in done.stderr


@pytest.mark.parametrize("last", [b'{"id":2}', b"id,2", b"", b"\xff"])
def test_a_last_line_without_an_end_is_one_where_it_is_whole(kumolog: Command, last: bytes) -> None:
    (kumolog.directory / "whole").write_bytes(b'{"id":1}\n' + last)
    done = kumolog.run("cat", "whole")
    assert done.stdout == b'{"id":1}\n' + (last + b"\n" if last else b"")
    assert not done.stderr


@pytest.mark.parametrize("place", range(4))
def test_a_segment_whose_magic_number_is_damaged_is_told_of_and_left_out(
    kumolog: Command, place: int
) -> None:
    damaged = bytearray(zstandard.compress(b'{"id":1}\n'))
    damaged[place] ^= 4
    (kumolog.directory / "a").write_bytes(damaged)
    (kumolog.directory / "b").write_bytes(b'{"id":2}\n')
    done = kumolog.run("cat", "a", "b")
    assert done.stdout == b'{"id":2}\n'
    assert b"a: corrupt at byte 0: one byte of zstd's magic number is wrong" in done.stderr
    assert done.returncode == 1
