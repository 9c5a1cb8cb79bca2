from __future__ import annotations

import gzip
import io
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support import needs_zstd

from kumolog.errors import SegmentError
from kumolog.segments.reader import Decoded, open_decoded

TEXT = b"".join(b'{"type":"Delivery","n":%d}\n' % number for number in range(20_000))
SKIPPABLE = b"\x5a\x2a\x4d\x18" + (70_000).to_bytes(4, "little") + bytes(70_000)


def decoded(data: bytes) -> Decoded:
    return open_decoded(io.BytesIO(data), "some/segment")


def content(data: bytes) -> bytes:
    reader = decoded(data)
    text = b"".join(reader)
    assert not reader.torn
    return text


def before_fault(data: bytes) -> tuple[bytes, str]:
    """Return what came out before the fault, and the error's message."""
    pieces = []
    with pytest.raises(SegmentError) as caught:
        pieces.extend(decoded(data))
    return b"".join(pieces), str(caught.value)


@needs_zstd
@pytest.mark.parametrize("arguments", [[], ["-19"], ["--fast=5"], ["--no-check"], ["--long=27"]])
def test_what_the_zstd_program_wrote_is_read(tmp_path: Path, arguments: list[str]) -> None:
    encoded = subprocess.run(
        ["zstd", "-c", *arguments], input=TEXT, capture_output=True, check=True
    ).stdout
    assert content(encoded) == TEXT


def test_what_the_gzip_program_wrote_is_read() -> None:
    encoded = subprocess.run(["gzip", "-c"], input=TEXT, capture_output=True, check=True).stdout
    assert content(encoded + encoded) == TEXT + TEXT


def test_plain_text_is_given_as_it_is() -> None:
    assert content(TEXT) == TEXT


def test_nothing_comes_of_an_empty_input() -> None:
    assert content(b"") == b""


@pytest.mark.parametrize("text", [b"(", b"P", b"P*", b"P*M", b"\xff", b"{", b"PX"])
def test_text_that_begins_like_a_magic_number_is_text(text: bytes) -> None:
    assert content(text) == text


@pytest.mark.parametrize("magic", [b"\x28\xb5", b"\x28\xb5\x2f", b"\x28\xb5\x2f\xfd"])
def test_a_file_cut_off_in_its_magic_number_is_torn(magic: bytes) -> None:
    reader = decoded(magic)
    assert list(reader) == []
    assert reader.torn


def test_zstd_frames_and_skippable_frames_are_read_through() -> None:
    frame = zstandard.compress(TEXT)
    empty = zstandard.compress(b"")
    assert content(SKIPPABLE + frame + empty + SKIPPABLE + frame + SKIPPABLE) == TEXT + TEXT


@pytest.mark.parametrize("encoded", [SKIPPABLE[:6], SKIPPABLE[:-1]])
def test_a_skippable_frame_that_is_cut_off_is_torn(encoded: bytes) -> None:
    reader = decoded(zstandard.compress(TEXT) + encoded)
    assert b"".join(reader) == TEXT
    assert reader.torn


def flushed_stream(lines: list[bytes]) -> tuple[bytes, list[tuple[int, int]]]:
    """Compress with a flush after every line; where each flush ended, encoded and decoded."""
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    encoded, ends, size = b"", [], 0
    for line in lines:
        encoded += compressor.compress(line) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        size += len(line)
        ends.append((len(encoded), size))
    return encoded + compressor.flush(), ends


NOISE = random.Random(3)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=300).map(lambda text: text + b"\n"),
            st.integers(0, 200_000).map(lambda size: b"x" * size + b"\n"),
            st.integers(0, 200_000).map(lambda size: NOISE.randbytes(size) + b"\n"),
        ),
        min_size=1,
        max_size=6,
    ),
    st.data(),
)
@settings(max_examples=80, deadline=None)
def test_all_that_was_flushed_comes_out_wherever_the_file_is_cut(
    lines: list[bytes], data: st.DataObject
) -> None:
    encoded, ends = flushed_stream(lines)
    cut = data.draw(st.integers(4, len(encoded)))
    flushed = max((size for end, size in ends if end <= cut), default=0)
    reader = decoded(encoded[:cut])
    output = b"".join(reader)
    assert reader.torn == (cut < len(encoded))
    assert b"".join(lines).startswith(output)
    assert len(output) >= flushed


def test_every_cut_of_a_small_segment_is_told_from_a_whole_one() -> None:
    lines = [b'{"n":%d}\n' % number for number in range(5)]
    encoded, ends = flushed_stream(lines)
    for cut in range(4, len(encoded)):
        reader = decoded(encoded[:cut])
        assert len(b"".join(reader)) >= max((size for end, size in ends if end <= cut), default=0)
        assert reader.torn, cut


@given(st.integers(1, 10_000_000))
@settings(max_examples=60, deadline=None)
def test_a_gzip_input_that_is_cut_off_gives_a_beginning_and_is_torn(cut: int) -> None:
    encoded = gzip.compress(TEXT, mtime=0)
    cut = 2 + cut % (len(encoded) - 2)
    reader = decoded(encoded[:cut])
    assert TEXT.startswith(b"".join(reader))
    assert reader.torn


def test_a_cut_gzip_trailer_costs_no_data() -> None:
    reader = decoded(gzip.compress(TEXT)[:-8])
    assert b"".join(reader) == TEXT
    assert reader.torn


@given(st.integers(0, 10_000_000), st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_a_flipped_bit_is_reported_and_costs_nothing_before_its_block(
    position: int, bit: int
) -> None:
    first, second = TEXT[: len(TEXT) // 2], TEXT[len(TEXT) // 2 :]
    compressor = zstandard.ZstdCompressor(write_checksum=True)
    good, bad = compressor.compress(first), bytearray(compressor.compress(second))
    bad[position % len(bad)] ^= 1 << bit
    reader = decoded(good + bytes(bad))
    pieces: list[bytes] = []
    fault = ""
    try:
        pieces.extend(reader)
    except SegmentError as error:
        fault = str(error)
    output = b"".join(pieces)
    assert output.startswith(first)
    # A flip of the checksum's own flag, or of an unused bit, leaves data that is good.
    assert fault or reader.torn or output == TEXT
    assert fault == "" or fault.startswith("reading some/segment: corrupt at byte ")


@pytest.mark.parametrize("garbage", [b"x", b"garbage", b"\0" * 4096, b"plain text after\n" * 9])
def test_garbage_after_a_zstd_frame_is_corruption_at_its_offset(garbage: bytes) -> None:
    frame = zstandard.compress(TEXT)
    text, message = before_fault(frame + garbage)
    assert text == TEXT
    assert message.startswith(f"reading some/segment: corrupt at byte {len(frame)}: ")


def test_garbage_after_a_gzip_member_is_corruption() -> None:
    text, message = before_fault(gzip.compress(TEXT) + b"garbage")
    assert text == TEXT
    assert "some/segment: corrupt at byte" in message


def test_a_frame_after_a_torn_frame_is_corruption() -> None:
    frame = zstandard.compress(TEXT)
    text, _ = before_fault(frame[: len(frame) // 2] + frame)
    assert TEXT.startswith(text)


def test_a_frame_that_needs_a_dictionary_is_an_error() -> None:
    dictionary = zstandard.train_dictionary(2000, TEXT.splitlines())
    encoded = zstandard.ZstdCompressor(dict_data=dictionary).compress(TEXT)
    assert "ictionary" in before_fault(encoded)[1]


def test_a_window_too_large_is_refused_without_taking_the_memory() -> None:
    # 2 TiB of window, asked for by a header of six bytes.
    assert "memory" in before_fault(b"\x28\xb5\x2f\xfd\x00\xf8" + b"\x01\x00\x00")[1]


def test_a_failing_read_names_the_input_and_where() -> None:
    class Failing(io.RawIOBase):
        def readinto(self, buffer: memoryview) -> int:
            raise OSError(5, "Input/output error")

    reader = open_decoded(Failing(), "/dev/worn-out")
    with pytest.raises(SegmentError, match="reading /dev/worn-out at byte 0: Input/output error"):
        list(reader)


class Trickle:
    """A raw input that gives what it was told to, None for "nothing yet", and then its end."""

    def __init__(self, *pieces: bytes | None) -> None:
        self._pieces: Iterator[bytes | None] = iter((*pieces, b""))

    def readinto(self, buffer: memoryview) -> int | None:
        piece = next(self._pieces)
        if piece is not None:
            buffer[: len(piece)] = piece
        return None if piece is None else len(piece)


@pytest.mark.parametrize("encode", [bytes, zstandard.compress, gzip.compress])
def test_what_has_come_is_given_out_before_the_next_read(encode: object) -> None:
    one, two = encode(b"one\n"), encode(b"two\n")  # type: ignore[operator] # three kinds of callable
    reader = open_decoded(Trickle(one, None, two[:9], None, two[9:]), "pipe")
    pieces = iter(reader)
    assert (next(pieces), next(pieces)) == (b"one\n", b"")
    assert b"".join(pieces) == b"two\n"


def test_a_raw_input_with_nothing_yet_gives_an_empty_piece() -> None:
    reader = open_decoded(Trickle(None, b"a\n", None, b"b\n"), "pipe")
    assert list(reader) == [b"", b"a\n", b"", b"b\n"]


def test_single_bytes_are_enough_to_tell_the_format() -> None:
    encoded = SKIPPABLE[:4] + (2).to_bytes(4, "little") + b"xx" + zstandard.compress(b"a\n")
    reader = open_decoded(Trickle(*(bytes([byte]) for byte in encoded)), "pipe")
    assert b"".join(reader) == b"a\n"
    assert reader.consumed == len(encoded)


MEASURE = """
import io, resource, sys, zstandard
from kumolog.segments.reader import open_decoded
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(sys.argv[1], "rb", buffering=0) as raw:
    size = sum(len(piece) for piece in open_decoded(raw, "bomb"))
print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)
"""


@pytest.mark.parametrize("program", [pytest.param("zstd", marks=needs_zstd), "gzip"])
def test_a_bomb_is_read_in_a_few_megabytes(tmp_path: Path, program: str) -> None:
    bomb = tmp_path / "bomb"
    with bomb.open("wb") as file:
        encoder = subprocess.Popen([program, "-c", "-1"], stdin=subprocess.PIPE, stdout=file)
        with encoder, encoder.stdin or pytest.fail("no pipe") as zeros:
            for _ in range(200):
                zeros.write(bytes(1 << 20))
    assert bomb.stat().st_size < 1_000_000
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, bomb], capture_output=True, check=True, text=True
    )
    size, kilobytes = map(int, done.stdout.split())
    assert size == 200 << 20
    assert kilobytes < 12_000
