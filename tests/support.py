"""What tests share: reading what a run left behind, and writing policies briefly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard

from kumolog.host import Summary

needs_zstd = pytest.mark.skipif(
    shutil.which("zstd") is None, reason="the zstd program is not installed"
)

Event = dict[str, Any] | bytes | str


def read_segment(path: Path) -> bytes:
    """The text of a segment, by python-zstandard alone."""
    decoder = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
    return decoder.decompress(path.read_bytes())


@dataclass
class Logged:
    """What a run left behind."""

    root: Path
    summary: Summary
    rejects_file: Path
    diagnostics: list[tuple[str, str]] = field(default_factory=list)

    def segments(self, log_dir: str) -> list[Path]:
        """The segments of a log_dir, by name, also those in directories below it."""
        directory = self.root / log_dir.lstrip("/")
        return sorted(path for path in directory.rglob("*") if path.is_file())

    def text(self, log_dir: str, suffix: str = "") -> str:
        """The text of a log_dir's segments whose name ends with a suffix, one after another."""
        found = (path for path in self.segments(log_dir) if path.name.endswith(suffix))
        return b"".join(map(read_segment, found)).decode()

    def lines(self, log_dir: str, suffix: str = "") -> list[str]:
        """The same as lines."""
        return self.text(log_dir, suffix).splitlines()

    def records(self, log_dir: str, suffix: str = "") -> list[dict[str, Any]]:
        """The same as records."""
        return [json.loads(line) for line in self.lines(log_dir, suffix)]

    @property
    def rejects(self) -> list[dict[str, Any]]:
        """The entries of the rejects file."""
        if not self.rejects_file.exists():
            return []
        return [json.loads(line) for line in self.rejects_file.read_text().splitlines()]


RunPolicy = Callable[..., Logged]
SaidBy = Callable[[str], list[str]]
"""Runs the Lua source of a policy; gives the lines it logs."""


def init(body: str, rest: str = "") -> str:
    """A policy whose init handler has that body."""
    return f"local kumo = require 'kumo'\nkumo.on('init', function()\n{body}\nend)\n{rest}\n"
