"""What the PATH arguments of a reader name, now and later."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence

from kumolog.errors import KumologError
from kumolog.globs import Glob
from kumolog.segments.candidates import Identity
from kumolog.sources.inputs import empty_note
from kumolog.sources.paths import STDIN, Input, check_stdin, display_name, expand, segments

_PATTERN = frozenset("*?[{")


class Place:
    """One argument: a file, a directory of segments, a glob pattern, or ``-``."""

    def __init__(self, argument: str) -> None:
        """Raises KumologError for a pattern that is none."""
        self.argument = argument
        self.is_pattern = not _PATTERN.isdisjoint(argument) and not os.path.lexists(argument)
        self.may_grow = self.is_pattern or (argument != STDIN and os.path.isdir(argument))
        """Whether other files than now may be in it later."""
        self._glob = Glob.parse(argument) if self.is_pattern else None

    @property
    def name(self) -> str:
        return display_name(self.argument)

    def directories(self) -> list[str]:
        """Where new files appear, as far as that is known without looking."""
        return [self.argument] if self.may_grow and not self.is_pattern else []

    def paths(self) -> list[str]:
        """What there is to read at present, in order. Raises KumologError."""
        try:
            if self._glob is None:
                return segments(self.argument) if self.may_grow else [self.argument]
            found = []
            for path in sorted(self._glob.found("."), key=os.fsencode):
                found += segments(path) if os.path.isdir(path) else [path]
            return found
        except OSError as error:
            raise KumologError(f"reading {self.name}: {error.strerror}") from None


def checked_inputs(places: Sequence[Place]) -> list[list[Input]]:
    """The inputs of each place at present. Raises KumologError for what cannot be read."""
    check_stdin([place.argument for place in places])
    return [
        expand(place.paths()) if place.may_grow else expand([place.argument]) for place in places
    ]


def present_inputs(places: Sequence[Place], report: Callable[[str], None]) -> list[Input]:
    """The inputs of all places at present, in order; ``report`` is told of a directory without any.

    Raises KumologError for what cannot be read, and for a pattern that nothing matches.
    """
    found = checked_inputs(places)
    for place, inputs in zip(places, found, strict=True):
        if place.is_pattern and not inputs:
            raise KumologError(f"reading {place.name}: no file matches this pattern")
        if place.may_grow and not inputs:
            report(empty_note(place.argument))
    return [entry for inputs in found for entry in inputs]


class Watched:
    """The files of a place that grows, each given out once."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: dict[str, Identity] = {}
        self._read: dict[str, Identity] = {}

    def fresh(self) -> list[str]:
        """The paths that were not given out yet, in order. Raises KumologError.

        A file that was given out and has been renamed is not given out again; one that was deleted
        and, seen to be gone, made anew is.
        """
        present = self._place.paths()
        fresh = [path for path in present if path not in self._known]
        given = self._meet(fresh) if fresh else []
        kept = set(present)
        self._known = {path: seen for path, seen in self._known.items() if path in kept}
        self._read = {path: seen for path, seen in self._read.items() if path in kept}
        return given

    def read(self, path: str, status: os.stat_result | None) -> None:
        """The file of that path is done with; it was in that state, or it was not looked into."""
        identity = self._known.get(path) if status is None else Identity.of(status)
        if identity is not None:
            self._read[path] = identity

    def _meet(self, fresh: Sequence[str]) -> list[str]:
        finished = set(self._read.values())
        # A file that is being read keeps its number to itself: no other one can have it.
        reading = {seen[:2] for path, seen in self._known.items() if path not in self._read}
        given = []
        for path in fresh:
            identity = _identity(path)
            if identity is None:
                continue
            self._known[path] = identity
            if identity in finished:
                self._read[path] = identity
            elif identity[:2] not in reading:
                given.append(path)
        return given


def _identity(path: str) -> Identity | None:
    try:
        status = os.stat(path)
    except OSError:  # gone again
        return None
    return Identity.of(status) if stat.S_ISREG(status.st_mode) else None
