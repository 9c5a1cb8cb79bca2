"""``kumolog check``."""

from __future__ import annotations

import argparse

import msgspec

from kumolog.check import Finding, Outcome, check_policy
from kumolog.cli import FAILED, OK, UNUSABLE, indented
from kumolog.cli.streams import output_kept_clean, put_out
from kumolog.rejects import displayable


def main(options: argparse.Namespace) -> int:
    """Checks each policy; the worst outcome decides the exit code."""
    code = OK
    for path in options.policies:
        with output_kept_clean():
            outcome = check_policy(path)
        put_out(_json(outcome) if options.json else displayable(_text(outcome)))
        code = max(code, _code(outcome))
    return code


def _code(outcome: Outcome) -> int:
    if not outcome.loads:
        return UNUSABLE
    return OK if outcome.all_well else FAILED


def _json(outcome: Outcome) -> str:
    return msgspec.json.encode(outcome.findings).decode() + "\n"


def _text(outcome: Outcome) -> str:
    configured = [f"  {logger}\n" for logger in outcome.configured]
    findings = [_finding(finding) for finding in outcome.findings]
    frames = indented(outcome.frames)
    verdict = "ok" if outcome.all_well else "has errors"
    return "".join([f"{outcome.policy}:\n", *configured, *findings, frames, f"  {verdict}\n"])


def _finding(finding: Finding) -> str:
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    return f"  {place}: {finding.level}: {finding.message} [{finding.code}]\n"
