"""Running Lua the way a policy runs, in this process or in one that may die of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kumolog.policy import Policy

Heard = Callable[..., list[str]]

_CHILD = """
import sys
from pathlib import Path
from kumolog.errors import PolicyError
from kumolog.host import Host

folder = Path(sys.argv[1])
try:
    host = Host.open(folder / "init.lua", report=lambda level, text: print(level, text, flush=True),
                     root=folder / "root", rejects=folder / "rejects.jsonl", handler_timeout=0.3)
except PolicyError as error:
    print("policy error", error)
else:
    for sender in ("a@example.com", "b@example.com", "c@example.com"):
        host.log({"type": "Reception", "sender": sender, "meta": {"list": [[], {"x": 1}]}})
    counts = host.close().loggers[0]
    print("filtered", counts["filtered"], "failed", counts["failed"], "written", counts["written"])
print("alive")
"""


@pytest.fixture
def hear(tmp_path: Path) -> Heard:
    """Loads a policy's source; gives the texts it logged with kumo.log_info, without their places."""

    def run(source: str | bytes, **options: Any) -> list[str]:
        texts: list[str] = []

        def report(level: str, text: str) -> None:
            texts.append(text.split(": ", 1)[1])

        path = tmp_path / "init.lua"
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        Policy(path, report, **options).load()
        return texts

    return run


@pytest.fixture
def outlive(tmp_path: Path) -> Callable[[str], str]:
    """Runs three records through a policy in a process of its own; gives its output.

    The body is that of the filter handler; ``rest`` stands before it in the policy.
    """

    def run(body: str, rest: str = "") -> str:
        source = (
            f"{rest}\nkumo.on('keep', function(msg)\n{body}\nend)\n"
            "kumo.on('init', function()\n"
            "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'keep' } end)\n"
        )
        (tmp_path / "init.lua").write_text(source)
        child = subprocess.run(
            [sys.executable, "-c", _CHILD, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert child.returncode == 0, (child.returncode, child.stderr[-2000:])
        assert child.stdout.endswith("alive\n")
        return child.stdout

    return run
