from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def zstd_read(path: Path) -> bytes:
    """What the zstd program makes of a finished segment."""
    if shutil.which("zstd") is None:
        pytest.skip("the zstd program is not installed")
    subprocess.run(["zstd", "-tq", path], check=True, capture_output=True)
    return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout


@pytest.fixture
def read() -> Callable[[Path], bytes]:
    return zstd_read


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 256 KiB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", mount]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting a small file system: {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


@pytest.fixture
def fill() -> Callable[[Path], Path]:
    """Fills the file system of a directory; deleting the file returned makes room again."""

    def fill(directory: Path) -> Path:
        filler = directory / ".filler"
        free = os.statvfs(directory)
        filler.write_bytes(bytes(free.f_bavail * free.f_bsize))
        return filler

    return fill
