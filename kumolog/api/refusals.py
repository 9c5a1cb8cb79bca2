"""`kumo.reject` and `kumo.disconnect`: a handler refuses what it was asked about.

In a filter event there is nobody to refuse: the handler has failed for its record, as in KumoMTA.
"""

from __future__ import annotations

from typing import NoReturn

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue, echo


def reject(_registry: Registry, _place: str, *arguments: LuaValue) -> NoReturn:
    """Ends the handler; takes a code and a text."""
    raise _refusal("kumo.reject", arguments)


def disconnect(_registry: Registry, _place: str, *arguments: LuaValue) -> NoReturn:
    """Ends the handler; takes a code, a text and how to disconnect."""
    raise _refusal("kumo.disconnect", arguments)


def _refusal(name: str, arguments: tuple[LuaValue, ...]) -> KumologError:
    check_call(name, arguments)
    return KumologError(f"{name}({', '.join(map(echo, arguments))})")
