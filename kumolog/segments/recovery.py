"""The segments of a directory that an earlier process left open, or that were damaged since.

KumoMTA takes the write bits of every file in a log directory when it starts; kumolog does so too,
but first makes sure that nobody is writing the file, and repairs a segment that ends within a
frame.  Directories that a suffix with ``/`` made are entered, which KumoMTA does not do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from kumolog.globs import is_utf8
from kumolog.segments.mending import (
    REPAIR,
    Fate,
    Outcome,
    finish_segment,
    remove_leftover,
    repair_segment,
)
from kumolog.segments.names import has_segment_form

_LEVELS = {Fate.REPAIRED: "info", Fate.DAMAGED: "error", Fate.FAILED: "error"}


class _Mend(Protocol):
    def __call__(self, path: str, *, is_segment: bool) -> Outcome | None: ...


def finish_earlier_segments(directory: Path, report: Callable[[str, str], None]) -> None:
    """`earlier_segments`, with a diagnostic (level, text) for each that was more than marked."""
    for outcome in earlier_segments(directory):
        if outcome.fate in _LEVELS:
            report(_LEVELS[outcome.fate], str(outcome))


def earlier_segments(directory: Path) -> Iterator[Outcome]:
    """Mark complete, after repair where needed, what is left open in a log directory.

    That is every regular file that still has write bits and that no live process writes.  Names
    that begin with a dot or are not UTF-8 and symbolic links are left alone, and so is a directory
    that is missing; of the directories inside, those are entered that a suffix with ``/`` made.
    A torn segment keeps its complete lines; one that broke off before its first becomes a valid
    empty one.  Of a damaged one everything is kept that can still be read, and the original stays
    beside it as ``.NAME.damaged``.  What cannot be finished stays as it was (Fate.FAILED).
    """
    return _mended(os.fspath(directory), finish_segment)


def repaired_segments(directory: Path) -> Iterator[Outcome]:
    """The same by hand: finished segments are looked at too, what is no segment is left alone."""

    def repair(path: str, *, is_segment: bool) -> Outcome | None:
        name = os.path.basename(path)
        known = is_segment or has_segment_form(name)
        return repair_segment(path, is_segment=is_segment) if known else None

    return _mended(os.fspath(directory), repair)


def repaired_file(path: Path) -> Outcome:
    """The same for one file, which is a segment if it is zstd, whatever its name."""
    try:
        return repair_segment(os.fspath(path))
    except OSError as error:
        return _failed(os.fspath(path), error)


def _mended(directory: str, mend: _Mend) -> Iterator[Outcome]:
    pending = [directory]
    while pending:
        place = pending.pop()
        is_inside = place != directory
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Outcome(place, Fate.FAILED, reason=f"listing it: {error.strerror}")
            continue
        pending.extend(
            entry.path
            for entry in reversed(entries)
            if entry.is_dir(follow_symlinks=False) and (is_inside or has_segment_form(entry.name))
        )
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                outcome = _tried(entry, mend, is_inside=is_inside)
                if outcome is not None:
                    yield outcome


def _tried(entry: os.DirEntry[str], mend: _Mend, *, is_inside: bool) -> Outcome | None:
    try:
        if entry.name.startswith(REPAIR):
            remove_leftover(entry.path)
        elif not entry.name.startswith(".") and is_utf8(entry.name):
            return mend(entry.path, is_segment=is_inside)
    except OSError as error:
        if os.path.lexists(entry.path):  # else somebody took it away meanwhile
            return _failed(entry.path, error)
    return None


def _failed(path: str, error: OSError) -> Outcome:
    return Outcome(path, Fate.FAILED, reason=error.strerror or str(error))
