from __future__ import annotations

import os
from pathlib import Path

import pytest
import zstandard

from kumolog.segments.salvage import State, Survey, survey, whole_lines

FRAME = zstandard.ZstdCompressor(write_checksum=True).compress(b"one\ntwo\nthr")
SKIPPABLE = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"


def look(path: Path, content: bytes) -> tuple[Survey, bytes]:
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = survey(descriptor)
        return found, b"".join(whole_lines(descriptor, found))
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("content", "state", "lines"),
    [
        (b"", State.TORN, b""),
        (b"\x28\xb5", State.TORN, b""),
        (b"{}\n", State.FOREIGN, b""),
        (b"\x1f\x8b\x08\x00", State.FOREIGN, b""),
        (FRAME, State.COMPLETE, b"one\ntwo\n"),
        (SKIPPABLE + FRAME, State.COMPLETE, b"one\ntwo\n"),
        (FRAME[:-2], State.TORN, b"one\ntwo\n"),
        (FRAME + FRAME[:5], State.TORN, b"one\ntwo\n"),
        (FRAME + FRAME[:-1], State.TORN, b"one\ntwo\nthrone\ntwo\n"),
        (FRAME + b"garbage, long enough", State.DAMAGED, b"one\ntwo\n"),
        (FRAME + bytes(64), State.DAMAGED, b"one\ntwo\n"),
    ],
)
def test_how_a_file_ends_and_which_lines_are_whole(
    tmp_path: Path, content: bytes, state: State, lines: bytes
) -> None:
    found, kept = look(tmp_path / "x", content)
    assert found.state is state
    assert kept == lines
    assert found.damaged_at == (len(FRAME) if state is State.DAMAGED else None)


def test_a_file_longer_than_one_reading_is_walked_to_its_end(tmp_path: Path) -> None:
    lines = b"".join(os.urandom(40).hex().encode() + b"\n" for _ in range(30_000))
    data = zstandard.ZstdCompressor(level=1).compress(lines) * 2
    assert len(data) > 1 << 20
    found, kept = look(tmp_path / "x", data)
    assert found == Survey(State.COMPLETE, 2 * len(lines))
    assert kept == lines * 2
    found, kept = look(tmp_path / "x", data[:-1])
    assert found.state is State.TORN
    assert (lines * 2).startswith(kept)
