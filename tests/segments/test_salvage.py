from __future__ import annotations

import json
import os
import tempfile
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kumolog.segments.salvage import State, Stretch, Survey, Tally, survey, whole_lines

FRAME = zstandard.ZstdCompressor(write_checksum=True).compress(b"one\ntwo\nthr")
SKIPPABLE = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"


def look(path: Path, content: bytes) -> tuple[Survey, bytes]:
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = survey(descriptor)
        return found, b"".join(whole_lines(descriptor, found, Tally()))
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
    size = 2 * len(lines)
    assert found == Survey(State.COMPLETE, (Stretch(0, size, size),))
    assert kept == lines * 2
    found, kept = look(tmp_path / "x", data[:-1])
    assert found.state is State.TORN
    assert (lines * 2).startswith(kept)


FRAMES = [
    b"".join(b'{"frame":%d,"id":"%s"}\n' % (frame, os.urandom(9).hex().encode()) for _ in range(60))
    for frame in range(5)
]
PACKED = [zstandard.ZstdCompressor(write_checksum=True).compress(text) for text in FRAMES]


@settings(deadline=None, max_examples=150)
@given(data=st.data(), damaged=st.integers(0, 4), bits=st.integers(1, 3))
def test_flipped_bits_cost_at_most_their_own_frame(
    data: st.DataObject, damaged: int, bits: int
) -> None:
    frame = bytearray(PACKED[damaged])
    for _ in range(bits):
        bit = data.draw(st.integers(0, len(frame) * 8 - 1))
        frame[bit >> 3] ^= 1 << (bit & 7)
    assume(damaged or bytes(frame[:4]) == PACKED[0][:4])
    with tempfile.TemporaryDirectory() as name:
        packed = [*PACKED[:damaged], bytes(frame), *PACKED[damaged + 1 :]]
        found, kept = look(Path(name) / "x", b"".join(packed))
    lines = kept.splitlines()
    for number, text in enumerate(FRAMES):
        own = [line for line in lines if line.startswith(b'{"frame":%d,' % number)]
        if number != damaged:
            assert set(text.splitlines()) <= set(own)
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert len(lines) <= 5 * 60 + 10
    if found.state is State.DAMAGED:
        assert found.damaged_at is not None
        assert len(b"".join(PACKED[:damaged])) <= found.damaged_at
    else:
        # Some bits of a frame stand for nothing.
        is_whole = FRAMES[damaged].splitlines() == [
            line for line in lines if line.startswith(b'{"frame":%d,' % damaged)
        ]
        assert is_whole or (damaged == 4 and found.state is State.TORN)


def test_a_flipped_bit_in_the_first_four_bytes_costs_nothing(tmp_path: Path) -> None:
    for bit in range(32):
        content = bytearray(b"".join(PACKED))
        content[bit >> 3] ^= 1 << (bit & 7)
        found, kept = look(tmp_path / "x", bytes(content))
        assert found.state is State.DAMAGED
        assert kept == b"".join(FRAMES)


def test_after_a_lost_block_of_zeros_the_next_frame_is_found(tmp_path: Path) -> None:
    found, kept = look(tmp_path / "x", bytes(4096) + PACKED[1] + PACKED[2][:-5])
    assert (found.state, found.damaged_at, found.unreadable) == (State.DAMAGED, 0, 4096)
    assert kept.startswith(FRAMES[1])


def test_zeros_after_a_part_of_the_first_four_bytes_are_damage(tmp_path: Path) -> None:
    for length in range(4):
        found, kept = look(tmp_path / "x", PACKED[0][:length] + bytes(4096))
        assert (found.state, kept) == (State.DAMAGED, b"")


def test_of_a_damaged_frame_among_text_only_what_can_be_text_is_kept(tmp_path: Path) -> None:
    lines = [b'{"a":1}', b'{"a":1', b'a":1}', b"text", b"a\x00b", b"\xff", b"[1]}", b"", b"x\ty"]
    frame = bytearray(
        zstandard.ZstdCompressor(write_checksum=True).compress(b"\n".join(lines) + b"\n")
    )
    frame[-1] ^= 1
    tally = Tally()
    sound = b"text\nmore text\n"
    (tmp_path / "x").write_bytes(bytes(frame) + zstandard.ZstdCompressor().compress(sound))
    with open(tmp_path / "x", "rb") as file:
        kept = b"".join(whole_lines(file.fileno(), survey(file.fileno()), tally))
    assert kept == b'{"a":1}\ntext\n\nx\ty\n' + sound
    assert tally == Tally(kept=4 + 2, doubtful=4, left_out=5)


def test_a_line_of_garbage_without_end_takes_no_memory(tmp_path: Path) -> None:
    frame = bytearray(
        zstandard.ZstdCompressor(write_checksum=True).compress(b"x" * (200 << 20) + b"\n{}\n")
    )
    frame[-1] ^= 1
    tally = Tally()
    (tmp_path / "x").write_bytes(bytes(frame))
    with open(tmp_path / "x", "rb") as file:
        found = survey(file.fileno())
        tracemalloc.start()
        kept = b"".join(whole_lines(file.fileno(), found, tally))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert kept == b"{}\n"
    assert tally == Tally(kept=1, doubtful=1, left_out=1)
    assert peak < 150 << 20
