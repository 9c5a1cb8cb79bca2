"""Whether a run wrote what it should have: an independent reading, compared by checksums.

Nothing here is kumolog's: lines are read with Python's json, segments with python-zstandard.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

Placing = Callable[[dict[str, Any], bytes], Iterable[tuple[str, bytes]]]
"""From a record and its line to the log directories it belongs in, with the lines to find there."""


class WrongOutputError(Exception):
    """A run did not write what it should have."""


class Log(NamedTuple):
    """What must be in one log directory: the number of lines and their checksums."""

    lines: int
    in_order: str
    in_any_order: int


class _Checksum:
    def __init__(self) -> None:
        self._lines = 0
        self._hash = hashlib.sha256()
        self._sum = 0

    def add(self, line: bytes) -> None:
        self._lines += 1
        self._hash.update(line)
        digest = hashlib.blake2b(line, digest_size=16).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % 2**128

    def log(self) -> Log:
        return Log(self._lines, self._hash.hexdigest(), self._sum)


def expect(events: Path, placing: Placing) -> dict[str, Log]:
    """What must be in each log directory after a run over these events."""
    found: dict[str, _Checksum] = {}
    with events.open("rb") as file:
        for line in file:
            for log_dir, text in placing(json.loads(line), line):
                found.setdefault(log_dir, _Checksum()).add(text)
    return {log_dir: checksum.log() for log_dir, checksum in found.items()}


def check(
    out: Path,
    expected: dict[str, Log],
    *,
    header: bytes = b"",
    repeats: int = 1,
    is_ordered: bool = True,
) -> None:
    """Raises WrongOutputError unless the log directories in ``out`` hold what is expected.

    ``repeats`` is how many times over, ``header`` what every segment begins with. With
    ``is_ordered`` False the lines may come in any order.
    """
    found = sorted(path.name for path in out.iterdir())
    if found != sorted(expected):
        raise WrongOutputError(f"the logs written are {found}, not {sorted(expected)}")
    for log_dir, right in expected.items():
        lines = _lines(out / log_dir, header)
        for _ in range(repeats):
            _compare(log_dir, islice(lines, right.lines), right, is_ordered)
        if next(lines, None) is not None:
            raise WrongOutputError(f"{log_dir}: there are more lines than the input gives")


def _compare(log_dir: str, lines: Iterable[bytes], right: Log, is_ordered: bool) -> None:
    checksum = _Checksum()
    for line in lines:
        checksum.add(line)
    log = checksum.log()
    if log.lines < right.lines:
        raise WrongOutputError(f"{log_dir}: lines are missing, there are but {log.lines:,}")
    same = log == right if is_ordered else log.in_any_order == right.in_any_order
    if not same:
        raise WrongOutputError(f"{log_dir}: the lines are not those that the input gives")


def _lines(directory: Path, header: bytes) -> Iterator[bytes]:
    for path in sorted(directory.iterdir()):
        with path.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            segment = io.BufferedReader(reader, 1 << 20)
            if segment.read(len(header)) != header:
                raise WrongOutputError(f"{directory.name}: {path.name} begins without its header")
            yield from segment
