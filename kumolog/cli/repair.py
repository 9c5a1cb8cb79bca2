"""``kumolog repair``."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from kumolog.cli import FAILED, OK
from kumolog.cli.streams import put_out, tell
from kumolog.cli.terminal import Terminal
from kumolog.errors import KumologError
from kumolog.segments.mending import Fate, Outcome
from kumolog.segments.recovery import repaired_file, repaired_segments
from kumolog.sources.paths import display_name


def main(options: argparse.Namespace) -> int:
    """Repairs what the paths name; a line for each file that is not simply in order."""
    for path in options.paths:
        if not os.path.exists(path):
            raise KumologError(f"repairing {display_name(path)}: there is no such file")
    terminal = Terminal(quiet=options.quiet)
    fates: Counter[Fate] = Counter()
    well = True
    for outcome in _outcomes(options.paths):
        fates[outcome.fate] += 1
        well &= outcome.is_well
        if not (outcome.is_well and options.quiet) and outcome.fate is not Fate.SOUND:
            terminal.clear()
            put_out(_json(outcome) if options.json else f"{outcome}\n")
        terminal.show(f"{fates.total():,} files, {outcome.path}")
    terminal.clear()
    if not options.quiet:
        tell(_summary(fates))
    return OK if well else FAILED


def _outcomes(paths: Sequence[str]) -> Iterator[Outcome]:
    for path in paths:
        if os.path.isdir(path):
            yield from repaired_segments(Path(path))
        else:
            yield repaired_file(Path(os.path.realpath(path) if os.path.islink(path) else path))


def _json(outcome: Outcome) -> str:
    shown = asdict(outcome) | {"fate": outcome.fate.name.lower()}
    for name in ("path", "original"):
        if shown[name] is not None:
            shown[name] = display_name(shown[name])
    return msgspec.json.encode(shown).decode() + "\n"


def _summary(fates: Counter[Fate]) -> str:
    counts = [f"{fates[fate]:,} {fate.name.lower()}" for fate in Fate if fates[fate]]
    return f"kumolog: {', '.join(counts) or 'there are no segments to repair'}\n"
