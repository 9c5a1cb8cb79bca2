"""`kumo.configure_log_hook` and `kumo.configure_log_disposition_hook`."""

from __future__ import annotations

from kumolog.api.calls import check_call
from kumolog.api.configuring import compiled_templates, configuring
from kumolog.api.registry import Hook, Hooks, Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue


def configure_log_hook(registry: Registry, place: str, *arguments: LuaValue) -> None:
    """Sends records to the policy as messages."""
    with configuring(registry, place):
        (params,) = check_call("kumo.configure_log_hook", arguments)
        templates = compiled_templates(registry, params["per_record"])
        _add(registry, Hook("log", params["name"], params, templates, place))


def configure_log_disposition_hook(registry: Registry, place: str, *arguments: LuaValue) -> None:
    """Shows records to the policy, with their messages."""
    with configuring(registry, place):
        (params,) = check_call("kumo.configure_log_disposition_hook", arguments)
        _add(registry, Hook("disposition", params["name"], params, None, place))


def _add(registry: Registry, hook: Hook) -> None:
    known = registry.state(Hooks).by_name
    earlier = known.get(hook.name)
    if earlier is not None:
        raise KumologError(
            f"the name {hook.name!r} is that of the {earlier.kind} hook of {earlier.place}: "
            "every hook needs a name of its own"
        )
    known[hook.name] = hook
