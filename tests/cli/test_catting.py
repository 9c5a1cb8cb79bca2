"""The options of ``kumolog cat``, against what ``jq`` makes of the same segments."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard
from cli.command import Command, wait_until
from segmentfiles import lines
from support import init

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")

BOUNCES = """
kumo.on('bounces', function(msg)
  print('asked')
  if msg:get_meta('fail') then error('no good') end
  return msg:get_meta('tenant') == 'a' or nil
end)
"""


def record(number: int) -> dict[str, Any]:
    choose = random.Random(number)
    code, kind = choose.choice([(250, "Delivery"), (250, "Reception"), (451, "TransientFailure")])
    return {
        "type": kind,
        "id": f"{number:032x}",
        "sender": choose.choice(["", "a@example.com", '"x, y"@example.com']),
        "recipient": choose.choice(["b@example.org", ["b@example.org", "c@example.org"]]),
        "size": number,
        "response": {
            "code": code,
            "enhanced_code": choose.choice([None, {"class": 2, "subject": 0, "detail": 0}]),
            "content": choose.choice(["ok", "grün\ttext", 'said "no"']),
        },
        "timestamp": 1772755200 + number,
        "meta": choose.choice([{}, {"tenant": "a"}, {"tenant": "b", "score": 1.5}]),
    }


RECORDS = [record(number) for number in range(3000)]


def stored(path: Path, records: list[dict[str, Any]]) -> None:
    text = b"".join(
        json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        for entry in records
    )
    path.write_bytes(zstandard.compress(text))
    path.chmod(0o444)


@pytest.fixture
def directory(kumolog: Command) -> Command:
    """Records in three segments in d/."""
    (kumolog.directory / "d").mkdir()
    for number in range(3):
        stored(kumolog.directory / "d" / str(number), RECORDS[number * 1000 : (number + 1) * 1000])
    return kumolog


def jq(kumolog: Command, *arguments: str) -> bytes:
    text = b"".join(
        zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
        for path in sorted((kumolog.directory / "d").iterdir())
    )
    done = subprocess.run(["jq", "-c", *arguments], input=text, capture_output=True, check=True)
    return done.stdout


@needs_jq
@pytest.mark.parametrize(
    ("options", "program"),
    [
        (["--type", "Delivery"], 'select(.type == "Delivery")'),
        (["--type", "delivery,Bounce", "--type", "Reception"], "select(.response.code == 250)"),
        (["--since", "1772756700"], "select(.timestamp >= 1772756700)"),
        (
            ["--since", "2026-03-06T00:10:00Z", "--until", "2026-03-06T00:20:00.5Z"],
            "select(.timestamp >= 1772755800 and .timestamp <= 1772756400)",
        ),
        (["--where", "record.response.code >= 400"], "select(.response.code >= 400)"),
        (
            ["--where", "record.meta.tenant == 'a'", "--where", "record.size % 2 == 0"],
            'select(.meta.tenant == "a" and .size % 2 == 0)',
        ),
        (["--where", "record.recipient[2] ~= nil"], 'select(.recipient | type == "array")'),
        (
            ["--where", "record.response.content == 'grün\\ttext'"],
            'select(.response.content == "grün\\ttext")',
        ),
        (
            ["--fields", "type,response.code", "--fields", "meta.score,response.content"],
            "{type, response: {code: .response.code, content: .response.content}, "
            "meta: {score: .meta.score}}",
        ),
        (
            ["--type", "Delivery", "--where", "record.size > 1000", "--fields", "recipient,gone"],
            'select(.type == "Delivery" and .size > 1000) | {recipient, gone}',
        ),
    ],
)  # fmt: skip - a row for each
def test_the_output_is_jqs(directory: Command, options: list[str], program: str) -> None:
    done = directory.run("cat", "d", *options)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == jq(directory, program)
    assert done.stdout


@needs_jq
def test_a_template_can_write_what_jq_writes(directory: Command) -> None:
    done = directory.run("cat", "d", "--template", "{{ id }} {{ response.content }}")
    assert done.stdout == jq(directory, "-r", '"\\(.id) \\(.response.content)"')


def test_csv_has_a_header_and_reads_back(directory: Command) -> None:
    fields = "sender,response.content,meta,size"
    done = directory.run("cat", "d", "--format", "csv", "--fields", fields)
    header, *rows = csv.reader(io.StringIO(done.stdout.decode(), newline=""))
    assert header == fields.split(",")
    assert [
        {"sender": s, "content": c, "meta": json.loads(m), "size": int(n)} for s, c, m, n in rows
    ] == [
        {
            "sender": r["sender"],
            "content": r["response"]["content"],
            "meta": r["meta"],
            "size": r["size"],
        }
        for r in RECORDS
    ]  # fmt: skip - as above


def test_csv_has_all_fields_unless_told_and_a_header_without_records(directory: Command) -> None:
    done = directory.run("cat", "d", "--format", "csv", "--type", "Bounce")
    assert done.stdout.startswith(b"type,id,sender,recipient,queue,site,size,response.code,")
    assert done.stdout.count(b"\n") == 1


def test_first_and_last_records_can_be_asked_for(directory: Command) -> None:
    def sizes(*options: str) -> list[int]:
        done = directory.run("cat", "d", *options)
        assert (done.returncode, done.stderr) == (0, b"")
        return [json.loads(line)["size"] for line in done.stdout.splitlines()]

    assert sizes("-n", "3") == [0, 1, 2]
    assert sizes("--tail", "3") == [2997, 2998, 2999]
    assert sizes("--tail", "0") == []
    assert sizes("--tail", "1500", "-n", "2") == [1500, 1501]
    large = ("--where", "record.size % 1000 == 999")
    assert sizes(*large, "-n", "2") == [999, 1999]
    assert sizes(*large, "--tail", "2") == [1999, 2999]
    assert sizes("--since", "1772755210", "--until", "1772755212") == [10, 11]


def test_durations_are_back_from_now(kumolog: Command) -> None:
    now = int(time.time())
    events = [{"type": "Delivery", "timestamp": now - age} for age in (7000, 3000, 10)]
    done = kumolog.run("cat", "-", "--since", "1h 40m", "--until", "1m", stdin=lines(events))
    assert done.stdout == lines(events[1:2])


def test_several_suffixes_and_directories_are_merged(kumolog: Command) -> None:
    for directory in "ab":
        (kumolog.directory / directory).mkdir()
        for suffix in (0, 1):
            own = [r for r in RECORDS if r["size"] % 4 == suffix + 2 * (directory == "b")]
            for part in range(3):
                path = kumolog.directory / directory / f"2026030{part}-000000_{suffix}"
                stored(path, own[part * 250 : (part + 1) * 250])
    done = kumolog.run("cat", "--merge", "a", "b")
    assert [json.loads(line)["size"] for line in done.stdout.splitlines()] == list(range(3000))
    done = kumolog.run("cat", "--merge", "*/*_1", "--where", "record.size > 2990")
    assert [json.loads(line)["size"] for line in done.stdout.splitlines()] == [
        2991,
        2993,
        2995,
        2997,
        2999,
    ]


def test_a_policys_handler_decides(kumolog: Command) -> None:
    kumolog.policy(init("kumo.configure_local_logs { log_dir = 'nowhere' }", BOUNCES))
    events = [
        {"type": "Delivery", "meta": {"tenant": "a"}, "n": 1},
        {"type": "Delivery", "meta": {"tenant": "b"}, "n": 2},
        {"type": "Rejection", "n": 3},
        {"type": "Bounce", "meta": {"tenant": "a", "fail": True}, "n": 4},
    ]
    (kumolog.directory / "events").write_bytes(lines(events) + b"nonsense\n")
    done = kumolog.run("cat", "events", "--filter", "init.lua:bounces")
    assert done.returncode == 1
    assert done.stdout == lines([events[0], events[2]])
    assert b"events: a line is no record: not valid JSON" in done.stderr
    assert re.search(rb"events: .*init\.lua:\d+: no good\n", done.stderr)
    assert b"asked" in done.stderr
    assert not (kumolog.directory / "nowhere").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--where", "record.type ="], b"kumolog: error: --where:1: "),
        (["--filter", "gone.lua:x"], b"gone.lua"),
        (["--filter", "init.lua:x"], b"--filter: init.lua has no handler of x: register it"),
        (["--filter", "init.lua"], b"argument --filter: it is written like init.lua:my_filter"),
        (["--type", "Bounc"], b"there is no record type 'Bounc': did you mean Bounce?"),
        (["--since", "soon"], b"argument --since: 'soon' is no time"),
        (["--fields", "a,"], b"'' names no field"),
        (["--format", "template"], b"--format template needs a --template"),
        (["--format", "csv", "--template", "{{ id }}"], b"--template does not go with"),
        (["--format", "pretty", "--fields", "id"], b"--fields does not go with --format pretty"),
        (["--template", "{{ id"], b"compiling template"),
        (["-n", "0"], b"argument -n: it must be a whole number from 1 on"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_shown(
    directory: Command, arguments: list[str], reason: bytes
) -> None:
    done = directory.run("cat", "d", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert reason in done.stderr


def test_a_record_that_is_in_error_is_told_once_and_makes_the_exit_code_1(
    directory: Command,
) -> None:
    done = directory.run("cat", "d", "--where", "record.meta.score > 1")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == len([r for r in RECORDS if "score" in r["meta"]])
    first, last = done.stderr.splitlines()
    assert first == b"kumolog: warning: d/0: --where:1: attempt to compare number with nil"
    assert re.fullmatch(rb".* [\d,]+ records were left out for such reasons", last)


def test_a_reader_that_stops_early_ends_it_quietly_also_while_it_follows(
    directory: Command,
) -> None:
    with directory.start("cat", "-f", "d", "--format", "pretty") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"2026-03-06 00:00:00" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_pretty_fits_the_terminal_and_has_colours_there(directory: Command) -> None:
    arguments = [sys.executable, "-m", "kumolog", "cat", "d", "--format", "pretty", "-n", "20"]

    def shown(**environment: str) -> list[str]:
        main, other = pty.openpty()
        settings = directory.environment | {"COLUMNS": "90", "TERM": "xterm"} | environment
        subprocess.run(arguments, stdout=other, check=True, env=settings, cwd=directory.directory)
        os.close(other)
        text = os.read(main, 1 << 16)
        os.close(main)
        return text.decode().splitlines()

    coloured, plain = shown(), shown(NO_COLOR="1")
    assert all("\x1b[" in line for line in coloured)
    assert [re.sub(r"\x1b\[\d+m", "", line).rstrip() for line in coloured] == plain
    assert all(len(line) <= 90 for line in plain)
    piped = subprocess.run(
        arguments,
        capture_output=True,
        check=True,
        env=directory.environment,
        cwd=directory.directory,
    )
    assert b"\x1b" not in piped.stdout


ROTATING = """
kumo.configure_local_logs {
  log_dir = 'out', max_segment_duration = '100ms',
  per_record = {
    Reception = { suffix = '_recv' }, Delivery = { suffix = '_deliv' }, Any = { suffix = '_any' },
  },
}
"""
KINDS = ("Reception", "Delivery", "Bounce")


def test_every_follower_sees_each_record_once_while_segments_rotate(kumolog: Command) -> None:
    kumolog.policy(init(ROTATING))
    (kumolog.directory / "out").mkdir()
    follower = ("cat", "-f", "--fields", "size")
    with (
        kumolog.start("run", "init.lua", "--flush-interval", "50ms") as writer,
        kumolog.start(*follower, "out") as everything,
        kumolog.start(*follower, "out/*_recv") as received,
        kumolog.start(*follower, "out", "--merge", "--type", "Delivery,Bounce", "--where",
                      "record.size >= 0") as others,
    ):  # fmt: skip
        readers = [everything, received, others]
        seen: list[list[bytes]] = [[] for _ in readers]
        threads = [
            threading.Thread(target=_collect, args=(reader, found))
            for reader, found in zip(readers, seen, strict=True)
        ]
        for thread in threads:
            thread.start()
        assert writer.stdin is not None
        sent = 0
        # Segments rotate as long as records come, from when everybody is at work.
        while len(kumolog.segments()) < 15:
            for kind in KINDS:
                writer.stdin.write(b'{"type":"%s","size":%d}\n' % (kind.encode(), sent))
                sent += 1
            writer.stdin.flush()
            time.sleep(0.002 if all(seen) else 0.05)
        wait_until(lambda: len(seen[0]) >= sent and len(seen[1]) + len(seen[2]) >= sent)
        writer.stdin.close()
        assert writer.wait(60) == 0
        time.sleep(0.5)
        for reader in readers:
            reader.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert [reader.wait(60) for reader in readers] == [0, 0, 0]
    sizes = [[json.loads(line)["size"] for line in found] for found in seen]
    assert sorted(sizes[0]) == list(range(sent))
    assert sizes[1] == list(range(0, sent, 3))
    assert sorted(sizes[2]) == [number for number in range(sent) if number % 3]
    for kind in (1, 2):
        own = [number for number in sizes[2] if number % 3 == kind]
        assert own == sorted(own)  # of one suffix, in order


def _collect(reader: subprocess.Popen[bytes], found: list[bytes]) -> None:
    assert reader.stdout is not None
    found.extend(iter(reader.stdout.readline, b""))


def test_readers_need_no_right_to_write(unprivileged: Command) -> None:
    directory = unprivileged.directory / "d"
    directory.mkdir()
    stored(directory / "1", RECORDS[:2])
    directory.chmod(0o555)
    try:
        done = unprivileged.run("cat", "d", "--merge", "--tail", "1")
    finally:
        directory.chmod(0o755)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
