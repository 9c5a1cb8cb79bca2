"""A function of Lua, or for Lua, that Python holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class LuaFunction:
    """Takes neutral values and gives its first result, or takes and gives JSON-like ones.

    ``own`` is the function as the runtime knows it that ``owner`` belongs to; any other runtime
    makes one that calls this. What it raises as a KumologError is an error of its code.
    """

    def __init__(self, call: Callable[..., Any], owner: object = None, own: Any = None) -> None:
        self._call = call
        self.owner = owner
        self.own = own

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)
