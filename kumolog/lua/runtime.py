"""One sealed Lua 5.4 runtime: loads a policy's text, fires its events, asks its filter handlers."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import inf
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn

from lupa.lua54 import LuaError, LuaMemoryError, LuaRuntime

from kumolog.clock import Clock
from kumolog.errors import KumologError, PolicyError
from kumolog.lua.convert import Converter, lua_text, python_text
from kumolog.lua.functions import Functions
from kumolog.lua.hook import Hook
from kumolog.lua.journal import Journal
from kumolog.lua.objects import Objects
from kumolog.lua.purity import keys_asked
from kumolog.luavalue import LuaValue
from kumolog.pulse import Pulse, Visit

MAX_MEMORY = 1 << 30  # bytes that a policy may hold, so that no loop takes all there is
# Lua's own limit is for what fills it at one stroke. It has to be out of reach of all else.
_HARD_LIMIT = 2
_LARGE = 1  # instead of True, with a result for which Lua's limit was lifted, or that took long
_LONG = 0.01  # seconds
_LONGEST_ERROR = 4096  # characters that Lua is told of one
_Failure = tuple[int, int, PolicyError]  # place in the batch, logger


FILTERS: Final = "the filter handlers"
GRACE: Final = 2.0  # seconds that a hurried policy may still take, for all of its calls together
_OWN: Final = Visit("what kumolog itself has in Lua", inf)


class OutOfMemoryError(PolicyError):
    """Lua had no memory left, and nothing in it could see to that: it is not to be used again."""

    def __init__(self, what: str, most: int) -> None:
        self.reason = f"not enough memory: more than {most >> 20} MB in use"
        super().__init__(f"{what}: {self.reason}")


class Asked(NamedTuple):
    """What handlers said of a batch, or of the records up to the one that used up the memory.

    ``said`` are their answers in the order of the calls, a character each (p passed, f filtered,
    e error), about so many records as were ``reached``. ``failures`` are (place in the batch,
    logger, error), ``released`` the handles of batches of which no message can be reached any more;
    ``is_full`` tells that the memory is used up.
    """

    said: str
    reached: int
    failures: list[_Failure]
    released: list[int]
    is_full: bool


class Runtime:
    """``callbacks`` are the Python functions Lua calls for messages, by name.

    ``message_methods`` maps the names of message methods to functions of (batch handle, place in
    the batch, arguments...), ``message_changes`` those that change the message to functions of
    (batch handle, place, number of the logger whose filter is being asked about this message or
    None, arguments...). Every function takes and gives neutral values; what it raises as a
    KumologError or ValueError becomes a Lua error, anything else ends the call and is raised again
    from it.
    ``seconds`` is the time budget of running the policy file and of each event fired,
    ``max_memory`` the bytes it may hold (None for the usual limit). ``pulse`` tells other threads
    what it is at; whoever gives one sounds its alarm when that takes long, since then no hook looks
    at the handlers that are asked.
    """

    def __init__(
        self,
        message_methods: Mapping[str, Callable[..., Any]],
        callbacks: Mapping[str, Callable[..., Any]],
        multiple_events: Sequence[str],
        seconds: float,
        max_memory: int | None = None,
        message_changes: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
        pulse: Pulse | None = None,
    ) -> None:
        self._max_memory = max_memory or MAX_MEMORY
        self._pulse = pulse or Pulse()
        self._is_watched = pulse is not None
        self._hook: Hook | None = None
        self._failures: list[_Failure] = []
        self._journal: Journal | None = None
        self._lua = LuaRuntime(
            encoding="latin-1",
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
            attribute_handlers=(_deny, _deny),
            max_memory=_HARD_LIMIT * self._max_memory,
        )
        self._lua.execute("python, package.loaded.python = nil, nil")
        # Lua's own seed is made of the time and an address: the same in forked processes.
        self._lua.execute("math.randomseed(...)", *array("q", os.urandom(16)))
        self._seconds = seconds
        self._crash: BaseException | None = None
        self.explain: Callable[[str], str] = str  # adds to an error's text what would be right
        # For a type of objects, what its methods say that are only there to be refused.
        self.refused_methods: Callable[[str], Mapping[str, str]] = lambda _: {}
        self._values = values = self._run_chunk("values")
        self.convert = Converter(self._lua, values)
        self._grace_ends = inf
        self._guard = self._run_chunk("guard", self._clock, self._max_memory, self._restrict)
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
        # For Python in a coroutine: no table can be looked into there before a call is made.
        self._nested, self._place = self._guard["nested"], self._guard["place"]
        self._seconds_left, self._catches = self._guard["seconds_left"], self._surface["catches"]
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
        self._surface["define_functions"](
            " ".join(names), lambda name: self._answering(_told_place(find(name)))
        )

    def define_log(self, name: str, write: Callable[[str], None]) -> None:
        """Offers a function that joins its arguments' texts, behind the place of the call."""

        self._surface["define_log"](name, self._answering(_taking_text(write)))

    def redirect_print(self, write: Callable[[str], None]) -> None:
        """Gives away what ``print`` would write, behind the place of the call."""
        self._surface["redirect_print"](self._answering(_taking_text(write)))

    def define_memoize(self, *functions: Callable[..., Any]) -> None:
        """Offers `kumo.memoize`, made of functions that open a cache, get from it and put in it."""
        told = map(_told_place, functions)
        self._surface["define_memoize"](*map(self._answering, told))

    def define_value(self, name: str, value: Any) -> None:
        """Offers a constant as ``name``."""
        self._surface["define"](name, self.convert.to_lua(value))

    def set_global(self, name: str, value: Any) -> None:
        """Sets a global of the policy."""
        self._surface["set_global"](name, self.convert.to_lua(value))

    def add_package_path(self, *patterns: str) -> None:
        """Puts patterns before ``package.path``, in this order."""
        self._sandbox["add_package_path"](lua_text(";".join(patterns)))

    def allow_exit(self) -> None:
        """Lets the policy's ``os.exit`` raise SystemExit from whatever call runs its code."""
        self._surface["allow_exit"](self._answering(_exit))

    def use_clock(self, clock: Clock) -> None:
        """Makes the policy's ``os`` library tell the time of another clock than the system's."""
        functions = (clock.wall, clock.monotonic)
        self._sandbox["use_clock"](*map(self._answering, functions))

    def redirect(self, to_read: Callable[[str], str], to_write: Callable[[str], str]) -> None:
        """Makes the policy's own libraries use the files that these give for a path."""
        self._sandbox["redirect"](
            *(self._answering(_of_paths(function)) for function in (to_read, to_write))
        )

    def withhold_commands(self, note: Callable[[str, LuaValue], None]) -> None:
        """Makes ``os.execute`` run nothing; ``note`` gets the place of the call and the command."""
        self._sandbox["withhold_commands"](self._answering(_told_place(note)))

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

    def call_own(self, function: Any, *arguments: Any, visit: Visit = _OWN) -> LuaValue:
        """Calls a function of such a file with JSON-like values; gives its first result."""
        results = self._entering(visit, function, *map(self.convert.to_lua, arguments))
        return self.convert.from_lua(_pair(results)[0])

    # Running ------------------------------------------------------------------------------------

    def run_file(self, path: Path) -> None:
        """Runs a policy file; raises PolicyError: bad syntax, an error in it, no such file."""
        chunk, problem = _pair(
            self._sandbox["load_file"](lua_text(str(path)), self._sandbox["env"])
        )
        if chunk is None:
            raise PolicyError(self._full_names(problem))
        visit = Visit(f"{path}: the policy file", self._seconds)
        self._results(visit, str(path), self._guard["call"], self._seconds, chunk)

    def fire(self, event: str, *arguments: Any, seconds: float | None = None) -> Any:
        """Fires an event; gives its first result, None where nothing is registered for it.

        ``seconds`` is its time budget, if it has another one than the policy file. An event that
        the policy's own code has fired is within the budget of that.
        """
        return next(iter(self._fired(event, arguments, seconds)), None)

    def _fired(
        self, event: str, arguments: Sequence[Any], seconds: float | None = None
    ) -> tuple[Any, ...]:
        place = self._place_of(event)
        if not place:  # nobody handles it
            return ()
        name, outer = lua_text(event), self._pulse.visit
        if outer is not None and outer is not _OWN:
            return self._results(outer, place, self._fire, None, name, *arguments)
        budget = seconds or self._seconds
        visit = Visit(handler_named(event, place), budget)
        return self._results(visit, place, self._fire, budget, name, *arguments)

    def _place_of(self, event: str) -> str:
        """Of the first handler of an event."""
        places = self._events["places"][lua_text(event)]
        return python_text(places[1]) if places else ""

    def tell(
        self, event: str, handle: int, size: int, place: int, record: Any, seconds: float
    ) -> None:
        """Fires an event with the message at a place of a batch of that size, and its record."""
        registered_at = self._place_of(event)
        visit = Visit(handler_named(event, registered_at), seconds)
        entry = self._events["tell"]
        arguments = (seconds, lua_text(event), handle, size, place + 1, self.convert.to_lua(record))
        self._results(visit, registered_at, entry, *arguments)

    def fire_for_all(self, event: str, *arguments: Any) -> list[Any]:
        """As `fire`, for all results, in neutral form."""
        return [self.convert.from_lua(result) for result in self._fired(event, arguments)]

    def call_nested(self, function: Any, *arguments: Any) -> list[Any]:
        """Calls a Lua function with JSON-like values, within the budget of what calls from outside.

        Gives its results in neutral form; raises PolicyError.
        """
        to_lua, from_lua = self.convert.to_lua, self.convert.from_lua
        visit = self._pulse.visit or _OWN
        results = self._results(visit, "", self._nested, function, *map(to_lua, arguments))
        return list(map(from_lua, results))

    def call_again(self, function: Any, *arguments: Any) -> Any:
        """Calls a Lua function that an event has given, from outside, as the event was fired.

        Gives its first result in neutral form; raises PolicyError.
        """
        visit = Visit("a function that the policy gave", self._seconds)
        results = self._results(visit, "", self._guard["call"], self._seconds, function, *arguments)
        return self.convert.from_lua(results[0]) if results else None

    def new_message(self, handle: int, size: int, place: int) -> Any:
        """The message at a place (from 0) of a batch of that size, as Lua has it."""
        return self._events["new_message"](handle, size, place + 1)

    def call_method(self, value: Any, method: str, *arguments: Any) -> Any:
        """What a method of such a message gives, in neutral form; raises PolicyError."""
        results = self.call_nested(self._events["methods"][method], value, *arguments)
        return results[0] if results else None

    def place(self) -> str:
        """Where the policy is that calls Python now, ``file:line``."""
        return python_text(self._place())

    def seconds_left(self) -> float:
        """How long the policy's code that calls Python now may still take."""
        left: float = self._seconds_left()
        return left

    def catches(self) -> bool:
        """Whether the policy, which calls Python now, catches what that raises."""
        return bool(self._catches())

    def missed_names(self) -> list[str]:
        """The names, ``kumo.like.this``, that the policy last looked for where there are none."""
        return [python_text(name) for name in self._surface["missed"].values()]

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

    def plan(self, kinds: str, events: Sequence[str], answers: Sequence[str]) -> Any:
        """What `ask` needs: for each logger its event and its answers to the kinds (events.lua)."""
        if self._journal is None:
            self._journal = Journal(self._events["open_journal"])
            if self._is_watched and (hook := Hook.of(int(self._guard["state"], 16))):
                self._hook, self._pulse.alarm = hook, hook.set
        names = self._lua.table_from(list(map(lua_text, events)))
        return self._events["plan"](kinds, names, self._lua.table_from(answers))

    def keys_asked(self, event: str) -> frozenset[str] | None:
        """The meta keys that the handler of a filter event asks for; None where it does more.

        It does so as long as no code of the policy but such handlers runs.
        """
        code, kinds = _pair(self._events["code_of"](lua_text(event)))
        if code is None:
            return None
        outside = self._events["kind_of_global"]
        keys = keys_asked(code.encode("latin-1"), kinds.split(), outside)
        return None if keys is None else frozenset(map(python_text, keys))

    def observe(
        self, plan: Any, asked: Callable[[int], None], answered: Callable[..., None]
    ) -> None:
        """Has a plan tell of every handler that it asks, by the number of its logger (from 1).

        ``answered`` gets this and the handler's first result in neutral form; one that has no
        neutral form is left out. It is not called where the handler raises.
        """
        self._events["observe"](plan, self._answering(asked), self._answering(answered))

    def sample(self, plan: Any) -> Callable[[], list[tuple[int, float]]]:
        """Has the handlers of a plan timed for some of the records.

        Gives a function that gives (number of the logger, seconds) since it was last called.
        """
        take = self._events["sample"](plan, time.perf_counter)

        def taken() -> list[tuple[int, float]]:
            values = list(take().values())
            return [
                (number - 1, max(0.0, t)) for number, t in zip(*[iter(values)] * 2, strict=True)
            ]

        return taken

    def ask(
        self, handle: int, kinds: str, plan: Any, seconds: float, weight: int, first: int = 0
    ) -> Asked:
        """Asks the handlers about a batch, from a place on; the batch weighs ``weight`` KB.

        Raises OutOfMemoryError; `said` has what they have said until then.
        """
        journal = self._known_journal
        journal.begin()
        self._failures = []
        arguments = (kinds, plan, seconds, weight, first + 1, self._note_failure)
        visit = Visit(FILTERS, seconds, journal.calls)
        results = self._reaching_lua(visit, self._ask, handle, *arguments)
        reached, is_full, unreachable = results
        released = list(unreachable.values()) if unreachable else []
        return Asked(journal.answers(), reached, self._failures, released, is_full)

    def said(self) -> tuple[str, list[_Failure]]:
        """The answers of the handlers that were run by the last `ask`, in order, and the failures.

        May be called from any thread, also while `ask` is going on.
        """
        return self._known_journal.answers(), list(self._failures)

    @property
    def _known_journal(self) -> Journal:
        assert self._journal is not None  # nobody has a plan without it
        return self._journal

    def _note_failure(self, place: int, logger: int, text: str, frames: str, at: str) -> None:
        lines = frames.split("\n") if frames else ()
        self._failures.append((place - 1, logger - 1, self._error(text, lines, python_text(at))))

    def hurry(self) -> None:
        """Gives the policy a grace for what was accepted; then only what is quick is waited for.

        May be called from a signal handler.
        """
        self._grace_ends = min(self._grace_ends, monotonic() + GRACE)
        self._pulse.hurried = True
        self._pulse.alarm()

    def has_room(self) -> bool:
        """Whether what the policy keeps leaves it any of its memory."""
        if self._lua.get_memory_used() > self._max_memory:
            self._lua.gccollect()
        return bool(self._lua.get_memory_used() <= self._max_memory)

    def close(self) -> None:
        """Brings out what the policy printed: Lua's stdout is not Python's."""
        self._sandbox["flush"]()

    def _results(self, visit: Visit, place: str, entry: Any, *arguments: Any) -> tuple[Any, ...]:
        results = self._reaching_lua(visit, entry, *arguments)
        ok, *given = results if isinstance(results, tuple) else (results,)
        if ok:
            return tuple(given)
        frames = self._guard["frames_of_failure"]().values()
        raise self._error(given[0], frames, place)

    def _reaching_lua(self, visit: Visit, entry: Any, *arguments: Any) -> Any:
        if not self.has_room():
            raise PolicyError(
                f"running the policy: what it keeps in memory exceeds {self._max_memory >> 20} MB"
            )
        return self._entering(visit, entry, *arguments)

    def _entering(self, visit: Visit, entry: Any, *arguments: Any) -> Any:
        outer = self._pulse.enter(visit)
        if self._hook and self._hook.is_set and outer is None and not self._pulse.hurried:
            self._hook.take_away()
        try:
            return entry(*arguments)
        except LuaMemoryError as error:
            self.convert.lift()  # for what is left to be done
            raise OutOfMemoryError(visit.what, self._max_memory) from error
        finally:
            self._pulse.leave(outer)
            crash, self._crash = self._crash or self._guard["take_escaped"](), None
            if crash is not None:
                raise crash

    def _error(self, text: str, lines: Iterable[str], entry: str) -> PolicyError:
        """``entry`` is the place to name where a tail call left no frame of the policy."""
        frames = tuple(python_text(frame) for frame in lines)
        places = tuple(frame.partition(": in ")[0] for frame in frames) or (entry,)
        message = self.explain(self._full_names(text))
        if not message.startswith(places):
            message = f"{places[0]}: {message}"
        return PolicyError(message, frames)

    def _full_names(self, text: str) -> str:
        for short, full in self._sandbox["long_names"].items():
            text = text.replace(short, full)
        return python_text(text)

    def _clock(self) -> tuple[float, bool]:
        """Seconds, for budgets, and whether the grace is over; guard.lua asks every so often."""
        self._pulse.beat()
        now = time.monotonic()
        return now, now >= self._grace_ends

    def _restrict(self) -> None:
        """Makes Lua's limit hold again."""
        self.convert.lifted = False
        self._lua.set_max_memory(_HARD_LIMIT * self._max_memory)

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
        convert = self.convert
        to_lua, from_lua = convert.to_lua, convert.from_lua

        def answer(*arguments: Any) -> tuple[bool | int | None, Any]:
            begun = monotonic()
            try:
                result = to_lua(function(*map(from_lua, arguments)))
                is_light = not convert.lifted and monotonic() - begun < _LONG
                return is_light or _LARGE, result
            except KumologError as error:
                return False, lua_text(error.with_hint[:_LONGEST_ERROR])
            except ValueError as error:
                return False, lua_text(str(error)[:_LONGEST_ERROR])
            except (LuaMemoryError, MemoryError):
                return False, "not enough memory"
            except LuaError as error:  # reading a value, where the policy has used up Lua's stack
                return False, str(error)
            except BaseException as error:
                self._crash = self._crash or error
                return None, "kumolog itself failed"

        return answer


def handler_named(event: str, place: str) -> str:
    """How messages name a handler that is registered at that place."""
    return f"{place}: the handler of {event}"


@cache
def _source(name: str) -> str:
    return Path(__file__).with_name(f"{name}.lua").read_text("latin-1")


def _pair(results: Any) -> tuple[Any, Any]:
    return results[:2] if isinstance(results, tuple) else (results, None)


def _of_paths(function: Callable[[str], str]) -> Callable[[str | bytes], str]:
    return lambda path: function(os.fsdecode(path))


def _exit(code: int) -> NoReturn:
    raise SystemExit(code & 0xFF)


def _told_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which gets its first argument, a place, as text even where it is not UTF-8."""
    return lambda place, *arguments: function(
        place if isinstance(place, str) else place.decode("utf-8", "surrogateescape"), *arguments
    )


def _taking_text(write: Callable[[str], None]) -> Callable[[str | bytes], None]:
    return lambda line: write(
        line.decode("utf-8", "backslashreplace") if isinstance(line, bytes) else line
    )


def _deny(_owner: object, name: object, _value: object = None) -> NoReturn:
    raise AttributeError(f"no access to {name!r} from Lua")
