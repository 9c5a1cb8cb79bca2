"""Benches for specs in Lua: `LuaBenches.load` gives a policy as an object of the spec's runtime.

Lua functions can be mocks. Tables that come out of a policy arrive as copies; userdata in them, and
functions but for those that an event gave, as texts such as ``<function>``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from kumolog.api.connection import Connection
from kumolog.errors import KumologError, PolicyError
from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaTable, LuaValue, Opaque, to_json, type_name
from kumolog.params.arguments import method, number, text
from kumolog.policy import Attach
from kumolog.pulse import Pulse
from kumolog.testing.bench import BenchSegment, PolicyBench
from kumolog.testing.bench_clock import Moment
from kumolog.testing.bench_decisions import Decision
from kumolog.testing.bench_policy import BenchAddress, BenchMessage, Fired, mapped

_NUMBERS = ("handler_timeout", "load_timeout")


class LuaBenches:
    """The benches of one spec file; ``find`` gives the path of a policy for its name in a spec.

    ``attach`` is that of `PolicyBench`, as is what ``pulse`` gives.
    ``benches`` are those that are still to be closed, in the order of loading.
    """

    def __init__(
        self,
        find: Callable[[str], str | Path],
        attach: Attach | None = None,
        pulse: Callable[[], Pulse] = Pulse,
    ) -> None:
        self._find = find
        self._attach = attach
        self._pulse = pulse
        self.benches: list[PolicyBench] = []

    def load(
        self, _place: str, path: LuaValue = None, options: LuaValue = None, *_: LuaValue
    ) -> LuaPolicy:
        """``load(path, {files?, mocks?, at?, handler_timeout?, ...})``, see `PolicyBench`.

        ``files`` maps absolute paths to contents, ``mocks`` names to functions. Raises PolicyError,
        and KumologError for options that are none.
        """
        bench = PolicyBench(
            self._find(text(path, 1)),
            attach=self._attach,
            pulse=self._pulse(),
            **_options(options),
        )
        self.benches.append(bench)
        return LuaPolicy(bench)

    def close(self) -> None:
        """Closes all benches that were loaded."""
        while self.benches:
            self.benches.pop().close()


class LuaPolicy(LuaObject):
    """A policy on its bench, as ``policy:log { type = 'Delivery' }`` sees it."""

    lua_name = "Policy"
    lua_methods: ClassVar[Mapping[str, str]] = {
        "address": "address",
        "advance": "advance",
        "calls": "calls",
        "close": "close",
        "connection": "connection",
        "decisions": "decisions",
        "diagnostics": "diagnostics",
        "fire": "fire",
        "freeze": "freeze",
        "lines": "lines",
        "log": "log",
        "logged": "logged",
        "message": "message",
        "mock": "mock",
        "rejects": "rejects",
        "segments": "segments",
    }

    def __init__(self, bench: PolicyBench) -> None:
        self._bench = bench

    def log(self, event: LuaValue = None, *more: LuaValue) -> list[dict[str, Any]]:
        """Events or arrays of them, tables or JSON; gives the decisions on them."""
        given = [
            to_json(events) if isinstance(events, LuaTable) else text(events, _at(position, "log"))
            for position, events in enumerate((event, *more), 1)
        ]
        return [_decision(decision) for events in given for decision in self._bench.log(events)]

    def logged(self, log_dir: LuaValue = None, suffix: LuaValue = None, *_: LuaValue) -> list[Any]:
        """The records, of one directory and with one suffix."""
        return self._bench.logged(*_place_in("logged", log_dir, suffix))

    def lines(self, log_dir: LuaValue = None, suffix: LuaValue = None, *_: LuaValue) -> list[str]:
        """The same as lines."""
        return self._bench.lines(*_place_in("lines", log_dir, suffix))

    def segments(self, *_: LuaValue) -> list[dict[str, Any]]:
        """Tables with name, log_dir, lines and finished."""
        return [_segment(segment) for segment in self._bench.segments()]

    def decisions(self, *_: LuaValue) -> list[dict[str, Any]]:
        """See `Decision`; of what was written with its segment, line and record."""
        return [_decision(decision) for decision in self._bench.decisions()]

    def rejects(self, *_: LuaValue) -> list[dict[str, Any]]:
        """The entries of the rejects file."""
        return self._bench.rejects()

    def diagnostics(self, *_: LuaValue) -> list[dict[str, str]]:
        """Tables with level and text."""
        return [{"level": level, "text": text} for level, text in self._bench.diagnostics()]

    def calls(self, name: LuaValue = None, *_: LuaValue) -> list[dict[str, Any]]:
        """Tables with name, arguments and place."""
        wanted = None if name is None else text(name, _at(1, "calls"))
        return [
            {"name": call.name, "arguments": list(call.arguments), "place": call.place}
            for call in self._bench.calls(wanted)
        ]

    def fire(self, event: LuaValue = None, *arguments: LuaValue) -> dict[str, Any]:
        """A table with value, all results and, where it refused, rejection with code and text.

        An error of a handler says how the policy came there: specs see its text alone.
        """
        name = text(event, _at(1, "fire"))
        try:
            return _fired(self._bench.fire(name, *arguments))
        except PolicyError as error:
            callers = (frame.partition(": in ")[0] for frame in error.frames[1:])
            way = "".join(f"\n  called from {place}" for place in callers)
            raise PolicyError(f"{error}{way}", error.frames) from error

    def message(self, event: LuaValue = None, *_: LuaValue) -> BenchMessage:
        """The message of an event, to be given to fire."""
        table = event if isinstance(event, LuaTable) else LuaTable()
        return self._bench.message(to_json(table) or {})

    def address(self, address: LuaValue = None, *_: LuaValue) -> BenchAddress:
        """An envelope address, to be given to fire."""
        return self._bench.address(text(address, _at(1, "address")))

    def connection(self, meta: LuaValue = None, *_: LuaValue) -> Connection:
        """A connection with that metadata, to be given to fire."""
        return self._bench.connection(to_json(meta) if isinstance(meta, LuaTable) else {})

    def mock(self, name: LuaValue = None, function: LuaValue = None, *_: LuaValue) -> None:
        """Puts a Lua function in the place of one of the API or a method."""
        called = text(name, _at(1, "mock"))
        self._bench.mock(called, _mock(called, function))

    def freeze(self, at: LuaValue = None, *_: LuaValue) -> None:
        """Stops the clock, now or at seconds since 1970 or an ISO 8601 time."""
        self._bench.clock.freeze(None if at is None else _moment(at, _at(1, "freeze")))

    def advance(self, span: LuaValue = None, *_: LuaValue) -> None:
        """Puts the clock forward by seconds or a duration such as ``5 minutes``."""
        place = _at(1, "advance")
        self._bench.clock.advance(span if isinstance(span, str) else number(span, place))

    def close(self, *_: LuaValue) -> None:
        """Finishes all segments; after that only asking is left."""
        self._bench.close()


def _at(position: int, name: str) -> str:
    return method(position, f"Policy.{name}")


def _place_in(name: str, log_dir: LuaValue, suffix: LuaValue) -> tuple[str | None, str | None]:
    return (
        None if log_dir is None else text(log_dir, _at(1, name)),
        None if suffix is None else text(suffix, _at(2, name)),
    )


def _moment(at: LuaValue, position: str | int) -> Moment:
    return at if isinstance(at, str) else number(at, position)


def _mock(name: str, function: LuaValue) -> Callable[..., Any]:
    if not isinstance(function, LuaFunction):
        raise KumologError(f"mocking {name}: a function is needed, not a {type_name(function)}")
    return _lent(function)


def _lent(function: LuaFunction) -> Callable[..., Any]:
    """A spec's function for a policy; so are the functions in what it gives."""

    def call(*arguments: Any) -> Any:
        return mapped(function(*map(_shown, arguments)), _for_policy)

    return call


def _for_policy(value: Any) -> Any:
    return LuaFunction(_lent(value)) if isinstance(value, LuaFunction) else value


# Options ------------------------------------------------------------------------------------------


def _options(value: LuaValue) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, LuaTable):
        raise KumologError(f"loading a policy: its options are a table, not a {type_name(value)}")
    given = {str(key): item for key, item in value.items}
    for key in given:
        if key not in _OPTIONS:
            raise KumologError(
                f"loading a policy: there is no option {key!r}, only {', '.join(_OPTIONS)}"
            )
    return {key: _OPTIONS[key](key, item) for key, item in given.items()}


def _pairs(option: str, value: LuaValue) -> list[tuple[str, LuaValue]]:
    if not isinstance(value, LuaTable):
        raise KumologError(f"loading a policy: {option} is a table, not a {type_name(value)}")
    return [(text(key, f"a key of {option}"), item) for key, item in value.items]


def _files(option: str, value: LuaValue) -> dict[str, str | bytes]:
    return {
        path: content if isinstance(content, bytes) else text(content, f"{option}[{path!r}]")
        for path, content in _pairs(option, value)
    }


_OPTIONS: Mapping[str, Callable[[str, LuaValue], Any]] = {
    "files": _files,
    "mocks": lambda option, value: {
        name: _mock(name, function) for name, function in _pairs(option, value)
    },
    "at": lambda option, value: _moment(value, option),
    "allow_missing_handlers": lambda _, value: value is True,
    **dict.fromkeys(_NUMBERS, lambda option, value: number(value, option)),
}


# For Lua ------------------------------------------------------------------------------------------


def _decision(decision: Decision) -> dict[str, Any]:
    shown = decision._asdict()
    written = shown.pop("written")
    if written is not None:
        shown |= {"segment": written.segment.name, "line": written.line, "record": written.record}
        shown |= {"suffix": written.suffix, "written_to": written.log_dir}
    return shown


def _segment(segment: BenchSegment) -> dict[str, Any]:
    return segment._asdict()


def _fired(fired: Fired) -> dict[str, Any]:
    results = [mapped(result, _callable) for result in fired.results]
    rejection = None if fired.rejection is None else fired.rejection._asdict()
    return {"value": results[0] if results else None, "results": results, "rejection": rejection}


def _callable(value: Any) -> Any:
    """What a handler gives, in which a spec can call functions."""
    if isinstance(value, LuaFunction):
        return LuaFunction(lambda *arguments: mapped(value(*arguments), _callable))
    return _named(value)


def _shown(value: Any) -> Any:
    """A policy's value for a spec."""
    return mapped(value, _named)


def _named(value: Any) -> Any:
    if isinstance(value, LuaFunction):
        return "<function>"
    return f"<{value.kind}>" if isinstance(value, Opaque) and value.kind != "null" else value
