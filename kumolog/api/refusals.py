"""`kumo.reject` and `kumo.disconnect`: a handler refuses what it was asked about.

In a filter event there is nobody to refuse: the handler has failed for its record, as in KumoMTA.
"""

from __future__ import annotations

from typing import NoReturn

from kumolog.api.calls import check_call
from kumolog.api.registry import Refusal, Refusals, Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue, echo


def reject(registry: Registry, _place: str, *arguments: LuaValue) -> NoReturn:
    """Ends the handler; takes a code and a text."""
    raise _refused("kumo.reject", registry, arguments)


def disconnect(registry: Registry, _place: str, *arguments: LuaValue) -> NoReturn:
    """Ends the handler; takes a code, a text and how to disconnect."""
    raise _refused("kumo.disconnect", registry, arguments)


def _refused(name: str, registry: Registry, arguments: tuple[LuaValue, ...]) -> KumologError:
    code, text, *_ = check_call(name, arguments)
    shown = f"{name}({', '.join(map(echo, arguments))})"
    registry.state(Refusals).last = Refusal(code, text, shown)
    return KumologError(shown)
