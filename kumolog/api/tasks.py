"""`kumo.spawn_task`."""

from __future__ import annotations

from kumolog.api.calls import check_call
from kumolog.api.registry import Call, Registry
from kumolog.luavalue import LuaValue


def spawn_task(registry: Registry, place: str, *arguments: LuaValue) -> None:
    """Fires an event in a Lua state and a thread of its own; while checking nothing is started."""
    (params,) = check_call("kumo.spawn_task", arguments)
    registry.record(Call("kumo.spawn_task", arguments, place))  # whose event it is: a check asks
    if registry.spawn is not None:
        registry.spawn(params["event_name"], params["args"])
