"""Colours, for people at a terminal who want them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

Paint = Callable[[str, str], str]
"""Takes the name of a style and a text."""

_RESET = "\x1b[0m"
_STYLES = {
    "good": "\x1b[32m",
    "bad": "\x1b[31m",
    "off": "\x1b[33m",
    "quiet": "\x1b[2m",
    "strong": "\x1b[1m",
}


def painter() -> Paint:
    """For standard output; plain where it is no terminal, or NO_COLOR is set (no-color.org)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return _paint if wanted and sys.stdout.isatty() else _plain


def _paint(style: str, text: str) -> str:
    return f"{_STYLES[style]}{text}{_RESET}"


def _plain(_style: str, text: str) -> str:
    return text
