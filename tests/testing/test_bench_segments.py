"""Segments in memory are called, filled and ended as those on the disk are."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import init, read_segment

from kumolog.segments.names import Target
from kumolog.segments.rotation import WriterOptions
from kumolog.segments.writer import Writer
from kumolog.testing.bench import PolicyBench
from kumolog.testing.bench_clock import SteeredClock
from kumolog.testing.bench_segments import MemoryWriter, Shelf

NOON = "2024-05-01T12:00:00Z"
SUFFIXES = (None, "", "_a", "/sub/x", "/y")


def quiet(text: str) -> None:
    raise AssertionError(text)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(SUFFIXES),
            st.lists(st.binary(max_size=9).filter(lambda b: b"\n" not in b)),
        ),
        max_size=8,
    ),
    st.integers(0, 60),
)
def test_they_are_those_that_the_disk_would_have(
    batches: list[tuple[str | None, list[bytes]]], size: int
) -> None:
    clock, shelf = SteeredClock(), Shelf()
    clock.freeze(NOON)
    options = WriterOptions(max_file_size=size, flush_interval=3600)
    with tempfile.TemporaryDirectory() as place:
        on_disk = Writer(options, report=quiet, clock=clock.clock)
        in_memory = MemoryWriter(options, clock.clock, shelf)
        on_disk.start()
        for suffix, lines in batches:
            target = Target(Path(place), suffix, b"# header\n")
            on_disk.put(target, lines)
            in_memory.put(target, lines)
        totals, expected = in_memory.close(), on_disk.close()
        files = {str(p): read_segment(p) for p in Path(place).rglob("*") if p.is_file()}
    assert {
        segment.path: segment.header + b"".join(line + b"\n" for line in segment.records)
        for segment in shelf.segments
    } == files
    assert all(segment.finished for segment in shelf.segments)
    assert (totals.written, totals.segments, totals.bytes) == (
        expected.written,
        expected.segments,
        expected.bytes,
    )


@pytest.fixture
def policy(tmp_path: Path) -> PolicyBench:
    (tmp_path / "init.lua").write_text(
        init(
            "kumo.configure_local_logs { log_dir = 'logs', max_segment_duration = '1 minute', "
            "per_record = { Any = { suffix = '_x', segment_header = '# h\\n' } } }"
        )
    )
    return PolicyBench(tmp_path / "init.lua", at=NOON)


def test_a_segment_ends_when_its_duration_has_passed_idle_or_busy(policy: PolicyBench) -> None:
    policy.log({"type": "Delivery"})
    policy.clock.advance(59)
    policy.log({"type": "Delivery"})
    assert [(s.name, s.finished) for s in policy.segments()] == [("20240501-120000_x", False)]
    policy.clock.advance(1)
    assert [s.finished for s in policy.segments()] == [True]
    policy.log({"type": "Delivery"})
    assert [(s.name, s.finished) for s in policy.segments()] == [
        ("20240501-120000_x", True),
        ("20240501-120100_x", False),
    ]


def test_a_segment_shows_the_lines_of_its_file(policy: PolicyBench) -> None:
    policy.log([{"type": "Delivery"}, {"type": "Bounce"}])
    (segment,) = policy.segments()
    assert segment.log_dir == "logs"
    assert segment.lines == ("# h", *policy.lines())
