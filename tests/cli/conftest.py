"""The command in a directory of the test's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cli.command import Command


@pytest.fixture
def kumolog(tmp_path: Path) -> Command:
    """What it is run in has a policy, init.lua, that logs to out/."""
    return Command(tmp_path)


@pytest.fixture
def unprivileged(kumolog: Command) -> Command:
    """The command without root's right to read and write everything."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may do everything, and there is no setpriv to change that")
        kumolog.prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    return kumolog
