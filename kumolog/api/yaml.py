"""YAML for policies: `kumo.serde.yaml_*`.

PyYAML's parser and emitter know the syntax; what scalars mean is YAML 1.2's core schema here, as in
KumoMTA's serde_yaml, and not the YAML 1.1 of PyYAML's own loaders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import yaml  # type: ignore[import-untyped] # its types are a package of their own

from kumolog.api.registry import Registry
from kumolog.api.structure import structure
from kumolog.api.yamlscalars import is_ambiguous, plain_scalar, scalar_text, tagged_scalar
from kumolog.errors import KumologError
from kumolog.luavalue import MAX_DEPTH, LuaValue, quoted
from kumolog.params.arguments import text

_EXPANSION: Final = 100  # how many times its own number of events a document may grow by aliases
# The wheels carry libyaml, of which KumoMTA's parser is a port; PyYAML can be built without it.
_LOADER: Final[Any] = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
_DUMPER: Final[Any] = yaml.CDumper if yaml.__with_libyaml__ else yaml.Dumper
_UNFOLDED: Final = 2**31 - 1  # a line width that no line reaches
_DOCUMENT_END: Final = "\n...\n"


def yaml_parse(_registry: Registry, _place: str, source: LuaValue = None, *_: LuaValue) -> Any:
    """The value that YAML text spells."""
    document = text(source, 1)
    return _parsed(document, "text", f": {document}")


def yaml_load(registry: Registry, _place: str, file_name: LuaValue = None, *_: LuaValue) -> Any:
    """The value of a file of YAML text."""
    path = text(file_name, 1)
    return _parsed(registry.files.read_text(path), f"the file {path}")


def yaml_encode(_registry: Registry, _place: str, value: LuaValue = None, *_: LuaValue) -> str:
    """YAML text in block style."""
    try:
        plain = structure(value)
    except ValueError as error:
        raise KumologError(f"encoding a value as YAML: {error}") from None
    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        *_events(plain),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    document: str = yaml.emit(events, Dumper=_DUMPER, width=_UNFOLDED, allow_unicode=True)
    if not isinstance(plain, dict | list):  # only a lone scalar may be marked as ended
        return document.removesuffix(_DOCUMENT_END[1:])
    return document


def _parsed(document: str, name: str, shown: str = "") -> Any:
    """``shown`` ends what is said of YAML that is none: text shows itself."""
    try:
        return _Builder(list(yaml.parse(document, Loader=_LOADER))).document()
    except yaml.YAMLError as error:
        raise KumologError(f"parsing {name} as YAML: {_one_line(error)}{shown}") from None


def _one_line(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    mark = error.problem_mark or error.context_mark
    what = ", ".join(part for part in (error.context, error.problem) if part)
    return f"{what} at line {mark.line + 1} column {mark.column + 1}" if mark else what


class _Anchored(NamedTuple):
    """What an anchor stands for: ``size`` counts its nodes, ``key`` is it as the key of a map."""

    value: Any
    size: int
    key: str | None


class _Builder:
    """Makes the value of one document out of the parser's events."""

    def __init__(self, events: list[Any]) -> None:
        self._events = iter(events)
        self._most = _EXPANSION * len(events)
        self._made = 0
        self._anchors: dict[str, _Anchored | None] = {}

    def document(self) -> Any:
        """None for an empty text; raises YAMLError for several documents."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._node(next(self._events), 0)
        next(self._events)
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise _refused("text with more than one document", following)
        return value

    def _node(self, event: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise _refused("recursion limit exceeded", event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event).value
        before, self._made = self._made, self._made + 1
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        value = self._BUILDERS[type(event)](self, event, depth)
        if event.anchor is not None:
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            self._anchors[event.anchor] = _Anchored(value, self._made - before, key)
        return value

    def _alias(self, event: Any) -> _Anchored:
        if event.anchor not in self._anchors:
            raise _refused("unknown anchor", event)
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise _refused("recursion limit exceeded", event)
        self._made += anchored.size
        if self._made > self._most:
            raise _refused("repetition limit exceeded", event)
        return anchored

    def _scalar(self, event: Any, _depth: int) -> Any:
        if event.tag is None:
            return event.value if event.style else plain_scalar(event.value)
        try:
            return tagged_scalar(event.tag, event.value)
        except ValueError as error:
            raise _refused(str(error), event) from None

    def _sequence(self, event: Any, depth: int) -> list[Any]:
        _without_own_tag(event)
        items = []
        while not isinstance(inner := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(inner, depth + 1))
        return items

    def _mapping(self, event: Any, depth: int) -> dict[str, Any]:
        _without_own_tag(event)
        table: dict[str, Any] = {}
        while not isinstance(inner := next(self._events), yaml.MappingEndEvent):
            key = self._key(inner, depth + 1)
            if key in table:
                raise _refused(f"duplicate entry with key {quoted(key)}", inner)
            table[key] = self._node(next(self._events), depth + 1)
        return table

    def _key(self, event: Any, depth: int) -> str:
        if isinstance(event, yaml.AliasEvent):
            key = self._alias(event).key
        else:
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            self._node(event, depth)
        if key is None:
            raise _refused("only a scalar can be a key", event)
        return key

    _BUILDERS: Final[dict[type, Callable[[_Builder, Any, int], Any]]] = {
        yaml.ScalarEvent: _scalar,
        yaml.SequenceStartEvent: _sequence,
        yaml.MappingStartEvent: _mapping,
    }


def _without_own_tag(event: Any) -> None:
    if event.tag is not None and event.tag.startswith("!") and event.tag != "!":
        raise _refused(f"the tag {event.tag} means nothing here", event)


def _refused(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _events(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield yaml.SequenceStartEvent(None, None, True, flow_style=False)
        for item in value:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    elif isinstance(value, dict):
        yield yaml.MappingStartEvent(None, None, True, flow_style=False)
        for key, item in value.items():
            yield from _events(key)
            yield from _events(item)
        yield yaml.MappingEndEvent()
    else:
        yield yaml.ScalarEvent(None, None, (True, True), scalar_text(value), style=_style(value))


def _style(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return "|" if "\n" in value else "'" if is_ambiguous(value) else None
