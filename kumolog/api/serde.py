"""JSON for policies: `kumo.serde.json_*` and their older names `kumo.json_*`."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue, rebuilt, to_json
from kumolog.params.arguments import text

# A string is matched first, so that what looks like a comment inside it stays. What is not ended
# goes to the end of the text, so that no second search for its end begins inside.
_SPECIAL: Final = re.compile(
    rb'"(?>(?:[^"\\]|\\.)*)"?|//[^\n]*|#[^\n]*|/\*(?:.*?\*/|.*)|(?<![eE])-0(?![.0-9eE])', re.DOTALL
)
_TOO_DEEP: Final = 128  # levels, as KumoMTA's JSON reader has it
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def json_encode(_registry: Registry, _place: str, value: LuaValue = None, *_: LuaValue) -> bytes:
    """Compact JSON; KumoMTA: an array mark does not survive, so an empty table is ``{}``."""
    return msgspec.json.encode(_plain(value))


def json_encode_pretty(
    _registry: Registry, _place: str, value: LuaValue = None, *_: LuaValue
) -> bytes:
    """JSON with an indent of two blanks and sorted keys."""
    ordered = msgspec.json.encode(_plain(value), order="deterministic")
    return msgspec.json.format(ordered, indent=2)


def json_parse(_registry: Registry, _place: str, source: LuaValue = None, *_: LuaValue) -> Any:
    """The value of JSON text, in which ``//``, ``/* */`` and ``#`` comments are ignored.

    KumoMTA: errors show the text as it is.
    """
    json = text(source, 1)
    try:
        return _parse(json.encode())
    except _UNREADABLE as error:
        # The text comes last: where all of it is too much for an error, its end is left out.
        raise KumologError(f"parsing text as JSON: {_reason(error)}: {json}") from None


def json_load(registry: Registry, _place: str, file_name: LuaValue = None, *_: LuaValue) -> Any:
    """The value of a file of JSON text."""
    path = text(file_name, 1)
    try:
        return _parse(registry.files.read(path))
    except _UNREADABLE as error:
        raise KumologError(f"parsing the file {path} as JSON: {_reason(error)}") from None


def _plain(value: LuaValue) -> Any:
    try:
        return to_json(rebuilt(value))
    except ValueError as error:
        raise KumologError(f"encoding a value as JSON: {error}") from None


def _parse(source: bytes) -> Any:
    value = msgspec.json.decode(_SPECIAL.sub(_plainly, source))
    if _has_levels(value, _TOO_DEEP):
        raise RecursionError
    return value


def _plainly(found: re.Match[bytes]) -> bytes:
    """What to read in place of a token: blanks for a comment, a float for the minus zero."""
    token = found[0]
    if token.startswith(b'"') or (token.startswith(b"/*") and not token.endswith(b"*/")):
        return token
    return b"-0.0" if token == b"-0" else b" "


def _has_levels(value: Any, levels: int) -> bool:
    """Whether arrays and objects stand in one another so often."""
    containers = [value]
    for _ in range(levels):
        containers = [item for item in containers if isinstance(item, dict | list)]
        if not containers:
            return False
        containers = [
            inner
            for item in containers
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return True


def _reason(error: Exception) -> str:
    return "recursion limit exceeded" if isinstance(error, RecursionError) else str(error)
