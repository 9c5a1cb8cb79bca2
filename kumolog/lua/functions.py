"""Functions that cross from one Lua runtime to Python, or to another runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumolog.luafunction import LuaFunction
from kumolog.luavalue import LuaValue


class Functions:
    """The functions of one runtime as values that others can call.

    ``call`` calls a Lua function of it with JSON-like values and gives the results; ``bridged``
    makes a Lua function of a Python function.
    """

    def __init__(
        self,
        call: Callable[..., list[LuaValue]],
        bridged: Callable[[Callable[..., Any]], Any],
    ) -> None:
        self._call_lua = call
        self._bridged = bridged

    def from_lua(self, function: Any) -> LuaFunction:
        def call(*arguments: Any) -> LuaValue:
            results = self._call_lua(function, *arguments)
            return results[0] if results else None

        return LuaFunction(call, self, function)

    def to_lua(self, value: LuaFunction) -> Any:
        """The function itself where it comes from here, else one that calls it."""
        return value.own if value.owner is self else self._bridged(value)
