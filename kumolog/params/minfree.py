"""Free space limits as policies write them: ``"10%"``, ``"500000"`` or ``500000``.

Error texts are KumoMTA's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from kumolog.luavalue import LuaValue, float_text, quoted
from kumolog.params.types import Mismatch, plain_json


class MinFree(Struct, frozen=True):
    """A free space limit: percent of the whole (0 to 255), or bytes (or inodes); one of the two."""

    percent: int | None = None
    bytes: int | None = None


def _min_free_text(value: str) -> MinFree:
    if value.endswith("%"):
        return MinFree(percent=_digits(value[:-1], 2**8, "percentage"))
    return MinFree(bytes=_digits(value, 2**64, "size"))


def _digits(text: str, limit: int, what: str) -> int:
    if not text:
        why = "cannot parse integer from empty string"
    elif not (text.isascii() and text.isdigit()):
        why = "invalid digit found in string"
    elif len(short := text.lstrip("0")) > 20 or int(short or "0") >= limit:
        why = "number too large to fit in target type"
    else:
        return int(short or "0")
    raise Mismatch(f"invalid MinFree {what} specifier. {why}")


def _min_free_integer(value: int) -> MinFree:
    if value < 0:
        raise _no_min_free_size(str(value))
    return MinFree(bytes=value)


def _no_min_free_size(number: str) -> Mismatch:
    return Mismatch(f"invalid MinFree size specifier. {number} could not be converted to u64")


def _no_min_free(value: LuaValue) -> MinFree:
    plain = plain_json(value)
    if isinstance(plain, float):
        raise _no_min_free_size(float_text(plain))
    raise Mismatch(
        f"invalid MinFree specifier {_debug(plain)}. Value must be either a percentage string "
        "like '10%' or the size expressed as an integer"
    )


def _debug(plain: Any) -> str:
    """Spell plain JSON as serde_json's Debug does."""
    return _DEBUG[type(plain)](plain)


_DEBUG: Final[dict[type, Callable[[Any], str]]] = {
    type(None): lambda _: "Null",
    bool: lambda plain: f"Bool({'true' if plain else 'false'})",
    int: lambda plain: f"Number({plain})",
    float: lambda plain: f"Number({float_text(plain)})",
    str: lambda plain: f"String({quoted(plain)})",
    list: lambda plain: f"Array [{', '.join(map(_debug, plain))}]",
    dict: lambda plain: (
        "Object {"
        + ", ".join(f"{quoted(key)}: {_debug(plain[key])}" for key in sorted(plain))
        + "}"
    ),
}

_FORMS: Final[dict[type, Callable[[Any], MinFree]]] = {
    int: _min_free_integer,
    str: _min_free_text,
}


class _MinFreeType:
    def convert(self, value: LuaValue) -> MinFree:
        return _FORMS.get(type(value), _no_min_free)(value)


MINFREE: Final = _MinFreeType()
