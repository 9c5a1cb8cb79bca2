"""``kumolog cat``."""

from __future__ import annotations

import argparse
from functools import partial

from kumolog.cli import FAILED, OK
from kumolog.cli.signals import orderly_end
from kumolog.cli.streams import standard_output
from kumolog.cli.terminal import Terminal
from kumolog.sources.cat import cat
from kumolog.sources.stop import Stop


def main(options: argparse.Namespace) -> int:
    """Writes records to standard output until the segments end, or a signal comes."""
    report = partial(Terminal(quiet=False).report, "warning")
    all_well = True
    with Stop() as stop, orderly_end(stop.set), standard_output() as out:
        all_well = cat(options.paths, out, follow=options.follow, report=report, stop=stop)
    return OK if all_well else FAILED
