"""What YAML scalars mean: the core schema of YAML 1.2 as KumoMTA's serde_yaml reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from kumolog.luavalue import float_text

Scalar = None | bool | int | float | str

_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL: Final = re.compile("[-+]?(?:0|[1-9][0-9]*)")  # digits after a leading zero are text
_BASES: Final = {"x": 16, "o": 8, "b": 2}
_BASED: Final = re.compile("([-+]?)0(?:(x)([0-9a-fA-F]+)|(o)([0-7]+)|(b)([01]+))")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_ZERO_LED: Final = re.compile("[-+]?0[0-9]+")
_SPECIAL: Final = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_SPECIAL_TEXTS: Final = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}
_INTEGERS: Final = range(-(2**63), 2**64)
# Booleans to readers of YAML 1.1, for whose sake they are written in quotes.
_OLD_BOOLEANS: Final = frozenset(("y", "n", "yes", "no", "on", "off"))
_CORE: Final = "tag:yaml.org,2002:"


def plain_scalar(text: str) -> Scalar:
    """The value of a scalar without quotes and tag."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    for read in (_integer, _float):
        value = read(text)
        if value is not None:
            return value
    return text


def tagged_scalar(tag: str, text: str) -> Scalar:
    """The value of a scalar with a tag; raises ValueError where they do not fit each other."""
    if tag.startswith("!") and tag != "!":
        raise ValueError(f"the tag {tag} means nothing here")
    wanted = _TAGS.get(tag.removeprefix(_CORE)) if tag.startswith(_CORE) else None
    if wanted is None:
        return text
    expected, fits = wanted
    if not fits(text):
        raise ValueError(f"{text!r} has the tag of {expected}")
    value = plain_scalar(text)
    return float(value) if expected == "a float" and isinstance(value, int) else value


def scalar_text(value: Scalar) -> str:
    """How a value is written where nothing has to be quoted."""
    return _TEXTS[type(value)](value)


def is_ambiguous(text: str) -> bool:
    """Whether text needs quotes lest it be read as something else."""
    return not isinstance(plain_scalar(text), str) or text.lower() in _OLD_BOOLEANS


def _integer(text: str) -> int | None:
    if _DECIMAL.fullmatch(text) and len(text) <= 21:  # longer ones have more than 64 bits
        value = int(text)
    elif based := _BASED.fullmatch(text):
        sign, base, digits = (part for part in based.groups() if part is not None)
        value = int(sign + digits, _BASES[base])
    else:
        return None
    return value if value in _INTEGERS else None


def _float(text: str) -> float | None:
    if text in _SPECIAL:
        return _SPECIAL[text]
    if not _FLOAT.fullmatch(text) or _ZERO_LED.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


_TAGS: Final[dict[str, tuple[str, Callable[[str], bool]]]] = {
    "null": ("null", lambda text: text in _NULLS),
    "bool": ("a boolean", lambda text: text in _BOOLEANS),
    "int": ("an integer", lambda text: _integer(text) is not None),
    "float": ("a float", lambda text: _float(text) is not None),
}

_TEXTS: Final[dict[type, Callable[..., str]]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: str,
    float: lambda value: _SPECIAL_TEXTS.get(str(value)) or float_text(value),
    str: str,
}
