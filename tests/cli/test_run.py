"""``kumolog run``: inputs in, segments, rejects file, summary and exit code out."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import pty
import re
import resource
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard
from cli.command import LOGGER, Command, wait_until
from support import init, read_segment

FILTER = "kumo.configure_local_logs { log_dir = 'out', filter_event = 'f' }"


def lines(*sizes: int) -> bytes:
    return b"".join(b'{"type":"Delivery","size":%d}\n' % size for size in sizes)


def sizes(kumolog: Command) -> list[int]:
    return [record["size"] for record in kumolog.records()]


def summary(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    (line,) = done.stdout.splitlines()
    decoded: dict[str, Any] = json.loads(line)
    return decoded


# Inputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, zstandard.compress, gzip.compress])
@pytest.mark.parametrize("arguments", [(), ("-",), ("events.txt",)])
def test_events_are_plain_zstd_or_gzip_told_by_content(
    kumolog: Command, pack: Any, arguments: tuple[str, ...]
) -> None:
    data = pack(lines(1, 2, 3))
    (kumolog.directory / "events.txt").write_bytes(data)
    done = kumolog.run("run", "init.lua", *arguments, stdin=data)
    assert (done.returncode, done.stdout) == (0, b"")
    assert sizes(kumolog) == [1, 2, 3]


def test_inputs_are_read_one_after_the_other_and_directories_in_the_order_of_names(
    kumolog: Command,
) -> None:
    old = kumolog.directory / "old"
    (old / "below").mkdir(parents=True)
    (old / "2").write_bytes(lines(2))
    (old / "1").write_bytes(zstandard.compress(lines(1)))
    (old / ".3").write_bytes(lines(3))
    (old / "below" / "4").write_bytes(lines(4))
    (kumolog.directory / "more").write_bytes(lines(5))
    done = kumolog.run("run", "init.lua", "more", "old", "-", stdin=lines(6))
    assert done.returncode == 0, done.stderr
    assert sizes(kumolog) == [5, 1, 2, 6]


def test_segments_of_a_run_are_good_input(kumolog: Command) -> None:
    kumolog.run("run", "init.lua", stdin=lines(1, 2))
    first = kumolog.records()
    done = kumolog.run("run", "init.lua", "out", "--root", "again")
    assert done.returncode == 0, done.stderr
    assert kumolog.records("again/out") == first


@pytest.mark.parametrize("damage", [b"", b"\0\0\0\0\0\0\0\0\0\0"])
def test_what_precedes_a_damage_is_logged_and_the_next_input_is_read(
    kumolog: Command, damage: bytes
) -> None:
    data = zstandard.compress(b"".join(lines(n) for n in range(9000)))
    middle = len(data) // 2
    rest = damage + data[middle:] if damage else b""
    (kumolog.directory / "damaged").write_bytes(data[:middle] + rest)
    done = kumolog.run("run", "init.lua", "damaged", "-", "--quiet", stdin=lines(10_000))
    assert sizes(kumolog)[-1] == 10_000
    assert done.returncode == (1 if damage else 0)
    assert (b"kumolog: error: 1 input could not be read to the end" in done.stderr) == bool(damage)


def test_a_missing_input_is_an_error_before_anything_is_made(kumolog: Command) -> None:
    done = kumolog.run("run", "init.lua", "init.lua", "missing")
    assert done.returncode == 2
    assert done.stderr == b"kumolog: error: reading missing: No such file or directory\n"
    assert os.listdir(kumolog.directory) == ["init.lua"]


def test_no_events_are_no_segments(kumolog: Command) -> None:
    done = kumolog.run("run", "init.lua")
    assert done.returncode == 0
    assert kumolog.segments() == []
    assert done.stderr.startswith(b"kumolog: read 0 events\n")


# Hostile lines ----------------------------------------------------------------------------------

LONG = b'{"type":"Delivery","response":{"content":"%s"}}' % (b"x" * 10_000_000)
BAD = [
    b"{",
    b'{"type":"Delivery"',
    b'{"type":"Delivery"}}',
    b'{"type":"Delivry"}',
    b'{"type":3}',
    b'{"size":1}',
    b'{"type":"Delivery","size":"1"}',
    b'{"type":"Delivery","size":-1}',
    b'{"type":"Delivery","meta":[]}',
    b'{"type":"Delivery","x":NaN}',
    b"[1]",
    b"null",
    b'"text"',
    b"nonsense",
    b"\xff\xfe\x00",
    b"\x00",
    b'{"type":"Delivery","sender":"\xff"}',
    b'{"type":"Delivery","a":' + b"[" * 100_000,
]


def test_lines_that_are_no_events_are_kept_verbatim_and_the_others_are_logged(
    kumolog: Command,
) -> None:
    data = b"".join(bad + b"\n" + lines(number) for number, bad in enumerate(BAD))
    done = kumolog.run("run", "init.lua", "--json", stdin=data)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert sizes(kumolog) == list(range(len(BAD)))
    assert [reject["line"] for reject in kumolog.rejects] == list(range(1, 2 * len(BAD), 2))
    assert {reject["source"] for reject in kumolog.rejects} == {"stdin"}
    assert all(reject["error"] for reject in kumolog.rejects)
    assert list(map(raw, kumolog.rejects)) == BAD
    counted = summary(done)
    assert (counted["read"], counted["rejected"]) == (2 * len(BAD), len(BAD))
    assert counted["loggers"][0]["offered"] == len(BAD)


def test_ends_of_lines_a_byte_order_mark_and_blank_lines_are_no_matter(kumolog: Command) -> None:
    data = b"\xef\xbb\xbf" + lines(1).replace(b"\n", b"\r\n") + b"\n \r\n\t\n" + lines(2)[:-1]
    done = kumolog.run("run", "init.lua", stdin=data)
    assert done.returncode == 0, done.stderr
    assert sizes(kumolog) == [1, 2]


def test_the_last_of_double_keys_counts_and_long_lines_are_lines(kumolog: Command) -> None:
    data = b'{"type":"Bounce","size":1,"size":2,"type":"Delivery"}\n' + LONG + b"\n"
    done = kumolog.run("run", "init.lua", stdin=data)
    assert done.returncode == 0, done.stderr
    first, second = kumolog.records()
    assert (first["type"], first["size"]) == ("Delivery", 2)
    assert len(second["response"]["content"]) == 10_000_000


def test_a_line_of_more_than_16_mib_is_rejected_in_parts_that_make_it_up(kumolog: Command) -> None:
    line = b"\xe2\x82\xac" * (7 << 20)
    done = kumolog.run("run", "init.lua", "--json", stdin=lines(1) + line + b"\n" + lines(2))
    assert done.returncode == 1
    assert sizes(kumolog) == [1, 2]
    assert [reject["line"] for reject in kumolog.rejects] == [2, 2]
    parts = ["part 1 of it", "part 2 of it"]
    assert [reject["error"][-12:] for reject in kumolog.rejects] == parts
    assert b"".join(map(raw, kumolog.rejects)) == line
    assert (summary(done)["read"], summary(done)["rejected"]) == (3, 1)


def raw(reject: dict[str, Any]) -> bytes:
    if "raw_base64" in reject:
        return base64.b64decode(reject["raw_base64"])
    return str(reject["raw"]).encode()


# Options and output -----------------------------------------------------------------------------


def test_the_summary_as_json_has_the_documented_shape(kumolog: Command) -> None:
    kumolog.policy(
        init(
            """kumo.configure_local_logs { log_dir = '/var/log/k', filter_event = 'f',
                 per_record = { Bounce = { enable = false }, OOB = { template = '{{ 1 + site }}' } } }
               kumo.configure_local_logs { log_dir = 'second' }""",
            "kumo.on('f', function(msg) return msg:get_meta 'n' ~= 1 end)",
        )
    )
    data = b"""{"type":"Delivery","meta":{"n":1}}\n{"type":"Delivery"}\n{"type":"Bounce"}
{"type":"OOB"}\n{"type":"Rejection"}\nnonsense\n"""
    done = kumolog.run("run", "init.lua", "--json", "--root", "r", stdin=data)
    assert done.returncode == 1
    assert done.stderr == b""
    counted = summary(done)
    assert list(counted) == ["read", "rejected", "loggers"]
    assert (counted["read"], counted["rejected"]) == (6, 1)
    first, second = counted["loggers"]
    segment = kumolog.segments("r/var/log/k")[0]
    assert list(first.items()) == [
        ("log_dir", "/var/log/k"),
        ("offered", 5),
        ("disabled", 1),
        ("filtered", 1),
        ("failed", 1),
        ("written", 2),
        ("segments", 1),
        ("bytes", len(read_segment(segment))),
        ("compressed_bytes", segment.stat().st_size),
    ]
    assert (second["log_dir"], second["offered"], second["written"]) == ("second", 5, 5)


def test_the_summary_is_for_people_and_goes_to_stderr(kumolog: Command) -> None:
    done = kumolog.run("run", "init.lua", stdin=lines(1) + b"nonsense\n")
    assert done.stdout == b""
    assert re.fullmatch(
        r"kumolog: read 2 events, rejected 1 \(see kumolog-rejects\.jsonl\)\n"
        r"  out: 1 written; 1 segment, [\d,]+ bytes in [\d,]+\n",
        done.stderr.decode(),
    )


def test_quiet_leaves_errors_and_what_the_policy_prints(kumolog: Command) -> None:
    body = LOGGER + "\nkumo.log_info('i') kumo.log_warn('w') kumo.log_error('e', 1) print('p')"
    kumolog.policy(init(body))
    done = kumolog.run("run", "init.lua", "--quiet", stdin=lines(1))
    assert (done.returncode, done.stdout) == (0, b"p\n")
    assert done.stderr == b"kumolog: error: init.lua:4: e 1\n"
    done = kumolog.run("run", "init.lua", stdin=lines(1))
    assert done.stderr.startswith(
        b"kumolog: info: init.lua:4: i\nkumolog: warning: init.lua:4: w\nkumolog: error: init.lua:4: e 1\n"
    )


def test_every_log_dir_is_below_the_root(kumolog: Command) -> None:
    kumolog.policy(init("kumo.configure_local_logs { log_dir = '/../../tmp/../x' }"))
    done = kumolog.run("run", "init.lua", "--root", "r", stdin=lines(1))
    assert done.returncode == 0, done.stderr
    assert len(kumolog.records("r/x")) == 1


def test_a_root_needs_no_log_dir_outside_of_it(kumolog: Command) -> None:
    kumolog.policy(init("kumo.configure_local_logs { log_dir = '/proc/nowhere' }"))
    assert kumolog.run("run", "init.lua", "--root", "r", stdin=lines(1)).returncode == 0


def test_the_rejects_file_is_the_one_named_and_is_made_only_when_needed(kumolog: Command) -> None:
    rejects = kumolog.directory / "bad.jsonl"
    kumolog.run("run", "init.lua", "--rejects", "bad.jsonl", stdin=lines(1))
    assert not rejects.exists()
    for _ in range(2):
        done = kumolog.run("run", "init.lua", "--rejects", "bad.jsonl", stdin=b"nonsense\n")
        assert b"(see bad.jsonl)" in done.stderr
    assert len(rejects.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("rejects", "reason"), [("missing/x", b"No such file"), (".", b"Is a directory")]
)
def test_a_rejects_file_that_cannot_be_is_an_error_at_the_start(
    kumolog: Command, rejects: str, reason: bytes
) -> None:
    done = kumolog.run("run", "init.lua", "--rejects", rejects, stdin=lines(1))
    assert done.returncode == 2
    assert reason in done.stderr
    assert b"name another one with --rejects" in done.stderr
    assert kumolog.segments() == []


def test_a_rejects_file_that_fails_later_ends_the_run_in_order(kumolog: Command) -> None:
    data = lines(1) + b"nonsense\n"
    done = kumolog.run("run", "init.lua", "--rejects", "/dev/full", stdin=data)
    assert done.returncode == 1
    assert b"/dev/full: No space left on device; name another one" in done.stderr
    assert b"kumolog: read 2 events" in done.stderr
    assert sizes(kumolog) == [1]
    assert not kumolog.segments()[0].stat().st_mode & 0o222


@pytest.mark.parametrize("sync", ["never", "close", "flush"])
def test_whatever_is_synced_the_records_are_the_same(kumolog: Command, sync: str) -> None:
    done = kumolog.run("run", "init.lua", "--sync", sync, stdin=lines(1, 2))
    assert done.returncode == 0, done.stderr
    assert sizes(kumolog) == [1, 2]


def test_a_missing_handler_is_an_error_unless_it_is_allowed(kumolog: Command) -> None:
    kumolog.policy(init(FILTER, "kumo.on('g', function() return true end)"))
    done = kumolog.run("run", "init.lua", stdin=lines(1))
    assert done.returncode == 2
    assert b"init.lua:3: the filter_event `f` has no handler" in done.stderr
    done = kumolog.run("run", "init.lua", "--allow-missing-handlers", "--json", stdin=lines(1))
    assert done.returncode == 0
    assert summary(done)["loggers"][0]["filtered"] == 1


def test_a_failing_filter_rejects_each_event_once_for_each_logger(kumolog: Command) -> None:
    rest = "kumo.on('f', function(msg)\n  error('no \\xff: ' .. msg:get_meta 'n')\nend)"
    kumolog.policy(init(FILTER + FILTER.replace("out", "out2"), rest))
    events = [b'{"type":"Delivery","meta":{"n":%d}}' % number for number in (1, 2)]
    done = kumolog.run("run", "init.lua", stdin=b"\n".join(events))
    assert done.returncode == 1
    assert b"kumolog: read 2 events; what failed is in kumolog-rejects.jsonl\n" in done.stderr
    assert [(reject["line"], reject["log_dir"]) for reject in kumolog.rejects] == [
        (1, "out"),
        (1, "out2"),
        (2, "out"),
        (2, "out2"),
    ]
    errors = [reject["error"] for reject in kumolog.rejects]
    assert errors[::2] == ["init.lua:6: no \\xff: 1", "init.lua:6: no \\xff: 2"]
    assert [reject["raw"].encode() for reject in kumolog.rejects[::2]] == events


def test_a_filter_that_never_returns_fails_its_event_alone(kumolog: Command) -> None:
    rest = "kumo.on('f', function(msg)\n  while msg:get_meta 'x' do end\n  return true\nend)"
    kumolog.policy(init(FILTER, rest))
    data = lines(1) + b'{"type":"Delivery","meta":{"x":1}}\n' + lines(2)
    done = kumolog.run("run", "init.lua", "--handler-timeout", "300ms", stdin=data)
    assert done.returncode == 1
    assert sizes(kumolog) == [1, 2]
    (reject,) = kumolog.rejects
    assert reject["line"] == 2
    assert reject["error"].startswith("init.lua:6: ")


# What is wrong with a policy --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = ", b"init.lua:1: unexpected symbol"),
        (init("error('no')"), b"init.lua:3: no"),
        (init("error({})"), b"init.lua:3: "),
        (init("require 'nowhere'"), b"module 'nowhere' not found"),
        (init("kumo.configure_local_logs { log_dri = 'x' }"), b"did you mean `log_dir`?"),
        (init("kumo.configure_local_logs {}"), b"init.lua:3: deserialize error: missing field"),
        (
            init("kumo.configure_local_logs { log_dir = 'a', per_record = { Bonce = {} } }"),
            b"did you mean `Bounce`?",
        ),
        (
            init(LOGGER[:-2] + ", per_record = { Any = { template = '{{ x' } } }"),
            b"init.lua:3: compiling template",
        ),
        (
            init("kumo.configure_local_logs { log_dir = 'init.lua' }"),
            b"init.lua:3: log_dir init.lua is not a directory",
        ),
        (init("kumo.configure_local_logs { log_dir = 'init.lua/x' }"), b"Not a directory"),
        (init("kumo.configure_local_logs { log_dir = 'a\\0b' }"), b"init.lua:3: creating log_dir"),
        (init(""), b"the policy configures no logger"),
        (b"\x1bLua\x54\x00", b"binary chunk"),
        (b"\xff\xfe", b"init.lua:1: "),
    ],
)
def test_a_policy_error_names_the_place_and_shows_no_traceback(
    kumolog: Command, source: str | bytes, said: bytes
) -> None:
    kumolog.policy(source)
    done = kumolog.run("run", "init.lua", stdin=lines(1))
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"kumolog: error: ")
    assert said in done.stderr
    assert b"Traceback" not in done.stderr
    assert b".py" not in done.stderr
    assert kumolog.rejects == []


def test_the_policys_own_frames_are_shown_and_no_others(kumolog: Command) -> None:
    (kumolog.directory / "helper.lua").write_text("return function()\n  error('deep')\nend")
    kumolog.policy(init("local function f() require('helper')() end\nf()"))
    done = kumolog.run("run", "init.lua")
    assert done.returncode == 2
    first, *frames = done.stderr.decode().splitlines()
    assert first == "kumolog: error: ./helper.lua:2: deep" or first.endswith("helper.lua:2: deep")
    places = [re.match(r"    \S*?(\w+\.lua:\d+): in ", frame) for frame in frames]
    assert [place and place[1] for place in places] == ["helper.lua:2", "init.lua:3", "init.lua:4"]


@pytest.mark.parametrize(("name", "said"), [("missing.lua", b"No such file"), (".", b"Is a dir")])
def test_a_policy_that_is_no_file_is_an_error(kumolog: Command, name: str, said: bytes) -> None:
    done = kumolog.run("run", name)
    assert done.returncode == 2
    assert done.stderr.startswith(b"kumolog: error: ")
    assert said in done.stderr


def test_a_policy_that_may_not_be_read_is_an_error(unprivileged: Command) -> None:
    (unprivileged.directory / "init.lua").chmod(0)
    done = unprivileged.run("run", "init.lua")
    assert done.returncode == 2
    assert done.stderr == b"kumolog: error: init.lua: Permission denied\n"


def test_an_input_that_may_not_be_read_is_an_error(unprivileged: Command) -> None:
    events = unprivileged.directory / "events"
    events.touch(mode=0)
    done = unprivileged.run("run", "init.lua", "events")
    assert done.returncode == 2
    assert done.stderr.startswith(b"kumolog: error: reading events: ")


@pytest.mark.parametrize(
    ("closed", "said"),
    [("", b"creating log_dir a/out: "), ("out", b"log_dir a/out is not writable")],
)
def test_a_log_dir_that_may_not_be_written_is_an_error(
    unprivileged: Command, closed: str, said: bytes
) -> None:
    directory = unprivileged.directory / "a" / closed
    directory.mkdir(parents=True)
    directory.chmod(0o555)
    done = unprivileged.run("run", "init.lua", "--root", "a")
    directory.chmod(0o755)
    assert done.returncode == 2
    assert b"kumolog: error: init.lua:3: " + said in done.stderr


@pytest.mark.parametrize("closed", ["a", "a/rejects"])
def test_a_rejects_file_that_may_not_be_written_is_an_error(
    unprivileged: Command, closed: str
) -> None:
    (unprivileged.directory / "a").mkdir()
    if closed != "a":
        (unprivileged.directory / closed).touch()
    (unprivileged.directory / closed).chmod(0o555)
    done = unprivileged.run("run", "init.lua", "--rejects", "a/rejects")
    assert done.returncode == 2
    assert b"the rejects file a/rejects: Permission denied" in done.stderr


# While it runs ----------------------------------------------------------------------------------


def test_a_record_can_be_read_soon_while_the_pipe_stays_open(kumolog: Command) -> None:
    with kumolog.start("run", "init.lua", "--flush-interval", "100ms") as process:
        assert process.stdin is not None
        for size in (1, 2):
            process.stdin.write(lines(size))
            process.stdin.flush()
            wait_until(lambda size=size: size in sizes(kumolog))
        (segment,) = kumolog.segments()
        assert segment.stat().st_mode & 0o200
        process.stdin.close()
        assert process.wait(60) == 0
        assert not segment.stat().st_mode & 0o222


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_reading_and_finishes_everything(kumolog: Command, number: int) -> None:
    with kumolog.start("run", "init.lua", "--flush-interval", "1h", "--json") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines(1, 2))
        process.stdin.write(b'{"type":"Delivery","size":3')  # not at its end: it was not read
        process.stdin.flush()
        wait_until(kumolog.segments)
        process.send_signal(number)
        assert process.wait(60) == 0
        counted = json.loads(process.stdout.read())
    assert counted["read"] == counted["loggers"][0]["written"] == 2
    assert sizes(kumolog) == [1, 2]
    assert not kumolog.segments()[0].stat().st_mode & 0o222
    assert kumolog.rejects == []


def test_a_signal_is_heard_in_the_middle_of_a_big_file(kumolog: Command) -> None:
    (kumolog.directory / "big").write_bytes(lines(*range(400_000)))
    with kumolog.start("run", "init.lua", "big", "--json") as process:
        assert process.stdout is not None
        wait_until(kumolog.segments)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        counted = json.loads(process.stdout.read())
    written = counted["loggers"][0]["written"]
    assert counted["read"] == written < 400_000
    assert sizes(kumolog) == list(range(written))


@pytest.mark.parametrize(
    ("first", "second"), [(signal.SIGINT, signal.SIGINT), (signal.SIGINT, signal.SIGTERM)]
)
def test_a_second_signal_ends_it_at_once_even_in_a_handler(
    kumolog: Command, first: int, second: int
) -> None:
    rest = "kumo.on('f', function() print('in') io.stdout:flush() local _ = ('a'):rep(300):find('.-.-.-.-.-b') end)"
    kumolog.policy(init(FILTER, rest))
    with kumolog.start("run", "init.lua", "--handler-timeout", "10m") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines(1))
        process.stdin.flush()
        assert process.stdout.readline() == b"in\n"
        process.send_signal(first)
        time.sleep(0.3)  # signals that wait for one another would be one
        assert process.poll() is None
        process.send_signal(second)
        assert process.wait(60) == 128 + second


def noise(count: int) -> bytes:
    """Events that do not get much smaller by compression."""
    text = b'{"type":"Delivery","response":{"content":"%s"}}\n'
    return b"".join(text % os.urandom(400).hex().encode() for _ in range(count))


def limit_file_size() -> None:
    """The disk is as good as full after 64 KiB of a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))


def test_a_full_disk_stops_intake_until_there_is_room_again(kumolog: Command) -> None:
    (kumolog.directory / "events").write_bytes(noise(1000))
    with kumolog.start("run", "init.lua", "events", preexec_fn=limit_file_size) as process:
        assert process.stderr is not None
        assert b"File too large" in process.stderr.readline()
        assert process.poll() is None
        resource.prlimit(
            process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        assert process.wait(60) == 0
    assert len(kumolog.records()) == 1000


def test_a_second_signal_ends_it_at_once_while_the_disk_is_full(kumolog: Command) -> None:
    (kumolog.directory / "events").write_bytes(noise(1000))
    with kumolog.start("run", "init.lua", "events", preexec_fn=limit_file_size) as process:
        assert process.stderr is not None
        assert b"File too large" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)  # signals that wait for one another would be one
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM


def test_what_a_full_disk_does_not_take_is_in_the_rejects_file_after_a_signal(
    kumolog: Command, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (kumolog.directory / "events").write_bytes(noise(1000))
    reader, writer = os.pipe()  # a pipe has no size limit
    arguments = ("run", "init.lua", "events", "--json", "--rejects", f"/dev/fd/{writer}")
    with kumolog.start(*arguments, preexec_fn=limit_file_size, pass_fds=[writer]) as process:
        os.close(writer)
        assert process.stderr is not None
        assert process.stdout is not None
        assert b"File too large" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        with open(reader, "rb") as rejects:
            rejected = [json.loads(line) for line in rejects]
        assert process.wait(60) == 1
        counted = json.loads(process.stdout.read())["loggers"][0]
    assert counted["failed"] == len(rejected) > 0
    assert counted["written"] == len(kumolog.records())
    assert counted["offered"] == counted["failed"] + counted["written"]


def test_after_a_kill_the_next_start_finishes_the_segment_with_all_that_was_flushed(
    kumolog: Command,
) -> None:
    with kumolog.start("run", "init.lua", "--flush-interval", "50ms") as process:
        assert process.stdin is not None
        process.stdin.write(lines(*range(100)))
        process.stdin.flush()
        wait_until(lambda: len(kumolog.segments()) and len(kumolog.records()) == 100)
        process.kill()
        process.wait()
    (torn,) = kumolog.segments()
    assert torn.stat().st_mode & 0o200
    done = kumolog.run("run", "init.lua")
    assert done.returncode == 0, done.stderr
    assert str(torn.relative_to(kumolog.directory)).encode() in done.stderr
    assert not torn.stat().st_mode & 0o222
    whole = zstandard.ZstdDecompressor().decompressobj()
    assert len(whole.decompress(torn.read_bytes()).splitlines()) == 100
    assert whole.eof


# Terminals --------------------------------------------------------------------------------------


class Screen:
    """A terminal that somebody looks at."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        settings = termios.tcgetattr(self.slave)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(self.slave, termios.TCSANOW, settings)
        os.set_blocking(self.master, False)
        self.text = ""

    def look(self) -> str:
        with contextlib.suppress(BlockingIOError):
            self.text += os.read(self.master, 65536).decode()
        return self.text

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


def trickle(process: subprocess.Popen[bytes], screen: Screen, done: str) -> None:
    """Gives it an event now and then until that is on the screen."""
    assert process.stdin is not None

    def once() -> bool:
        assert process.stdin is not None
        process.stdin.write(lines(1))
        process.stdin.flush()
        return done in screen.look()

    wait_until(once)
    process.stdin.close()


def test_long_work_shows_progress_on_a_terminal_and_clears_it_away(
    kumolog: Command, screen: Screen
) -> None:
    with kumolog.start("run", "init.lua", stderr=screen.slave) as process:
        trickle(process, screen, " events")
        assert process.wait(60) == 0
    wait_until(lambda: "written" in screen.look())
    before, _, after = screen.text.rpartition("\r\x1b[K")
    assert re.search(r"\r\x1b\[K[\d,]+ events", before)
    assert after.startswith("kumolog: read ")


def test_progress_in_a_file_is_told_in_percent(kumolog: Command, screen: Screen) -> None:
    rest = "kumo.on('f', function() local t = os.clock() while os.clock() < t + 0.001 do end end)"
    kumolog.policy(init(FILTER, rest))
    (kumolog.directory / "events").write_bytes(noise(3000))
    with kumolog.start("run", "init.lua", "events", stderr=screen.slave) as process:
        assert process.wait(60) == 0
    assert re.search(r"\r\x1b\[K +\d+% of [\d,]+ bytes, [\d,]+ events", screen.look())


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_short_or_quiet_work_shows_none(kumolog: Command, screen: Screen, option: str) -> None:
    with kumolog.start("run", "init.lua", option, stderr=screen.slave) as process:
        assert process.stdin is not None
        process.stdin.write(lines(1))
        process.stdin.close()
        assert process.wait(60) == 0
    assert screen.look() == ""


def test_events_can_be_typed(kumolog: Command, screen: Screen) -> None:
    with kumolog.start("run", "init.lua", stdin=screen.slave) as process:
        assert process.stderr is not None
        assert b"reading events from the terminal" in process.stderr.readline()
        os.write(screen.master, lines(1) + b"\x04")
        assert process.wait(60) == 0
    assert sizes(kumolog) == [1]


def test_the_rejects_file_is_not_read_while_it_is_written(kumolog: Command) -> None:
    kumolog.policy(init(LOGGER))
    rejects = kumolog.directory / "kumolog-rejects.jsonl"
    rejects.write_text("bad\n")
    named = kumolog.run("run", "init.lua", "kumolog-rejects.jsonl")
    assert named.returncode == 2
    assert b"it is the rejects file of this run" in named.stderr
    (kumolog.directory / "in").mkdir()
    (kumolog.directory / "in" / "r").write_text("bad\n")
    (kumolog.directory / "in" / "e").write_text('{"type":"Delivery"}\n')
    done = kumolog.run("run", "init.lua", "in", "--rejects", "in/r", "--json")
    assert json.loads(done.stdout)["read"] == 1
    assert (kumolog.directory / "in" / "r").read_text() == "bad\n"


def test_a_directory_without_segments_is_told(kumolog: Command) -> None:
    kumolog.policy(init(LOGGER))
    (kumolog.directory / "in" / "deeper").mkdir(parents=True)
    for command in (("run", "init.lua", "in"), ("cat", "in")):
        done = kumolog.run(*command)
        assert (done.returncode, b"no segments directly in it" in done.stderr) == (0, True)


def test_a_suffix_does_not_lead_out_of_its_directory(kumolog: Command) -> None:
    kumolog.policy(init(LOGGER[:-2] + ", per_record = { Any = { suffix = '/../../x' } } }"))
    for command in ("run", "check"):
        done = kumolog.run(command, "init.lua")
        assert done.returncode == (2 if command == "run" else 1)
        assert b"leads out of its log_dir" in done.stdout + done.stderr
