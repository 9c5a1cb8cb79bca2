from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import SegmentError
from kumolog.record import Record
from kumolog.segments import records as module
from kumolog.segments.reader import Decoded
from kumolog.segments.records import Decode, Part, records


class Pieces(Decoded):
    """Text in given pieces, as if it came out of a file."""

    def __init__(self, *pieces: bytes, torn: bool = False) -> None:
        super().__init__(io.BytesIO(), "segment")
        self._pieces = pieces
        self.torn = torn

    def __iter__(self) -> Any:
        return iter(self._pieces)


def taken(decoded: Decoded, skip: float = 0) -> list[tuple[int, Any]]:
    """Every record with its line."""
    return [
        pair
        for part in records(decoded, Decode(), skip)
        for pair in enumerate(part.records, part.first)
    ]


@given(st.lists(st.integers() | st.text(), max_size=8), st.data())
def test_records_are_the_same_however_the_text_is_cut(
    values: list[Any], data: st.DataObject
) -> None:
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    skip = data.draw(st.integers(0, len(values) + 1))
    assert taken(Pieces(*pieces), skip) == list(enumerate(values))[skip:]


def test_an_empty_piece_is_nothing_more_for_now() -> None:
    parts = list(records(Pieces(b"1\n2", b"", b"3\n", b""), Decode()))
    assert parts == [Part(0, [1]), Part(1, []), Part(1, [23]), Part(2, [])]


def test_a_last_line_without_an_end_counts_unless_it_was_cut_off() -> None:
    assert taken(Pieces(b"1\n2")) == [(0, 1), (1, 2)]
    assert taken(Pieces(b"1\n2", torn=True)) == [(0, 1)]


def test_lines_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * (3 << 20)
    text = json.dumps(long).encode()
    pieces = [text[i : i + 200_000] for i in range(0, len(text), 200_000)]
    assert taken(Pieces(*pieces, b"\n1\n")) == [(0, long), (1, 1)]
    monkeypatch.setattr(module, "LONGEST_LINE", 1 << 20)
    with pytest.raises(SegmentError, match="reading segment: a line is longer than 1 MiB"):
        taken(Pieces(b"1\n", *pieces))


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    assert taken(Pieces(b'"a"\n"\xff\xc3"\n1\n')) == [(0, "a"), (1, "\ufffd\ufffd"), (2, 1)]


@pytest.mark.parametrize("bad", [b"", b"{", b"1 2", b"nan", b"no", b"[" * 5000, b'"\\ud800"'])
def test_what_comes_before_a_line_that_is_no_record_is_kept(bad: bytes) -> None:
    parts = records(Pieces(b"1\n2\n3\n" + bad + b"\n4\n"), Decode(), skip=1)
    assert next(parts) == Part(1, [2, 3])
    with pytest.raises(SegmentError, match=r"^reading segment: line 4 is no record: "):
        next(parts)


def test_lines_that_are_skipped_need_not_be_records() -> None:
    assert taken(Pieces(b"no\n1\n"), skip=1) == [(1, 1)]


def test_records_have_their_type_where_one_is_asked_for(tmp_path: Path) -> None:
    parts = records(Pieces(b'{"type":"Delivery"}\n'), Decode(Record))
    with pytest.raises(SegmentError, match="line 1 is no record: Object missing required field"):
        next(parts)
    decoded = Decoded(io.BytesIO(zstandard.compress(b"5\n")), "segment")
    with pytest.raises(SegmentError, match="Expected `object`, got `int`"):
        list(records(decoded, Decode(Record)))
