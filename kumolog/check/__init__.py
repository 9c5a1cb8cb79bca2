"""Checking a policy without running it: what it configures, and what would bite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kumolog.api.registry import Hooks, Registry
from kumolog.check.events import unfired_events
from kumolog.check.loggers import described_logger, logger_remarks
from kumolog.check.outcome import Finding, Outcome, Remark
from kumolog.check.scratch import ScratchFiles
from kumolog.errors import PolicyError
from kumolog.policy import Policy
from kumolog.rejects import displayable

__all__ = ["Finding", "Outcome", "check_policy"]

_PLACE = re.compile(r"(.+?):(\d+)(?:: |$)")


def check_policy(path: str) -> Outcome:
    """Loads a policy as KumoMTA's ``--validate`` does, making and changing nothing.

    ``pre_init``, ``init`` and ``validate_config`` are fired; the policy sees
    ``_VALIDATING_CONFIG``.
    """
    outcome = Outcome(path)
    remarks: list[Remark] = []

    def report(level: str, text: str) -> None:
        if level == "error":
            remarks.append(("info", "diagnostic", text))

    files = ScratchFiles()
    policy = Policy(Path(path), report, validating=True, files=files)
    try:
        policy.load()
        outcome.frames, failures = _validate(policy)
        remarks += [("error", "validation-failed", failure) for failure in failures]
        outcome.configured = _configured(policy)
        remarks += _remarks(path, policy)
    except PolicyError as error:
        outcome.loads, outcome.frames = False, error.frames
        remarks.append(("error", "policy-error", str(error)))
    finally:
        policy.close()
        files.close()
    findings = {_finding(path, *remark): None for remark in remarks}  # a loop says all of it again
    outcome.findings = sorted(findings, key=lambda finding: (finding.file, finding.line))
    return outcome


def _validate(policy: Policy) -> tuple[tuple[str, ...], list[str]]:
    """What the policy has against itself, and the frames of an error that ended its search."""
    failures = policy.registry.failed_validations
    try:
        policy.fire("validate_config")
    except PolicyError as error:
        return error.frames, [*failures, str(error)]
    return (), failures


def _finding(path: str, level: str, code: str, text: str) -> Finding:
    """``text`` may begin with its place, which then becomes the finding's own."""
    match = _PLACE.match(text)
    if match is None:
        place, line, message = path, 0, text.removeprefix(f"{path}: ")
    else:
        place, line, message = match[1], int(match[2]), text[match.end() :]
    return Finding(displayable(place), line, level, code, displayable(message))


def _configured(policy: Policy) -> list[str]:
    """Every logger and hook, each in a line."""
    registrations = policy.registrations()
    lines = [described_logger(logs, registrations) for logs in policy.registry.local_logs]
    if not policy.registry.state(Hooks).by_name:
        return lines
    from kumolog.check.hooks import described_hook  # few policies have any

    return lines + [described_hook(hook, registrations) for hook in policy.registry.state(Hooks)]


def _remarks(path: str, policy: Policy) -> Iterator[Remark]:
    registry = policy.registry
    for problem in registry.problems:
        yield "error", "bad-parameters", problem
    for withheld in registry.withheld:
        yield "info", "withheld", withheld
    for error in policy.missing_handlers():
        yield "error", "missing-handler", str(error)
    if not registry.local_logs and not registry.problems:
        yield _no_logger(registry)
    if registry.state(Hooks).by_name:
        from kumolog.check.hooks import hook_remarks  # few policies have any

        yield from hook_remarks(policy)
    yield from unfired_events(path, policy)
    if registry.calls:
        from kumolog.check.calls import ignored_keys  # the parameter tables are large

        yield from ignored_keys(registry.calls)
    for logs in registry.local_logs:
        for level, code, text in logger_remarks(logs):
            yield level, code, f"{logs.place}: {text}"


def _no_logger(registry: Registry) -> Remark:
    what = "only hooks, and no logger" if registry.state(Hooks).by_name else "no logger"
    call = "call kumo.configure_local_logs in its init handler"
    return "warning", "no-logger", f"the policy configures {what}: {call}"
