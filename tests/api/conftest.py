"""Asking the kumo table from the Lua of a real policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import SaidBy

from kumolog.policy import Policy

TRY = """local function try(f, ...)
  local ok, problem = pcall(f, ...)
  kumo.log_info(ok, problem)
end
"""


@pytest.fixture
def said_by(tmp_path: Path) -> SaidBy:
    """Loads a policy of that source, which may `try` functions; gives the lines that it logs."""

    def said(source: str) -> list[str]:
        texts: list[str] = []
        path = tmp_path / "said.lua"
        path.write_text(TRY + source)
        Policy(path, lambda _level, text: texts.append(text.split(": ", 1)[1])).load()
        return texts

    return said
