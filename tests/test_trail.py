from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from kumolog.checkpoint import Reached
from kumolog.trail import Trail


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=1500),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=4),
)
def test_a_trail_tells_nothing_before_all_writers_have_flushed_it(
    puts: list[tuple[int, int]], flushes: list[tuple[int, int]]
) -> None:
    writers = [SimpleNamespace(batches_put=0, flushed=0) for _ in range(2)]
    trail = Trail()
    trail.follow(writers, list)
    marks = {0: (0, 0)}
    for line, put in enumerate(puts, 1):
        for writer, count in zip(writers, put, strict=True):
            writer.batches_put += count
        marks[line] = (writers[0].batches_put, writers[1].batches_put)
        trail.note({"in": Reached(line)})
    told = 0
    for flush in sorted(flushes):
        for writer, count in zip(writers, flush, strict=True):
            writer.flushed = max(writer.flushed, min(count, writer.batches_put))
        told = trail.settled().get("in", Reached(told)).line
        assert all(
            mark <= writer.flushed for mark, writer in zip(marks[told], writers, strict=True)
        )
    assert trail.rest().get("in", Reached(told)).line == len(puts)


def test_a_trail_tells_what_is_flushed_and_holds_rejects_to_it() -> None:
    writer = SimpleNamespace(batches_put=1, flushed=0)
    persisted: list[int] = []
    trail = Trail()
    trail.follow([writer], lambda: persisted.append(1))
    trail.note({"a": Reached(1), "b": Reached(1)})
    writer.batches_put = 2
    trail.note({"a": Reached(2)})
    assert trail.settled() == {}
    assert persisted == []
    writer.flushed = 1
    assert trail.settled() == {"a": Reached(1), "b": Reached(1)}
    assert persisted == [1]
    writer.flushed = 2
    assert trail.settled() == {"a": Reached(2)}
    assert trail.settled() == trail.rest() == {}
