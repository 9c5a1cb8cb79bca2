"""One sealed Lua 5.4 runtime: loads a policy's text, fires its events, asks its filter handlers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from lupa.lua54 import LuaError, LuaMemoryError, LuaRuntime

from kumolog.clock import Clock
from kumolog.errors import KumologError, PolicyError
from kumolog.lua.convert import Converter, lua_text, python_text
from kumolog.lua.functions import Functions
from kumolog.lua.objects import Objects
from kumolog.luavalue import LuaValue

MAX_MEMORY = 1 << 30  # bytes that a policy may hold, so that no loop takes all there is
# Lua's own limit is for what fills it at one stroke. It has to be out of reach of all else: when
# memory runs out while Python hands something over, the process ends.
_HARD_LIMIT = 2


class Runtime:
    """``callbacks`` are the Python functions Lua calls for messages, by name.

    ``message_methods`` maps the names of message methods to functions of (batch handle, place in
    the batch, arguments...), ``message_changes`` those that change the message to functions of
    (batch handle, place, number of the logger whose filter is being asked about this message or
    None, arguments...). Every function takes and gives neutral values; what it raises as a
    KumologError or ValueError becomes a Lua error, anything else ends the call and is raised again
    from it.
    ``seconds`` is the time budget of running the policy file and of each event fired,
    ``max_memory`` the bytes it may hold (None for the usual limit).
    """

    def __init__(
        self,
        message_methods: Mapping[str, Callable[..., Any]],
        callbacks: Mapping[str, Callable[..., Any]],
        multiple_events: Sequence[str],
        seconds: float,
        max_memory: int | None = None,
        message_changes: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    ) -> None:
        self._max_memory = max_memory or MAX_MEMORY
        self._lua = LuaRuntime(
            encoding="latin-1",
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_handlers=(_deny, _deny),
            max_memory=_HARD_LIMIT * self._max_memory,
        )
        self._lua.execute("python, package.loaded.python = nil, nil")
        self._seconds = seconds
        self._crash: BaseException | None = None
        self.explain: Callable[[str], str] = str  # adds to an error's text what would be right
        # For a type of objects, what its methods say that are only there to be refused.
        self.refused_methods: Callable[[str], Mapping[str, str]] = lambda _: {}
        self._values = values = self._run_chunk("values")
        self.convert = Converter(self._lua, values)
        self._haste = 1.0
        self._guard = self._run_chunk(
            "guard", lambda: time.monotonic() * self._haste, self._max_memory
        )
        self._sandbox = self._run_chunk("sandbox", self._guard, values)
        env = self._sandbox["env"]
        self.convert.objects = Objects(
            self._load_objects, self._lua.table_from, lambda name: self.refused_methods(name)
        )
        self.convert.functions = Functions(self.call_nested, self._bridged)
        self._events = self._run_chunk(
            "events",
            self._guard,
            env,
            values,
            self._table_of(callbacks),
            self._lua.table_from(dict.fromkeys(multiple_events, True)),
            self._table_of(message_methods),
            self._table_of(message_changes),
        )
        self._surface = self._run_chunk("surface", self._guard, env)
        for name in ("on", "get_event_registrars", "make_message"):
            self._surface["define"](f"kumo.{name}", self._events[name])
        self._fire = self._events["fire"]
        self._ask = self._events["ask"]

    # The environment ----------------------------------------------------------------------------

    def define(self, name: str, function: Callable[..., Any]) -> None:
        """Offers a Python function as ``name`` (``kumo.sub.function``); gets neutral values.

        The function's first argument is the place of the call, ``file:line``.
        """
        self.define_all((name,), lambda _: function)

    def define_all(self, names: Iterable[str], find: Callable[[str], Callable[..., Any]]) -> None:
        """As `define`; ``find`` gives the function of a name when that is called first."""
        self._surface["define_functions"](" ".join(names), lambda name: self._answering(find(name)))

    def define_log(self, name: str, write: Callable[[str], None]) -> None:
        """Offers a function that joins its arguments' texts, behind the place of the call."""

        self._surface["define_log"](name, self._answering(_taking_text(write)))

    def redirect_print(self, write: Callable[[str], None]) -> None:
        """Gives away what ``print`` would write, behind the place of the call."""
        self._surface["redirect_print"](self._answering(_taking_text(write)))

    def define_memoize(self, *functions: Callable[..., Any]) -> None:
        """Offers `kumo.memoize`, made of functions that open a cache, get from it and put in it."""
        self._surface["define_memoize"](*map(self._answering, functions))

    def define_value(self, name: str, value: Any) -> None:
        """Offers a constant as ``name``."""
        self._surface["define"](name, self.convert.to_lua(value))

    def set_global(self, name: str, value: Any) -> None:
        """Sets a global of the policy."""
        self._surface["set_global"](name, self.convert.to_lua(value))

    def add_package_path(self, *patterns: str) -> None:
        """Puts patterns before ``package.path``, in this order."""
        self._sandbox["add_package_path"](lua_text(";".join(patterns)))

    def use_clock(self, clock: Clock) -> None:
        """Makes the policy's ``os`` library tell the time of another clock than the system's."""
        functions = (clock.wall, clock.monotonic)
        self._sandbox["use_clock"](*map(self._answering, functions))

    def redirect(self, to_read: Callable[[str], str], to_write: Callable[[str], str]) -> None:
        """Makes the policy's own libraries use the files that these give for a path."""
        self._sandbox["redirect"](
            *(self._answering(_of_paths(function)) for function in (to_read, to_write))
        )

    # Chunks of other rooms ----------------------------------------------------------------------

    def load_own(
        self, path: Path, functions: Mapping[str, Callable[..., Any]], *others: Any
    ) -> Any:
        """Runs a Lua file of kumolog's own, outside the policy's environment; gives its result.

        The file gets the tables of guard.lua, sandbox.lua and values.lua, then ``functions`` in a
        table, each still to be given to ``guard.bridge``, then ``others`` as they are.
        """
        own = (self._guard, self._sandbox, self._values, self._table_of(functions))
        return self._lua.execute(
            path.read_text("latin-1"), *own, *others, name="=kumolog", mode="t"
        )

    def call_own(self, function: Any, *arguments: Any) -> LuaValue:
        """Calls a function of such a file with JSON-like values; gives its first result."""
        results = self._entering(function, *map(self.convert.to_lua, arguments))
        return self.convert.from_lua(_pair(results)[0])

    # Running ------------------------------------------------------------------------------------

    def run_file(self, path: Path) -> None:
        """Runs a policy file; raises PolicyError: bad syntax, an error in it, no such file."""
        chunk, problem = _pair(
            self._sandbox["load_file"](lua_text(str(path)), self._sandbox["env"])
        )
        if chunk is None:
            raise PolicyError(self._full_names(problem))
        self._call(str(path), self._guard["call"], chunk)

    def fire(self, event: str, *arguments: Any) -> Any:
        """Fires an event; gives its first result, None where nothing is registered for it."""
        name = lua_text(event)
        places = self._events["places"][name]
        return self._call(places and python_text(places[1]), self._fire, name, *arguments)

    def tell(
        self, event: str, handle: int, size: int, place: int, record: Any, seconds: float
    ) -> None:
        """Fires an event with the message at a place of a batch of that size, and its record."""
        places = self._events["places"][lua_text(event)]
        entry = self._events["tell"]
        arguments = (seconds, lua_text(event), handle, size, place + 1, self.convert.to_lua(record))
        ok, result = _pair(self._reaching_lua(entry, *arguments))
        if not ok:
            frames = self._guard["frames_of_failure"]()
            raise self._error(result, frames, places and python_text(places[1]))

    def fire_for_all(self, event: str, *arguments: Any) -> list[Any]:
        """As `fire`, for all results, in neutral form."""
        name = lua_text(event)
        places = self._events["places"][name]
        results = self._results(
            places and python_text(places[1]), self._fire, self._seconds, name, *arguments
        )
        return [self.convert.from_lua(result) for result in results]

    def call_nested(self, function: Any, *arguments: Any) -> list[Any]:
        """Calls a Lua function with JSON-like values, within the budget of what calls from outside.

        Gives its results in neutral form; raises PolicyError.
        """
        to_lua, from_lua = self.convert.to_lua, self.convert.from_lua
        nested = self._guard["nested"]
        return list(map(from_lua, self._results("", nested, function, *map(to_lua, arguments))))

    def new_message(self, handle: int, size: int, place: int) -> Any:
        """The message at a place (from 0) of a batch of that size, as Lua has it."""
        return self._events["new_message"](handle, size, place + 1)

    def call_method(self, value: Any, method: str, *arguments: Any) -> Any:
        """What a method of such a message gives, in neutral form; raises PolicyError."""
        results = self.call_nested(self._events["methods"][method], value, *arguments)
        return results[0] if results else None

    def place(self) -> str:
        """Where the policy is that calls Python now, ``file:line``."""
        return python_text(self._guard["place"]())

    def loaded_files(self) -> list[str]:
        """The paths of the Lua files that were loaded so far, or were to be."""
        return [python_text(path) for path in self._sandbox["loaded_files"]]

    def take_released(self) -> list[int]:
        """The handles of batches of which no message can be reached any more."""
        return list(self._events["take_released"]().values())

    def registrations(self) -> dict[str, list[str]]:
        """For each event its handlers' places, ``file:line``, in the order of registration."""
        return {
            python_text(event): [python_text(place) for place in places.values()]
            for event, places in self._events["places"].items()
        }

    def plan(self, steps: Sequence[tuple[str, str, str]]) -> Any:
        """What `ask` needs: for each logger (event name, kinds, answers), see events.lua."""
        plans = [
            self._events["plan"](lua_text(event), kinds, answers) for event, kinds, answers in steps
        ]
        return self._lua.table_from(plans)

    def observe(
        self, plan: Any, asked: Callable[[int], None], answered: Callable[..., None]
    ) -> None:
        """Has a plan tell of every handler that it asks, by the number of its logger (from 1).

        ``answered`` gets this and the handler's first result in neutral form; one that has no
        neutral form is left out. It is not called where the handler raises.
        """
        self._events["observe"](plan, self._answering(asked), self._answering(answered))

    def ask(
        self, handle: int, kinds: str, plan: Any, seconds: float, weight: int
    ) -> tuple[list[str], list[tuple[int, int, PolicyError]], list[int]]:
        """Asks the handlers about a batch, which weighs ``weight`` KB.

        Gives for each logger one character for each record (p passed, f filtered, d disabled,
        e error), the errors as (place in the batch, logger, error), and the handles of batches of
        which no message can be reached any more.
        """
        results = self._reaching_lua(self._ask, handle, kinds, plan, seconds, weight)
        answers, errors, released = (list(table.values()) for table in results)
        failures = [
            (error[1] - 1, error[2] - 1, self._error(error[3], error[4], python_text(error[5])))
            for error in errors
        ]
        return answers, failures, released

    def hurry(self) -> None:
        """Makes budgets pass in no time: only what is quick is still waited for.

        May be called from a signal handler.
        """
        self._haste = 1e12

    def has_room(self) -> bool:
        """Whether what the policy keeps leaves it any of its memory."""
        if self._lua.get_memory_used() > self._max_memory:
            self._lua.gccollect()
        return bool(self._lua.get_memory_used() <= self._max_memory)

    def close(self) -> None:
        """Brings out what the policy printed: Lua's stdout is not Python's."""
        self._sandbox["flush"]()

    def _call(self, place: str, entry: Any, *arguments: Any) -> Any:
        return next(iter(self._results(place, entry, self._seconds, *arguments)), None)

    def _results(self, place: str, entry: Any, *arguments: Any) -> tuple[Any, ...]:
        results = self._reaching_lua(entry, *arguments)
        ok, *given = results if isinstance(results, tuple) else (results,)
        if ok:
            return tuple(given)
        raise self._error(given[0], self._guard["frames_of_failure"](), place)

    def _reaching_lua(self, entry: Any, *arguments: Any) -> Any:
        if not self.has_room():
            raise PolicyError(
                f"running the policy: what it keeps in memory exceeds {self._max_memory >> 20} MB"
            )
        return self._entering(entry, *arguments)

    def _entering(self, entry: Any, *arguments: Any) -> Any:
        try:
            return entry(*arguments)
        finally:
            crash, self._crash = self._crash or self._guard["take_escaped"](), None
            if crash is not None:
                raise crash

    def _error(self, text: str, lua_frames: Any, entry: str) -> PolicyError:
        """``entry`` is the place to name where a tail call left no frame of the policy."""
        frames = tuple(python_text(frame) for frame in lua_frames.values())
        places = tuple(frame.partition(": in ")[0] for frame in frames) or (entry,)
        message = self.explain(self._full_names(text))
        if not message.startswith(places):
            message = f"{places[0]}: {message}"
        return PolicyError(message, frames)

    def _full_names(self, text: str) -> str:
        for short, full in self._sandbox["long_names"].items():
            text = text.replace(short, full)
        return python_text(text)

    # Python called from Lua ---------------------------------------------------------------------

    def _run_chunk(self, name: str, *arguments: Any) -> Any:
        return self._lua.execute(_source(name), *arguments, name="=kumolog", mode="t")

    def _load_objects(self, invoke: Callable[..., Any]) -> Any:
        return self._run_chunk(
            "objects", self._guard, self._values, self._table_of({"invoke": invoke})
        )

    def _table_of(self, functions: Mapping[str, Callable[..., Any]]) -> Any:
        return self._lua.table_from({name: self._answering(f) for name, f in functions.items()})

    def _bridged(self, function: Callable[..., Any]) -> Any:
        return self._guard["bridge"](self._answering(function))

    def _answering(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as Lua calls it: it answers (ok, value or text), and never raises.

        ``ok`` is None when what it raised is no message to the policy.
        """
        to_lua, from_lua = self.convert.to_lua, self.convert.from_lua

        def answer(*arguments: Any) -> tuple[bool | None, Any]:
            try:
                return True, to_lua(function(*map(from_lua, arguments)))
            except (KumologError, ValueError) as error:
                return False, lua_text(str(error))
            except LuaMemoryError:
                return False, "not enough memory"
            except LuaError as error:  # reading a value, where the policy has used up Lua's stack
                return False, str(error)
            except BaseException as error:
                self._crash = self._crash or error
                return None, "kumolog itself failed"

        return answer


@cache
def _source(name: str) -> str:
    return Path(__file__).with_name(f"{name}.lua").read_text("latin-1")


def _pair(results: Any) -> tuple[Any, Any]:
    return results[:2] if isinstance(results, tuple) else (results, None)


def _of_paths(function: Callable[[str], str]) -> Callable[[str | bytes], str]:
    return lambda path: function(os.fsdecode(path))


def _taking_text(write: Callable[[str], None]) -> Callable[[str | bytes], None]:
    return lambda line: write(
        line.decode("utf-8", "backslashreplace") if isinstance(line, bytes) else line
    )


def _deny(_owner: object, name: object, _value: object = None) -> NoReturn:
    raise AttributeError(f"no access to {name!r} from Lua")
