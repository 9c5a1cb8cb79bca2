"""Every live row of surface.tsv works, asked from the Lua of a policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumolog.api import surface
from kumolog.errors import PolicyError
from kumolog.policy import Policy

ROWS = Path(__file__).with_name("live_rows.lua").read_text()
LIVE = {row.name for row in surface() if row.role == "live" and row.kind != "event"}
OF_CONNECTIONS = {name for name in LIVE if name.startswith("conn_meta:")}  # only events have any
NOTE = """function is(name, truth)
  require 'kumo'.log_error('note', name, truth and 'works' or 'fails')
end
"""


def noted(tmp_path: Path, rows: str) -> dict[str, bool]:
    """What a policy of these rows says of each name."""
    directory, file = tmp_path / "files", tmp_path / "init.lua"
    directory.mkdir()
    file.write_text(f"DIR = '{directory}'\n{NOTE}{rows}")
    found: dict[str, bool] = {}

    def report(_level: str, text: str) -> None:
        words = text.split(": ", 1)[1].split()
        if words[0] == "note":
            found[words[1]] = found.get(words[1], True) and words[2] == "works"

    policy = Policy(file, report, validating=True)
    policy.load()
    policy.close()
    return found


def test_every_live_row_works_and_every_row_is_asked_for(tmp_path: Path) -> None:
    found = noted(tmp_path, ROWS)
    assert [name for name, works in found.items() if not works] == []
    assert set(found) == LIVE - OF_CONNECTIONS


def test_a_row_that_does_nothing_is_noticed(tmp_path: Path) -> None:
    assert noted(tmp_path, "is('kumo.string.trim', nil)") == {"kumo.string.trim": False}


def test_a_row_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"no such function as `kumo\.string\.trimm`"):
        noted(tmp_path, "local kumo = require 'kumo' is('x', kumo.string.trimm ' a ' == 'a')")
