"""`kumo.counter_series`: counters that forget what is older than their window."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from msgspec import Struct

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.duration import NANOS_PER_SECOND
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue

_MOST: Final = 2**64 - 1  # a bucket is an unsigned number of 64 bits, and stays in its range


def define(registry: Registry, _place: str, *arguments: LuaValue) -> CounterSeries:
    """The series of a name; one of another shape than before takes its place, empty."""
    (params,) = check_call("kumo.counter_series.define", arguments)
    if params["num_buckets"] < 1:
        raise KumologError("num_buckets must be >= 1")
    seconds = -(-params["bucket_size"] // NANOS_PER_SECOND)
    if seconds < 1:
        raise KumologError("bucket_size must be >= 1 second")
    known = registry.state(CounterSeriesByName).known
    series = known.get(params["name"])
    if series is None or series.shape != (params["num_buckets"], seconds):
        now, initial = registry.clock.monotonic, params["initial_value"] or 0
        series = CounterSeries(params["num_buckets"], seconds, initial, now)
        known[params["name"]] = series
    return series


class CounterSeries(LuaObject):
    """``count`` buckets of ``seconds`` each; the current one comes first."""

    lua_name = "CounterSeries"
    lua_methods: ClassVar[Mapping[str, str]] = {
        "delta": "delta",
        "increment": "increment",
        "observe": "observe",
        "sum": "sum",
        "sum_over": "sum_over",
    }

    def __init__(self, count: int, seconds: int, initial: int, now: Callable[[], float]) -> None:
        self.shape = count, seconds
        self._now = now
        self._buckets = deque([initial], maxlen=count)
        self._started = now()

    def increment(self, *arguments: LuaValue) -> None:
        (value,) = check_call("counter_series:increment", arguments, self.lua_name)
        self._set(self._current()[0] + value)

    def delta(self, *arguments: LuaValue) -> None:
        (value,) = check_call("counter_series:delta", arguments, self.lua_name)
        self._set(self._current()[0] + value)

    def observe(self, *arguments: LuaValue) -> None:
        (value,) = check_call("counter_series:observe", arguments, self.lua_name)
        self._current()
        self._set(value)

    def sum(self, *_: LuaValue) -> int:
        return min(_MOST, sum(self._current()))

    def sum_over(self, *arguments: LuaValue) -> int:
        """Of the buckets that a span before now reaches into."""
        (nanos,) = check_call("counter_series:sum_over", arguments, self.lua_name)
        reached = -(-nanos // (self.shape[1] * NANOS_PER_SECOND))
        return min(_MOST, sum(list(self._current())[:reached]))

    def _current(self) -> deque[int]:
        """The buckets, after as many new ones as have begun since."""
        count, seconds = self.shape
        begun = int(self._now() - self._started) // seconds
        self._started += begun * seconds
        self._buckets.extendleft([0] * min(begun, count))
        return self._buckets

    def _set(self, value: int) -> None:
        self._buckets[0] = max(0, min(_MOST, value))


class CounterSeriesByName(Struct):
    """The series that the policy has defined."""

    known: dict[str, CounterSeries] = {}
