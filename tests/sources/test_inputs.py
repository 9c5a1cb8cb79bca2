from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest
import zstandard

from kumolog.errors import KumologError
from kumolog.sources.inputs import open_inputs
from kumolog.sources.lines import Block, Overlong
from kumolog.sources.stop import Stop

LINES = [b'{"type":"Delivery","n":%d}' % number for number in range(30_000)]
TEXT = b"".join(line + b"\n" for line in LINES)


@pytest.fixture
def stop() -> Iterator[Stop]:
    with Stop() as stop:
        yield stop


@pytest.fixture
def reports() -> list[str]:
    return []


def lines(pieces: Iterable[Block | Overlong]) -> list[bytes]:
    return [line for piece in pieces if isinstance(piece, Block) for line in piece.lines]


def test_files_of_every_format_and_directories_are_read_in_order(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    (directory / "20230306-022812").write_bytes(zstandard.compress(b"3\n"))
    (directory / "20230306-022811").write_bytes(gzip.compress(b"2\n"))
    (directory / ".lock").write_bytes(b"no\n")
    (tmp_path / "plain").write_bytes(b"1")
    paths = [str(tmp_path / "plain"), str(directory)]
    blocks = list(open_inputs(paths, report=reports.append, stop=stop))
    assert [(b.source, b.lines) for b in blocks if isinstance(b, Block)] == [
        (str(tmp_path / "plain"), [b"1"]),
        (str(directory / "20230306-022811"), [b"2"]),
        (str(directory / "20230306-022812"), [b"3"]),
    ]
    assert reports == []


def test_a_large_segment_comes_in_blocks_with_the_right_numbers(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    path = tmp_path / "segment"
    path.write_bytes(zstandard.compress(TEXT))
    number = 0
    for block in open_inputs([str(path)], report=reports.append, stop=stop):
        assert isinstance(block, Block)
        assert block.first_line == number + 1
        assert sum(map(len, block.lines)) <= 512 * 1024
        assert block.lines == LINES[number : number + len(block.lines)]
        number += len(block.lines)
    assert number == len(LINES)


def test_progress_counts_stored_bytes(tmp_path: Path, stop: Stop, reports: list[str]) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(zstandard.compress(TEXT))
    inputs = open_inputs([str(tmp_path)], report=reports.append, stop=stop)
    total = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert (inputs.consumed, inputs.total) == (0, total)
    seen = [inputs.consumed for _ in inputs]
    assert seen == sorted(seen)
    assert 0 < seen[0] < total
    assert inputs.consumed == total


def test_a_missing_path_is_an_error_before_anything_is_read(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    (tmp_path / "there").write_bytes(TEXT)
    with pytest.raises(KumologError, match="gone: No such file"):
        open_inputs(
            [str(tmp_path / "there"), str(tmp_path / "gone")], report=reports.append, stop=stop
        )


def test_a_torn_segment_gives_its_whole_lines_and_a_note(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    encoded = zstandard.compress(TEXT)
    (tmp_path / "1").write_bytes(encoded[: len(encoded) // 2])
    (tmp_path / "2").write_bytes(zstandard.compress(b"next\n"))
    inputs = open_inputs([str(tmp_path)], report=reports.append, stop=stop)
    *found, last = lines(inputs)
    assert found
    assert found == LINES[: len(found)]
    assert last == b"next"
    assert (inputs.torn, inputs.broken) == (1, 0)
    assert len(reports) == 1
    assert f"{tmp_path / '1'}: it ends inside a compressed frame" in reports[0]


def test_a_corrupt_segment_gives_its_whole_lines_and_the_others_go_on(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    (tmp_path / "1").write_bytes(zstandard.compress(TEXT + b"partial") + b"garbage")
    (tmp_path / "2").write_bytes(zstandard.compress(b"next\n"))
    inputs = open_inputs([str(tmp_path)], report=reports.append, stop=stop)
    assert lines(inputs) == [*LINES, b"next"]
    assert (inputs.torn, inputs.broken) == (0, 1)
    assert len(reports) == 1
    assert reports[0].startswith(f"reading {tmp_path / '1'}: corrupt at byte ")


def test_a_segment_that_is_gone_when_its_turn_comes_is_reported(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"line\n")
    inputs = open_inputs([str(tmp_path)], report=reports.append, stop=stop)
    (tmp_path / "a").unlink()
    assert lines(inputs) == [b"line"]
    assert inputs.broken == 1
    assert reports == [f"reading {tmp_path / 'a'}: No such file or directory"]


def test_a_line_over_the_limit_comes_in_pieces(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"a\n" + b"x" * 5000 + b"\nb\n")
    found = list(open_inputs([str(path)], report=reports.append, stop=stop, max_line=1000))
    pieces = [item for item in found if isinstance(item, Overlong)]
    assert [(piece.line, piece.part, len(piece.text)) for piece in pieces] == [
        (2, part, 1000) for part in range(5)
    ]
    assert [item.lines for item in found if isinstance(item, Block)] == [[b"a"], [b"b"]]


def test_once_it_is_stopped_only_the_lines_that_were_read_come(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(TEXT * 10 + b"no end")
    inputs = open_inputs([str(tmp_path)], report=reports.append, stop=stop)
    pieces = iter(inputs)
    first = next(pieces)
    stop.set()
    given = lines(chain([first], pieces))
    read = (TEXT * 10)[: inputs.consumed]
    assert given == read[: read.rindex(b"\n")].split(b"\n")
    assert inputs.consumed < len(TEXT * 10)
    assert reports == []


def test_a_named_pipe_is_read_when_its_writer_comes(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    inputs = open_inputs([str(fifo)], report=reports.append, stop=stop)
    assert inputs.total is None
    writer = threading.Thread(target=fifo.write_bytes, args=[TEXT])
    writer.start()
    assert lines(inputs) == LINES
    writer.join()


def test_a_named_pipe_without_a_writer_can_be_stopped(
    tmp_path: Path, stop: Stop, reports: list[str]
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    threading.Timer(0.1, stop.set).start()
    assert lines(open_inputs([str(fifo)], report=reports.append, stop=stop)) == []


READ_STDIN = """
import json, resource, signal, sys
from kumolog.sources.inputs import open_inputs
from kumolog.sources.lines import Block
from kumolog.sources.stop import Stop

stop = Stop()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
inputs = open_inputs(["-"], report=lambda message: print(json.dumps(message)), stop=stop)
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps(inputs.total), flush=True)
overlong = 0
for item in inputs:
    if isinstance(item, Block):
        print(json.dumps([line.decode() for line in item.lines]), flush=True)
    else:
        overlong += len(item.text)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
print(json.dumps({"overlong": overlong, "grown": grown, "consumed": inputs.consumed}))
"""


class Reader:
    """A process that reads its stdin, and says in JSON lines what came."""

    def __init__(self, stdin: int = subprocess.PIPE) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READ_STDIN], stdin=stdin, stdout=subprocess.PIPE
        )
        assert self.process.stdout
        self._stdout = self.process.stdout

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def said(self) -> object:
        return json.loads(self._stdout.readline())

    def end(self) -> list[object]:
        """Close its stdin; what it says then."""
        said = [json.loads(line) for line in self.process.communicate()[0].splitlines()]
        assert self.process.returncode == 0
        return said


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    with reader.process:
        yield reader
        reader.process.kill()


def test_a_live_pipe_gives_every_line_as_it_comes(reader: Reader) -> None:
    assert reader.said() is None
    for word in ("one", "two", "three"):
        reader.write(f"{word}\nbegin".encode())
        assert reader.said() == [word if word == "one" else f"begin{word}"]
    assert reader.end()[0] == ["begin"]


def test_a_live_compressed_pipe_gives_every_line_that_was_flushed(reader: Reader) -> None:
    compressor = zstandard.ZstdCompressor().compressobj()
    assert reader.said() is None
    for word in ("one", "two", "three"):
        reader.write(compressor.compress(f"{word}\n".encode()))
        reader.write(compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
        assert reader.said() == [word]
    reader.write(compressor.flush())
    assert len(reader.end()) == 1


def test_a_signal_ends_a_blocked_read_and_drops_only_the_begun_line(reader: Reader) -> None:
    assert reader.said() is None
    reader.write(b"whole\nbegun")
    assert reader.said() == ["whole"]
    reader.process.send_signal(signal.SIGTERM)
    assert reader.process.wait(30) == 0
    assert len(reader.end()) == 1


def test_a_line_without_end_through_a_pipe_needs_bounded_memory(reader: Reader) -> None:
    assert reader.said() is None
    size = 200 << 20
    for _ in range(200):
        reader.write(b"x" * (1 << 20))
    reader.write(b"\nnext\n")
    *blocks, end = reader.end()
    assert blocks == [["next"]]
    assert isinstance(end, dict)
    assert end["overlong"] == size
    assert end["grown"] < 80_000


def test_stdin_from_a_file_has_a_known_size(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(zstandard.compress(b"a\n"))
    with path.open("rb") as file:
        reader = Reader(file.fileno())
    with reader.process:
        assert reader.said() == path.stat().st_size
        assert reader.said() == ["a"]


def test_a_torn_pipe_is_noted_by_its_name(reader: Reader) -> None:
    assert reader.said() is None
    reader.write(zstandard.compress(TEXT)[:20])
    message = reader.end()[0]
    assert isinstance(message, str)
    assert message.startswith("reading stdin: it ends inside a compressed frame")
