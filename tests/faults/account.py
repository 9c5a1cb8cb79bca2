"""An independent reading of all that kumolog wrote: python-zstandard and the zstd program."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import zstandard
from faults.load import HEADER, TREES, kind, origin

Seen = Mapping[str, set[int]]
"""The events of one sender that are in each tree."""


@dataclass
class Tally:
    """One scenario in figures."""

    kills: int = 0
    faults: int = 0
    events: int = 0
    segments: int = 0
    repaired: int = 0
    lost: int = 0
    duplicated: int = 0
    again: int = 0
    """Written twice where that is allowed: after a kill of a run with a checkpoint."""
    spoiled: int = 0
    unreadable: int = 0
    other: int = 0
    """Everything else that is wrong: tracebacks, exit codes, diagnostics without their end."""

    @property
    def is_well(self) -> bool:
        return not (self.lost or self.duplicated or self.spoiled or self.unreadable or self.other)

    def row(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def columns(cls) -> list[str]:
        return [column.name for column in fields(cls)]


def files(directory: Path, tree: str) -> list[Path]:
    """The segments of a tree, in name order."""
    found: list[Path] = []
    for top in TREES[tree]:
        found += (path for path in (directory / top).rglob("*") if path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


def visible(path: Path) -> list[bytes]:
    """The whole lines that a reader gets of a segment, finished or not."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    text = b""
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        text += frame.decompress(data)
        data = frame.unused_data
    return text.split(b"\n")[:-1]


def seen(directory: Path, sender: int, since: float) -> Seen:
    """What a reader sees of a sender's events in the files touched since then (wall clock)."""
    found: dict[str, set[int]] = {}
    for tree in TREES:
        recent = [path for path in files(directory, tree) if _touched(path, since)]
        records = (origin(line) for path in recent for line in visible(path))
        found[tree] = {record[1] for record in records if record and record[0] == sender}
    return found


def _touched(path: Path, since: float) -> bool:
    try:
        return path.stat().st_mtime >= since
    except FileNotFoundError:
        return False


class Account:
    """Adds up trees of segments; every event has to be in each tree: just ``once``, or at least."""

    def __init__(self, tally: Tally, *, once: bool = True) -> None:
        self._tally = tally
        self._once = once
        self._found: dict[str, dict[int, set[int]]] = {tree: defaultdict(set) for tree in TREES}

    def add(self, directory: Path) -> None:
        """Read what is in a directory; every file has to be a finished segment by now."""
        for tree in TREES:
            self.add_segments(tree, files(directory, tree))

    def add_segments(self, tree: str, paths: Sequence[Path]) -> None:
        """Read finished segments of a tree."""
        self._tally.segments += len(paths)
        self._tally.unreadable += _refused_by_zstd(paths)
        for path in paths:
            self._add_segment(tree, path)

    def _add_segment(self, tree: str, path: Path) -> None:
        tally = self._tally
        try:
            text = zstandard.ZstdDecompressor().stream_reader(
                path.read_bytes(), read_across_frames=True
            )
            lines = text.read().split(b"\n")
        except zstandard.ZstdError:
            tally.unreadable += 1
            return
        tally.unreadable += bool(path.stat().st_mode & 0o222)
        tally.spoiled += lines.pop() != b""
        found = self._found[tree]
        for record in lines:
            where = origin(record)
            if where is None:
                tally.spoiled += record != HEADER
                continue
            sender, number = where
            if number in found[sender]:
                tally.duplicated += self._once
                tally.again += not self._once
            found[sender].add(number)

    def expect(self, sender: int, count: int, also: Seen | None = None) -> None:
        """The first ``count`` events of a sender have to be there, and those that were seen.

        What there is beyond that has no gaps: of each kind, what came first was written first.
        """
        for tree, found in self._found.items():
            needed = set(range(count)) | (also or {}).get(tree, set())
            beyond = found[sender] - needed
            self._tally.lost += len((needed | _before(tree, beyond)) - found[sender])

    def settle(self, fed: Mapping[int, int]) -> None:
        """Nothing may be there that was not fed."""
        for found in self._found.values():
            for sender, numbers in found.items():
                self._tally.spoiled += sum(number > fed[sender] for number in numbers)


def _before(tree: str, numbers: Iterable[int]) -> set[int]:
    """What comes before these events and goes into the same segments."""
    last: dict[str, int] = defaultdict(int)
    for number in numbers:
        key = kind(number) if tree == "routed" else ""
        last[key] = max(last[key], number)
    return {
        number
        for key, end in last.items()
        for number in range(end)
        if not key or kind(number) == key
    }


def _refused_by_zstd(paths: Sequence[Path]) -> int:
    if shutil.which("zstd") is None:
        return 0
    return sum(_refused(batch) for batch in _batches(paths, 200))


def _refused(paths: Sequence[Path]) -> int:
    if not subprocess.run(["zstd", "-tq", *paths], capture_output=True).returncode:
        return 0
    return sum(
        subprocess.run(["zstd", "-tq", path], capture_output=True).returncode != 0 for path in paths
    )


def _batches(paths: Sequence[Path], size: int) -> Iterator[Sequence[Path]]:
    for start in range(0, len(paths), size):
        yield paths[start : start + size]


def remove(segments: Iterable[Path]) -> None:
    """Delete segments, with the directories that a suffix made for each."""
    for path in segments:
        path.unlink()
        for directory in path.parents:
            if directory.name != "sub" and not directory.name.startswith("2"):
                break
            with suppress(OSError):
                directory.rmdir()


def said(
    diagnostics: Path, tally: Tally, *, pauses_end: bool, repairs_may_fail: bool = False
) -> None:
    """Count what was repaired, and what should not have been said.

    Where the disk fails a repair may do so too, and is left to the next start.
    """
    text = diagnostics.read_text(errors="replace") if diagnostics.exists() else ""
    tally.repaired += text.count("was left unfinished; repaired")
    tally.other += text.count("Traceback") + text.count("kumolog: error: ")
    if repairs_may_fail:
        tally.other -= len(re.findall(r"kumolog: error: \S+ left as it was: ", text))
    if pauses_end:
        paused, resumed = text.count("intake pauses until"), text.count("intake goes on")
        tally.other += abs(paused - resumed)
