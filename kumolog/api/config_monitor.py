"""Which files KumoMTA watches for changes of the configuration.

Nothing is watched here: a policy is loaded once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.globs import Glob
from kumolog.luavalue import LuaValue


def set_config_monitor_globs(registry: Registry, _place: str, *arguments: LuaValue) -> None:
    """Watches other files than those that KumoMTA watches unasked."""
    (globs,) = check_call("kumo.set_config_monitor_globs", arguments)
    registry.state(ConfigMonitor).globs = [Glob.parse(glob) for glob in globs]


def eval_config_monitor_globs(registry: Registry, _place: str, *_: LuaValue) -> list[str]:
    """The sorted absolute paths of the files that are watched."""
    monitor = registry.state(ConfigMonitor)
    paths = {
        os.path.abspath(path) for glob in monitor.globs for path in glob.paths(files=registry.files)
    }
    return sorted(path for path in paths if os.path.isfile(registry.files.to_read(path)))


@dataclass
class ConfigMonitor:
    """The globs of the files to watch."""

    globs: list[Glob] = field(
        default_factory=lambda: [Glob.parse("/opt/kumomta/etc/**/*.{lua,json,toml,yaml}")]
    )
