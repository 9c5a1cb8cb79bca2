"""The part of `kumo.memoize` that is not Lua: caches of what functions gave, by their arguments.

The Lua part asks with `get`, calls the function where there is no answer, and hands its results to
`put`::

    local answer = get(memo, ...)
    if answer[1] then return answer[2] end
    return put(memo, answer[2], table.pack(fn(...)))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from kumolog.api.calls import check_call
from kumolog.api.lru import Lru
from kumolog.api.memoized import given_out, kept
from kumolog.api.misc import ConfigEpoch
from kumolog.api.registry import Registry
from kumolog.duration import NANOS_PER_SECOND
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaTable, LuaValue, rebuilt, to_json
from kumolog.params.arguments import integer


def open(registry: Registry, _place: str, *arguments: LuaValue) -> Memo:
    """The cache for a call of `kumo.memoize` with these arguments.

    One name is one cache, with the options of the first call. One thread asks and answers here, so
    nobody ever waits for another's answer: ``populate_timeout``, ``retry_on_populate_timeout`` and
    ``allow_stale_reads`` are checked and have no effect.
    """
    _, options = check_call("kumo.memoize", arguments)
    known = registry.state(Memos).known
    memo = known.get(options["name"])
    if memo is None:
        epoch = registry.state(ConfigEpoch) if options["invalidate_with_epoch"] else ConfigEpoch()
        ttl, now = options["ttl"] / NANOS_PER_SECOND, registry.clock.monotonic
        memo = known[options["name"]] = Memo(options["name"], ttl, options["capacity"], epoch, now)
    return memo


def get(_registry: Registry, _place: str, memo: Memo, *arguments: LuaValue) -> list[Any]:
    """[true, value] for a call with these arguments, or [false, key] where nothing is kept."""
    key = memo.key(arguments)
    entry = memo.entry(key)
    return [False, key] if entry is None else [True, _value(entry.results)]


def put(_registry: Registry, _place: str, memo: Memo, key: str, packed: LuaTable) -> Any:
    """Keeps results, as ``table.pack`` gives them, under a key of `get`; gives their value."""
    results = _unpacked(packed)
    memo.keep(key, results)
    return _value(results)


@dataclass
class Memos:
    """The caches that the policy has, by name."""

    known: dict[str, Memo] = field(default_factory=dict)


class Entry(NamedTuple):
    """Results of a call, kept until ``expires`` on the clock of their cache."""

    results: list[LuaValue]
    expires: float


class Memo(LuaObject):
    """A cache of at most ``capacity`` calls, each for ``ttl`` seconds and one epoch."""

    lua_name = "Memo"

    def __init__(
        self,
        name: str,
        ttl: float,
        capacity: int,
        epoch: ConfigEpoch,
        now: Callable[[], float],
    ) -> None:
        self._name, self._ttl, self._epoch, self._now = name, ttl, epoch, now
        self._entries = Lru[Entry](capacity)

    def key(self, arguments: tuple[LuaValue, ...]) -> str:
        """What tells calls apart: the arguments as JSON, and the epoch in which they were given.

        An answer that took until after the end of its epoch is so never found.
        """
        try:
            plain = [to_json(rebuilt(argument)) for argument in arguments]
        except ValueError as error:
            raise KumologError(f"{self._act()}: its arguments: {error}") from None
        text = msgspec.json.encode(plain, order="deterministic").decode()
        return f"{self._epoch.number} {text}"

    def entry(self, key: str) -> Entry | None:
        found = self._entries.get(key)
        if found is not None and found.expires <= self._now():
            self._entries.drop(key)
            return None
        return found

    def keep(self, key: str, results: list[LuaValue]) -> None:
        """Raises KumologError for what cannot be kept, such as functions."""
        memoizable = [kept(result, self._act()) for result in results]
        self._entries.put(key, Entry(memoizable, self._now() + self._ttl))

    def _act(self) -> str:
        return f"calling the memoized function {self._name!r}"


def _value(results: list[LuaValue]) -> Any:
    """What the caller gets: nothing, the one result, or an array of several."""
    given = [given_out(result) for result in results]
    return given if len(given) > 1 else next(iter(given), None)


def _unpacked(packed: LuaTable) -> list[LuaValue]:
    pairs = dict(packed.items)
    return [pairs.get(place) for place in range(1, integer(pairs["n"], "n") + 1)]
