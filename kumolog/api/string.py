"""`kumo.string`: what Rust's strings can do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import data, integer, text

# Unicode's White_Space: Python's own notion of it has four control characters more.
_WHITESPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_NOT_WHITESPACE: Final = re.compile(f"[^{_WHITESPACE}]+")
_NOT_ASCII_WHITESPACE: Final = re.compile(r"[^\t\n\f\r ]+")
_LONGEST: Final = 256 << 20  # characters; nothing can end the one call that would fill the memory

# Searching -----------------------------------------------------------------------------------


def starts_with(
    _registry: Registry, _place: str, s: LuaValue = None, prefix: LuaValue = None, *_: LuaValue
) -> bool:
    """Whether the bytes of ``s`` begin with those of ``prefix``."""
    return data(s, 1).startswith(data(prefix, 2))


def ends_with(
    _registry: Registry, _place: str, s: LuaValue = None, suffix: LuaValue = None, *_: LuaValue
) -> bool:
    """Whether the bytes of ``s`` end with those of ``suffix``."""
    return data(s, 1).endswith(data(suffix, 2))


def replace(
    _registry: Registry,
    _place: str,
    s: LuaValue = None,
    old: LuaValue = None,
    new: LuaValue = None,
    *_: LuaValue,
) -> str:
    """``s`` with every occurrence of a text replaced."""
    return _replaced(text(s, 1), text(old, 2), text(new, 3), None)


def replacen(
    _registry: Registry,
    _place: str,
    s: LuaValue = None,
    old: LuaValue = None,
    new: LuaValue = None,
    count: LuaValue = None,
    *_: LuaValue,
) -> str:
    """``s`` with the first ``count`` occurrences of a text replaced."""
    source, most = text(s, 1), integer(count, 4, "usize")
    return _replaced(source, text(old, 2), text(new, 3), most)


def _replaced(source: str, old: str, new: str, most: int | None) -> str:
    found = source.count(old)
    count = found if most is None else min(most, found)
    if len(source) + count * (len(new) - len(old)) > _LONGEST:
        raise KumologError(
            f"replacing {count:,} occurrences makes a text of more than {_LONGEST >> 20} million "
            "characters"
        )
    return source.replace(old, new, count)


# Splitting and trimming ----------------------------------------------------------------------


def split(
    _registry: Registry, _place: str, s: LuaValue = None, separator: LuaValue = None, *_: LuaValue
) -> list[str]:
    """The pieces between the separators, empty ones too."""
    return _split(text(s, 1), text(separator, 2))


def rsplit(
    _registry: Registry, _place: str, s: LuaValue = None, separator: LuaValue = None, *_: LuaValue
) -> list[str]:
    """As `split`, but from the right end."""
    return _rsplit(text(s, 1), text(separator, 2))


def splitn(
    _registry: Registry,
    _place: str,
    s: LuaValue = None,
    limit: LuaValue = None,
    separator: LuaValue = None,
    *_: LuaValue,
) -> list[str]:
    """At most ``limit`` pieces, of which the last is all that is left."""
    return _limited(_split, text(s, 1), integer(limit, 2, "usize"), text(separator, 3))


def rsplitn(
    _registry: Registry,
    _place: str,
    s: LuaValue = None,
    limit: LuaValue = None,
    separator: LuaValue = None,
    *_: LuaValue,
) -> list[str]:
    """As `splitn`, but from the right end."""
    return _limited(_rsplit, text(s, 1), integer(limit, 2, "usize"), text(separator, 3))


def split_whitespace(
    _registry: Registry, _place: str, s: LuaValue = None, *_: LuaValue
) -> list[str]:
    """The words between any whitespace of Unicode."""
    return _NOT_WHITESPACE.findall(text(s, 1))


def split_ascii_whitespace(
    _registry: Registry, _place: str, s: LuaValue = None, *_: LuaValue
) -> list[str]:
    """The words between blanks, tabs, line and form feeds."""
    return _NOT_ASCII_WHITESPACE.findall(text(s, 1))


def trim(_registry: Registry, _place: str, s: LuaValue = None, *_: LuaValue) -> str:
    """``s`` without whitespace of Unicode at its ends."""
    return text(s, 1).strip(_WHITESPACE)


def trim_start(_registry: Registry, _place: str, s: LuaValue = None, *_: LuaValue) -> str:
    """``s`` without whitespace at its beginning."""
    return text(s, 1).lstrip(_WHITESPACE)


def trim_end(_registry: Registry, _place: str, s: LuaValue = None, *_: LuaValue) -> str:
    """``s`` without whitespace at its end."""
    return text(s, 1).rstrip(_WHITESPACE)


def _limited(
    split_all: Callable[[str, str, int], list[str]], s: str, limit: int, separator: str
) -> list[str]:
    return split_all(s, separator, min(limit - 1, len(s) + 1)) if limit else []


def _split(s: str, separator: str, most: int = -1) -> list[str]:
    if separator:
        return s.split(separator, most)
    # An empty separator stands before every character and at the end.
    pieces = ["", *s, ""]
    cuts = len(s) + 1 if most < 0 else most
    return [*pieces[:cuts], "".join(pieces[cuts:])]


def _rsplit(s: str, separator: str, most: int = -1) -> list[str]:
    if separator:
        return s.rsplit(separator, most)[::-1]
    pieces = ["", *s[::-1], ""]
    cuts = len(s) + 1 if most < 0 else most
    return [*pieces[:cuts], "".join(pieces[cuts:])[::-1]]
