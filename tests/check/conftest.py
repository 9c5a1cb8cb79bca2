"""Policies to check in a directory of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from check.checks import Check

from kumolog.check import Outcome, check_policy


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)

    def run(source: str, **modules: str) -> Outcome:
        for name, text in {"init": source, **modules}.items():
            (tmp_path / f"{name}.lua").write_text(text)
        return check_policy("init.lua")

    return run
