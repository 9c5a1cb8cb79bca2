"""KumoMTA's Lua API as data: ``surface.tsv`` has its names, ``events.tsv`` its events."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from kumolog.errors import KumologError


class Row(NamedTuple):
    """One name of the API.

    ``kind`` is function, method, field or event; ``role`` live, inert or refuse. ``note`` says why
    what refuses cannot be had, or in what a name differs from KumoMTA's.
    """

    name: str
    kind: str
    role: str
    signature: str
    module: str = ""
    note: str = ""


@cache
def surface() -> tuple[Row, ...]:
    """Every name of the API, in the order of the table."""
    return tuple(Row(*columns) for columns in _rows("surface.tsv"))


class Event(NamedTuple):
    """An event of KumoMTA.

    ``handlers`` is single or multiple, ``host_fires`` whether kumolog fires it.
    """

    name: str
    handlers: str
    host_fires: str
    arguments: str
    returns: str


def events() -> list[Event]:
    """Every event KumoMTA fires; a name in angle brackets stands for names the policy chooses."""
    return [Event(*columns) for columns in _rows("events.tsv")]


def _rows(file_name: str) -> list[list[str]]:
    text = Path(__file__).with_name(file_name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines()[1:]]


def refusal(row: Row) -> KumologError:
    """What calling a function or method says that cannot be had here."""
    return KumologError(
        f"{row.name} is not available in kumolog: {row.note}; "
        "mock it in a spec, or guard it with pcall"
    )


def refused_methods(type_name: str) -> dict[str, str]:
    """What calling the methods says that objects of a type only refuse, by method.

    ``type_name`` is the one that Lua shows, such as ``HeaderMap``.
    """
    return _refused_by_type().get(plain_type(type_name), {})


@cache
def _refused_by_type() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in surface():
        if row.role == "refuse" and row.kind == "method":
            kind, _, method = row.name.partition(":")
            found.setdefault(plain_type(kind), {})[method] = str(refusal(row))
    return found


def plain_type(type_name: str) -> str:
    """``header_map`` and ``HeaderMap`` are the same type."""
    return type_name.replace("_", "").lower()
