"""What a check has to say."""

from __future__ import annotations

import msgspec

Remark = tuple[str, str, str]
"""Level, code and text of a finding to be; the text may begin with its place, ``file:line: ``."""


class Finding(msgspec.Struct, frozen=True):
    """One remark; ``level`` is error, warning or info, ``line`` 0 where no line is known."""

    file: str
    line: int
    level: str
    code: str
    message: str


class Outcome(msgspec.Struct):
    """What `check_policy` found.

    ``loads`` is False when the policy could not be run at all; ``frames`` are the Lua frames of the
    error that ended it, or its ``validate_config``.
    """

    policy: str
    loads: bool = True
    configured: list[str] = []
    findings: list[Finding] = []
    frames: tuple[str, ...] = ()

    @property
    def all_well(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.level == "error" for finding in self.findings)
