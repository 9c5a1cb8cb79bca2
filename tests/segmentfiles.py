"""Segments as a logger leaves them, step by step."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import zstandard


class Segment:
    """A segment as a logger writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb", buffering=0)
        self._compressor = zstandard.ZstdCompressor().compressobj()

    def write(self, text: bytes) -> None:
        self._file.write(self._compressor.compress(text))
        self._file.write(self._compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    def finish(self) -> None:
        self._file.write(self._compressor.flush())
        self.leave()
        self.path.chmod(0o444)

    def leave(self) -> None:
        self._file.close()


def lines(records: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def finished(path: Path, *records: Any) -> Path:
    """A segment that is read-only, with a record a line."""
    segment = Segment(path)
    segment.write(lines(records))
    segment.finish()
    return path
