"""The rejects file: what could not be logged is in it as it was."""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.rejects import Rejects, displayable
from kumolog.segments.retry import Retry


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


def test_a_full_disk_is_waited_for_and_leaves_no_part_of_a_line(path: Path) -> None:
    reports: list[str] = []
    shortage = ExitStack()

    def report(text: str) -> None:
        reports.append(text)
        shortage.close()

    rejects = Rejects(path, retry=Retry(report, threading.Event(), 0))
    rejects.add("events", 1, "no event", b"first")
    shortage.enter_context(file_size_limit(200))
    rejects.add("events", 2, "no event", b"second" * 100)
    rejects.close()
    assert [entry["line"] for entry in entries(path)] == [1, 2]
    assert reports == [
        f"writing to the rejects file {path}: File too large; intake pauses until there is room",
        f"writing to the rejects file {path}: works again; intake goes on",
    ]


def test_at_the_end_a_full_disk_is_not_waited_for_long(path: Path) -> None:
    hurried = threading.Event()
    hurried.set()
    rejects = Rejects(path, retry=Retry(lambda text: None, hurried, 0))
    with (
        file_size_limit(10),
        pytest.raises(KumologError, match="too large; name another one with --rejects"),
    ):
        rejects.add("events", 1, "no event", b"first")
    rejects.close()


def test_a_line_that_a_killed_process_left_unfinished_does_not_spoil_the_next(path: Path) -> None:
    path.write_bytes(b'{"source":"events","li')
    rejects = Rejects(path)
    for number in (1, 2):
        rejects.add("events", number, "no event", b"x")
    rejects.close()
    _, *lines = path.read_bytes().splitlines()
    assert [json.loads(line)["line"] for line in lines] == [1, 2]


def test_a_line_that_another_process_left_unfinished_does_not_spoil_the_next(path: Path) -> None:
    rejects = Rejects(path)
    rejects.add("events", 1, "no event", b"x")
    with path.open("ab") as other:
        other.write(b'{"source":"other","li')
    for number in (2, 3):
        rejects.add("events", number, "no event", b"x")
    rejects.close()
    first, _, *lines = path.read_bytes().splitlines()
    assert [json.loads(line)["line"] for line in (first, *lines)] == [1, 2, 3]


_APPENDING = """
import sys
from pathlib import Path
from kumolog.rejects import Rejects
rejects = Rejects(Path(sys.argv[1]))
for number in range(200):
    rejects.add(sys.argv[2], number, "no event", b"x" * (number * number * 5))
"""


def test_lines_of_several_processes_stay_whole(path: Path) -> None:
    command = [sys.executable, "-c", _APPENDING, path]
    processes = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    found = [(entry["source"], entry["line"], len(entry["raw"])) for entry in entries(path)]
    for name in "abc":
        mine = [(line, size) for source, line, size in found if source == name]
        assert mine == [(number, number * number * 5) for number in range(200)]


def test_lines_are_synced_only_where_that_is_asked_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    for durable, times in ((False, 0), (True, 2)):
        rejects = Rejects(path, durable=durable)
        rejects.persist()
        assert synced == []
        rejects.add("events", 1, "no event", b"x")
        rejects.persist()
        rejects.close()
        assert len(synced) == times  # the file and its directory, once
