"""Whole lines out of decoded pieces."""

from __future__ import annotations

import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import SegmentError
from kumolog.segments.reader import open_decoded
from kumolog.stats.blocks import TOO_LONG, blocks


class Pieces(io.RawIOBase):
    """Gives out what it has a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = io.BytesIO(data), size

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._data.read(self._size)
        buffer[: len(piece)] = piece
        return len(piece)


def read(data: bytes, size: int = 1 << 17) -> list[bytes]:
    return list(blocks(open_decoded(Pieces(data, size), "x")))


@given(
    st.lists(st.sampled_from([b"{}", b"", b"abc", b"x" * 30])), st.booleans(), st.integers(1, 40)
)
def test_blocks_are_whole_lines_and_together_all_there_is(
    lines: list[bytes], ended: bool, size: int
) -> None:
    text = b"\n".join(lines) + b"\n" * ended
    found = read(text, size)
    assert b"".join(found) == text
    assert all(block.endswith(b"\n") for block in found[:-1])


def test_of_what_was_cut_off_only_whole_lines_are_given_out() -> None:
    stream = zstandard.ZstdCompressor().compressobj()
    data = stream.compress(b"one\ntwo\nthr") + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    assert b"".join(read(data)) == b"one\ntwo\n"


def test_whole_lines_before_a_fault_are_given_out() -> None:
    data = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(b"one\ntwo\n" * 9))
    data[-1] ^= 1
    found = io.BytesIO()
    with pytest.raises(SegmentError, match="corrupt"):
        found.writelines(blocks(open_decoded(Pieces(bytes(data), 99), "x")))
    assert found.getvalue() == b"one\ntwo\n" * 9


@pytest.mark.parametrize("rest", [b"", b"\n", b"\nnext\n", b"\nnext\nlast"])
@pytest.mark.parametrize("size", [7, 100])  # pieces are always shorter than the limit
def test_a_line_that_is_too_long_is_not_held(rest: bytes, size: int) -> None:
    text = b"a\n" + b"x" * 101 + rest
    found = blocks(open_decoded(Pieces(text, size), "x"), longest=100)
    assert b"".join(found) == b"a\n" + TOO_LONG + rest[1:]


def test_a_line_as_long_as_allowed_is_whole() -> None:
    text = b"a\n" + b"x" * 100 + b"\nb\n"
    for size in (7, 100, 200):
        assert b"".join(blocks(open_decoded(Pieces(text, size), "x"), longest=100)) == text
