"""The records of segments as they are, also of those that are still being written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from kumolog.errors import KumologError
from kumolog.reading.sink import LastLines, Sink
from kumolog.reading.times import Window
from kumolog.segments.candidates import POLL_SECONDS
from kumolog.sources.inputs import total_size
from kumolog.sources.notices import Notices
from kumolog.sources.paths import Input
from kumolog.sources.places import Place, Watched, checked_inputs, present_inputs
from kumolog.sources.stop import Stop
from kumolog.sources.streams import MERGED, MOST_OPEN, Reporter, Stream

if TYPE_CHECKING:
    from kumolog.sources.merging import Merge


Progress = Callable[[int, int | None], None]
_SHORTEST_ROUND = 0.05  # seconds; a busy writer changes its file all the time


def _unwatched(_consumed: int, _total: int | None) -> None:
    """Nobody looks at the progress."""


def cat(
    paths: Sequence[str],
    sink: Sink,
    *,
    report: Callable[[str], None],
    stop: Stop,
    follow: bool = False,
    merge: bool = False,
    window: Window | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
    progress: Progress = _unwatched,
) -> bool:
    """Give ``sink`` the lines of files, directories of segments and glob patterns, in order.

    With ``merge`` that is the order of their timestamps. With ``follow`` it goes on, until ``stop``
    is set or ``is_wanted`` says no, with whatever is written to any of them, as it comes. Segments
    that can have no record in ``window`` are not read; the others are read in full. Only whole
    lines are given, save one of more than 16 MiB where the sink takes everything as it is.

    ``progress`` is told, often, of the bytes read and of those of all inputs as they are stored
    (None where one has no known size), unless it follows.

    Returns whether everything was read; ``report`` is told of what was not. Raises KumologError for
    a path that is missing or not readable, and OSError where the sink's output fails.
    """
    places = [Place(path) for path in paths]
    reading = _Reading(sink, Reporter(report), stop, follow, merge, window or Window())
    if follow:
        checked_inputs(places)
        reading.follow(places, is_wanted)
    else:
        entries = present_inputs(places, report)
        reading.progress, reading.total = progress, total_size(entries)
        reading.read([reading.stream(entry) for entry in entries])
    sink.flush()
    return reading.reporter.all_well


class _Reading:
    def __init__(
        self,
        sink: Sink,
        reporter: Reporter,
        stop: Stop,
        follow: bool,
        merge: bool,
        window: Window,
    ) -> None:
        self.reporter = reporter
        self.progress: Progress = _unwatched
        self.total: int | None = None
        self._sink = sink
        self._stop = stop
        self._follow = follow
        self._merge = _new_merge(sink) if merge else None
        self._window = window
        self._awake = 0  # streams of this round that keep their file open

    def stream(self, entry: Input) -> Stream:
        splits = self._sink.takes_all and self._merge is None
        return Stream(entry, self.reporter, self._stop, follow=self._follow, splits=splits)

    def read(self, streams: Sequence[Stream]) -> None:
        """Give out what there is at first."""
        if self._sink.tail is None:
            self._go_on(streams)
            return
        last = LastLines(self._sink.tail)
        if self._merge is not None:
            for lines in self._merged(streams):
                last.add(lines, MERGED)
        else:
            self._find_last(streams, last)
        self._sink.put_last(last)

    def follow(self, places: Sequence[Place], is_wanted: Callable[[], bool]) -> None:
        """Give out what there is, then what comes, until nothing more can come."""
        groups = [_Group(place, self.stream, self.reporter) for place in places]
        give_out: Callable[[Sequence[Stream]], None] = self.read
        with Notices() as notices:
            while True:
                for group in groups:
                    group.look()
                give_out([stream for group in groups for stream in group.live])
                give_out = self._go_on
                for group in groups:
                    group.settle()
                self._sink.flush()
                if self._is_done or not any(group.goes_on for group in groups):
                    return
                notices.expect(directory for group in groups for directory in group.directories)
                if self._stop.wait(POLL_SECONDS, notices.descriptors()) or not is_wanted():
                    return
                if notices.take() and self._stop.wait(_SHORTEST_ROUND):
                    return

    @property
    def _is_done(self) -> bool:
        return self._stop.is_set() or self._sink.is_full

    def _go_on(self, streams: Sequence[Stream]) -> None:
        """Give out what there is now and was not given out."""
        self._awake = 0
        if self._merge is not None:
            for lines in self._merged(streams):
                self._sink.put_lines(lines, MERGED)
                if self._is_done:
                    return
            for stream in streams:
                self._rest(stream)
            return
        for stream in streams:
            if self._is_done:
                return
            if stream.is_fresh and not self._may_have_wanted(stream):
                stream.close()
                continue
            for piece in stream:
                self._sink.put(piece, stream.name)
                self._tell()
                if self._sink.is_full:
                    return
            self._rest(stream)

    def _find_last(self, streams: Sequence[Stream], last: LastLines) -> None:
        """The last lines that there are, with no more reading than that takes."""
        self._awake = 0
        for stream in reversed(streams):
            is_needed = not last.is_full or (self._follow and not stream.is_complete())
            if not is_needed or not self._may_have_wanted(stream):
                stream.close()
                continue
            own = LastLines(last.count)
            for piece in stream:
                own.add(self._sink.chosen(piece, stream.name), stream.name)
                self._tell()
            last.put_before(own)
            self._rest(stream)

    def _merged(self, streams: Sequence[Stream]) -> Iterator[list[bytes]]:
        assert self._merge is not None
        sources: list[tuple[Stream, float | None]] = []
        for stream in streams:
            if not stream.is_fresh:
                sources.append((stream, None))
            elif self._may_have_wanted(stream):
                sources.append((stream, self._first_timestamp(stream.entry)))
            else:
                stream.close()
        for lines in self._merge.lines(sources):
            self._tell()
            yield lines

    def _tell(self) -> None:
        self.progress(self.reporter.consumed, self.total)

    def _rest(self, stream: Stream) -> None:
        """Let go of a file that nobody writes to, where many are waited for."""
        if stream.ended or stream.is_parked:
            return
        self._awake += 1
        if self._awake > MOST_OPEN and stream.is_quiet():
            stream.park()
            self._awake -= 1

    def _may_have_wanted(self, stream: Stream) -> bool:
        """Whether a file can have records of the window, as far as can be told without reading."""
        window, path = self._window, stream.entry.path
        if window.is_open or not stream.entry.is_regular:
            return True
        may_grow = self._follow and not stream.is_complete()
        if not may_grow and window.is_over(path, stream.modified()):
            return False
        if not window.may_be_ahead(path):
            return True
        first = self._first_timestamp(stream.entry)
        return first is None or not window.is_ahead(path, first)

    def _first_timestamp(self, entry: Input) -> float | None:
        """The first timestamp in a regular file, None where there is none near its start."""
        if not entry.is_regular:
            return None
        stream = Stream(entry, Reporter(_not_yet), self._stop, follow=False, splits=False)
        for piece in stream:
            stream.close()
            from kumolog.sources.merging import Timestamps

            return Timestamps().first(piece.split(b"\n"))
        return None


def _new_merge(sink: Sink) -> Merge:
    from kumolog.sources.merging import Merge  # what is read in its own order needs no decoder

    return Merge(sink.chosen)


def _not_yet(_message: str) -> None:
    """What is wrong with a file is told when it is read."""


class _Group:
    """The files of a place that are followed."""

    def __init__(self, place: Place, stream: Callable[[Input], Stream], reporter: Reporter) -> None:
        self.live: list[Stream] = []
        self._place = place
        self._stream = stream
        self._reporter = reporter
        self._watched = Watched(place) if place.may_grow else None
        if self._watched is None:
            self.live.append(stream(Input(place.argument)))

    @property
    def goes_on(self) -> bool:
        """Whether anything may come."""
        return bool(self.live) or self._watched is not None

    @property
    def directories(self) -> set[str]:
        """Where something may come, as far as that is known."""
        found = {os.path.dirname(stream.entry.path) or "." for stream in self.live}
        return found | set(self._place.directories())

    def look(self) -> None:
        """Find what is new."""
        if self._watched is None:
            return
        try:
            fresh = self._watched.fresh()
        except KumologError as error:
            self._reporter.failed(str(error))
            self._watched = None
            return
        self.live += [self._stream(Input(path)) for path in fresh]
        # A name that comes up late may stand before others.
        self.live.sort(key=lambda stream: os.fsencode(stream.entry.path))

    def settle(self) -> None:
        """Leave behind what has ended."""
        for stream in self.live:
            if stream.ended and self._watched is not None:
                self._watched.read(stream.entry.path, stream.status)
        self.live = [stream for stream in self.live if not stream.ended]
