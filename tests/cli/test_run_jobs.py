"""``kumolog run --jobs``: several processes, one result."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cli.command import LOGGER, Command, wait_until
from support import init, read_segment

RUN = ("run", "init.lua", "in", "--jobs", "3", "--json")
FILTERED = LOGGER[:-1] + ", filter_event = 'f' }"
PASSES = "kumo.on('f', function(msg) return true end)"
# One event that keeps its process busy until somebody ends it, the others pass.
STUCK = "kumo.on('f', function(msg) while msg:get_meta 'stop' do end return true end)"
STOP = b'{"type":"Delivery","size":0,"meta":{"stop":1}}\n'
UNLIMITED = ("--handler-timeout", "10m")


def lines(*sizes: int) -> bytes:
    return b"".join(b'{"type":"Delivery","size":%d}\n' % size for size in sizes)


def write(kumolog: Command, *contents: bytes) -> None:
    directory = kumolog.directory / "in"
    directory.mkdir(exist_ok=True)
    for number, content in enumerate(contents):
        (directory / f"{number:02d}").write_bytes(content)


def sizes(kumolog: Command) -> Counter[int]:
    return Counter(record["size"] for record in kumolog.records())


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_the_result_is_that_of_one_process_up_to_the_order(kumolog: Command) -> None:
    rest = (
        "kumo.on('f', function(msg) assert(msg:get_meta 'x' ~= 1) return msg:get_meta 'x' ~= 2 end)"
    )
    kumolog.policy(init(FILTERED + LOGGER.replace("out", "second"), rest))
    events = b"".join(b'{"type":"Delivery","meta":{"x":%d}}\n' % (n % 9) for n in range(300))
    write(kumolog, *(lines(n) + events + b"bad %d\n" % n for n in range(7)))
    alone = kumolog.run(*RUN, "--jobs", "1", "--root", "alone", "--rejects", "alone.jsonl")
    together = kumolog.run(*RUN)
    assert (alone.returncode, together.returncode) == (1, 1), together.stderr
    assert comparable(alone.stdout) == comparable(together.stdout)
    for log_dir in ("out", "second"):
        assert texts(kumolog, log_dir).keys() >= texts(kumolog, f"alone/{log_dir}").keys()
        assert len(kumolog.records(log_dir)) == len(kumolog.records(f"alone/{log_dir}"))
    mine = (kumolog.directory / "kumolog-rejects.jsonl").read_bytes().splitlines()
    other = (kumolog.directory / "alone.jsonl").read_bytes().splitlines()
    assert sorted(mine) == sorted(other)
    assert all(not path.stat().st_mode & 0o222 for path in kumolog.segments())


def comparable(summary: bytes) -> dict[str, Any]:
    """A summary without what depends on how records are spread over segments."""
    decoded: dict[str, Any] = json.loads(summary)
    for logger in decoded["loggers"]:
        del logger["segments"], logger["compressed_bytes"]
    return decoded


def texts(kumolog: Command, log_dir: str) -> Counter[int]:
    return Counter(
        record["size"] for record in kumolog.records(log_dir) if "x" not in record["meta"]
    )


def test_many_processes_open_segments_of_one_name_without_a_loss(kumolog: Command) -> None:
    kumolog.policy(init(LOGGER[:-1] + ", max_file_size = 300 }"))
    write(kumolog, *(lines(*range(n * 10, n * 10 + 10)) for n in range(8)))
    done = kumolog.run(*RUN, "--jobs", "4")
    assert done.returncode == 0, done.stderr
    assert sizes(kumolog) == Counter(range(80))
    assert json.loads(done.stdout)["loggers"][0]["segments"] == len(kumolog.segments()) > 20
    for path in kumolog.segments():
        assert read_segment(path).endswith(b"\n")


def test_what_the_policy_says_as_it_loads_is_shown_once(kumolog: Command) -> None:
    rest = "kumo.on('f', function(msg) kumo.log_warn('asked') return true end)"
    kumolog.policy(init(FILTERED + " kumo.log_warn('loading')", rest))
    write(kumolog, *[lines(1)] * 4)
    done = kumolog.run(*RUN)
    assert done.stderr.count(b": loading\n") == 1
    assert done.stderr.count(b": asked\n") == 4


def test_the_processes_have_luck_of_their_own(kumolog: Command) -> None:
    kumolog.policy(init(LOGGER + " print(math.random(1 << 60), kumo.uuid.new_v1())"))
    write(kumolog, *[lines(1)] * 3)
    done = kumolog.run("run", "init.lua", "in", "--jobs", "3")
    words = done.stdout.split()
    assert len(set(words)) == len(words) == 6


def test_a_policy_error_is_shown_once_and_nothing_is_read(kumolog: Command) -> None:
    kumolog.policy(init("local function f() error('no') end\nf()"))
    write(kumolog, *[lines(1)] * 4)
    done = kumolog.run(*RUN)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"kumolog: error: init.lua:3: no\n    init.lua:3: in ")
    assert done.stderr.count(b"error") == 1


def test_segments_that_an_earlier_run_left_open_are_finished_once(kumolog: Command) -> None:
    with kumolog.start("run", "init.lua", "--flush-interval", "10ms") as process:
        assert process.stdin is not None
        process.stdin.write(lines(7))
        process.stdin.flush()
        wait_until(lambda: sizes(kumolog) == Counter((7,)))
        process.kill()
        process.wait()
    write(kumolog, *(lines(n) for n in range(5)))
    done = kumolog.run(*RUN)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"repaired") == 1
    assert sizes(kumolog) == Counter([7, *range(5)])


@pytest.mark.parametrize("to_all", [False, True])
def test_the_first_signal_ends_all_of_them_in_order(kumolog: Command, to_all: bool) -> None:
    kumolog.policy(init(FILTERED, STUCK))
    write(kumolog, *[lines(1), STOP] * 3)
    options = (*RUN, *UNLIMITED, "--flush-interval", "1h")
    with kumolog.start(*options, start_new_session=True) as process:
        assert process.stdout is not None
        wait_until(kumolog.segments)
        if to_all:
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, 1)
        counted = json.loads(process.stdout.read())
    assert counted["read"] == len(kumolog.records()) + len(kumolog.rejects)
    assert all(not path.stat().st_mode & 0o222 for path in kumolog.segments())


def test_the_second_signal_kills_all_of_them(kumolog: Command) -> None:
    stuck = "kumo.on('f', function() local _ = ('a'):rep(300):find('.-.-.-.-.-b') end)"
    kumolog.policy(init(FILTERED, stuck))
    write(kumolog, *[lines(1)] * 3)
    with kumolog.start(*RUN, *UNLIMITED) as process:
        workers = wait_until(lambda: len(found := children(process.pid)) == 3 and found)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)  # signals that wait for one another would be one
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT
    wait_until(lambda: not any(map(is_alive, workers)))


def test_they_end_in_order_when_their_parent_is_killed(kumolog: Command) -> None:
    kumolog.policy(init(FILTERED, STUCK))
    write(kumolog, *[lines(1), STOP] * 3)
    with kumolog.start(*RUN, *UNLIMITED, "--flush-interval", "1h") as process:
        wait_until(kumolog.segments)
        workers = children(process.pid)
        process.kill()
        process.wait()
    wait_until(lambda: not any(map(is_alive, workers)))
    assert 1 <= len(kumolog.records()) <= 3
    assert all(not path.stat().st_mode & 0o222 for path in kumolog.segments())


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_that_dies_is_told_and_the_others_go_on(kumolog: Command) -> None:
    """Its policy ends it, as running out of memory would."""
    kumolog.policy(init(FILTERED, STUCK))
    write(kumolog, STOP, *(lines(n) for n in range(1, 9)))
    with kumolog.start(*RUN, *UNLIMITED) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        wait_until(kumolog.segments)
        wait_until(lambda: sum(sizes(kumolog).values()) == 8)
        busiest = max(children(process.pid), key=cpu_ticks)
        os.kill(busiest, signal.SIGKILL)
        assert process.wait(60) == 1
        said = process.stderr.read().decode()
        counted = json.loads(process.stdout.read())
    assert "of the jobs was ended by SIGKILL while it read in/00" in said
    assert "is lost" in said
    assert counted["read"] == 8
    assert sizes(kumolog) == Counter(range(1, 9))


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11])


def test_a_checkpoint_goes_on_where_each_of_the_processes_ended(kumolog: Command) -> None:
    kumolog.policy(init(FILTERED, STUCK))
    write(kumolog, lines(1) + STOP, *(lines(n) for n in range(2, 9)))
    state = ("--checkpoint", "state")
    with kumolog.start(*RUN, *UNLIMITED, *state, "--flush-interval", "10ms") as process:
        wait_until(lambda: set(sizes(kumolog)) == set(range(2, 9)))
        process.kill()
        process.wait()
    kumolog.policy(init(FILTERED, PASSES))
    done = kumolog.run(*RUN, *state)
    assert done.returncode == 0, done.stderr
    assert set(sizes(kumolog)) == set(range(9))
    done = kumolog.run(*RUN, *state)
    assert json.loads(done.stdout)["read"] == 0


def test_a_checkpoint_of_several_processes_that_end_in_order_is_exact(kumolog: Command) -> None:
    write(kumolog, *(lines(*range(n * 100, n * 100 + 100)) for n in range(9)))
    for more in (0, 1):
        (kumolog.directory / "in" / "more").write_bytes(lines(*range(900, 900 + more)))
        done = kumolog.run(*RUN, "--checkpoint", "state")
        assert done.returncode == 0, done.stderr
    assert sizes(kumolog) == Counter(range(901))


@pytest.mark.parametrize("arguments", [(), ("-",), ("--from-mail", "x")])
def test_only_files_can_be_shared_out(kumolog: Command, arguments: tuple[str, ...]) -> None:
    done = kumolog.run("run", "init.lua", "--jobs", "2", *arguments)
    assert done.returncode == 2
    assert b"--jobs does not work with " in done.stderr


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", ""])
def test_the_number_of_jobs_is_a_number(kumolog: Command, number: str) -> None:
    done = kumolog.run("run", "init.lua", f"--jobs={number}")
    assert done.returncode == 2
    assert b"--jobs: it must be a whole number from 1 on" in done.stderr
