"""What may stand between a policy and all that it calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from kumolog.api.surface import Row
from kumolog.luaobject import LuaObject

Function = Callable[..., Any]


class Interception(Protocol):
    """Is asked what to call in the place of each function and method of the API.

    All take neutral values and give JSON-like ones. Not asked about what is written in Lua:
    kumo.on, kumo.memoize, kumo.log_info and its like, message:get_meta.
    """

    def function(self, row: Row, function: Function) -> Function:
        """For a function; both take the place of the call, ``file:line``, before the arguments."""
        ...

    def message_method(self, name: str, method: Function) -> Function:
        """For a method of messages, asked when the policy is made.

        Both take the batch's handle and the message's place in it (from 1) before the arguments.
        """
        ...

    def message_change(self, name: str, change: Function) -> Function:
        """For a method that changes a message: also takes the number of the logger, after these.

        It is None where no logger's filter is being asked about the message.
        """
        ...

    def object_method(self, value: LuaObject, name: str, method: Function) -> Function:
        """For a method of another object, asked at each call; refused methods are methods, too."""
        ...
