from __future__ import annotations

import fcntl
import json
import os
import subprocess

import pytest
import zstandard
from cli.command import Command
from support import needs_zstd, read_segment

NAME = "20230306-022811_recv"
RECORDS = b"".join(b'{"n":%d}\n' % n for n in range(100))
WHOLE = zstandard.ZstdCompressor(write_checksum=True).compress(RECORDS)


def torn(records: bytes = RECORDS) -> bytes:
    stream = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return stream.compress(records) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


@needs_zstd
def test_torn_segments_are_repaired_and_live_ones_left_alone(kumolog: Command) -> None:
    out = kumolog.directory / "out"
    out.mkdir()
    for number, content in enumerate((WHOLE, torn(), torn())):
        (out / f"2023030{number}-022811").write_bytes(content)
    (out / "notes").write_bytes(b"mine")
    with open(out / "20230302-022811", "rb") as live:
        fcntl.flock(live, fcntl.LOCK_EX)
        done = kumolog.run("repair", "out")
    assert done.stdout.decode().splitlines() == [
        "out/20230300-022811 complete, marked read-only",
        "out/20230301-022811 was left unfinished; repaired, 100 records kept",
        "out/20230302-022811 left alone: it is being written",
    ]
    assert done.stderr.decode() == "kumolog: 1 marked, 1 repaired, 1 live\n"
    assert done.returncode == 0
    subprocess.run(["zstd", "-tq", out / "20230301-022811"], check=True)
    assert read_segment(out / "20230301-022811") == RECORDS
    assert (out / "20230302-022811").read_bytes() == torn()
    assert (out / "notes").stat().st_mode & 0o200


def test_a_second_time_there_is_nothing_to_say(kumolog: Command) -> None:
    (kumolog.directory / NAME).write_bytes(torn())
    kumolog.run("repair", ".")
    done = kumolog.run("repair", ".")
    assert (done.stdout, done.stderr) == (b"", b"kumolog: 1 sound\n")
    assert done.returncode == 0


def test_damage_makes_the_exit_code_1_and_the_original_is_kept(kumolog: Command) -> None:
    hit = bytearray(WHOLE)
    hit[-1] ^= 1
    path = kumolog.directory / NAME
    path.write_bytes(WHOLE + hit + WHOLE)
    path.chmod(0o444)
    done = kumolog.run("repair", "--json", NAME)
    assert json.loads(done.stdout) == {
        "path": NAME,
        "fate": "damaged",
        "records": 300,
        "doubtful": 100,
        "left_out": 0,
        "unreadable": 4,
        "original": f".{NAME}.damaged",
        "reason": None,
    }
    assert done.returncode == 1
    assert (kumolog.directory / f".{NAME}.damaged").read_bytes() == bytes(WHOLE + hit + WHOLE)
    assert read_segment(path) == RECORDS * 3


def test_a_second_damage_of_a_segment_does_not_take_the_first_ones_original(
    kumolog: Command,
) -> None:
    path = kumolog.directory / NAME
    for _ in range(2):
        path.unlink(missing_ok=True)
        path.write_bytes(WHOLE + b"garbage that is no frame" + WHOLE)
        assert kumolog.run("repair", NAME).returncode == 1
    assert sorted(entry for entry in os.listdir(kumolog.directory) if entry.startswith(".")) == [
        f".{NAME}.damaged",
        f".{NAME}.damaged-2",
    ]


def test_a_link_is_followed_when_it_is_named(kumolog: Command) -> None:
    (kumolog.directory / NAME).write_bytes(torn())
    (kumolog.directory / "link").symlink_to(NAME)
    assert kumolog.run("repair", "link").returncode == 0
    assert (kumolog.directory / "link").is_symlink()
    assert read_segment(kumolog.directory / NAME) == RECORDS


def test_what_may_not_be_read_is_said_and_the_rest_repaired(unprivileged: Command) -> None:
    for name in (NAME, f"{NAME}b"):
        (unprivileged.directory / name).write_bytes(torn())
    (unprivileged.directory / NAME).chmod(0o200)
    done = unprivileged.run("repair", ".", "--quiet")
    assert done.stdout.decode() == f"./{NAME} left as it was: Permission denied\n"
    assert done.returncode == 1
    assert read_segment(unprivileged.directory / f"{NAME}b") == RECORDS


def test_in_a_directory_without_write_permission_it_stays_as_it_was(unprivileged: Command) -> None:
    out = unprivileged.directory / "out"
    out.mkdir()
    (out / NAME).write_bytes(torn())
    out.chmod(0o500)
    done = unprivileged.run("repair", "out")
    out.chmod(0o700)
    assert done.stdout.decode() == f"out/{NAME} left as it was: Permission denied\n"
    assert (out / NAME).read_bytes() == torn()


def test_a_missing_path_is_a_usage_error_and_nothing_is_touched(kumolog: Command) -> None:
    (kumolog.directory / NAME).write_bytes(torn())
    done = kumolog.run("repair", NAME, "none")
    assert done.returncode == 2
    assert done.stderr == b"kumolog: error: repairing none: there is no such file\n"
    assert (kumolog.directory / NAME).read_bytes() == torn()


@pytest.mark.parametrize("content", [b"text\n", b"\x1f\x8b\x08"])
def test_what_is_no_segment_is_left_alone(kumolog: Command, content: bytes) -> None:
    (kumolog.directory / "notes").write_bytes(content)
    done = kumolog.run("repair", "notes")
    assert done.stdout.decode().endswith("notes left alone: it is no segment\n")
    assert (kumolog.directory / "notes").read_bytes() == content
