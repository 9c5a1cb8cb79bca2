"""``kumolog run --checkpoint``: the next run goes on where the output of the last one ends."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import zstandard
from cli.command import LOGGER, Command, wait_until
from support import init

RUN = ("run", "init.lua", "--checkpoint", "state", "--json")
SLOW = "kumo.on('f', function(msg) for _ = 1, 8000 do end return true end)"
PADDING = "x" * 400  # so that a file comes in several pieces


def lines(*sizes: int) -> bytes:
    return b"".join(b'{"type":"Delivery","size":%d}\n' % size for size in sizes)


def padded(numbers: range) -> bytes:
    text = '{"type":"Delivery","size":%d,"response":{"code":250,"content":"%s"}}\n'
    return "".join(text % (number, PADDING) for number in numbers).encode()


def sizes(kumolog: Command) -> Counter[int]:
    return Counter(record["size"] for record in kumolog.records())


def read(kumolog: Command, *arguments: str) -> int:
    """How many events a run has read that went well."""
    done = kumolog.run(*RUN, *arguments)
    assert done.returncode == 0, done.stderr
    count: int = json.loads(done.stdout)["read"]
    return count


def write(kumolog: Command, name: str, data: bytes) -> Path:
    path = kumolog.directory / "in" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def checkpoint(kumolog: Command) -> dict[str, dict[str, int]]:
    """What the checkpoint says of the inputs, by their names."""
    path = kumolog.directory / "state"
    if not path.exists() or not path.stat().st_size:
        return {}
    inputs = json.loads(path.read_bytes())["inputs"]
    return {Path(name).name: reached for name, reached in inputs.items()}


# Runs that end in order --------------------------------------------------------------------------


def test_what_was_read_is_not_read_again_and_what_is_new_is(kumolog: Command) -> None:
    plain = write(kumolog, "1", lines(1, 2))
    write(kumolog, "2", zstandard.compress(lines(3)))
    assert read(kumolog, "in") == 3
    assert read(kumolog, "in") == 0
    with plain.open("ab") as file:
        file.write(lines(4))
    write(kumolog, "3", lines(5))
    write(kumolog, "0", lines(6))
    assert read(kumolog, "in") == 3
    assert sizes(kumolog) == Counter(range(1, 7))


def test_an_input_named_twice_and_by_two_names_is_read_once(kumolog: Command) -> None:
    write(kumolog, "1", lines(1))
    os.symlink("in/1", kumolog.directory / "link")
    assert read(kumolog, "in", "in/1", "link") == 1


def test_a_segment_that_was_being_written_goes_on_where_it_ended(kumolog: Command) -> None:
    stream = zstandard.ZstdCompressor().compressobj()
    text = stream.compress(lines(1, 2) + b'{"type":"Deli')
    text += stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    path = write(kumolog, "1", text)
    assert read(kumolog, "in") == 2
    assert read(kumolog, "in") == 0
    path.write_bytes(text + stream.compress(b'very","size":3}\n') + stream.flush())
    assert read(kumolog, "in") == 1
    assert sizes(kumolog) == Counter((1, 2, 3))


def test_a_last_line_that_gets_its_rest_later_is_read_again_as_a_whole(kumolog: Command) -> None:
    path = write(kumolog, "1", lines(1) + b'{"type":"Delivery","si')
    assert kumolog.run(*RUN, "in").returncode == 1
    with path.open("ab") as file:
        file.write(b'ze":2}\n' + lines(3))
    assert read(kumolog, "in") == 2
    assert sizes(kumolog) == Counter((1, 2, 3))


def test_another_file_of_the_same_name_is_read_from_its_start(kumolog: Command) -> None:
    write(kumolog, "1", lines(1, 2))
    assert read(kumolog, "in") == 2
    write(kumolog, "1", lines(3, 4, 5))
    done = kumolog.run(*RUN, "in")
    assert done.returncode == 0
    assert b"reading in/1: line 2, up to which it was read before, is not there" in done.stderr
    assert sizes(kumolog) == Counter(range(1, 6))


def test_an_input_that_is_broken_stays_so_and_what_precedes_it_is_read_once(
    kumolog: Command,
) -> None:
    write(kumolog, "1", zstandard.compress(lines(1)) + b"nonsense")
    for _ in range(2):
        done = kumolog.run(*RUN, "in")
        assert done.returncode == 1
        assert b"1 input could not be read to the end" in done.stderr
    assert sizes(kumolog) == Counter((1,))


def test_signals_at_any_moment_make_nothing_come_twice(kumolog: Command) -> None:
    kumolog.policy(init(LOGGER[:-1] + ", filter_event = 'f' }", SLOW))
    for number in range(4):
        text = padded(range(number * 2000, (number + 1) * 2000))
        write(kumolog, str(number), zstandard.compress(text) if number % 2 else text)
    stopped = 0
    for _ in range(2):
        before = len(kumolog.segments())
        with kumolog.start(*RUN, "in") as process:
            wait_until(
                lambda p=process, b=before: p.poll() is not None or len(kumolog.segments()) > b
            )
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            stopped += len(sizes(kumolog)) < 8000
    assert stopped
    read(kumolog, "in")
    assert sizes(kumolog) == Counter(range(8000))


# Crashes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sync", ["never", "flush"])
def test_after_kills_at_any_moment_every_event_is_in_the_output(
    kumolog: Command, sync: str
) -> None:
    loggers = f"{LOGGER[:-1]}, filter_event = 'f' }} {LOGGER[:-1].replace('out', 'other')} }}"
    kumolog.policy(init(loggers, SLOW))
    per_file = 2000
    for number in range(5):
        text = padded(range(number * per_file, (number + 1) * per_file)) + b"bad %d\n" % number
        write(kumolog, str(number), zstandard.compress(text) if number % 2 else text)
    options = (*RUN, "in", "--flush-interval", "20ms", "--sync", sync)
    luck = random.Random(sync)
    killed = 0
    for _ in range(4):
        before = len(kumolog.segments("other"))
        with kumolog.start(*options) as process:
            wait_until(
                lambda p=process, b=before: (
                    p.poll() is not None or len(kumolog.segments("other")) > b
                )
            )
            time.sleep(luck.random() * 0.4)
            process.kill()
            killed += process.wait() == -signal.SIGKILL
        for log_dir in ("out", "other"):
            logged = {record["size"] for record in kumolog.records(log_dir)}
            for name, reached in checkpoint(kumolog).items():
                first = int(name) * per_file
                known = range(first, first + min(reached["line"], per_file))
                assert logged.issuperset(known), f"{name} is ahead of {log_dir}"
    assert killed
    done = kumolog.run(*options)
    assert done.returncode in (0, 1), done.stderr
    for log_dir in ("out", "other"):
        assert {record["size"] for record in kumolog.records(log_dir)} == set(range(5 * per_file))
    assert {reject["raw"] for reject in kumolog.rejects} == {f"bad {n}" for n in range(5)}
    assert read(kumolog, "in") == 0


def test_a_crash_makes_come_twice_only_what_the_checkpoint_does_not_tell_of(
    kumolog: Command,
) -> None:
    body = LOGGER[:-1] + ", filter_event = 'f' }"
    stuck = "kumo.on('f', function(msg) while msg:get_meta 'stop' do end return true end)"
    kumolog.policy(init(body, stuck))
    write(kumolog, "1", lines(1, 2))
    path = write(kumolog, "2", b'{"type":"Delivery","size":3,"meta":{"stop":1}}\n')
    options = ("--flush-interval", "10ms", "--handler-timeout", "10m")
    with kumolog.start(*RUN, "in", *options) as process:
        wait_until(lambda: sizes(kumolog) == Counter((1, 2)))
        process.kill()
        process.wait()
    path.write_bytes(lines(3))
    told = checkpoint(kumolog).get("1", {}).get("line", 0)
    assert read(kumolog, "in") == 3 - told
    assert set(sizes(kumolog)) == {1, 2, 3}


# What is refused ---------------------------------------------------------------------------------


def test_what_cannot_be_read_again_is_refused(kumolog: Command) -> None:
    (kumolog.directory / "mail").mkdir()
    os.mkfifo(kumolog.directory / "pipe")
    for arguments, said in (
        ((), b"--checkpoint does not work with standard input"),
        (("-",), b"--checkpoint does not work with standard input"),
        (("--from-mail", "mail"), b"--checkpoint does not work with --from-mail"),
        (("pipe",), b"reading pipe: with a checkpoint only files"),
    ):
        done = kumolog.run(*RUN, *arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert not (kumolog.directory / "state").exists()


def test_a_checkpoint_of_another_policy_or_root_is_refused(kumolog: Command) -> None:
    write(kumolog, "1", lines(1))
    read(kumolog, "in")
    kumolog.policy(init(LOGGER), "other.lua")
    for changed in (("run", "other.lua", *RUN[2:], "in"), (*RUN, "in", "--root", "r")):
        done = kumolog.run(*changed)
        assert done.returncode == 2
        assert b"name another one with --checkpoint" in done.stderr
    assert read(kumolog, "in") == 0


def test_a_run_of_nothing_leaves_no_checkpoint_of_its_own(kumolog: Command) -> None:
    write(kumolog, "1", lines(1))
    kumolog.policy("error('no')")
    assert kumolog.run(*RUN, "in").returncode == 2
    assert not (kumolog.directory / "state").exists()


def test_a_second_run_with_the_same_checkpoint_is_refused_while_the_first_goes_on(
    kumolog: Command,
) -> None:
    kumolog.policy(
        init(
            LOGGER[:-1] + ", filter_event = 'f' }", "kumo.on('f', function() while true do end end)"
        )
    )
    write(kumolog, "1", lines(1))
    with kumolog.start(*RUN, "in", "--handler-timeout", "10m"):
        wait_until((kumolog.directory / "state").exists)
        time.sleep(0.1)  # it holds it from the moment that it is made on, or a moment later
        done = kumolog.run(*RUN, "in")
    assert done.returncode == 2
    assert b"another run uses it" in done.stderr


def test_a_checkpoint_among_the_inputs_is_no_input(kumolog: Command) -> None:
    write(kumolog, "1", lines(1))
    for count in (1, 0):
        done = kumolog.run("run", "init.lua", "in", "--checkpoint", "in/state", "--json")
        assert (done.returncode, json.loads(done.stdout)["read"]) == (0, count)
