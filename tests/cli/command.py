"""The real command, run in a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import init, read_segment

ROOT = Path(__file__).parent.parent.parent
LOGGER = "kumo.configure_local_logs { log_dir = 'out' }"
PATIENCE = 60  # seconds until a test gives up


class Command:
    """Runs ``kumolog`` with a directory as working directory; a policy that logs to out/ is there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.prefix: list[str] = []
        self.environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(directory.with_name(f"{directory.name}-cache")),
        }
        self.policy(init(LOGGER))

    def policy(self, source: str | bytes, name: str = "init.lua") -> Path:
        path = self.directory / name
        path.write_bytes(source.encode() if isinstance(source, str) else source)
        return path

    def run(
        self, *arguments: str | bytes, stdin: bytes = b"", **settings: Any
    ) -> subprocess.CompletedProcess[bytes]:
        """Waits for it; stdout and stderr are captured unless they are given."""
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
        if "stdin" not in settings:
            settings["input"] = stdin
        return subprocess.run(self._line(arguments), timeout=PATIENCE, **(self._place() | settings))

    @contextmanager
    def start(self, *arguments: str | bytes, **settings: Any) -> Iterator[subprocess.Popen[bytes]]:
        """Goes on while it runs; it is killed at the end, if it still does."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        settings = {**pipes, **settings}
        with subprocess.Popen(self._line(arguments), **(self._place() | settings)) as process:
            try:
                yield process
            finally:
                process.kill()

    def segments(self, log_dir: str = "out") -> list[Path]:
        return sorted((self.directory / log_dir).glob("[0-9]*"))

    def records(self, log_dir: str = "out") -> list[dict[str, Any]]:
        """All records, also those in segments that are still written to; whole lines only."""
        text = b"".join(map(read_segment, self.segments(log_dir)))
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1:] == b"\n"]

    @property
    def rejects(self) -> list[dict[str, Any]]:
        path = self.directory / "kumolog-rejects.jsonl"
        return (
            [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
        )

    def _line(self, arguments: tuple[str | bytes, ...]) -> list[str | bytes]:
        return [*self.prefix, sys.executable, "-m", "kumolog", *arguments]

    def _place(self) -> dict[str, Any]:
        return {"cwd": self.directory, "env": self.environment}


def wait_until(what: Callable[[], Any]) -> Any:
    """Looks again and again; fails a test that would wait forever."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := what():
            return result
        time.sleep(0.02)
    return pytest.fail("it never happened")
