from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from segmentfiles import Segment

from kumolog.sources.paths import Input
from kumolog.sources.stop import Stop
from kumolog.sources.streams import Reporter, Stream


@pytest.fixture
def stop() -> Iterator[Stop]:
    with Stop() as stop:
        yield stop


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    segment = Segment(tmp_path / "1")
    yield segment
    segment.leave()


def followed(path: Path, stop: Stop) -> Stream:
    return Stream(Input(str(path)), Reporter(pytest.fail), stop, follow=True, splits=False)


def text(stream: Stream) -> bytes:
    return b"".join(stream)


def open_files(path: Path) -> int:
    links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return sum(os.path.lexists(link) and os.readlink(link) == str(path) for link in links)


def test_a_stream_gives_whole_lines_as_they_come(segment: Segment, stop: Stop) -> None:
    stream = followed(segment.path, stop)
    assert stream.is_fresh
    segment.write(b"one\ntw")
    assert text(stream) == b"one\n"
    assert not stream.is_fresh
    assert text(stream) == b""
    segment.write(b"o\n")
    assert text(stream) == b"two\n"
    assert not stream.ended
    segment.finish()
    assert text(stream) == b""
    assert stream.ended


def test_a_parked_stream_has_no_file_open_and_goes_on_where_it_was(
    segment: Segment, stop: Stop
) -> None:
    stream = followed(segment.path, stop)
    segment.write(b"one\ntw")
    assert text(stream) == b"one\n"
    assert open_files(segment.path) == 2
    for written, given in (
        (b"o\nthr", b"two\n"),
        (b"ee\n", b"three\n"),
        (b"x" * 10**6 + b"\n", b"x" * 10**6 + b"\n"),
    ):
        stream.park()
        assert stream.is_parked
        assert text(stream) == b""
        assert open_files(segment.path) == 1
        segment.write(written)
        assert text(stream) == given
    stream.park()
    segment.finish()
    assert text(stream) == b""
    assert stream.ended


def test_what_is_written_while_a_stream_is_read_is_not_missed_when_it_is_parked(
    segment: Segment, stop: Stop
) -> None:
    stream = followed(segment.path, stop)
    segment.write(b"one\n")
    assert next(iter(stream)) == b"one\n"
    segment.write(b"two\n")  # after the file was looked at, and not read
    stream.park()
    assert text(stream) == b"two\n"


def test_a_parked_stream_ends_where_the_file_is_gone_and_begins_anew_where_another_has_its_name(
    segment: Segment, stop: Stop
) -> None:
    stream = followed(segment.path, stop)
    segment.write(b"one\n")
    assert text(stream) == b"one\n"
    stream.park()
    other = segment.path.with_name("other")
    other.write_bytes(b"new one\nnew two\n")
    other.rename(segment.path)
    assert text(stream) == b"new one\nnew two\n"
    stream.park()
    segment.path.unlink()
    assert text(stream) == b""
    assert stream.ended
