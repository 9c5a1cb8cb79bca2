"""``kumolog stats``: counts of records, for eyes and for tools."""

from __future__ import annotations

import fcntl
import gzip
import json
import multiprocessing
import os
import pty
import random
import re
import select
import signal
import termios
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import IO, Any

import pytest
import zstandard
from cli.command import Command, wait_until
from support import init

from kumolog.cli.stats_jobs import Jobs
from kumolog.stats.statistics import Statistics
from kumolog.stats.summary import summary

EVENTS: list[dict[str, Any]] = [
    {"type": "Reception", "recipient": "a@one.example", "timestamp": 1772442000},
    *[
        {
            "type": "Delivery",
            "recipient": f"{n}@one.example",
            "timestamp": 1772442060 + n,
            "created": 1772442060,
            "meta": {"tenant": "bakery"},
            "site": "mx.one",
            "egress_source": "ip-1",
        }
        for n in range(3)
    ],
    {
        "type": "Bounce",
        "recipient": "b@two.example",
        "timestamp": 1772442070,
        "bounce_classification": "InvalidRecipient",
        "response": {"code": 551, "content": "no"},
        "meta": {"tenant": "\x1b[31mred"},
    },
    {"type": "TransientFailure", "recipient": "c@two.example", "timestamp": 1772442080},
]
SHARED = 8 << 20  # bytes from which on several processes count them
INPUT = b"".join(json.dumps(event).encode() + b"\n" for event in EVENTS)


@pytest.fixture
def directory(kumolog: Command) -> Command:
    """Segments in out/, as a run wrote them."""
    kumolog.policy(init("kumo.configure_local_logs { log_dir = 'out', meta = { '*' } }"))
    assert kumolog.run("run", "init.lua", stdin=INPUT).returncode == 0
    return kumolog


def as_json(kumolog: Command, *arguments: str, code: int = 0, stdin: bytes = b"") -> dict[str, Any]:
    done = kumolog.run("stats", "--json", *arguments, stdin=stdin)
    assert (done.returncode, done.stdout.count(b"\n")) == (code, 1)
    return dict(json.loads(done.stdout))


def counts(table: dict[str, Any]) -> dict[str | None, int]:
    return {row["value"]: row["records"] for row in table["rows"]}


def test_segments_are_shown_as_tables(directory: Command) -> None:
    done = directory.run("stats", "out")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert text.startswith("6 records, 2026-03-02 09:00:00 to 2026-03-02 09:01:20 UTC\n")
    assert "\ndelivered  3  75.0 %\nbounced    1  25.0 %\ntransient  1\n" in text
    assert "\nlatency    1 s median, 2 s p95\n" in text
    assert re.search(r"\nDelivery +3  █+ +50.0 %\n", text)
    assert re.search(r"\none.example +4  █+ +3 +0  100.0 %\n", text)
    assert re.search(r"\n551 +1  [█▏▎▍▌▋▊▉]+ +16.7 %\n", text)
    assert re.search(r"\nInvalidRecipient +1 ", text)
    assert re.search(r"\nper minute .*\n2026-03-02 09:00 +1 .*\n2026-03-02 09:01 +5 ", text)
    assert max(map(len, text.splitlines())) <= 80


def test_every_input_is_read_whatever_its_form(directory: Command) -> None:
    (directory.directory / "g").write_bytes(gzip.compress(INPUT))
    (directory.directory / "p").write_bytes(INPUT.removesuffix(b"\n"))
    found = as_json(directory, "out", "g", "p", "-", stdin=zstandard.compress(INPUT))
    assert found["records"] == 24
    assert counts(found["types"])["Delivery"] == 12
    assert counts(found["domains"]) == {"one.example": 16, "two.example": 8}
    assert found["latency"]["median"] == 1


def test_a_pattern_names_the_files_that_match(kumolog: Command) -> None:
    for name in ("a1", "a2", "b1"):
        (kumolog.directory / name).write_bytes(INPUT)
    assert as_json(kumolog, "a?", "{a,b}1")["records"] == 24


def test_a_field_is_counted_by(directory: Command) -> None:
    found = as_json(directory, "out", "--by", "meta.tenant,response.code", "--by", "egress_source")
    assert counts(found["by"]["meta.tenant"]) == {"bakery": 3, None: 2, "\x1b[31mred": 1}
    assert counts(found["by"]["response.code"]) == {"250": 4, "400": 1, "551": 1}
    assert found["by"]["egress_source"]["rows"][0]["delivery_rate"] == 0
    done = directory.run("stats", "out", "--by", "meta.tenant")
    text = done.stdout.decode()
    assert re.search(r"\nbakery +3  █+ +3 +0  100.0 %\n", text)
    assert re.search(r"\n\\x1b\[31mred +1 .* +0 +1 +0.0 %\n", text)
    assert "one.example" not in text


def test_what_is_below_the_top_is_summed(directory: Command) -> None:
    found = as_json(directory, "out", "--top", "1")
    assert counts(found["types"]) == {"Delivery": 3}
    assert (found["types"]["other"]["values"], found["types"]["other"]["records"]) == (3, 3)
    text = directory.run("stats", "out", "--top", "1").stdout.decode()
    assert re.search(r"\n3 others +3 +50.0 %\n", text)


def test_a_broken_segment_is_told_and_skipped(directory: Command) -> None:
    good = zstandard.compress(INPUT * 5000)
    (directory.directory / "bad").write_bytes(good[:8] + b"\xff\xff\xff" + good[11:])
    done = directory.run("stats", "bad", "out", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["records"] >= 6
    assert done.stderr.startswith(b"kumolog: warning: reading bad: corrupt at byte ")


def test_a_torn_segment_is_read_to_its_last_whole_line(kumolog: Command) -> None:
    stream = zstandard.ZstdCompressor().compressobj()
    data = stream.compress(INPUT[:-5]) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    torn = kumolog.directory / "torn"
    torn.write_bytes(data)
    assert kumolog.run("stats", "torn").stderr == b""  # it is still being written
    torn.chmod(0o444)
    done = kumolog.run("stats", "torn", "--json")
    assert (done.returncode, json.loads(done.stdout)["records"]) == (0, 5)
    assert b"warning: reading torn: it ends inside a compressed frame" in done.stderr


def test_lines_that_are_no_records_are_counted_and_told(kumolog: Command) -> None:
    done = kumolog.run("stats", "-", stdin=INPUT + b"no\n" + INPUT + b"{}\n")
    assert done.returncode == 1
    assert b"\n2 lines that are no records\n" in done.stdout
    assert re.fullmatch(
        rb"kumolog: warning: reading stdin: 2 lines are no records; the first one, after 6 records: .+\n",
        done.stderr,
    )
    done = kumolog.run("stats", "-", stdin=b"{}\n")
    assert b"reading stdin: 1 line is no record; the first one, after 0 records: " in done.stderr
    assert done.stdout.startswith(b"0 records\n1 line that is no record\n")


def test_nothing_is_shown_of_nothing(kumolog: Command) -> None:
    (kumolog.directory / "empty").mkdir()
    done = kumolog.run("stats", "empty")
    assert done.returncode == 0
    assert done.stdout == b"0 records\ndelivered  0  -\nbounced    0  -\ntransient  0\n"
    assert done.stderr.endswith(b"reading empty: there are no segments directly in it\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "reading missing: No such file or directory"),
        (["-", "--by", "response"], "counting by response: it is an object"),
        (["no*"], "reading no*: no file matches this pattern"),
        (["-", "-"], "reading stdin: - is given twice"),
        (["-", "--top", "0"], "argument --top: it must be a whole number from 1 on"),
        (["-", "--by", "a.\udcff"], "counting by a.\\xff: no field has such a name"),
        (["-", "--by", "a..b"], "argument --by: 'a..b' names no field"),
    ],
)
def test_wrong_usage_is_refused(kumolog: Command, arguments: list[str], said: str) -> None:
    done = kumolog.run("stats", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()


def test_a_field_that_no_record_has_is_told(directory: Command) -> None:
    done = directory.run("stats", "out", "--by", "egres_source", "--by", "mine")
    assert done.returncode == 0
    assert done.stderr.decode().splitlines() == [
        "kumolog: warning: no record has a value for egres_source: did you mean egress_source?",
        "kumolog: warning: no record has a value for mine",
    ]


def is_drained(pipe: IO[bytes]) -> bool:
    return fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4) == b"\0" * 4


def test_a_signal_ends_the_reading_and_shows_what_was_counted(kumolog: Command) -> None:
    (kumolog.directory / "out.jsonl").write_bytes(INPUT)
    with kumolog.start("stats", "out.jsonl", "-", "--json") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(INPUT)
        process.stdin.flush()
        wait_until(partial(is_drained, process.stdin))  # so it hears signals, and waits for more
        process.send_signal(signal.SIGINT)
        found = json.loads(process.stdout.readline())
        assert process.wait(60) == 0
        assert found["records"] in (6, 12)
        assert b"stopped early" in process.stderr.read()


def fill(kumolog: Command, files: int) -> None:
    """Files in many/ that are worth several processes, each with the same records."""
    first, *others = (kumolog.directory / "many" / f"{number:02}" for number in range(files))
    first.parent.mkdir()
    events = [{**event, "content": "x" * 20_000} for event in EVENTS]
    text = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    first.write_bytes(text * (SHARED // len(text) // 2 + 1))
    for other in others:
        other.hardlink_to(first)


def children(process: Popen[bytes]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return list(map(int, text.split()))


def disposed(how: str, number: int) -> bool:
    """Whether a process has so arranged for SIGINT."""
    text = Path(f"/proc/{number}/status").read_text()
    mask = re.search(rf"^{how}:\t(\w+)$", text, re.MULTILINE)
    return mask is not None and bool(int(mask[1], 16) & 1 << signal.SIGINT - 1)


@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="with one processor nothing is shared out"
)
class TestLargeInputs:
    """Several processes count what one of them reads."""

    def test_counts_are_those_of_one_process(self, kumolog: Command) -> None:
        fill(kumolog, 3)
        text = b"".join(file.read_bytes() for file in sorted(kumolog.directory.glob("many/*")))
        shared = kumolog.run("stats", "--json", "many", "--by", "meta.tenant", "--top", "9")
        statistics = Statistics([("meta", "tenant")])
        statistics.add(text)
        assert (shared.returncode, shared.stderr) == (0, b"")
        assert json.loads(shared.stdout) == summary(statistics.totals, 9)
        assert json.loads(shared.stdout)["records"] == text.count(b"\n") > 0

    @pytest.mark.parametrize("compress", [bytes, partial(zstandard.compress, level=1)])
    def test_of_one_file_lines_are_told_in_their_order(
        self, kumolog: Command, compress: Callable[[bytes], bytes]
    ) -> None:
        noise = random.Random(1).randbytes(SHARED // 20).hex()
        good = b"".join(
            json.dumps({**EVENTS[1], "content": noise[start : start + 8000]}).encode() + b"\n"
            for start in range(0, len(noise), 8000)
        )
        long = json.dumps({**EVENTS[0], "content": noise}).encode() + b"\n"
        part = good + long + b"[%d]\n"
        text = b"".join(part.replace(b"%d", b"%d" % number) for number in range(20))
        (kumolog.directory / "one").write_bytes(compress(text) + compress(b"no\n"))
        done = kumolog.run("stats", "--json", "one")
        found = json.loads(done.stdout)
        each = part.count(b"\n") - 1
        assert counts(found["types"]) == {"Delivery": 20 * (each - 1), "Reception": 20}
        assert (found["records"], found["no_records"], done.returncode) == (20 * each, 21, 1)
        said = rb": 21 lines are no records; the first one, after (.+) records: Expected `object`"
        match = re.search(said, done.stderr)
        assert match is not None
        assert match[1].decode() == f"{each:,}"

    def test_what_cannot_be_read_is_told_in_the_order_of_the_files(self, kumolog: Command) -> None:
        fill(kumolog, 2)
        for number in range(9):
            (kumolog.directory / "many" / f"00-{number}").write_bytes(b"no\n" * (number + 1))
        done = kumolog.run("stats", "--json", "many")
        said = re.findall(rb"reading many/00-(.): (\d+) lines? (?:is|are) no record", done.stderr)
        assert said == [(b"%d" % number, b"%d" % (number + 1)) for number in range(9)]
        assert done.returncode == 1
        assert json.loads(done.stdout)["no_records"] == 45

    # Standard input stays open in these: so the command does not end by itself.

    def test_a_signal_ends_all_and_shows_what_was_counted(self, kumolog: Command) -> None:
        fill(kumolog, 4)
        with kumolog.start("stats", "many", "-", "--json") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            wait_until(lambda: children(process))
            wait_until(lambda: disposed("SigCgt", process.pid))
            counting = children(process)
            wait_until(lambda: all(disposed("SigIgn", number) for number in counting))
            for number in counting:
                os.kill(number, signal.SIGINT)  # as a terminal does, to the whole group
            process.send_signal(signal.SIGINT)
            found = json.loads(process.stdout.readline())
            assert process.wait(60) == 0
            assert found["records"] <= 4 * (SHARED // 2 // 20_000 + len(EVENTS))
            assert process.stderr.read().count(b"stopped early") == 1
            assert not any(Path(f"/proc/{number}").exists() for number in counting)

    def test_what_a_killed_process_counted_is_told_to_be_left_out(self, kumolog: Command) -> None:
        fill(kumolog, 9)
        with kumolog.start("stats", "many", "-", "--json") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            counting = wait_until(lambda: children(process))
            for number in counting:
                os.kill(number, signal.SIGKILL)
            process.stdin.close()
            found = json.loads(process.stdout.readline())
            assert process.wait(60) == 1
            said = re.findall(
                rb"warning: counting: a process ended by SIGKILL: "
                rb"([\d,]+) records that it had counted are left out\n",
                process.stderr.read(),
            )
        lost = sum(int(number.replace(b",", b"")) for number in said)
        each = (kumolog.directory / "many" / "00").read_bytes().count(b"\n")
        assert found["records"] + lost == 9 * each
        assert len(said) == len(counting)

    def test_nothing_goes_on_when_the_command_is_killed(self, kumolog: Command) -> None:
        fill(kumolog, 4)
        with kumolog.start("stats", "many", "-") as process:
            counting = wait_until(lambda: children(process))
            process.kill()
            process.wait(60)
        wait_until(lambda: not any(is_running(number) for number in counting))


def test_no_process_is_left_when_reading_fails() -> None:
    with Jobs((), 2, print):  # left before `finish`
        assert len(multiprocessing.active_children()) == 2
    wait_until(lambda: not multiprocessing.active_children())


def is_running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"  # whoever inherited it may not have looked after it yet


def test_progress_is_shown_on_a_terminal_and_taken_away(kumolog: Command) -> None:
    leader, follower = pty.openpty()
    with kumolog.start("stats", "-", "--json", stderr=follower) as process:
        os.close(follower)
        assert process.stdin is not None
        shown = b""
        fed = 0
        while b"records" not in shown:
            process.stdin.write(INPUT)
            process.stdin.flush()
            fed += len(EVENTS)
            if select.select([leader], [], [], 0.05)[0]:
                shown += _read(leader)
        process.stdin.close()
        while piece := _read(leader):
            shown += piece
        assert process.wait(60) == 0
    os.close(leader)
    first = re.match(rb"\r\x1b\[K(\d+) records", shown)
    assert first is not None
    assert 0 < int(first[1]) <= fed
    assert shown.endswith(b"\r\x1b[K")


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_and_width_are_those_of_the_terminal(
    directory: Command, environment: dict[str, str], coloured: bool
) -> None:
    leader, follower = pty.openpty()
    settings = {"TERM": "xterm", "COLUMNS": "60", **environment}
    plain = {k: v for k, v in directory.environment.items() if k != "NO_COLOR"}
    done = directory.run("stats", "out", stdout=follower, env=plain | settings)
    os.close(follower)
    text = b""
    while piece := _read(leader):
        text += piece
    os.close(leader)
    assert done.returncode == 0
    assert (b"\x1b[" in text) is coloured
    shown = re.sub(r"\x1b\[[0-9]*m", "", text.decode())
    assert max(map(len, shown.splitlines())) <= 60


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # nobody writes to it any more
        return b""
