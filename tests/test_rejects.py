"""The rejects file: what could not be logged is in it as it was."""

from __future__ import annotations

import base64
import json
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.rejects import Rejects, displayable


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rejects.jsonl"


def test_the_file_is_made_when_the_first_line_is_rejected(path: Path) -> None:
    rejects = Rejects(path)
    assert not path.exists()
    rejects.add("events", 7, "no event", b"{")
    assert path.read_text() == '{"source":"events","line":7,"error":"no event","raw":"{"}\n'
    rejects.close()


def test_a_loggers_failure_names_its_log_dir(path: Path) -> None:
    rejects = Rejects(path)
    rejects.add("events", None, "init.lua:3: no", b"{}", "/var/log/kumomta")
    rejects.close()
    (entry,) = entries(path)
    assert (entry["line"], entry["log_dir"]) == (None, "/var/log/kumomta")


def test_it_is_appended_to(path: Path) -> None:
    for number in (1, 2):
        rejects = Rejects(path)
        rejects.add("events", number, "no event", b"x")
        rejects.close()
    assert [entry["line"] for entry in entries(path)] == [1, 2]


def test_closing_twice_or_unused_does_no_harm(path: Path) -> None:
    rejects = Rejects(path)
    rejects.close()
    rejects.close()
    assert not path.exists()


@given(st.binary())
def test_every_line_is_kept_byte_for_byte(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rejects"
        rejects = Rejects(path)
        rejects.add("events", 1, "no event", text)
        rejects.close()
        (entry,) = entries(path)
    assert ("raw" in entry) != ("raw_base64" in entry)
    raw = entry["raw"].encode() if "raw" in entry else base64.b64decode(entry["raw_base64"])
    assert raw == text


@given(st.binary())
def test_any_error_text_can_be_shown(text: bytes) -> None:
    shown = displayable(text.decode("utf-8", "surrogateescape"))
    assert shown == text.decode("utf-8", "backslashreplace")


def test_an_error_that_is_not_utf_8_is_shown_with_escapes(path: Path) -> None:
    rejects = Rejects(path)
    rejects.add("events", 1, "init.lua:3: caf\udce9", b"{}")
    rejects.close()
    assert entries(path)[0]["error"] == "init.lua:3: caf\\xe9"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "Is a directory"),
        ("missing/rejects", "No such file or directory"),
        ("file/rejects", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_where_it_cannot_be_is_refused_at_once(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KumologError, match=f"{reason}; name another one with --rejects"):
        Rejects(tmp_path / name)
    assert os.listdir(tmp_path) == ["file"]


def test_devices_and_pipes_will_do() -> None:
    rejects = Rejects(Path("/dev/null"))
    rejects.add("events", 1, "no event", b"x")
    rejects.close()


def test_a_full_device_is_an_error_that_names_it() -> None:
    rejects = Rejects(Path("/dev/full"))
    with pytest.raises(KumologError, match="file /dev/full: No space left on device"):
        rejects.add("events", 1, "no event", b"x")
    rejects.close()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_a_line_that_does_not_fit_leaves_no_part_of_itself(path: Path) -> None:
    rejects = Rejects(path)
    rejects.add("events", 1, "no event", b"first")
    with file_size_limit(200), pytest.raises(KumologError, match="File too large"):
        rejects.add("events", 2, "no event", b"second" * 100)
    rejects.add("events", 3, "no event", b"third")
    rejects.close()
    assert [entry["raw"] for entry in entries(path)] == ["first", "third"]
