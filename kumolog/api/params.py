"""What the functions of the API take, out of ``params.tsv``.

A row is one key of a container. Containers are functions (positional arguments ``#1``, ``#2`` and
the keys of their one parameter table), nested tables ``type:X``, variants of ``enum:X`` and results
of ``event:X``. ``type`` is spelled ``list<struct:Mailbox>``; ``A|B`` takes the first that fits.
``default`` is JSON; null also means that the key may be null. Notes: ``ctx``, ``raw`` and ``arg``
say how an argument is refused (without one the lax rules of positional arguments hold), ``b`` marks
a flattened key, ``taken`` one that is taken out first, ``tag=K`` an enum that is told by its key K.

Everything is built when it is first asked for, and kept: it never changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kumolog.luavalue import LuaValue, from_json
from kumolog.params import Key, ParamTable, grammar, net, times, types
from kumolog.params.buffered import BufferedList, BufferedMap, BufferedTable, FlattenedTable
from kumolog.params.compose import STRING_KEY, FirstOf, ListOf, MapOf, Nullable, TupleOf
from kumolog.params.enums import Disposition, Enum, Folded, OneOrMany, Tagged, Untagged
from kumolog.params.minfree import MINFREE
from kumolog.params.types import (
    STRING,
    Bytes,
    Mismatch,
    Type,
)

NULLABLE = "null"
_COMPUTED: dict[str, Callable[[], LuaValue]] = {
    "@hostname": lambda: os.uname().nodename,
    "@cores/4": lambda: max(1, (os.cpu_count() or 1) // 4),
}
INTEGERS = ("u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64")
_SCALARS: dict[str, Type] = {
    **{name: getattr(types, name.upper()) for name in INTEGERS},
    "any": types.ANY,
    "bool": types.BOOL,
    "bytes": Bytes(),
    "bytestring": Bytes("a byte string"),
    "datetime": times.DATETIME,
    "daysofweek": times.DAYS_OF_WEEK,
    "duration": types.DURATION,
    "email": grammar.EMAIL,
    "float": types.FLOAT,
    "function": types.FUNCTION,
    "hostaddr": net.HOSTADDR,
    "hostport": net.HOSTPORT,
    "ip": net.IP,
    "ipsocket": net.IP_SOCKET,
    "minfree": MINFREE,
    "null": types.NOTHING,
    "path": types.PATH,
    "sockaddr": net.SOCKADDR,
    "string": STRING,
    "string_or_list": OneOrMany(STRING, BufferedList(STRING)),
    "throttle": grammar.THROTTLE,
    "timeofday": times.TIME_OF_DAY,
    "timezone": times.TIMEZONE,
    "unixtime": types.TIMESTAMP,
    "uri": net.URI,
    "url": net.URL,
    "uuid": grammar.UUID_TEXT,
}


class Row(NamedTuple):
    """One line of the table."""

    container: str
    key: str
    type: str
    required: str
    default: str
    closed: str
    note: str

    @property
    def is_positional(self) -> bool:
        return self.key.startswith("#") or self.key == "return"


@cache
def _lines() -> dict[str, list[str]]:
    text = Path(__file__).with_name("params.tsv").read_text("utf-8")
    found: dict[str, list[str]] = {}
    for line in text.splitlines()[1:]:
        found.setdefault(line[: line.index("\t")], []).append(line)
    return found


def containers() -> list[str]:
    """The names of all containers, in the order of the table."""
    return list(_lines())


def rows(container: str) -> list[Row]:
    """The rows of a container in the order of declaration; none where it has no table."""
    return [Row(*line.split("\t")) for line in _lines().get(container, ())]


@cache
def type_of(text: str, buffered: bool = False) -> Type:
    """The type that a ``type`` column spells; see `kumolog.params.buffered` for ``buffered``."""
    first, bar, rest = text.partition("|")
    if bar and "<" not in first:
        return FirstOf((type_of(first, buffered), type_of(rest, buffered)))
    outer, _, inner = text.partition("<")
    if inner:
        parts = _parted(inner[:-1])
        return _GENERIC[outer](buffered, *(type_of(part, buffered) for part in parts))
    if ":" in text:
        return Named(text, buffered)
    return _SCALARS.get(text) or _BUILT[text](buffered)


def _parted(text: str) -> tuple[str, ...]:
    """The types between the commas of ``K,V``; only the last one holds commas of its own."""
    first, comma, rest = text.partition(",")
    return (first, rest) if comma and "<" not in first else (text,)


def _list(buffered: bool, element: Type) -> Type:
    return BufferedList(element) if buffered else ListOf(element)


def _map(buffered: bool, key: Type, value: Type) -> Type:
    if buffered:
        return BufferedMap(key, value)
    return MapOf(STRING_KEY if key is STRING else key, value)


def _cidr_map(buffered: bool, value: Type) -> Type:
    key = net.CIDR
    return BufferedMap(key, value, "a CidrMap") if buffered else MapOf(key, value)


_GENERIC: dict[str, Callable[..., Type]] = {"list": _list, "map": _map, "cidrmap": _cidr_map}
_BUILT: dict[str, Callable[[bool], Type]] = {
    "cidrs": lambda buffered: net.CidrSet(_list(buffered, STRING)),
    "conformance": lambda _: grammar.conformance(_variants("MessageConformance")),
    "keysource": lambda _: type_of("enum:KeySource"),
    "limit": lambda _: grammar.LimitOf(type_of("struct:LimitSpec")),
    "opensslopts": lambda _: grammar.openssl_options(_variants("OpensslOption")),
}


class Named(msgspec.Struct, frozen=True):
    """A container, built when the first value comes to it: some contain themselves."""

    name: str
    buffered: bool

    def convert(self, value: LuaValue) -> Any:
        return self.resolve().convert(value)

    def resolve(self) -> Type:
        return container_type(self.name, self.buffered)


@cache
def container_type(name: str, buffered: bool = False) -> Type:
    """The type of ``enum:X``, or of ``struct:X`` where X names a ``type:X`` or a function."""
    kind, _, bare = name.partition(":")
    if kind == "enum":
        return _enum(bare, buffered)
    own = [row for row in rows(bare) if not row.is_positional]
    return _table(bare, own or rows(f"type:{bare}"), buffered)


def _variants(enum: str) -> tuple[str, ...]:
    return tuple(row.key for row in rows(f"enum:{enum}"))


def _enum(name: str, buffered: bool) -> Type:
    variants = rows(f"enum:{name}")
    if variants[0].is_positional:
        spelled = dict.fromkeys(row.type for row in variants)
        return Untagged(name, tuple(type_of(text, buffered=True) for text in spelled))
    names = _variants(name)
    if name == "LogReportDisposition":
        return Disposition(names)
    if name == "RustlsCipherSuite":
        return Folded(names, STRING, "rustls cipher suite")
    tag = variants[0].note.removeprefix("tag=")
    within = buffered or bool(tag)
    payloads = {row.key: type_of(row.type, within) for row in variants if row.type != "unit"}
    return Tagged(name, tag, names, payloads) if tag else Enum(names, payloads, buffered)


def _table(name: str, own: list[Row], buffered: bool) -> Type:
    if own[0].is_positional:
        return TupleOf(tuple(type_of(row.type, buffered) for row in own))
    flattened = frozenset(row.key for row in own if "b" in row.note.split())
    keys = tuple(_key(row, buffered or row.key in flattened) for row in own)
    if name == "Scheduling":
        return times.Scheduling(keys)
    if flattened:
        return FlattenedTable(keys, flattened, own[0].closed != "no")
    table = ParamTable(keys, own[0].closed != "no")
    return BufferedTable(table, name) if buffered else table


def _key(row: Row, buffered: bool) -> Key:
    wanted = type_of(row.type, buffered)
    if row.default == NULLABLE:
        wanted = Nullable(wanted)
    make = _TakenKey if row.note == "taken" else Key
    return make(row.key, wanted, row.required == "yes", default_of(row))


def default_of(row: Row) -> LuaValue:
    """What a row's default is, as a policy would write it."""
    if row.default.startswith("@"):
        return _COMPUTED[row.default]()
    return from_json(msgspec.json.decode(row.default)) if row.default else None


class _TakenKey(Key, frozen=True):
    """A key that KumoMTA takes out of the table before it looks at the others."""

    def absent(self) -> Any:
        raise Mismatch("error converting Lua nil to table", prefix="")
