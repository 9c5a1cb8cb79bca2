"""Everything that the INPUT arguments name, as one stream of lines."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from kumolog.errors import SegmentError
from kumolog.segments.reader import Decoded, open_decoded, torn_note
from kumolog.sources.lines import MAX_LINE, Block, LineSplitter, Overlong
from kumolog.sources.paths import Input, display_name, expand, readable, segments
from kumolog.sources.stop import Stop


class Inputs:
    """The lines of all inputs, in order; iterate it once.

    An input that is torn, corrupt or gone is reported by name, and the others go on. Once ``stop``
    is set, the whole lines of the piece that was just read are still given out; then it ends.
    """

    def __init__(
        self,
        inputs: Iterable[Input],
        report: Callable[[str], None],
        stop: Stop,
        max_line: int = MAX_LINE,
        *,
        total: int | None = None,
    ) -> None:
        self._inputs = inputs
        self._report = report
        self._stop = stop
        self._max_line = max_line
        self._done = 0
        self._current: Decoded | None = None
        self._at_end = False  # of the present input
        self.torn = 0
        """Inputs that end inside a frame: cut off, or still being written. Only a note."""
        self.broken = 0
        """Inputs that could not be read to their end: corrupt, failing or gone."""
        self.total = total
        """Bytes of all inputs as they are stored, or None where one has no known size."""

    @property
    def consumed(self) -> int:
        """Bytes read so far, as they are stored."""
        return self._done + (self._current.consumed if self._current else 0)

    def __iter__(self) -> Iterator[Block | Overlong]:
        for entry in self._inputs:
            if self._stop.is_set():
                return
            try:
                with entry.open() as file:
                    yield from self._file(entry, file)
            except OSError as error:
                self._note_broken(f"reading {entry.name}: {error.strerror}")
            self._done, self._current = self.consumed, None

    def _file(self, entry: Input, file: io.FileIO) -> Iterator[Block | Overlong]:
        self._at_end = False
        self._current = open_decoded(readable(file, self._stop), entry.name)
        yield from self._lines(self._current)

    def _lines(self, decoded: Decoded) -> Iterator[Block | Overlong]:
        splitter = LineSplitter(decoded.name, self._max_line)
        try:
            for data in decoded:
                yield from splitter.feed(data)
                if self._stop.is_set():
                    return
        except SegmentError as error:
            self._note_broken(f"{error}; the whole lines before it were read")
            return
        if self._stop.is_set():
            return
        if decoded.torn:
            self.torn += 1
            self._report(torn_note(decoded.name))
        else:
            yield from splitter.finish()
            self._at_end = True

    def _note_broken(self, message: str) -> None:
        self.broken += 1
        self._report(message)


def empty_note(path: str) -> str:
    """Say that there is nothing to read in a directory."""
    return f"reading {display_name(path)}: there are no segments directly in it"


def open_inputs(
    paths: Sequence[str],
    *,
    report: Callable[[str], None],
    stop: Stop,
    max_line: int = MAX_LINE,
    leave_out: str | None = None,
) -> Inputs:
    """Make ready to read ``paths``: files, directories of segments, and ``-`` for stdin.

    ``report`` is called with a message for every input that is not read to its end, and for a
    directory without segments; ``leave_out`` is a file not to read. Raises
    KumologError for a path that is missing or not readable, before anything is read.
    """
    found = find_inputs(paths, report, leave_out)
    return Inputs(found, report, stop, max_line, total=total_size(found))


def find_inputs(
    paths: Sequence[str], report: Callable[[str], None], leave_out: str | None
) -> list[Input]:
    """Return what `open_inputs` would read, in order."""
    for path in paths:
        if os.path.isdir(path) and not segments(path):
            report(empty_note(path))
    return expand(paths, leave_out)


def total_size(inputs: Sequence[Input]) -> int | None:
    """Return the bytes of all inputs as they are stored, or None where one has no known size."""
    sizes = [entry.size for entry in inputs if entry.size is not None]
    return sum(sizes) if len(sizes) == len(inputs) else None
