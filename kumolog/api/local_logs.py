"""`kumo.configure_local_logs`."""

from __future__ import annotations

from kumolog.api.configuring import compiled_templates, configuring
from kumolog.api.registry import LocalLogs, Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue
from kumolog.params import LOCAL_LOGS, check

_STAGES = ("pre_init", "init", "script", "main")


def configure_local_logs(
    registry: Registry, place: str, table: LuaValue = None, *_: LuaValue
) -> None:
    """Adds one logger, as KumoMTA does: check the table, compile the templates, make log_dir."""
    with configuring(registry, place):
        if registry.stage not in _STAGES:
            raise KumologError(
                "kumo.configure_local_logs must be called while the policy starts: "
                "put it inside kumo.on('init', function() ... end)"
            )
        params = check(LOCAL_LOGS, table)
        templates = compiled_templates(registry, params["per_record"])
        if registry.make_directory is not None:
            registry.make_directory(params["log_dir"])
        registry.local_logs.append(LocalLogs(params, templates, place))
