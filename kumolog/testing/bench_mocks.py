"""Mocks: functions of a test that a policy calls in the place of the API's, and notes of calls."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from kumolog.api.surface import Row, plain_type, surface
from kumolog.errors import KumologError
from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaTable, LuaValue

Function = Callable[..., Any]
_IN_LUA = "lua"
_GET_META = "message:get_meta"  # answered without asking Python each time
_WITHOUT_EFFECT = frozenset(("kumo.spawn_task",))  # on a bench


class NeutralCall(NamedTuple):
    """A call, with neutral values; ``place`` is the policy's ``file:line``."""

    name: str
    arguments: tuple[LuaValue, ...]
    place: str


class Mocks:
    """The `Interception` of a bench.

    ``place`` tells where the policy is, ``message`` makes of a batch's handle and a place in it
    what mocks of message methods get.
    """

    def __init__(self, place: Callable[[], str], message: Callable[[int, int], LuaObject]) -> None:
        self.calls: list[NeutralCall] = []
        self._place = place
        self._message = message
        self._mocks: dict[str, Function] = {}
        self._readers: dict[str, Function] = {}

    def add(self, name: str, mock: Function) -> None:
        """Puts a function in the place of ``kumo.dns.lookup_mx`` or ``message:dkim_verify``.

        It gets neutral values, a method its object first. Raises KumologError for a name that the
        API does not have or that cannot be mocked.
        """
        if name not in _mockable():
            raise KumologError(_not_mockable(name))
        self._mocks[_key(name)] = mock

    def named(self, name: str) -> list[NeutralCall]:
        """The calls of one name; raises KumologError where none of it are kept."""
        found = [call for call in self.calls if call.name == name]
        row = next((row for row in surface() if row.name == name), None)
        if found or _key(name) in self._mocks or (row and _is_kept(row)):
            return found
        if row is None:
            raise KumologError(f"asking for calls of {name!r}: {_unknown(name)}")
        raise KumologError(
            f"asking for calls of {name}: it works here as in KumoMTA, and calls are kept only of "
            "what has no effect and of mocks"
        )

    def reader(self, name: str) -> Function | None:
        """A method of messages that changes none; it takes the batch's handle and the place."""
        return self._readers.get(name)

    # What the policy's calls come through -------------------------------------------------------

    def function(self, row: Row, function: Function) -> Function:
        def call(place: str, *arguments: LuaValue) -> Any:
            mock = self._mocks.get(row.name)
            if mock is not None:
                self.calls.append(NeutralCall(row.name, arguments, place))
                return _answer(mock, *arguments)
            result = function(place, *arguments)
            if _is_kept(row):
                self.calls.append(NeutralCall(row.name, arguments, place))
            return result

        return call

    def message_method(self, name: str, method: Function) -> Function:
        def call(handle: int, place: int, *arguments: LuaValue) -> Any:
            mock = self._mock(f"message:{name}", arguments)
            if mock is not None:
                return _answer(mock, self._message(handle, place - 1), *arguments)
            return method(handle, place, *arguments)

        self._readers[name] = call
        return call

    def message_change(self, name: str, change: Function) -> Function:
        def call(handle: int, place: int, logger: int | None, *arguments: LuaValue) -> Any:
            mock = self._mock(f"message:{name}", arguments)
            if mock is not None:
                return _answer(mock, self._message(handle, place - 1), *arguments)
            return change(handle, place, logger, *arguments)

        return call

    def object_method(self, value: LuaObject, name: str, method: Function) -> Function:
        def call(*arguments: LuaValue) -> Any:
            mock = self._mock(f"{plain_type(value.lua_name)}:{name}", arguments)
            return method(*arguments) if mock is None else _answer(mock, value, *arguments)

        return call

    def _mock(self, key: str, arguments: tuple[LuaValue, ...]) -> Function | None:
        """The mock of a method, and a note of the call where it has one or no effect of its own."""
        mock = self._mocks.get(key)
        row = _methods().get(key)
        if row is not None and (mock is not None or row.role == "inert"):
            self.calls.append(NeutralCall(row.name, arguments, self._place()))
        return mock


def _is_kept(row: Row) -> bool:
    return row.role != "live" or row.name in _WITHOUT_EFFECT


def _answer(mock: Function, *arguments: Any) -> Any:
    """What a mock gives, or its error as one that the policy can catch; assertions go through."""
    try:
        return _given_back(mock(*arguments))
    except (KumologError, AssertionError):
        raise
    except Exception as error:
        raise KumologError(str(error) or type(error).__name__) from error


def _given_back(value: Any) -> Any:
    """A result of Python for Lua, functions included."""
    if isinstance(value, Mapping):
        return {key: _given_back(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_given_back(item) for item in value]
    if isinstance(value, LuaTable):
        return value
    if callable(value) and not isinstance(value, LuaFunction):
        return LuaFunction(lambda *arguments: _answer(value, *arguments))
    return value


def _key(name: str) -> str:
    kind, colon, method = name.partition(":")
    return f"{plain_type(kind)}:{method}" if colon else name


@cache
def _methods() -> dict[str, Row]:
    return {_key(row.name): row for row in surface() if row.kind == "method"}


@cache
def _mockable() -> frozenset[str]:
    return frozenset(
        row.name
        for row in surface()
        if row.name != _GET_META
        and (
            (row.kind == "function" and row.module != _IN_LUA)
            or (row.kind == "method" and "__" not in row.name)
        )
    )


def _not_mockable(name: str) -> str:
    if name == _GET_META:
        return f"mocking {name}: give the event the meta that the policy shall see"
    if any(row.name == name for row in surface()):
        return f"mocking {name}: only functions and methods that kumolog answers can be mocked"
    return f"mocking {name!r}: {_unknown(name)}"


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, _mockable(), 1)
    hint = f": did you mean `{near[0]}`?" if near else ""
    return f"KumoMTA has no function or method of this name{hint}"
