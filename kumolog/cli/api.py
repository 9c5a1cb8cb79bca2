"""``kumolog api``."""

from __future__ import annotations

import argparse
import difflib
import re
import textwrap
from collections.abc import Iterable, Sequence

from kumolog.api import Row, params, surface
from kumolog.cli import FAILED, OK, complain
from kumolog.cli.streams import put_out
from kumolog.errors import KumologError

_PART = re.compile("[.:]")
_SHORT = 100  # characters of a signature in a list
_SEVERAL = 3  # names that may have been meant
_TABLES = ("type:", "enum:")  # what the parameters of functions are made of
_AS_PARAMETER = "struct:"  # how a type column writes a type


def main(options: argparse.Namespace) -> int:
    """Shows the functions, or everything that has the name or is inside what has it."""
    if options.name is None:
        put_out(_listed(row for row in surface() if row.kind == "function"))
        return OK
    wanted = options.name.removeprefix(_AS_PARAMETER)
    everything = [*surface(), *_tables()]
    named = [row for row in everything if _is_named(_parts(row), wanted)]
    within = [row for row in everything if row not in named and _is_within(_parts(row), wanted)]
    if not named and not within:
        complain(_unknown(wanted, everything))
        return FAILED
    put_out("".join(map(_described, named)) + _listed(within))
    return OK


def _tables() -> list[Row]:
    names = [name for name in params.containers() if name.startswith(_TABLES)]
    return [Row(name, name.partition(":")[0], "", "") for name in names]


def _parts(row: Row) -> list[str]:
    return _PART.split(row.name)


def _is_named(parts: list[str], wanted: str) -> bool:
    """Whether the name ends with what is wanted; all of it does, and its last part."""
    ending = _PART.split(wanted)
    return parts[-len(ending) :] == ending


def _is_within(parts: list[str], wanted: str) -> bool:
    """Whether the name begins with what is wanted, for which ``kumo`` may be left out."""
    beginning = _PART.split(wanted)
    inside = parts[1:] if parts[0] == "kumo" else parts
    return beginning in (parts[: len(beginning)], inside[: len(beginning)])


def _unknown(wanted: str, everything: Sequence[Row]) -> KumologError:
    names = {row.name for row in everything}
    names |= {_parts(row)[-1] for row in everything}
    near = difflib.get_close_matches(wanted, sorted(names), _SEVERAL)
    quoted = " or ".join(f"`{name}`" for name in near)
    hint = f"did you mean {quoted}?" if near else "`kumolog api` lists all functions"
    return KumologError(f"KumoMTA's Lua API has nothing named `{wanted}`: {hint}")


def _listed(rows: Iterable[Row]) -> str:
    return _columns(
        [(r.name, r.role, textwrap.shorten(r.signature, _SHORT, placeholder=" ...")) for r in rows]
    )


def _described(row: Row) -> str:
    """A row with all of its signature; below, its note and what it takes: ``#1`` is an argument."""
    parameters = [(p.key, p.type, _presence(p)) for p in params.rows(row.name)]
    heading = "  ".join(filter(None, (row.name, row.role, row.signature)))
    note = f"    {row.note}\n" if row.note else ""
    return f"{heading}\n{note}{_columns(parameters, indent='    ')}"


def _presence(row: params.Row) -> str:
    if row.required != "no":
        return "required" if row.required else ""  # a variant of an enum is neither
    return f"default {row.default}" if row.default not in ("", params.NULLABLE) else "optional"


def _columns(rows: Sequence[tuple[str, ...]], indent: str = "") -> str:
    """The rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "".join(f"{indent}{'  '.join(row)}".rstrip() + "\n" for row in padded)
