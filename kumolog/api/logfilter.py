"""The filters of diagnostics: directives such as ``info,lua=debug`` of Rust's tracing.

KumoMTA: kumo.set_diagnostic_log_filter.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from kumolog.errors import KumologError

LEVELS: Final = ("off", "error", "warn", "info", "debug", "trace")

_DIRECTIVE: Final = re.compile(
    r"(?P<target>[\w:-]+)?(?P<span>\[[^\]{]*(?:\{[^}]*\})?[^\]]*\])?(?:=(?P<level>[^=\[\]{}]*))?"
)


class Directive(NamedTuple):
    """``level`` (a place in LEVELS) for what is logged under ``target``, "" for everything."""

    target: str
    level: int


def parse_filter(text: str) -> list[Directive]:
    """The directives between the commas of ``text``, without those that are bound to spans.

    Raises KumologError for one that is none.
    """
    found = (_directive(part.strip()) for part in re.split(r",(?![^\[]*\])", text) if part.strip())
    return [directive for directive in found if directive is not None]


def level_of(directives: list[Directive], target: str) -> int:
    """The level of what is logged under ``target``: the longest that it begins with decides."""
    fitting = [directive for directive in directives if target.startswith(directive.target)]
    return max(fitting, key=lambda directive: len(directive.target)).level if fitting else 0


def _directive(text: str) -> Directive | None:
    alone = _level(text)
    if alone is not None:
        return Directive("", alone)
    found = _DIRECTIVE.fullmatch(text)
    level = _level(found["level"] or "trace") if found else None
    if found is None or level is None or not (found["target"] or found["span"]):
        raise KumologError(
            f"{text!r} is no filter directive: give a level ({', '.join(LEVELS)}) or target=level"
        )
    return None if found["span"] else Directive(found["target"] or "", level)


def _level(text: str) -> int | None:
    if text.isascii() and text.isdigit() and int(text) < len(LEVELS):
        return int(text)
    return LEVELS.index(text.lower()) if text.lower() in LEVELS else None
