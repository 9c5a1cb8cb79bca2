"""What was put through the loggers, and whether it is on disk yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import le
from typing import Protocol

from kumolog.checkpoint import Reached

_MAX_NOTES = 512


class Marked(Protocol):
    """A writer that counts its batches; see `kumolog.segments.writer.Writer`."""

    flushed: int

    @property
    def batches_put(self) -> int: ...


class Trail:
    """How far inputs have come, kept until what they gave up to there is on disk.

    Give it to the host, and let it `note` after every piece that was put through that host.
    """

    def __init__(self) -> None:
        self._writers: Sequence[Marked] = ()
        self._persist_rejects: Callable[[], object] = list
        self._notes: list[tuple[list[int], dict[str, Reached]]] = []

    def follow(self, writers: Sequence[Marked], persist_rejects: Callable[[], None]) -> None:
        """Says where the output goes that is waited for."""
        self._writers = writers
        self._persist_rejects = persist_rejects

    def note(self, reached: dict[str, Reached]) -> None:
        """Inputs have come so far with all that the writers were given up to now."""
        if reached:
            self._notes.append(([writer.batches_put for writer in self._writers], reached))
        if len(self._notes) > _MAX_NOTES:  # every other one is fine enough
            kept = self._notes[1::2]
            for place, (_, earlier) in enumerate(self._notes[: 2 * len(kept) : 2]):
                marks, later = kept[place]
                kept[place] = (marks, earlier | later)
            self._notes = kept + self._notes[2 * len(kept) :]

    def settled(self) -> dict[str, Reached]:
        """How far they have come on disk, where that is news. Raises KumologError as rejects do."""
        flushed = [writer.flushed for writer in self._writers]
        count = 0
        while count < len(self._notes) and all(map(le, self._notes[count][0], flushed)):
            count += 1
        if count:
            self._persist_rejects()
        return self._take(count)

    def rest(self) -> dict[str, Reached]:
        """How far they have come in the end, once the host is closed."""
        return self._take(len(self._notes))

    def _take(self, count: int) -> dict[str, Reached]:
        reached: dict[str, Reached] = {}
        for _, news in self._notes[:count]:
            reached |= news
        del self._notes[:count]
        return reached
