"""Inputs that are read from where an earlier run has come to."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from kumolog.checkpoint import Reached
from kumolog.errors import KumologError
from kumolog.sources.inputs import Inputs
from kumolog.sources.lines import MAX_LINE, Block, Overlong
from kumolog.sources.paths import STDIN, Input
from kumolog.sources.stop import Stop


class ResumedInputs(Inputs):
    """Leaves out what ``known`` tells of each input, by its real path; see `unread`.

    A file that does not have the line it was read up to is another one: it is read from its start,
    and reported.
    """

    def __init__(
        self,
        inputs: Iterable[Input],
        known: Mapping[str, Reached],
        report: Callable[[str], None],
        stop: Stop,
        max_line: int = MAX_LINE,
        *,
        total: int | None = None,
    ) -> None:
        super().__init__(inputs, report, stop, max_line, total=total)
        self._known = known
        self._reached: dict[str, Reached] = {}

    def take_reached(self) -> dict[str, Reached]:
        """How far the inputs have come that got further since the last call.

        That is with the last piece given out: ask once that was put through.
        """
        reached, self._reached = self._reached, {}
        return reached

    def _file(self, entry: Input, file: io.FileIO) -> Iterator[Block | Overlong]:
        path = os.path.realpath(entry.path)
        before = os.fstat(file.fileno())  # what comes while it is read is for the next run
        reached = self._known.get(path, Reached())
        pieces = super()._file(entry, file)
        if reached.line:
            rest = self._rest(pieces, reached)
            if rest is None:
                self._report(
                    f"reading {entry.name}: line {reached.line}, up to which it was read before, "
                    "is not there or another one, so it is read from its start"
                )
                file.seek(0)
                rest, pieces, reached = [], super()._file(entry, file), Reached()
            pieces = chain(rest, pieces)
        for piece in pieces:
            reached = self._reached[path] = Reached.at(*piece.last())
            yield piece
        if self._at_end:
            self._reached[path] = reached.whole(before)

    def _rest(
        self, pieces: Iterator[Block | Overlong], reached: Reached
    ) -> Sequence[Block | Overlong] | None:
        """What is new in the piece where the new lines begin; None where the old ones differ."""
        for piece in pieces:
            line, part, _ = piece.last()
            if (line, part) >= (reached.line, reached.part):
                text = piece.find(reached.line, reached.part)
                if text is None or not reached.knows(text):
                    return None
                # A last line without an end may have been given the rest of its text.
                rest = piece.after(reached.line - (len(text) > reached.length))
                return [] if rest is None else [rest]
        return None if self._at_end else []


def unread(inputs: Sequence[Input], known: Mapping[str, Reached], own: str) -> list[Input]:
    """The inputs, each once, in which there may be something new; ``own`` is the checkpoint's path.

    Raises KumologError for what is no regular file: what it gives cannot be read again.
    """
    found: dict[str, Input] = {}
    for entry in inputs:
        status = _status(entry.path)
        if entry.path == STDIN or (status and not stat.S_ISREG(status.st_mode)):
            raise KumologError(
                f"reading {entry.name}: with a checkpoint only files and directories of segments "
                "can be read, since the next run has to find there what this one has read"
            )
        path = os.path.realpath(entry.path)
        covered = status is not None and known.get(path, Reached()).covers(status)
        if path != own and not covered:
            found.setdefault(path, entry)
    return list(found.values())


def _status(path: str) -> os.stat_result | None:
    """None where it has gone meanwhile, which whoever reads it will tell."""
    try:
        return os.stat(path)
    except OSError:
        return None
