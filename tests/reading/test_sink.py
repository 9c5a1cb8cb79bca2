from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from kumolog.reading.sink import LastLines, Sink


def test_pieces_go_through_as_they_are() -> None:
    out = io.BytesIO()
    sink = Sink(out)
    sink.put(b"one\r\n\n\xff\n", "here")
    sink.put(b"begun", "here")
    sink.flush()
    assert out.getvalue() == b"one\r\n\n\xff\nbegun"


def test_it_is_full_after_as_many_records_as_wanted() -> None:
    out = io.BytesIO()
    sink = Sink(out, limit=3)
    sink.put(b"1\n2\n", "here")
    assert not sink.is_full
    sink.put(b"3\n4\n", "here")
    assert sink.is_full
    assert out.getvalue() == b"1\n2\n3\n"


def test_steps_come_before_the_limit_and_only_what_is_written_is_shown() -> None:
    out = io.BytesIO()
    shown: list[bytes] = []

    def show(lines: list[bytes], source: str) -> list[bytes]:
        shown.extend(lines)
        return [source.encode() + line for line in lines]

    sink = Sink(
        out, choose=[lambda lines, _: [line for line in lines if line > b"2"]], show=show, limit=2
    )
    sink.put(b"1\n2\n", "a")
    sink.put(b"1\n3\n4\n5\n", "b")
    assert out.getvalue() == b"b3\nb4\n"
    assert shown == [b"3", b"4"]


def test_a_header_stands_first_also_where_nothing_follows() -> None:
    for pieces in ([], [b"1\n"], [b"1\n", b"2\n"]):
        out = io.BytesIO()
        sink = Sink(out, header=b"h\n", limit=9)
        for piece in pieces:
            sink.put(piece, "here")
        sink.flush()
        sink.flush()
        assert out.getvalue() == b"h\n" + b"".join(pieces)


LINES = st.lists(st.lists(st.binary(max_size=2), max_size=4), max_size=6)


@given(LINES, st.integers(0, 10))
def test_the_last_lines_are_those_at_the_end(parts: list[list[bytes]], count: int) -> None:
    last = LastLines(count)
    for part in parts:
        last.add(part, "here")
    lines = [line for part in parts for line in part]
    assert [line for part, _ in last.parts for line in part] == lines[max(0, len(lines) - count) :]
    assert last.is_full == (len(lines) >= count)


@given(LINES, st.integers(0, 10))
def test_the_last_lines_can_be_found_from_the_end(parts: list[list[bytes]], count: int) -> None:
    last = LastLines(count)
    for part in reversed(parts):
        own = LastLines(count)
        own.add(part, "here")
        last.put_before(own)
    lines = [line for part in parts for line in part]
    assert [line for part, _ in last.parts for line in part] == lines[max(0, len(lines) - count) :]
