"""Checking policies: brief ones, and what was found."""

from __future__ import annotations

from collections.abc import Callable

from support import init

from kumolog.check import Finding, Outcome

LOGGER = "kumo.configure_local_logs { log_dir = 'out' }"
Check = Callable[..., Outcome]
"""Checks init.lua, which has that source; modules by name stand beside it."""


def logger(*settings: str) -> str:
    return init(f"kumo.configure_local_logs {{ log_dir = 'out', {', '.join(settings)} }}")


def codes(outcome: Outcome) -> list[str]:
    return [finding.code for finding in outcome.findings]


def only(outcome: Outcome) -> Finding:
    (finding,) = outcome.findings
    return finding
