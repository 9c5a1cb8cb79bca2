"""Every policy of policy/ has a spec beside it; these and the specs of examples/ pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_shipped_policy_has_a_spec() -> None:
    files = {path.name for path in (ROOT / "policy").glob("*.lua")}
    policies = {name for name in files if not name.endswith("_spec.lua")}
    assert {name.replace(".lua", "_spec.lua") for name in policies} == files - policies


def test_all_specs_pass_and_reach_every_line_of_the_policies() -> None:
    command = ["test", "policy", "examples", "--coverage", "--fail-under", "100"]
    done = subprocess.run(
        [sys.executable, "-m", "kumolog", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
