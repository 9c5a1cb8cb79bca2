"""What a policy has said so far, for the functions of the API to add to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from kumolog.luavalue import LuaValue

if TYPE_CHECKING:
    from kumolog.templates import Templates

Report = Callable[[str, str], None]
"""Takes a level (``error``, ``warning``, ``info``, ``debug``) and a one-line text."""


class Call(NamedTuple):
    """A call that has no effect here; ``place`` is the policy's ``file:line``."""

    name: str
    arguments: tuple[LuaValue, ...]
    place: str


class LocalLogs(NamedTuple):
    """One `kumo.configure_local_logs` call: its checked parameters, templates and place."""

    params: dict[str, Any]
    templates: Templates | None
    place: str


@dataclass
class Registry:
    """``stage`` is the event being fired, or ``load`` before and ``run`` after them.

    ``make_directory`` creates a log_dir; it is None while a policy is only checked: then nothing is
    made, and what is wrong is gathered in ``problems``, so that one check shows all of it.
    """

    report: Report
    make_directory: Callable[[str], None] | None
    stage: str = "load"
    local_logs: list[LocalLogs] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def record(self, call: Call) -> None:
        """Remembers a call made while the policy starts; there is no end to those made later."""
        if self.stage != "run":
            self.calls.append(call)
