from __future__ import annotations

import gzip
import random
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.segments.decoders import (
    OUTPUT,
    CorruptError,
    Decoder,
    GzipDecoder,
    PlainDecoder,
    ZstdDecoder,
)

RANDOM = random.Random(7).randbytes(300_000)


def decode_all(decoder: Decoder, data: bytes) -> tuple[list[bytes], bytes, bool]:
    """Return the pieces, what finishing gave, and whether it was torn."""
    view, position, pieces = memoryview(data), 0, []
    while True:
        piece, used = decoder.decode(view[position:])
        position += used
        if not piece and not used:
            return pieces, *decoder.finish(view[position:])
        pieces.append(piece)


@pytest.mark.parametrize(
    ("decoder", "encoded"),
    [
        (PlainDecoder(), b"a\nb\n"),
        (ZstdDecoder(), zstandard.compress(b"a\nb\n")),
        (GzipDecoder(), gzip.compress(b"a\nb\n", mtime=0)),
    ],
)
def test_a_decoder_gives_back_what_was_encoded(decoder: Decoder, encoded: bytes) -> None:
    assert decode_all(decoder, encoded) == ([b"a\nb\n"], b"", False)


@pytest.mark.parametrize(
    ("decoder", "encoded"),
    [
        (ZstdDecoder(), zstandard.compress(bytes(50_000_000))),
        (GzipDecoder(), gzip.compress(bytes(50_000_000), mtime=0)),
    ],
)
def test_one_call_never_gives_much_more_than_asked_for(decoder: Decoder, encoded: bytes) -> None:
    pieces, last, torn = decode_all(decoder, encoded)
    assert (sum(map(len, pieces)), last, torn) == (50_000_000, b"", False)
    assert max(map(len, pieces)) < 2 * OUTPUT


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("content_size", [True, False])
@pytest.mark.parametrize("content", [b"", b"x", bytes(200_000), RANDOM, b"line\n" * 100_000])
def test_every_shape_of_zstd_frame_is_walked(
    content: bytes, content_size: bool, checksum: bool
) -> None:
    frame = zstandard.ZstdCompressor(
        write_content_size=content_size, write_checksum=checksum
    ).compress(content)
    pieces, last, torn = decode_all(ZstdDecoder(), frame * 3)
    assert (b"".join(pieces), last, torn) == (content * 3, b"", False)


def test_a_stored_zstd_block_gives_even_its_part_when_cut_off() -> None:
    frame = zstandard.compress(RANDOM[:1000])
    pieces, last, torn = decode_all(ZstdDecoder(), frame[:600])
    assert torn
    assert RANDOM.startswith(b"".join(pieces) + last)
    assert len(last) > 500


@pytest.mark.parametrize(
    "block",
    [b"\x07\x00\x00", b"\x05\x00\xff"],
    ids=["reserved kind", "compressed size over 128 KiB"],
)
def test_an_impossible_zstd_block_is_corrupt(block: bytes) -> None:
    frame_header = zstandard.compress(b"x")[:6]
    decoder = ZstdDecoder()
    assert decoder.decode(memoryview(frame_header + block + bytes(20))) == (b"", 6)
    with pytest.raises(CorruptError, match="impossible zstd block"):
        decoder.decode(memoryview(block + bytes(20)))


def test_a_wrong_zstd_checksum_is_found_after_the_data_came_out() -> None:
    frame = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(b"good\n"))
    frame[-1] ^= 1
    decoder = ZstdDecoder()
    assert decoder.decode(memoryview(frame)) == (b"good\n", len(frame) - 4)
    with pytest.raises(CorruptError, match="checksum"):
        decoder.decode(memoryview(frame)[-4:])


def test_a_wrong_length_in_a_zstd_header_is_found_where_the_last_block_is_empty() -> None:
    header, empty_last_block = zstandard.ZstdCompressor().compress(b"")[:5], b"\x01\x00\x00"
    assert header[4] & 0x20  # one byte of length follows
    frame = header + b"\x40" + empty_last_block
    decoder = ZstdDecoder()
    _, used = decoder.decode(memoryview(frame))
    with pytest.raises(CorruptError, match="not as long as its header says"):
        decoder.decode(memoryview(frame)[used:])


def test_a_wrong_gzip_checksum_is_found_after_the_data_came_out() -> None:
    member = bytearray(gzip.compress(b"good\n", mtime=0))
    member[-5] ^= 1
    decoder = GzipDecoder()
    piece, used = decoder.decode(memoryview(member))
    assert piece == b"good\n"
    with pytest.raises(CorruptError, match="incorrect"):
        decoder.decode(memoryview(member)[used:])


@given(st.lists(st.binary(max_size=2000), max_size=8), st.integers(1, 5000), st.data())
@settings(max_examples=60, deadline=None)
def test_input_may_come_in_pieces_of_any_size(
    contents: list[bytes], step: int, data: st.DataObject
) -> None:
    zstd = data.draw(st.booleans())
    encode = zstandard.compress if zstd else gzip.compress
    decoder = ZstdDecoder() if zstd else GzipDecoder()
    encoded = b"".join(encode(content) for content in contents)
    start, output = 0, b""
    for end in [*range(step, len(encoded), step), len(encoded)]:
        while True:
            piece, used = decoder.decode(memoryview(encoded)[start:end])
            output, start = output + piece, start + used
            if not piece and not used:
                break
    assert decoder.finish(memoryview(encoded)[start:]) == (b"", False)
    assert output == b"".join(contents)


@given(st.integers(0, 10_000_000), st.integers(0, 7))
@settings(max_examples=50, deadline=None)
def test_a_flipped_gzip_bit_costs_nothing_before_it(position: int, bit: int) -> None:
    text = b"".join(b"record %d\n" % i for i in range(20_000))
    encoded = bytearray(gzip.compress(text, mtime=0))
    position = 10 + position % (len(encoded) - 18)
    undamaged = zlib.decompressobj(31).decompress(bytes(encoded[: position - 1]))
    encoded[position] ^= 1 << bit
    view, output, fault = memoryview(encoded), b"", False
    decoder, start = GzipDecoder(), 0
    try:
        while (step := decoder.decode(view[start:])) != (b"", 0):
            output, start = output + step[0], start + step[1]
    except CorruptError:
        fault = True
    # Damage can also look as if the member went on after the end of the input.
    assert fault or decoder.finish(view[start:])[1]
    assert output.startswith(undamaged)
