"""`kumo.string.eval_template`, `normalize_smtp_response` and `wrap`."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import text

_FOLD: Final = b"\r\n\t"


def eval_template(registry: Registry, _place: str, *arguments: LuaValue) -> str:
    """A template rendered with the members of a table as its variables.

    The ending of ``name`` tells what is escaped (KumoMTA: templates); raises for a template that
    does not compile or render, and for the dialect Handlebars, which kumolog does not have.
    """
    name, source, context, dialect = check_call("kumo.string.eval_template", arguments)
    return _DIALECTS[dialect](registry, name, source, context)


def normalize_smtp_response(
    _registry: Registry, _place: str, response: LuaValue = None, *_: LuaValue
) -> str:
    """A response without what differs from one transaction to the next."""
    from kumolog.templates.normalize import normalize_smtp_response as normalize

    return normalize(text(response, 1))


def wrap(_registry: Registry, _place: str, *arguments: LuaValue) -> bytes:
    """Text in lines folded as a header's: CRLF and a tab take the place of blanks.

    A line has at most ``soft`` bytes where blanks allow it; what has none is cut at ``hard`` bytes.
    """
    source, soft, hard = check_call("kumo.string.wrap", arguments)
    if not hard:
        raise KumologError("kumo.string.wrap: a line has to hold at least one byte")
    lines: list[bytes] = []
    line = b""
    for word in source.split():
        if line and len(line) + 1 + len(word) > soft:
            lines.append(line)
            line = b""
        line = b" ".join(filter(None, (line, word)))
        while len(line) > hard:
            lines.append(line[:hard])
            line = line[hard:]
    return _FOLD.join((*lines, line))


def _jinja(registry: Registry, name: str, source: str, context: Any) -> str:
    from kumolog.templates import OneTimeTemplates  # the engine is loaded for those who use it

    variables = context if isinstance(context, dict) else {}
    templates = registry.state(OneTimeTemplates)
    return templates.render(name, source, variables, clock=registry.clock.wall)


def _static(_registry: Registry, _name: str, source: str, _context: Any) -> str:
    return source


def _handlebars(_registry: Registry, name: str, _source: str, _context: Any) -> str:
    raise KumologError(
        f"kumo.string.eval_template: {name}: kumolog does not render the dialect Handlebars, "
        "only Jinja and Static"
    )


_DIALECTS: Final[MappingProxyType[str, Callable[[Registry, str, str, Any], str]]] = (
    MappingProxyType({"Jinja": _jinja, "Static": _static, "Handlebars": _handlebars})
)
