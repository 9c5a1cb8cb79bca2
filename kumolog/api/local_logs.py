"""`kumo.configure_local_logs`."""

from __future__ import annotations

from kumolog.api.registry import LocalLogs, Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue
from kumolog.params import LOCAL_LOGS, ParamError, check

_STAGES = ("pre_init", "init", "main")


def configure_local_logs(
    registry: Registry, place: str, table: LuaValue = None, *_: LuaValue
) -> None:
    """Adds one logger, as KumoMTA does: check the table, compile the templates, make log_dir."""
    try:
        _add(registry, place, table)
    except KumologError as error:
        if registry.make_directory is not None:
            raise
        registry.problems.append(f"{place}: {error}")


def _add(registry: Registry, place: str, table: LuaValue) -> None:
    if registry.stage not in _STAGES:
        raise KumologError(
            "kumo.configure_local_logs must be called while the policy starts: "
            "put it inside kumo.on('init', function() ... end)"
        )
    try:
        params = check(LOCAL_LOGS, table)
    except ParamError as error:
        # KumoMTA's own text comes first: policies look at it.
        raise KumologError(f"{error} ({error.hint})" if error.hint else str(error)) from None
    sources = {
        kind: entry["template"]
        for kind, entry in params["per_record"].items()
        if entry["template"] is not None
    }
    templates = None
    if sources:
        from kumolog.templates import Templates  # the engine is loaded for those who use it

        templates = Templates(sources)
    if registry.make_directory is not None:
        registry.make_directory(params["log_dir"])
    registry.local_logs.append(LocalLogs(params, templates, place))
