from __future__ import annotations

import os
import re
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.sources.merging import Merge, Timestamps


class Source:
    """Lines that come some at a time."""

    name = "here"

    def __init__(self, lines: list[bytes], size: int = 2) -> None:
        self.opened = False
        self._pieces = [
            b"".join(line + b"\n" for line in lines[start : start + size])
            for start in range(0, len(lines), size)
        ]

    def __iter__(self) -> Iterator[bytes]:
        self.opened = True
        while self._pieces:
            yield self._pieces.pop(0)


def split(piece: bytes, _source: str) -> list[bytes]:
    return piece.split(b"\n")[:-1]


def line(timestamp: int, source: int, number: int) -> bytes:
    return b'{"timestamp":%d,"s":%d,"n":%d}' % (timestamp, source, number)


def stamp(text: bytes) -> int:
    found = re.search(rb'"timestamp":(\d+)', text)
    return int(found[1]) if found else -1


def merged(sources: list[list[bytes]], most_open: int = 32, size: int = 2) -> list[bytes]:
    merge = Merge(split, most_open)
    given = [(Source(lines, size), Timestamps().first(lines)) for lines in sources]
    return [text for lines in merge.lines(given) for text in lines]


TIMES = st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=9)


@given(TIMES, st.integers(1, 5), st.integers(2, 4) | st.just(32))
@settings(max_examples=150)
def test_ordered_sources_come_out_in_order_each_record_once(
    times: list[list[int]], size: int, most_open: int
) -> None:
    sources = [
        [line(time, number, place) for place, time in enumerate(sorted(some))]
        for number, some in enumerate(times)
    ]
    result = merged(sources, most_open, size)
    everything = [text for source in sources for text in source]
    assert sorted(result) == sorted(everything)
    if most_open == 32:
        assert result == sorted(everything, key=stamp)  # a stable sort: source by source
    assert list(map(stamp, result)) == sorted(map(stamp, everything))


@given(TIMES, st.integers(1, 5), st.integers(2, 4) | st.just(32))
@settings(max_examples=150)
def test_lines_of_a_source_stay_in_its_own_order_whatever_their_times_are(
    times: list[list[int]], size: int, most_open: int
) -> None:
    sources = [
        [line(time, number, place) for place, time in enumerate(some)]
        for number, some in enumerate(times)
    ]
    result = merged(sources, most_open, size)
    for number, source in enumerate(sources):
        assert [text for text in result if b'"s":%d,' % number in text] == source
    # A late record comes with the one before it: never behind one that is later than that.
    latest = [0] * len(sources)
    keys = []
    for text in result:
        number = int(text.partition(b'"s":')[2].partition(b",")[0])
        latest[number] = max(latest[number], stamp(text))
        keys.append(latest[number])
    assert keys == sorted(keys)


def test_lines_without_a_time_come_with_the_one_before_them() -> None:
    header, note = b"# header", b'{"timestamp":"?"}'
    sources = [
        [header, line(5, 0, 0), note, line(9, 0, 1)],
        [line(1, 1, 0), line(5, 1, 1), line(7, 1, 2)],
    ]
    assert merged(sources) == [
        line(1, 1, 0),
        header,
        line(5, 0, 0),
        note,
        line(5, 1, 1),
        line(7, 1, 2),
        line(9, 0, 1),
    ]


def test_a_source_may_have_no_times_at_all() -> None:
    assert merged([[b"one"], [b"", b"two", b"three"], [line(1, 2, 0)]], size=1) == [
        b"one",
        b"",
        b"two",
        b"three",
        line(1, 2, 0),
    ]


def test_the_fraction_of_an_event_time_counts() -> None:
    def precise(fraction: str) -> bytes:
        return b'{"timestamp":5,"event_time":"1970-01-01T00:00:05%sZ"}' % fraction.encode()

    sources = [[precise(""), precise(".44"), precise(".9")], [precise(".440001"), line(6, 1, 0)]]
    assert merged(sources) == [*sources[0][:2], sources[1][0], sources[0][2], sources[1][1]]


def test_a_source_is_not_opened_before_its_time_comes() -> None:
    first, second = Source([line(1, 0, 0)] * 3000), Source([line(2, 1, 0)])
    lines = Merge(split).lines([(first, 1), (second, 2)])
    next(lines)
    assert (first.opened, second.opened) == (True, False)


def test_no_more_sources_are_open_than_allowed() -> None:
    alive: set[int] = set()
    most = []

    class Counted(Source):
        def __iter__(self) -> Iterator[bytes]:
            alive.add(id(self))
            most.append(len(alive))
            yield from super().__iter__()
            alive.discard(id(self))

    sources = [Counted([line(n, s, n) for n in range(50)]) for s in range(40)]
    merge = Merge(split, 4)
    before = set(os.listdir("/proc/self/fd"))
    result = [text for lines in merge.lines([(s, 0) for s in sources]) for text in lines]
    assert list(map(stamp, result)) == sorted(n for n in range(50) for _ in sources)
    assert max(most) <= 5
    assert set(os.listdir("/proc/self/fd")) == before
