"""The programs with which the README reads segments, run with the libraries that they name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from segmentfiles import Segment, lines

from kumolog.host import Host
from kumolog.segments import read

ROOT = Path(__file__).parent.parent.parent
SECTION = "## Reading segments"
EVENTS = [
    {"type": "Delivery", "recipient": "ada@inbox.example", "num_attempts": 1},
    {"type": "Bounce", "recipient": "bob@post.example", "response": {"code": 550}},
    {"type": "Delivery", "recipient": "eve@post.example", "num_attempts": 3},
]


def programs() -> dict[str, str]:
    """Each program of the README's section, by the library that it imports first."""
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.partition(f"\n{SECTION}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```py\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return {re.search(r"(?:import|from) (\w+)", program)[1]: program for program in found}  # type: ignore[index] # each imports something


def run(program: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def promised(program: str) -> str:
    """What the comments at its end say that it prints."""
    return "".join(f"{line}\n" for line in re.findall(r"^# (.*)$", program, re.MULTILINE))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A directory to work in, with segments where the README has them."""
    policy = ROOT / "policy" / "init.lua"
    for events in (EVENTS[:2], EVENTS[2:]):
        with Host.open(policy, root=tmp_path / "out", rejects=tmp_path / "rejects") as host:
            for event in events:
                host.log(event)
    return tmp_path


@pytest.mark.parametrize("library", ["duckdb", "polars"])
def test_a_library_reads_segments_as_shown(logs: Path, library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    program = programs()[library]
    assert promised(program)
    assert run(program, logs) == promised(program)


def test_polars_gets_the_records_of_a_growing_segment_from_read(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    segment = Segment(tmp_path / "20230306-022811")
    segment.write(lines(EVENTS))
    schema = {"type": polars.String, "num_attempts": polars.Int64}
    frame = polars.from_dicts(list(read(tmp_path)), schema)
    assert frame.rows() == [("Delivery", 1), ("Bounce", None), ("Delivery", 3)]
    segment.leave()


def test_python_reads_and_follows_segments_as_shown(logs: Path) -> None:
    program = programs()["kumolog"]
    # What a program does with its records is its own; this one has had enough after a batch.
    own = "def store(records):\n    print(len(records))\n    batches.close()\n"
    assert run(own + program, logs) == promised(program) + "3\n"
    assert (logs / "out" / "var" / "log" / "kumomta" / ".billing").exists()
