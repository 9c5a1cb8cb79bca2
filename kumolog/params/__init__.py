"""Parameter tables of the ``kumo`` functions: a table is data, the checker is generic.

The tables themselves stand at the end of this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from kumolog.errors import KumologError
from kumolog.luavalue import LuaTable, LuaValue, echo, in_order, rebuilt
from kumolog.params.compose import ListOf, MapOf, Nullable, wanted_table
from kumolog.params.enums import Enum
from kumolog.params.minfree import MINFREE
from kumolog.params.types import (
    BOOL,
    DURATION,
    FIELD,
    I32,
    PATH,
    STRING,
    U64,
    USIZE,
    Mismatch,
    Type,
    Within,
    nearest,
    one_of,
)
from kumolog.record import RECORD_TYPES


class ParamError(KumologError):
    """A parameter table was refused.

    ``str(error)`` is KumoMTA's own text; ``hint`` is a sentence on what would be right, or None.
    """

    def __init__(self, text: str, hint: str | None = None) -> None:
        super().__init__(text)
        self.hint = hint


Style = Literal["ctx", "raw", "arg"]
"""How a function words its refusals: with the value as JSON, without it, or as an argument."""


def check(wanted: Type, value: LuaValue, style: Style = "ctx", position: int | str = 1) -> Any:
    """Return ``value`` converted to ``wanted``; raises ParamError.

    A value that fails is copied, which ends lists at their first hole, drops array marks and opens
    objects that have pairs, and is tried again; what happens then counts. Style ``raw`` knows one
    attempt only. ``position`` is that of an argument, for style ``arg``. KumoMTA: parameter tables,
    two attempts.
    """
    try:
        return _attempt(wanted, value)
    except Mismatch as error:
        mismatch = error
    if style == "raw":
        raise ParamError(str(mismatch), mismatch.hint)
    try:
        copy = rebuilt(value)
    except ValueError:  # what cannot be copied has one attempt only, and the echo names the cause
        raise _refused(mismatch, value, style, position) from None
    try:
        return _attempt(wanted, copy)
    except Mismatch as error:
        raise _refused(error, value, style, position) from None


def _attempt(wanted: Type, value: LuaValue) -> Any:
    try:
        return wanted.convert(value)
    except RecursionError:  # of a type that may contain itself
        raise Mismatch("the table contains itself or is nested too deeply") from None


def _refused(mismatch: Mismatch, value: LuaValue, style: Style, position: int | str) -> ParamError:
    where = f"bad argument #{position}: " if style == "arg" else ""
    return ParamError(f"{where}{mismatch}, while processing {echo(value)}", mismatch.hint)


class Key(Struct, frozen=True):
    """One row: what a key takes, and what it is when the policy leaves it out.

    ``default`` is written as a policy would write it and converted like the policy's own value;
    None stays None.
    """

    name: str
    type: Type
    required: bool = False
    default: LuaValue = None

    def absent(self) -> Any:
        if self.required:
            raise Mismatch(f"missing field `{self.name}`")
        return None if self.default is None else self.type.convert(self.default)


class ParamTable(Struct, frozen=True):
    """A table of named parameters, itself a type; converts to a dict in declaration order.

    A ``closed`` table refuses keys it does not know, an open one ignores them. Keys are converted
    in their order and the first fault ends the check; missing keys come last.
    """

    keys: tuple[Key, ...]
    closed: bool = True

    def convert(self, value: LuaValue) -> dict[str, Any]:
        by_name = {key.name: key for key in self.keys}
        given: dict[str, Any] = {}
        for name, item in in_order(wanted_table(value).items):
            key = self._key(name, by_name)
            if key is not None:
                given[key.name] = key.type.convert(item)
        return {
            key.name: given[key.name] if key.name in given else key.absent() for key in self.keys
        }

    def _key(self, name: LuaValue, by_name: Mapping[str, Key]) -> Key | None:
        text = FIELD.convert(name)
        key = by_name.get(text)
        if key is None and self.closed:
            names = tuple(by_name)
            raise Mismatch(
                f"unknown field `{text}`, expected {one_of(names)}", nearest(text, names)
            )
        return key


_EMPTY: Final = LuaTable()

PER_RECORD: Final = ParamTable(
    (
        Key("suffix", Nullable(STRING)),
        Key("log_dir", Nullable(PATH)),
        Key("enable", BOOL, default=True),
        Key("template", Nullable(STRING)),
        Key("segment_header", STRING, default=""),
    )
)

RECORD_TYPE: Final = Enum((*RECORD_TYPES, "Any"))

# kumo.configure_local_logs: the order is the one that error texts list.
LOCAL_LOGS: Final = ParamTable(
    (
        Key("log_dir", PATH, required=True),
        Key("max_file_size", U64, default=1_000_000_000),
        Key("back_pressure", USIZE, default=128_000),
        # zstd levels; KumoMTA takes any i32 and lets zstd clamp it.
        Key("compression_level", Within(I32, 0, 21), default=0),
        Key("max_segment_duration", Nullable(DURATION)),
        Key("meta", ListOf(STRING), default=_EMPTY),
        Key("headers", ListOf(STRING), default=_EMPTY),
        Key("per_record", MapOf(RECORD_TYPE, PER_RECORD), default=_EMPTY),
        Key("filter_event", Nullable(STRING)),
        # KumoMTA watches at 10% unasked; here unset means off.
        Key("min_free_space", MINFREE),
        Key("min_free_inodes", MINFREE),
    )
)
