"""Every directory of examples/ is a scenario: init.lua, events.jsonl or mail, and what comes out.

``expected/`` mirrors the output directory. In the names of its files YYYYMMDD-HHMMSS stands for the
time of a segment; segments that differ in their time only are one file there, in order, as
``kumolog cat`` would show them. ``expected/rejects.jsonl`` is the rejects file, where there is one.
Records of mail get new ids and the present time: ``...`` stands for them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import read_segment

from kumolog.params import LOCAL_LOGS, PER_RECORD
from kumolog.record import RECORD_TYPES

EXAMPLES = Path(__file__).parent.parent / "examples"
SCENARIOS = sorted(path.name for path in EXAMPLES.iterdir())
TIME = re.compile(r"\d{8}-\d{6}")
NEW = re.compile(r'"(id|timestamp|created|nodeid)":("\w[^"]*"|\d+)')


def kumolog(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kumolog", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(EXAMPLES.parent)},
        capture_output=True,
        text=True,
    )


def texts(read: dict[str, bytes]) -> dict[str, str]:
    """The texts of files by their paths; times are masked, and what has one name then is joined."""
    joined: dict[str, str] = {}
    for path in sorted(read):
        name = TIME.sub("YYYYMMDD-HHMMSS", path)
        joined[name] = joined.get(name, "") + read[path].decode()
    return joined


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_example_gives_what_it_says(scenario: str, tmp_path: Path) -> None:
    directory, root, rejects = EXAMPLES / scenario, tmp_path / "out", tmp_path / "rejects.jsonl"
    is_mail = (directory / "mail").exists()
    source = ("--from-mail", "mail") if is_mail else ("events.jsonl",)
    done = kumolog(
        *("run", "init.lua", *source, "--root", str(root), "--rejects", str(rejects)), cwd=directory
    )
    found = {str(path.relative_to(root)): read_segment(path) for path in files(root)}
    if rejects.exists():
        found["rejects.jsonl"] = rejects.read_bytes()
    expected = directory / "expected"
    wanted = {str(path.relative_to(expected)): path.read_bytes() for path in files(expected)}
    result = texts(found)
    if is_mail:
        result = {name: NEW.sub(r'"\1":"..."', text) for name, text in result.items()}
    assert result == texts(wanted)
    assert done.returncode == ("rejects.jsonl" in wanted), done.stderr
    assert not any(path.stat().st_mode & 0o222 for path in files(root))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_example_passes_the_check(scenario: str) -> None:
    done = kumolog("check", "--json", "init.lua", cwd=EXAMPLES / scenario)
    # Who may not write below /var/log is told so.
    findings = [entry for entry in json.loads(done.stdout) if entry["code"] != "log-dir"]
    assert [entry for entry in findings if entry["level"] == "error"] == []


def test_every_construct_is_in_the_example_of_that_name() -> None:
    policy = (EXAMPLES / "every_construct" / "init.lua").read_text()
    events = (EXAMPLES / "every_construct" / "events.jsonl").read_text()
    keys = {key.name for table in (LOCAL_LOGS, PER_RECORD) for key in table.keys}
    assert keys <= set(re.findall(r"\b(\w+) = ", policy))
    assert {*RECORD_TYPES, "Any"} <= set(re.findall(r"\w+", policy))
    assert {json.loads(line)["type"] for line in events.splitlines()} == set(RECORD_TYPES)
