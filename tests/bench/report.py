"""Results as a table to read, as Markdown or as JSON, and what they were measured on."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .measure import Spread
from .peers import version


@dataclass(frozen=True)
class Table:
    """``rows`` have a text for each of ``columns``; ``data`` is the same as numbers, by name."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    data: Sequence[dict[str, Any]]

    def text(self) -> str:
        """In columns; the first is a name, the others are aligned to the right."""
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        first, *others = widths
        shown = [
            "  ".join([line[0].ljust(first), *map(str.rjust, line[1:], others)]) for line in lines
        ]
        return "\n".join([f"{self.title}", "", *(f"  {line}" for line in shown)])

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join([f"{self.title}:", "", *(f"| {' | '.join(line)} |" for line in lines)])


def shown(value: Spread) -> str:
    return f"{value.median:.2f} ({value.low:.2f} to {value.high:.2f})"


def met(is_met: bool | None) -> str:
    """Nothing where nothing was promised."""
    return "" if is_met is None else "yes" if is_met else "NO"


def machine() -> dict[str, Any]:
    """What it ran on."""
    names = re.findall(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    found = re.search(r"v([\d.]+)", version("zstd") or "")
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "zstd": found[1] if found else "none",
        "jq": version("jq") or "no jq",
    }


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def write(tables: Sequence[Table], about: dict[str, Any], style: str) -> str:
    """All of it; ``style`` is ``text``, ``markdown`` or ``json``."""
    if style == "json":
        return json.dumps({"about": about} | {table.name: table.data for table in tables}, indent=1)
    head = (
        "{cpu}, {cores} cores; Python {python}, zstd {zstd}, {jq}; {system}, load {load} at the start\n"
        "records of {record_bytes} bytes ({shape}){input}, rounds: {rounds}"
    ).format_map(about | {"input": f", {about['megabytes']:g} MB" if about["megabytes"] else ""})
    parts = [getattr(table, style)() for table in tables]
    return "\n\n".join([head, *parts])
