"""``kumolog cat``."""

from __future__ import annotations

import argparse
import os
import select
import stat
from functools import partial

from kumolog.cli import FAILED, OK
from kumolog.cli.catting import Shown
from kumolog.cli.signals import orderly_end
from kumolog.cli.streams import standard_output
from kumolog.cli.terminal import Terminal
from kumolog.reading.times import Window
from kumolog.sources.cat import cat
from kumolog.sources.stop import Stop


def main(options: argparse.Namespace) -> int:
    """Writes records to standard output until the segments end, or a signal comes."""
    terminal = Terminal(quiet=False)
    report = partial(terminal.report, "warning")
    progress = partial(_show, terminal if _is_out_of_sight() else Terminal(quiet=True))
    all_well = True
    with (
        Shown(options, report) as shown,
        Stop() as stop,
        orderly_end(stop.set),
        standard_output() as out,
    ):
        all_well = cat(
            options.paths,
            shown.sink(out),
            report=report,
            stop=stop,
            follow=options.follow,
            merge=options.merge,
            window=Window.of(options.since, options.until),
            is_wanted=_is_read,
            progress=progress,
        )
    terminal.clear()
    return OK if all_well and shown.all_well else FAILED


def _is_read() -> bool:
    """Whether there is still somebody at the other end of standard output, where that is a pipe."""
    poll = select.poll()
    poll.register(1, 0)
    return not any(event & select.POLLERR for _, event in poll.poll(0))


def _is_out_of_sight() -> bool:
    """Whether what is written goes where nobody sees it, so that progress disturbs nobody."""
    mode = os.fstat(1).st_mode
    return not (os.isatty(1) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


def _show(terminal: Terminal, consumed: int, total: int | None) -> None:
    share = f"{100 * consumed // total:3d}% of {total:,} bytes" if total else f"{consumed:,} bytes"
    terminal.show(f"{share} read")
