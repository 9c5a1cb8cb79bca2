"""The filters KumoMTA's engine has and the Python package lacks or does otherwise, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import minijinja
import msgspec

from kumolog.templates.chance import random
from kumolog.templates.dates import date_filters
from kumolog.templates.normalize import normalize_smtp_response
from kumolog.templates.values import Fields, Items, plain, printed
from kumolog.templates.wrapping import wordwrap

_WORD = re.compile(r"\w+")
_LINE_START = re.compile(rb"\n +")


def filters() -> dict[str, Callable[..., Any]]:
    """A new set of filters; Python values in, Python values out."""
    return {
        **date_filters(),
        "normalize_smtp_response": _normalize,
        "pprint": pprint,
        "random": random,
        "tojson": tojson,
        "wordcount": wordcount,
        "wordwrap": wordwrap,
    }


def _encode_view(value: Any) -> Any:
    if isinstance(value, Fields | Items):
        return plain(value)
    if isinstance(value, str):  # text marked as safe
        return str.__str__(value)
    raise ValueError(f"cannot serialize to JSON: {value!r}")


_ENCODER = msgspec.json.Encoder(order="sorted", enc_hook=_encode_view)


def tojson(value: Any, indent: Any = None, /, **named: Any) -> str:
    """``value`` as JSON, keys sorted at every level, safe inside HTML.

    ``indent`` is true (2) or the number of blanks a level. A whole float that the template made
    itself loses its ``.0``: the binding hands it over as an integer.
    """
    text = _ENCODER.encode(plain(value))
    if indent is not None or named:
        text = _indented(text, named.pop("indent", None) if indent is None else indent)
        if named:
            raise ValueError(f"unknown argument {', '.join(named)}, expected indent")
    safe = (
        text.replace(b"<", b"\\u003c")
        .replace(b">", b"\\u003e")
        .replace(b"&", b"\\u0026")
        .replace(b"'", b"\\u0027")
    )
    return minijinja.safe(safe.decode())


def _indented(text: bytes, indent: Any) -> bytes:
    if indent is None or indent is False:
        return text
    blanks = 2 if indent is True else indent
    if type(blanks) is not int or blanks < 0:
        raise ValueError(f"indent must be true, false or a number of blanks, not {indent!r}")
    # The formatter takes 0 for one line, where the engine means lines without blanks.
    laid_out = msgspec.json.format(text, indent=blanks or 1)
    return laid_out if blanks else _LINE_START.sub(b"\n", laid_out)


def pprint(value: Any, /) -> str:
    """``value`` as the engine shows it in detail, a member a line."""
    return printed(value, indent="")


def wordcount(value: Any, /) -> int:
    """The number of runs of letters, digits and underscores; what is no string has none."""
    return len(_WORD.findall(value)) if isinstance(value, str) else 0


def _normalize(text: Any, /) -> str:
    if not isinstance(text, str):
        raise ValueError(f"expected the text of a response, got {printed(text)}")
    return normalize_smtp_response(text)
