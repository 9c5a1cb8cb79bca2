"""What the README shows is what happens: its commands, their output, its tables."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
# What differs from one run to the next.
VARIABLE = ((r"\d{8}-\d{6}", "YYYYMMDD-HHMMSS"), (r"bytes in [\d,]+", "bytes in N"))
VARIABLE_JSON = (r'"compressed_bytes":\d+', '"compressed_bytes":N')


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def table(heading: str) -> list[str]:
    """The first column of the table below a heading, without quotes."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def masked(text: str) -> str:
    for pattern, replacement in (*VARIABLE, VARIABLE_JSON):
        text = re.sub(pattern, replacement, text)
    return text


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A directory to work in, like a clone with an activated environment."""
    for name in ("examples", "policy"):
        (tmp_path / name).symlink_to(ROOT / name)
    program = tmp_path / ".venv" / "bin" / "kumolog"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m kumolog "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(command: str, directory: Path) -> str:
    """What a command prints, in the shell, on both its outputs."""
    path = f"{directory / '.venv' / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout.decode()


def test_the_session_goes_as_shown(shell: Path) -> None:
    shown = "".join(blocks("console"))
    commands = re.findall(r"^\$ (.+)$", shown, re.MULTILINE)
    happened = "".join(f"$ {command}\n{run(command, shell)}" for command in commands)
    assert masked(happened) == masked(shown)


def test_the_first_command_shows_the_records_of_the_example(shell: Path) -> None:
    first, _ = blocks("sh")
    installing, running = first.split(" && ", 2)[:2], first.split(" && ", 2)[2]
    assert installing == ["python3 -m venv .venv", ".venv/bin/pip install -q ."]
    lines = run(running, shell).splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    assert [record["type"] for record in records][:2] == ["Reception", "Delivery"]
    assert len(records) == 6


def test_continuous_integration_runs_the_second_command() -> None:
    _, second = blocks("sh")
    assert f"({second.strip()})" in (ROOT / ".ci" / "run").read_text().splitlines()


def test_the_program_prints_what_is_shown(tmp_path: Path, shell: Path) -> None:
    (program,) = blocks("python")
    (output,) = blocks("text")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shell,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == output, done.stderr


def test_the_event_shown_is_one(shell: Path) -> None:
    (event,) = blocks("json")
    (shell / "event.jsonl").write_text(event)
    assert "1 written" in run("kumolog run policy/init.lua event.jsonl --root out", shell)


def test_the_options_are_those_of_the_program(shell: Path) -> None:
    options = set(re.findall(r"^  (--[\w-]+)", run("kumolog run --help", shell), re.MULTILINE))
    assert {name.split()[0] for name in table("kumolog run") if name.startswith("--")} == options


def test_the_codes_are_those_of_the_check() -> None:
    sources = sorted((ROOT / "kumolog" / "check").glob("*.py"))
    source = "".join(path.read_text() for path in sources)
    assert [code for code in table("kumolog check") if f'"{code}"' not in source] == []


def test_every_policy_shipped_is_listed_and_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^):]+)\)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []
    shipped = {f"policy/{path.name}" for path in (ROOT / "policy").glob("*.lua")}
    assert {path for path in shipped if not path.endswith("_spec.lua")} <= set(targets)
