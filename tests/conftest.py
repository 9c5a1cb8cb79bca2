"""Running a policy over events the way a user does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from support import Event, Logged, RunPolicy

from kumolog.host import Host

# No test may fail because the machine is busy, nor because hypothesis takes long to find values there. A
# change is what makes a test fail, not luck: to look further, --hypothesis-profile search.
for name, is_fixed in (("kumolog", True), ("search", False)):
    hypothesis.settings.register_profile(
        name,
        deadline=None,
        derandomize=is_fixed,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("kumolog")


@pytest.fixture
def run_policy(tmp_path: Path) -> RunPolicy:
    """Runs the Lua source of a policy over events; gives what it logged."""

    def run(source: str, events: Iterable[Event] = (), **options: Any) -> Logged:
        policy = tmp_path / "init.lua"
        policy.write_text(source)
        root, rejects = tmp_path / "root", tmp_path / "rejects.jsonl"
        diagnostics: list[tuple[str, str]] = []

        def report(level: str, text: str) -> None:
            diagnostics.append((level, text))

        chosen = {"root": root, "rejects": rejects} | options
        with Host.open(policy, report=report, **chosen) as host:
            for event in events:
                host.log(event)
        return Logged(root, host.close(), rejects, diagnostics)

    return run
