"""TOML for policies: `kumo.serde.toml_*` and their older names `kumo.toml_*`.

rtoml is the same parser and writer that KumoMTA has, the Rust crate ``toml``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, Final
from uuid import uuid4

import rtoml

from kumolog.api.registry import Registry
from kumolog.api.structure import structure
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import text

# What serde makes of a TOML date: a table of this one key. KumoMTA's policies see it so.
_DATETIME_KEY: Final = "$__toml_private_datetime"
_INTEGERS: Final = range(-(2**63), 2**64)


def toml_parse(_registry: Registry, _place: str, source: LuaValue = None, *_: LuaValue) -> Any:
    """The table that TOML text spells."""
    toml = text(source, 1)
    return _parsed(toml, "text", f": {toml}")


def toml_load(registry: Registry, _place: str, file_name: LuaValue = None, *_: LuaValue) -> Any:
    """The table of a file of TOML text."""
    path = text(file_name, 1)
    return _parsed(registry.files.read_text(path), f"the file {path}")


def toml_encode(_registry: Registry, _place: str, value: LuaValue = None, *_: LuaValue) -> str:
    """TOML text with each array on one line."""
    return _encoded(_table(value), pretty=False)


def toml_encode_pretty(
    _registry: Registry, _place: str, value: LuaValue = None, *_: LuaValue
) -> str:
    """TOML text with a line for each element of an array."""
    return _encoded(_table(value), pretty=True)


def toml_encode_pretty_compact(
    _registry: Registry, _place: str, value: LuaValue = None, *_: LuaValue
) -> str:
    """As `toml_encode_pretty`, with sorted keys, and empty tables as ``{}`` behind their keys."""
    empty = uuid4().hex  # no text that is there can be mistaken for it
    toml = _encoded(_compact(_table(value), empty), pretty=True)
    return toml.replace(f'"{empty}"', "{}")


def _parsed(source: str, name: str, shown: str = "") -> Any:
    """``shown`` ends what is said of TOML that is none: text shows itself."""
    try:
        return _plain(rtoml.loads(source))
    except rtoml.TomlParsingError as error:
        raise KumologError(f"parsing {name} as TOML: {error}{shown}") from None
    except _BeyondIntegersError as error:
        what = f"{error} is too large for an integer"
        raise KumologError(f"parsing {name} as TOML: {what}{shown}") from None


def _encoded(table: dict[str, Any], *, pretty: bool) -> str:
    try:
        return rtoml.dumps(table, pretty=pretty, none_value=None)
    except rtoml.TomlSerializationError as error:
        raise KumologError(f"encoding a value as TOML: {error}") from None


def _table(value: LuaValue) -> dict[str, Any]:
    try:
        table = structure(value)
    except ValueError as error:
        raise KumologError(f"encoding a value as TOML: {error}") from None
    if not isinstance(table, dict):
        raise KumologError("encoding a value as TOML: only a table with string keys can be TOML")
    if _has_null_in_array(table):
        raise KumologError("encoding a value as TOML: an array cannot have a null in it")
    return table


def _has_null_in_array(value: Any) -> bool:
    if isinstance(value, list):
        return any(item is None or _has_null_in_array(item) for item in value)
    return isinstance(value, dict) and any(map(_has_null_in_array, value.values()))


def _compact(table: dict[str, Any], empty: str) -> dict[str, Any]:
    return {key: _compact_value(table[key], empty) for key in sorted(table)}


def _compact_value(value: Any, empty: str) -> Any:
    if isinstance(value, list):
        return [_compact_value(item, empty) for item in value]
    if isinstance(value, dict):
        return _compact(value, empty) if value else empty
    return value


class _BeyondIntegersError(ValueError):
    """An integer that 64 bits do not hold."""


def _plain(value: Any) -> Any:
    convert = _PLAIN.get(type(value))
    return convert(value) if convert else value


def _integer(value: int) -> int:
    if value not in _INTEGERS:
        raise _BeyondIntegersError(str(value))
    return value


def _clock(value: time | datetime) -> str:
    whole = value.strftime("%H:%M:%S")
    return f"{whole}.{value.microsecond:06d}".rstrip("0") if value.microsecond else whole


def _datetime(value: datetime) -> dict[str, str]:
    zone = value.isoformat()[-6:] if value.tzinfo else ""
    shown = f"{value.date().isoformat()}T{_clock(value)}{'Z' if zone == '+00:00' else zone}"
    return {_DATETIME_KEY: shown}


_PLAIN: Final[dict[type, Callable[[Any], Any]]] = {
    dict: lambda table: {key: _plain(item) for key, item in table.items()},
    list: lambda items: [_plain(item) for item in items],
    int: _integer,
    datetime: _datetime,
    date: lambda day: {_DATETIME_KEY: day.isoformat()},
    time: lambda value: {_DATETIME_KEY: _clock(value)},
}
