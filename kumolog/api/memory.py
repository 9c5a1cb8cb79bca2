"""The memory limits of `kumo.set_memory_*`: kept for `kumo.get_memory_*`, and without effect."""

from __future__ import annotations

from collections.abc import Callable

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.luavalue import LuaValue

Get = Callable[..., int | None]
Set = Callable[..., None]


class MemoryLimits:
    """Bytes by the name of the limit, as far as the policy set any."""

    def __init__(self) -> None:
        self.by_name: dict[str, int] = {}


def _limit(name: str) -> tuple[Get, Set]:
    def get(registry: Registry, _place: str, *_: LuaValue) -> int | None:
        return registry.state(MemoryLimits).by_name.get(name)

    def put(registry: Registry, _place: str, *arguments: LuaValue) -> None:
        (size,) = check_call(f"kumo.set_memory_{name}", arguments)
        registry.state(MemoryLimits).by_name[name] = size

    return get, put


get_memory_hard_limit, set_memory_hard_limit = _limit("hard_limit")
get_memory_low_thresh, set_memory_low_thresh = _limit("low_thresh")
get_memory_soft_limit, set_memory_soft_limit = _limit("soft_limit")
