"""What a template sees of a record: read-only views that behave and print like MiniJinja values.

The engine's Python binding shows a Python list or dict as Python does (``['a']``, ``{'k': None}``)
and offers all of its methods, ``clear`` and ``pop`` among them. The views here offer what MiniJinja
offers, and print as MiniJinja prints: ``["a"]``, ``{"k": none}``. They wrap on access, so a record
that is not looked into costs nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

_ABSENT = object()


class Fields:
    """A JSON object of the record; absent keys are undefined, keys come sorted (as in KumoMTA).

    The binding asks for an attribute where a key is absent, so an absent key named like one of the
    methods would show the method: it is an empty text instead.
    """

    __slots__ = ("_fields",)
    _METHODS = frozenset({"get", "items", "keys", "values"})

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def _find(self, key: Any) -> Any:
        return self._fields.get(key, _ABSENT)

    def __getitem__(self, key: Any) -> Any:
        value = self._find(key)
        if value is not _ABSENT:
            return view(value)
        if key in self._METHODS:
            return ""
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._fields))

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return bool(plain(self) == plain(other))

    def __str__(self) -> str:
        return printed(self._fields)

    def get(self, key: Any, default: Any = None) -> Any:
        value = self._find(key)
        return default if value is _ABSENT else view(value)

    def keys(self) -> Items:
        return Items(sorted(self._fields))

    def values(self) -> Items:
        return Items([self._fields[key] for key in sorted(self._fields)])

    def items(self) -> Items:
        return Items([[key, self._fields[key]] for key in sorted(self._fields)])


class Headers(Fields):
    """The record's ``headers``: its keys are lower case, and any spelling finds them."""

    __slots__ = ()

    def _find(self, key: Any) -> Any:
        return self._fields.get(key.lower() if isinstance(key, str) else key, _ABSENT)


class Record(Fields):
    """The whole record: ``log_record``."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        return as_headers(value) if key == "headers" else value

    def get(self, key: Any, default: Any = None) -> Any:
        value = super().get(key, default)
        return as_headers(value) if key == "headers" else value


class Items:
    """A JSON array of the record."""

    __slots__ = ("_values",)
    _METHODS = frozenset({"count"})

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        if key in self._METHODS:
            return ""
        return view(self._values[key])

    def __iter__(self) -> Iterator[Any]:
        return map(view, self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return bool(plain(self) == plain(other))

    def __str__(self) -> str:
        return printed(self._values)

    def count(self, value: Any) -> int:
        return [plain(item) for item in self._values].count(plain(value))


# The binding takes a type for a sequence only when this class vouches for it.
Sequence.register(Items)

_VIEWS: Mapping[type, Callable[[Any], Any]] = MappingProxyType(
    {dict: Fields, list: Items, tuple: Items}
)


def view(value: Any) -> Any:
    """What the engine is given for a plain value: itself, or a view of an object or array."""
    make = _VIEWS.get(type(value))
    return value if make is None else make(value)


def as_headers(value: Any) -> Any:
    """The view of the record's ``headers``, whatever it was made of."""
    return Headers(plain(value)) if isinstance(value, Fields | dict) else view(value)


def plain(value: Any) -> Any:
    """The plain value behind a view; any other value is itself."""
    if isinstance(value, Fields):
        return value._fields
    return value._values if isinstance(value, Items) else value


def printed(value: Any, *, indent: str | None = None) -> str:
    """``value`` as MiniJinja prints it inside a list or map.

    ``indent`` is None for one line, else the blanks in front of the closing bracket, as the
    filter ``pprint`` lays it out: four more for each level, a comma after every member.
    """
    value = plain(value)
    printer = _PRINTERS.get(type(value))
    if printer is not None:
        return printer(value)
    if isinstance(value, Mapping):
        inner = None if indent is None else indent + "    "
        members = [
            f"{printed(key, indent=inner)}: {printed(member, indent=inner)}"
            for key, member in sorted(value.items(), key=_by_text)
        ]
        return _bracketed(members, "{}", indent)
    if isinstance(value, Sequence) and not isinstance(value, str):
        inner = None if indent is None else indent + "    "
        return _bracketed([printed(member, indent=inner) for member in value], "[]", indent)
    return _print_text(str(value))


def _by_text(item: tuple[Any, Any]) -> str:
    return str(item[0])


def _bracketed(members: list[str], brackets: str, indent: str | None) -> str:
    if indent is None or not members:
        return f"{brackets[0]}{', '.join(members)}{brackets[1]}"
    lines = "".join(f"{indent}    {member},\n" for member in members)
    return f"{brackets[0]}\n{lines}{indent}{brackets[1]}"


def _print_text(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_print_character, text))}"'


_ESCAPES: Mapping[str, str] = MappingProxyType(
    {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
)


def _print_character(character: str) -> str:
    if (escape := _ESCAPES.get(character)) is not None:
        return escape
    # Marks that join the character before them are shown as codes, as invisible ones are.
    if character.isprintable() and unicodedata.category(character) not in ("Mn", "Me"):
        return character
    return f"\\u{{{ord(character):x}}}"


def _print_float(number: float) -> str:
    mantissa, exponent_mark, exponent = repr(number).partition("e")
    if exponent_mark:
        return f"{mantissa}e{int(exponent)}"
    return "NaN" if mantissa == "nan" else mantissa


_PRINTERS: Mapping[type, Callable[[Any], str]] = MappingProxyType(
    {
        str: _print_text,
        bool: lambda value: "true" if value else "false",
        int: str,
        float: _print_float,
        type(None): lambda _: "none",
    }
)
