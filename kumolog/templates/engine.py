"""The engine as KumoMTA sets it up, and how it renders a log record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

import minijinja
from minijinja import Environment

from kumolog.errors import KumologError
from kumolog.templates.chance import FUNCTIONS
from kumolog.templates.filters import filters
from kumolog.templates.values import Fields, Headers, Items, Record, as_headers, view

_PACKED = "kumolog_packed"
_SEPARATOR = "\x1f"
_MAX_UNPACKERS = 256
_WORD = re.compile(r"[^\W\d]\w*")
_SHARING_TAGS = frozenset({"include", "import", "extends"})
_ENGINE_NAMES = frozenset(
    {"caller", "cycler", "debug", "dict", "joiner", "kwargs", "lipsum", "log_record", "loop"}
    | {"namespace", "now", "randrange", "range", "self", "super", "varargs"}
)
_METHODS_OF_DICT = frozenset(name for name in dir(dict) if not name.startswith("_"))
_ABSENT: Final = object()


class TemplateError(KumologError):
    """A template does not compile, or cannot be rendered for a record."""


class ExhaustedError(TemplateError):
    """A rendering took more steps than it was allowed."""


class _CallError(Exception):
    """A filter or function of ours refused its arguments."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"invalid operation: {name}: {reason}")
        self.name = name


class Engine:
    """Renders the templates of one logger, which can include and import each other by name.

    ``sources`` maps a name (a record type or ``Any``) to the text of its template; a rendering may
    take ``fuel`` steps; ``clock`` tells the Unix time that ``now()`` gives. Raises TemplateError
    for a text that does not compile; unknown filters and functions show only when they are reached,
    as in KumoMTA. For one thread.
    """

    def __init__(self, sources: Mapping[str, str], fuel: int, clock: Callable[[], float]) -> None:
        self._sources = dict(sources)
        self._fuel = fuel
        self._clock = clock
        self._open()
        self._variables = _variables(self._sources)

    def _open(self) -> None:
        self._environment = _environment(self._fuel, self._clock)
        self._unpackers: dict[tuple[str, ...], str] = {}
        for name, source in self._sources.items():
            _compile(self._environment, name, source)

    def render(self, name: str, record: Mapping[str, Any]) -> str:
        """The text of template ``name`` for ``record``, the log record's JSON fields.

        Raises TemplateError with a reason of one line that names template and line.
        """
        texts: dict[str, str] = {}
        context: dict[str, Any] = {}
        for variable in self._variables[name]:
            value = record.get(variable, _ABSENT)
            if type(value) is str:
                texts[variable] = value
            elif value is not _ABSENT:
                context[variable] = as_headers(value) if variable == "headers" else view(value)
            elif variable == "log_record":
                context[variable] = Record(record)
            elif variable in _METHODS_OF_DICT:
                # The binding would find the method of the dict that holds the variables.
                context[variable] = ""
        try:
            return self._render_packed(name, texts, context)
        except BaseException as error:
            self._recover(error)
        # Rendered as it is, the template tells where it fails; failing records are few.
        return self._render_plain(name, {**context, **texts})

    def _render_packed(self, name: str, texts: dict[str, str], context: dict[str, Any]) -> str:
        """Render, handing over all texts as one, which the engine splits.

        The binding takes 2 us to convert a Python string, trying every other type before, and the
        engine 0.3 us to split off a part.
        """
        packed = _SEPARATOR.join(texts.values())
        unpacker = self._unpacker(name, texts)
        if unpacker is None or packed.count(_SEPARATOR) != len(texts) - 1:
            return self._environment.render_template(name, **context, **texts)
        return self._environment.render_template(unpacker, **context, **{_PACKED: packed})

    def _unpacker(self, name: str, variables: Collection[str]) -> str | None:
        """The template that splits the texts into ``variables`` and then includes ``name``.

        None where that is no gain: for one text, or when records have texts in ever other fields.
        """
        key = (name, *variables)
        unpacker = self._unpackers.get(key)
        if unpacker is not None or len(key) < 3 or len(self._unpackers) == _MAX_UNPACKERS:
            return unpacker
        unpacker = " ".join(key)
        self._environment.add_template(
            unpacker,
            f"{{% set {', '.join(variables)} = {_PACKED}|split({json.dumps(_SEPARATOR)}) %}}"
            f"{{% include {json.dumps(name)} %}}",
        )
        self._unpackers[key] = unpacker
        return unpacker

    def _render_plain(self, name: str, context: dict[str, Any]) -> str:
        try:
            return self._environment.render_template(name, **context)
        except BaseException as error:
            self._recover(error)
            raise _failure(error, name, self._sources, self._fuel) from error

    def _recover(self, error: BaseException) -> None:
        """Raise what is no failure of the template; open a new engine after a panic."""
        if _is_panic(error):
            self._open()
        elif not isinstance(error, Exception):
            raise error


def render_once(
    name: str, source: str, variables: Mapping[str, Any], fuel: int, clock: Callable[[], float]
) -> str:
    """The text of a template that stands alone, for JSON-like variables that are no log record.

    The ending of ``name`` tells what is escaped, as MiniJinja has it. Raises TemplateError.
    """
    environment = _environment(fuel, clock)
    _compile(environment, name, source, "template")
    # The binding would find the methods of the dict that holds the variables.
    absent = _METHODS_OF_DICT.intersection(_WORD.findall(source)).difference(variables)
    context = {**dict.fromkeys(absent, ""), **{key: view(variables[key]) for key in variables}}
    try:
        return environment.render_template(name, **context)
    except BaseException as error:
        if not isinstance(error, Exception) and not _is_panic(error):
            raise
        raise _failure(error, name, {name: source}, fuel) from error


def unknown_variables(source: str, known: Collection[str]) -> list[str]:
    """The variables that a template uses and neither ``known``, it or the engine has; sorted.

    Raises TemplateError if ``source`` does not compile.
    """
    environment = Environment(debug=False)
    _compile(environment, "template", source)
    used = environment.undeclared_variables_in_template("template")
    return sorted(used.difference(known, _ENGINE_NAMES))


def _environment(fuel: int, clock: Callable[[], float]) -> Environment:
    """KumoMTA's engine: lenient, with its filters and functions, and no escaping of HTML."""
    functions = {**FUNCTIONS, "now": lambda: int(clock() * 1e6) / 1e6}
    environment = Environment(
        debug=False,
        fuel=fuel,
        filters={name: _named(name, function) for name, function in filters().items()},
        globals={name: _named(name, function) for name, function in functions.items()},
    )
    environment.remove_filter("urlencode")
    return environment


def _named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with its name in its errors: the binding forgets where they came from."""

    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except Exception as error:
            raise _CallError(name, str(error) or type(error).__name__) from error

    return minijinja.pass_state(call) if hasattr(function, "__minijinja_pass_state__") else call


def _is_panic(error: BaseException) -> bool:
    return type(error).__name__ == "PanicException"  # no class of it can be imported


def _compile(environment: Environment, name: str, source: str, kind: str = "record type") -> None:
    try:
        environment.add_template(name, source)
    except minijinja.TemplateError as error:
        lines = source.splitlines() or [""]
        line = min(error.line or 1, len(lines))
        raise TemplateError(
            f'compiling template: "{source}" for {kind} {name}: {error.message}: '
            f"{lines[line - 1].strip()}"
        ) from error


def _variables(sources: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """For each template the words that may be variables, those of templates it pulls in included.

    The engine's own search for variables misses some, such as ``sender`` in
    ``{% set sender = sender|upper %}``; a word too many costs next to nothing.
    """
    own = {name: frozenset(_WORD.findall(source)) for name, source in sources.items()}
    every = frozenset().union(*own.values())
    return {
        name: tuple(sorted(every if words & _SHARING_TAGS else words))
        for name, words in own.items()
    }


def _failure(
    error: BaseException, name: str, sources: Mapping[str, str], fuel: int
) -> TemplateError:
    """One line on why a rendering failed, with the template's name and, if it can be had, line."""
    if isinstance(error, minijinja.TemplateError) and error.kind == "OutOfFuel":
        place = f"{error.name}:{error.line}"
        return ExhaustedError(f"engine ran out of fuel after {fuel} steps (in {place})")
    return TemplateError(_reason(error, name, sources))


def _reason(error: BaseException, name: str, sources: Mapping[str, str]) -> str:
    if isinstance(error, minijinja.TemplateError):
        return _one_line("; ".join(filter(None, str(error).splitlines())))
    if isinstance(error, _CallError):
        return _one_line(f"{error} ({_place(error.name, name, sources)})")
    if isinstance(error, AttributeError):
        kind = _KINDS.get(type(error.obj), "value")
        place = _place(f".{error.name}", name, sources)
        return f"unknown method: {kind} has no method named {error.name} ({place})"
    return _one_line(f"{type(error).__name__}: {error} (in {name})")


_KINDS: Mapping[type, str] = MappingProxyType(
    {Items: "sequence", Fields: "map", Record: "map", Headers: "map"}
)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _place(word: str, name: str, sources: Mapping[str, str]) -> str:
    """Where ``word`` stands: in the template ``name``, or else in one it may have pulled in."""
    for candidate in (name, *sources):
        numbers = _lines_with(word, sources[candidate])
        if numbers:
            return f"in {candidate}:{', '.join(numbers)}"
    return f"in {name}"


def _lines_with(word: str, source: str) -> list[str]:
    return [str(number) for number, line in enumerate(source.splitlines(), 1) if word in line]
