from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segmentfiles import Segment, finished, lines

from kumolog.errors import KumologError, SegmentError
from kumolog.segments.batches import Batch, Batches, Consumer
from kumolog.segments.candidates import POLL_SECONDS
from kumolog.testing.bench_files import StandIns


class Reader:
    """Batches of a directory at a time that does not pass by itself."""

    def __init__(self, directory: Path, *consumers: Consumer, **options: Any) -> None:
        self.reports: list[str] = []
        self.time = 0.0
        self.batches = Batches[Any](
            str(directory),
            consumers or [Consumer()],
            report=self.reports.append,
            now=lambda: self.time,
            **options,
        )

    def ready(self) -> list[Batch[Any]]:
        return self.batches.ready()

    def records(self) -> list[list[Any]]:
        """The records of the batches that are ready."""
        return [batch.records for batch in self.ready()]

    def wait(self, seconds: float) -> list[list[Any]]:
        self.time += seconds
        return self.records()


def checkpointed(name: str = "default", **options: Any) -> Consumer:
    return Consumer(name, checkpoint_name=name, **options)


def test_a_batch_has_so_many_records_and_may_span_segments(tmp_path: Path) -> None:
    finished(tmp_path / "1", 1, 2)
    finished(tmp_path / "2", 3, 4, 5)
    reader = Reader(tmp_path, Consumer(max_batch_size=3))
    assert reader.records() == [[1, 2, 3]]
    assert reader.records() == [[4, 5]]
    assert reader.records() == []


def test_a_batch_of_no_records_is_one_of_one(tmp_path: Path) -> None:
    finished(tmp_path / "1", 1, 2)
    reader = Reader(tmp_path, Consumer(max_batch_size=0))
    assert [reader.records() for _ in range(3)] == [[[1]], [[2]], []]


def test_while_a_segment_grows_a_batch_waits_for_its_latency(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "1")
    reader = Reader(tmp_path, Consumer(max_batch_latency=2.0))
    segment.write(lines([1]))
    assert reader.records() == []
    assert reader.batches.pause() == POLL_SECONDS
    segment.write(lines([2]))
    assert reader.wait(1.9) == []
    assert 0 < reader.batches.pause() < POLL_SECONDS
    assert reader.wait(0.1) == [[1, 2]]
    assert reader.wait(5) == []
    segment.write(lines([3]))
    assert reader.records() == []
    segment.finish()
    assert reader.records() == [[3]]


def test_a_writable_segment_is_waited_for_before_the_next(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "1")
    segment.leave()
    finished(tmp_path / "2", 2)
    reader = Reader(tmp_path)
    assert reader.wait(100) == []
    segment.path.chmod(0o444)
    assert reader.records() == [[2]]


def test_only_what_was_committed_is_not_read_again(tmp_path: Path) -> None:
    finished(tmp_path / "1", 1, 2, 3, 4, 5)
    reader = Reader(tmp_path, checkpointed(max_batch_size=2))
    (batch,) = reader.ready()
    batch.commit()
    assert reader.records() == [[3, 4]]
    assert Reader(tmp_path, checkpointed()).records() == [[3, 4, 5]]
    assert (tmp_path / ".default").read_text() == f'{{"file":"{tmp_path}/1","line":2}}'


def test_lines_that_the_filter_takes_out_count(tmp_path: Path) -> None:
    finished(tmp_path / "1", *range(10))
    odd = checkpointed(filter=lambda record: record % 2, max_batch_size=2)
    reader = Reader(tmp_path, odd)
    for batch in reader.ready():
        assert batch.records == [1, 3]
        batch.commit()
    assert '"line":4}' in (tmp_path / ".default").read_text()
    while ready := reader.ready():
        ready[0].commit()
    assert '"line":10}' in (tmp_path / ".default").read_text()


def test_lines_are_skipped_only_in_the_segment_of_the_checkpoint(tmp_path: Path) -> None:
    finished(tmp_path / "1", 1)
    finished(tmp_path / "2", 2, 3)
    finished(tmp_path / "3", 4, 5)
    (tmp_path / ".default").write_text(f'{{"file":"{tmp_path}/2","line":1}}')
    assert Reader(tmp_path, checkpointed()).records() == [[3, 4, 5]]
    (tmp_path / "2").unlink()
    assert Reader(tmp_path, checkpointed()).records() == [[4, 5]]


def test_a_tail_begins_with_the_last_segment_and_has_no_checkpoint(tmp_path: Path) -> None:
    finished(tmp_path / "1", 1)
    finished(tmp_path / "2", 2, 3)
    (tmp_path / ".default").write_text("this is not read")
    reader = Reader(tmp_path, checkpointed(), tail=True)
    (batch,) = reader.ready()
    assert batch.records == [2, 3]
    batch.commit()
    assert (tmp_path / ".default").read_text() == "this is not read"
    finished(tmp_path / "3", 4)
    assert reader.records() == [[4]]


def test_an_error_of_a_filter_is_the_end(tmp_path: Path) -> None:
    def fail(record: Any) -> bool:
        raise KumologError(f"cannot judge {record}")

    finished(tmp_path / "1", 1, 2)
    reader = Reader(tmp_path, Consumer(filter=fail))
    with pytest.raises(KumologError, match="cannot judge 1"):
        reader.ready()
    assert (reader.batches.ended, reader.records()) == (True, [])


def test_consumers_read_together_and_each_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    finished(tmp_path / "1", 1, 2, 3, 4)
    finished(tmp_path / "2", 5, 6)
    (tmp_path / ".a").write_text(f'{{"file":"{tmp_path}/1","line":3}}')
    (tmp_path / ".b").write_text(f'{{"file":"{tmp_path}/2","line":1}}')
    even = checkpointed("b", filter=lambda record: record % 2 == 0)
    reader = Reader(tmp_path, checkpointed("a", max_batch_size=2), even)
    (first,) = reader.ready()
    assert (first.consumer, first.records) == ("a", [4, 5])
    assert [(batch.consumer, batch.records) for batch in reader.ready()] == [("a", [6]), ("b", [6])]
    assert Reader(tmp_path, checkpointed("a"), Consumer("c")).records() == [
        [4, 5, 6],
        [*range(1, 7)],
    ]


def test_a_segment_that_is_bad_is_reported_and_left(tmp_path: Path) -> None:
    finished(tmp_path / "1", 1)
    (tmp_path / "1").chmod(0o644)
    with (tmp_path / "1").open("ab") as file:
        file.write(b"garbage!")
    growing = Segment(tmp_path / "2")
    growing.write(b"2\nno json\n3\n")
    (tmp_path / "3").write_bytes(b"")
    (tmp_path / "3").chmod(0o444)
    finished(tmp_path / "4", 4)
    reader = Reader(tmp_path)
    assert reader.records() == [[1, 2, 4]]
    growing.write(b"5\n")
    growing.finish()
    assert reader.records() == []
    corrupt, no_json = reader.reports
    assert corrupt.startswith(f"reading {tmp_path}/1: corrupt at byte ")
    assert no_json.startswith(f"reading {tmp_path}/2: line 2 is no record: ")
    assert all(report.endswith("; the rest of it is ignored") for report in reader.reports)


def test_of_a_segment_that_was_cut_off_whole_lines_are_read(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "1")
    segment.write(b"1\n2\n3")
    segment.leave()
    reader = Reader(tmp_path)
    assert reader.wait(5) == []
    segment.path.chmod(0o444)
    assert reader.records() == [[1, 2]]
    assert reader.reports == [
        f"reading {tmp_path}/1: it ends inside a compressed frame (cut off, or still being "
        "written); the whole lines up to there were read"
    ]


def test_a_directory_that_goes_away_is_an_error(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    directory.mkdir()
    reader = Reader(directory)
    assert reader.records() == []
    directory.rmdir()
    with pytest.raises(SegmentError, match=f"reading {directory}: No such file"):
        reader.ready()
    with pytest.raises(SegmentError, match="No such file"):
        Reader(directory)


def commit_all(reader: Reader) -> list[Any]:
    """All that is ready, committed."""
    taken = []
    while ready := reader.ready():
        for batch in ready:
            taken += batch.records
            batch.commit()
    return taken


def test_a_segment_that_appears_below_the_one_being_read_is_not_lost_by_a_restart(
    tmp_path: Path,
) -> None:
    finished(tmp_path / "2", 1, 2)
    growing = Segment(tmp_path / "3")
    growing.write(lines([3]))
    reader = Reader(tmp_path, checkpointed(max_batch_size=1))
    assert commit_all(reader) == [1, 2, 3]
    finished(tmp_path / "1", 10, 11)
    growing.write(lines([4]))
    reader.time += 1
    assert commit_all(reader) == [4]
    assert '"ahead":' in (tmp_path / ".default").read_text()
    growing.write(lines([5]))
    growing.finish()
    again = Reader(tmp_path, checkpointed(max_batch_size=1))
    (batch,) = again.ready()
    assert batch.records == [10]
    batch.commit()
    assert commit_all(Reader(tmp_path, checkpointed())) == [11, 5]
    assert "ahead" not in (tmp_path / ".default").read_text()
    assert commit_all(Reader(tmp_path, checkpointed())) == []


NAMES_OF_ACTIONS = ["create", "write", "finish", "read", "restart", "crash"]
ACTIONS = st.lists(st.tuples(st.sampled_from(NAMES_OF_ACTIONS), st.integers(1, 4)), max_size=30)


@given(ACTIONS, st.integers(1, 4))
def test_every_record_is_committed_once_whatever_the_order_of_things(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, int]], size: int
) -> None:
    directory = tmp_path_factory.mktemp("logs")
    consumer = checkpointed(max_batch_size=size)
    reader = Reader(directory, consumer)
    taken: list[int] = []
    opened: list[Segment] = []
    made = written = 0
    for action, count in [*actions, ("finish", 0), ("read", 0)]:
        if action == "create" or (action == "write" and not opened):
            opened.append(Segment(directory / f"{made:03}"))
            made += 1
        if action == "write":
            opened[-1].write(lines(range(written, written + count)))
            written += count
        elif action == "finish":
            for segment in opened:
                segment.finish()
            opened = []
        elif action == "read":
            reader.time += 10
            taken += commit_all(reader)
        elif action == "crash":
            reader.time += 10
            reader.ready()
        if action in ("restart", "crash"):
            reader.batches.close()
            reader = Reader(directory, consumer)
    assert sorted(taken) == list(range(written))


def test_the_files_of_a_bench_are_read_and_written_in_its_place(tmp_path: Path) -> None:
    finished(tmp_path / "1", 1)
    files = StandIns({f"{tmp_path}/2": "2\n"})
    Path(files.to_read(f"{tmp_path}/2")).chmod(0o444)
    assert commit_all(Reader(tmp_path, checkpointed(), files=files)) == [1, 2]
    assert commit_all(Reader(tmp_path, checkpointed(), files=files)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["1"]
    files.close()


NAMES = st.lists(st.sampled_from("abcdef"), unique=True)


@given(NAMES, st.data())
def test_in_one_run_every_record_is_read_once_in_whatever_order_the_names_appear(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("logs")
    reader = Reader(directory)
    taken = []
    for name in names:
        finished(directory / name, name)
        if data.draw(st.booleans()):
            reader.time += 1
            taken += [record for batch in reader.records() for record in batch]
    taken += [record for batch in reader.wait(1) for record in batch]
    assert sorted(taken) == sorted(names)
