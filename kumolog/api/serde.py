"""JSON for policies: `kumo.serde.json_*` and their older names `kumo.json_*`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import msgspec

from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue, rebuilt, to_json, type_name

# A string is matched first, so that what looks like a comment inside it stays.
_STRING_OR_COMMENT = re.compile(rb'"(?:[^"\\]|\\.)*"|//[^\n]*|#[^\n]*|/\*.*?\*/', re.DOTALL)
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


def json_parse(_registry: Registry, _place: str, text: LuaValue = None, *_: LuaValue) -> Any:
    """The value of JSON text, in which ``//``, ``/* */`` and ``#`` comments are ignored."""
    source = _bytes("json_parse", "JSON text", text)
    try:
        return _parse(source)
    except _UNREADABLE as error:
        shown = source.decode(errors="replace")
        raise KumologError(f"parsing {shown!r} as JSON: {_reason(error)}") from None


def json_load(_registry: Registry, _place: str, file_name: LuaValue = None, *_: LuaValue) -> Any:
    """The value of a file of JSON text."""
    path = os.fsdecode(_bytes("json_load", "the name of a file", file_name))
    try:
        return _parse(Path(path).read_bytes())
    except _UNREADABLE as error:
        raise KumologError(f"parsing the file {path} as JSON: {_reason(error)}") from None
    except OSError as error:
        raise KumologError(f"reading {path}: {error.strerror}") from None
    except ValueError as error:  # a name with a NUL in it
        raise KumologError(f"reading {path!r}: {error}") from None


def _plain(value: LuaValue) -> Any:
    try:
        return to_json(rebuilt(value))
    except ValueError as error:
        raise KumologError(f"encoding a value as JSON: {error}") from None


def _parse(source: bytes) -> Any:
    bare = _STRING_OR_COMMENT.sub(lambda m: m[0] if m[0][:1] == b'"' else b" ", source)
    return msgspec.json.decode(bare)


def _bytes(function: str, wanted: str, value: LuaValue) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise KumologError(f"{function} needs {wanted} as a string, not {type_name(value)}")
    return value.encode()


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
