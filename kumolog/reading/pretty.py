"""Records for eyes: one line each, as wide as the terminal."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from kumolog.reading.fields import Fields, Path
from kumolog.reading.problems import Problems
from kumolog.reading.sink import Step

Paint = Callable[[str, str], str]
"""Takes the name of a style and a text."""

_PATHS: Final[tuple[Path, ...]] = (
    ("timestamp",),
    ("type",),
    ("sender",),
    ("recipient",),
    ("response", "code"),
    ("response", "enhanced_code", "class"),
    ("response", "enhanced_code", "subject"),
    ("response", "enhanced_code", "detail"),
    ("response", "content"),
)
_STYLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Delivery": "good",
        "Reception": "good",
        "TransientFailure": "off",
        "Delayed": "off",
        **dict.fromkeys(
            ("Bounce", "Expiration", "AdminBounce", "OOB", "Feedback", "Rejection"), "bad"
        ),
    }
)
_TYPE_WIDTH: Final = len("TransientFailure")
_TIME_WIDTH, _CODE_WIDTH, _GAP = 19, 3, "  "
_LEAST: Final = 12  # columns for the addresses and for the text, however narrow the terminal is
_ARROW: Final = " → "


def pretty(problems: Problems, paint: Paint, width: int | None) -> Step:
    """``width`` is that of the terminal, None where there is none: then nothing is cut or padded.

    The time is in UTC. What is missing is ``-``; the null sender is ``<>``.
    """
    fields = Fields(_PATHS)
    show = partial(_line, paint, _widths(width))

    def step(lines: list[bytes], source: str) -> list[bytes]:
        _, rows = fields.lines.rows(lines, partial(problems.note, source))
        columns = [fields.column(rows, path) for path in _PATHS]
        return [show(*values).encode("utf-8", "replace") for values in zip(*columns, strict=True)]

    return step


def _widths(width: int | None) -> tuple[int, int] | None:
    """The columns of a terminal for the addresses and for the text."""
    if width is None:
        return None
    rest = width - _TIME_WIDTH - _TYPE_WIDTH - _CODE_WIDTH - 4 * len(_GAP)
    addresses = max(_LEAST, rest // 2)
    return addresses, max(_LEAST, rest - addresses)


def _line(
    paint: Paint,
    widths: tuple[int, int] | None,
    timestamp: Any,
    kind: Any,
    sender: Any,
    recipient: Any,
    code: Any,
    *response: Any,
) -> str:
    *enhanced, content = response
    style = _STYLES.get(kind if isinstance(kind, str) else "", "strong")
    addresses = f"{_address(sender)}{_ARROW}{_address(recipient)}"
    text = _clean(content)
    if None not in enhanced:
        text = f"{'.'.join(map(str, enhanced))} {text}"
    if widths:
        addresses, text = fitted(addresses, widths[0]), _cut(text, widths[1])
    return _GAP.join(
        (
            paint("quiet", f"{_time(timestamp):{_TIME_WIDTH}}"),
            paint(style, f"{_clean(kind):{_TYPE_WIDTH}}"),
            addresses,
            paint(style, f"{_clean(code):>{_CODE_WIDTH}}"),
            text,
        )
    ).rstrip(" ")


def _time(timestamp: Any) -> str:
    try:
        if isinstance(timestamp, int):
            return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(timestamp))
    except (ValueError, OverflowError, OSError):
        pass  # beyond all years: as it is
    return _clean(timestamp)


def _address(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_address, value)) or "-"
    return "<>" if value == "" else _clean(value)


def _clean(value: Any) -> str:
    """A value as text in which nothing moves the cursor or turns the line around."""
    text = "-" if value is None else str(value)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return _ESCAPES.get(char) or (
        f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{{{ord(char):x}}}"
    )


_ESCAPES: Final[Mapping[str, str]] = MappingProxyType({"\n": "\\n", "\r": "\\r", "\t": "\\t"})


def fitted(text: str, width: int) -> str:
    """Cut or padded to so many columns."""
    text = _cut(text, width)
    return text + " " * (width - columns(text))


def _cut(text: str, width: int) -> str:
    if columns(text) <= width:
        return text
    used = 1  # for the dots
    for place, char in enumerate(text):
        used += columns(char)
        if used > width:
            return text[:place] + "…"
    return text


def columns(text: str) -> int:
    """How wide a terminal shows a text."""
    if text.isascii():
        return len(text)
    return sum(_column(char) for char in text)


def _column(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
