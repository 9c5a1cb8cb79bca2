"""Finds out, without decoding them, which lines are exactly what kumolog writes for their records.

A line that is odd in any way may still be the same: what the scanner does not know at a glance is
left to those who decode it. It runs in LuaJIT, which is in lupa's wheels beside the Lua of the
policies, and shares nothing with that.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from msgspec import inspect

from kumolog.event import Scan, Wanted, encode
from kumolog.record import TYPE_CODES, KnownRecord

_FIELDS: Final[dict[str, Any]] = {
    "queue": msgspec.json.Decoder(str | None),
    "reception_protocol": msgspec.json.Decoder(str | None),
    "meta": msgspec.json.Decoder(dict[str, Any] | None),
    "headers": msgspec.json.Decoder(dict[str, str | list[str]] | None),
}
"""Those whose values can be had; by number they are the places after the first in a row."""
_NUMBERS: Final = {name: number for number, name in enumerate(_FIELDS, 1)}
_WIDTH: Final = 1 + 2 * len(_FIELDS)
_FIELDS_AT_ONCE: Final = 6
_HAS_MEMBERS, _HAS_REPORT, _BEYOND_ASCII = range(3)
# A system may forbid it to make code that can be run: then it would be much too slow.
_COMPILES: Final = b"""for _ = 1, 1000 do end
    return jit.status() and require 'jit.util'.traceinfo(1) ~= nil"""
_MOST_WANTED: Final = 256
_LARGEST: Final = 1 << 20  # bytes of text: more comes in a block only where a line is very long


class Scanner:
    """Give it blocks of lines. The fields of one can be asked for until it is given the next."""

    def __init__(self, runtime: Any) -> None:
        source = Path(__file__).with_suffix(".lua").read_bytes()
        bodies = runtime.table_from([body.encode() for body in _Writing().bodies()])
        self._table_from = runtime.table_from
        self._scan, self._field, self._splice = runtime.execute(
            source, bodies, _WIDTH, name=b"=scanner"
        )
        self._wanted: dict[tuple[Wanted, ...], tuple[Any, ...]] = {}
        self._scans = 0

    @classmethod
    def open(cls) -> Self | None:
        """None where there is no LuaJIT that compiles for this machine."""
        try:
            from lupa import luajit21
        except ImportError:
            return None
        runtime = luajit21.LuaRuntime(
            encoding=None,
            unpack_returned_tuples=True,
            register_eval=False,
            register_builtins=False,
        )
        return cls(runtime) if runtime.execute(_COMPILES) else None

    def scan(self, text: bytes) -> Scan | None:
        """What can be said of whole lines, None for nothing."""
        self._scans += 1
        if len(text) > _LARGEST:
            return None
        address = ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value
        found = self._scan(address, len(text), b"\\" in text)
        if found is None:
            return None
        types, flags = found
        if flags[_BEYOND_ASCII] and not _is_utf8(text):
            return None
        values = partial(self._values, self._scans, {})
        has_members, has_report = bool(flags[_HAS_MEMBERS]), bool(flags[_HAS_REPORT])
        spliced = partial(self._spliced, self._scans)
        return Scan(types.decode("ascii"), has_members, has_report, values, spliced)

    def _values(self, scan: int, known: dict[str, list[Any]], name: str) -> list[Any] | None:
        if name not in known and scan == self._scans:
            lines = self._field(_NUMBERS[name])
            known[name] = _FIELDS[name].decode_lines(lines)
        return known.get(name)

    def _spliced(
        self, scan: int, meta: Wanted, headers: Wanted, left_out: str, mask: bytes
    ) -> bytes | None:
        if scan != self._scans:
            return None
        if (meta, headers) not in self._wanted:
            if len(self._wanted) == _MOST_WANTED:
                self._wanted.clear()
            self._wanted[meta, headers] = self._known(meta), self._known(headers)
        of_meta, of_headers = self._wanted[meta, headers]
        spliced: bytes | None = self._splice(
            _NUMBERS["meta"], of_meta, _NUMBERS["headers"], of_headers, ord(left_out), mask
        )
        return spliced

    def _known(self, wanted: Wanted) -> Any:
        """The same as a table of LuaJIT's."""
        keys = [encode(name) + b":" for name in wanted.keys]
        table = self._table_from
        return table(
            {
                b"count": len(keys),
                b"keys": table(keys),
                b"taken": len(wanted.taken),
                b"names": table([encode(to) + b":" for to, _ in wanted.taken]),
                b"places": table([wanted.keys.index(name) + 1 for _, name in wanted.taken]),
                b"drops_nulls": wanted.drops_nulls,
            }
        )


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Writing:
    """Writes what the loops of scanner.lua do for a line: ``p`` is the text, ``i`` the place in it.

    What has to come literally is gathered, so that it is compared at one stroke.
    """

    def __init__(self) -> None:
        self._bodies: list[str] = []
        self._code: list[str] = []
        self._literal = ""
        self._write: dict[type, Callable[[Any, str], None]] = {
            inspect.StrType: self._text,
            inspect.IntType: self._number,
            inspect.BoolType: self._boolean,
            inspect.LiteralType: self._record_type,
            inspect.ListType: self._texts,
            inspect.DictType: self._members,
            inspect.StructType: self._struct,
            inspect.UnionType: self._union,
        }

    def bodies(self) -> list[str]:
        """The code for some fields each; or what kind of objects comes next, which has a loop."""
        record = inspect.type_info(KnownRecord)
        assert isinstance(record, inspect.StructType)
        self._literal = "{"
        for number, field in enumerate(record.fields):
            if number and number % _FIELDS_AT_ONCE == 0:
                self._end_body()
            self._member(field, "," if number else "", "")
        self._literal += "}\n"
        self._end_body()
        return self._bodies

    def _end_body(self) -> None:
        self._flush()
        if self._code:
            self._bodies.append("\n".join(self._code))
        self._code = []

    def _member(self, field: inspect.Field, comma: str, path: str) -> None:
        key = f'{comma}"{field.encode_name}":'
        if field.required:
            self._literal += key
            self._value(field, path)
            return
        self._flush()
        self._code.append(f"if {_compared(key)} then i = i + {len(key)}")
        self._value(field, path)
        self._flush()
        self._code.append("end")

    def _value(self, field: inspect.Field, path: str) -> None:
        number = 0 if path else _NUMBERS.get(field.name, 0)
        if number:
            self._flush()
            self._code.append(f"places[at + {2 * number - 1}] = i")
        self._write[type(field.type)](field.type, path + field.name)
        if number:
            self._flush()
            self._code.append(f"places[at + {2 * number}] = i")

    def _flush(self) -> None:
        if self._literal:
            size = len(self._literal)
            self._code.append(
                f"if not ({_compared(self._literal)}) then goto odd end i = i + {size}"
            )
            self._literal = ""

    def _found(self, call: str) -> None:
        self._flush()
        self._code.append(f"i = {call} if i < 0 then goto odd end")

    def _text(self, _type: Any, path: str) -> None:
        self._literal += '"'
        # KumoMTA: the text of a reply is one line.
        self._found("line_text(p, i)" if path == "response.content" else "text(p, i)")

    def _number(self, number: inspect.IntType, _path: str) -> None:
        # With fewer digits than the greatest it cannot be too great. What is negative is rare.
        self._found(f"natural(p, i, {len(str(number.le)) - 1})")

    def _boolean(self, _type: Any, _path: str) -> None:
        self._flush()
        self._code.append(
            f"if {_compared('true')} then i = i + 4 "
            f"elseif {_compared('false')} then i = i + 5 else goto odd end"
        )

    def _record_type(self, _type: Any, _path: str) -> None:
        self._flush()
        for name, code in TYPE_CODES.items():
            text = f'"{name}"'
            self._code.append(
                f"if {_compared(text)} then i = i + {len(text)} codes[n] = {ord(code)} else"
            )
        self._code.append("goto odd" + " end" * len(TYPE_CODES))

    def _texts(self, texts: inspect.ListType, _path: str) -> None:
        self._found(f"texts(p, i, {texts.min_length or 0})")

    def _members(self, members: inspect.DictType, path: str) -> None:
        if path == "feedback_report":
            self._found("any_object(p, i)")
            self._code.append(f"flags[{_HAS_REPORT}] = 1")
            return
        self._end_body()
        is_any = isinstance(members.value_type, inspect.AnyType)
        self._bodies.append(f"objects of {'any values' if is_any else 'texts'}")

    def _struct(self, struct: inspect.StructType, path: str) -> None:
        self._literal += "{"
        for number, field in enumerate(struct.fields):
            self._member(field, "," if number else "", f"{path}.")
        self._literal += "}"

    def _union(self, union: inspect.UnionType, path: str) -> None:
        """Something or null, or one text or a list of them."""
        first, second = union.types
        self._flush()
        if isinstance(second, inspect.NoneType):
            self._code.append(f"if {_compared('null')} then i = i + 4 else")
            self._write[type(first)](first, path)
        else:
            self._code.append(f"if {_compared('[')} then")
            self._write[type(second)](second, path)
            self._code.append("else")
            self._write[type(first)](first, path)
        self._flush()
        self._code.append("end")


def _compared(text: str) -> str:
    """Whether a text comes next, four bytes at a time; the last four may overlap."""
    data = text.encode()
    if len(data) < 4:
        return " and ".join(f"p[i + {n}] == {byte}" for n, byte in enumerate(data))
    starts = [*range(0, len(data) - 3, 4), *([len(data) - 4] if len(data) % 4 else [])]
    words = {n: int.from_bytes(data[n : n + 4], sys.byteorder, signed=True) for n in starts}
    return " and ".join(f"cast(words, p + i + {n})[0] == {word}" for n, word in words.items())
