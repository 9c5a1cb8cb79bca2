"""Functions directly in `kumo` that belong to no other subject."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

from kumolog.api.calls import check_call
from kumolog.api.logfilter import LEVELS, Directive, level_of, parse_filter
from kumolog.api.registry import Registry
from kumolog.luavalue import LuaValue

_TRACING: Final = {"warning": "warn"}  # where our names of levels differ from tracing


def available_parallelism(_registry: Registry, _place: str, *_: LuaValue) -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0))


def bump_config_epoch(registry: Registry, _place: str, *_: LuaValue) -> None:
    """Makes what was kept for the configuration as it was be made anew."""
    registry.state(ConfigEpoch).number += 1


def validation_failed(registry: Registry, place: str, *_: LuaValue) -> None:
    """Makes a check of the policy fail."""
    problem = f"{place}: the policy calls kumo.validation_failed()"
    if problem not in registry.failed_validations:  # a handler may call it for every record
        registry.failed_validations.append(problem)


def set_diagnostic_log_filter(registry: Registry, _place: str, *arguments: LuaValue) -> None:
    """Chooses which levels of the policy's own log lines are shown."""
    (directives,) = check_call("kumo.set_diagnostic_log_filter", arguments)
    log_filter = registry.state(LogFilter)
    log_filter.directives = parse_filter(directives)
    registry.wants = log_filter.wants


@dataclass
class ConfigEpoch:
    """Which configuration is in force: a number that only grows."""

    number: int = 0


@dataclass
class LogFilter:
    """Which diagnostics are wanted; all are until the policy says otherwise."""

    directives: list[Directive] = field(default_factory=list)

    def wants(self, level: str, target: str = "lua") -> bool:
        """Whether to show a line of a level (``error``, ``warning``, ``info``, ``debug``)."""
        return not self.directives or level_of(self.directives, target) >= LEVELS.index(
            _TRACING.get(level, level)
        )
