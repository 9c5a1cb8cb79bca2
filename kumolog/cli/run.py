"""``kumolog run``."""

from __future__ import annotations

import argparse
import gc
import os
from dataclasses import asdict
from functools import partial

import msgspec

from kumolog.cli import FAILED, OK, complain
from kumolog.cli.signals import orderly_end
from kumolog.cli.streams import put_out, tell
from kumolog.cli.terminal import Terminal
from kumolog.errors import KumologError
from kumolog.host import Host, Summary
from kumolog.sources.inputs import Inputs, open_inputs
from kumolog.sources.lines import MAX_LINE, Overlong
from kumolog.sources.paths import STDIN
from kumolog.sources.stop import Stop


def main(options: argparse.Namespace) -> int:
    """Runs a policy over its inputs until they end or a signal comes."""
    terminal = Terminal(quiet=options.quiet)
    with Stop() as stop:
        inputs = open_inputs(
            options.inputs,
            report=partial(terminal.report, "warning"),
            stop=stop,
            leave_out=options.rejects,
        )
        host = _open(options, terminal)
        if STDIN in options.inputs and os.isatty(0):
            terminal.report(
                "info", "reading events from the terminal, one a line; Ctrl-D ends them"
            )
        gc.freeze()  # what was made to start lives to the end: no need to look at it again
        try:
            all_well = _feed(host, inputs, terminal, stop)
            summary = host.close()
        except KumologError as error:
            # Past the start it is no longer the usage or the policy that is wrong.
            complain(error)
            return FAILED
    if inputs.broken:
        what = _count(inputs.broken, "input")
        terminal.report("error", f"{what} could not be read to the end: the records may be too few")
    if options.json:
        put_out(msgspec.json.encode(asdict(summary)).decode() + "\n")
    elif not options.quiet:
        tell(_text(summary, options.rejects))
    return OK if all_well and summary.all_well and not inputs.broken else FAILED


def _open(options: argparse.Namespace, terminal: Terminal) -> Host:
    return Host.open(
        options.policy,
        root=options.root,
        rejects=options.rejects,
        flush_interval=options.flush_interval,
        sync=options.sync,
        allow_missing_handlers=options.allow_missing_handlers,
        handler_timeout=options.handler_timeout,
        report=terminal.report,
    )


def _feed(host: Host, inputs: Inputs, terminal: Terminal, stop: Stop) -> bool:
    """Puts all input through the host and closes it; whether no error ended that early."""

    def end() -> None:
        stop.set()
        host.hurry()

    with orderly_end(end), host:
        try:
            for piece in inputs:
                if isinstance(piece, Overlong):
                    _reject(host, piece)
                else:
                    host.log_lines(piece.lines, piece.numbers, piece.source)
                terminal.progress(host.read, inputs.consumed, inputs.total)
        except KumologError as error:
            terminal.clear()
            complain(error)
            return False
        terminal.clear()
    return True


def _reject(host: Host, piece: Overlong) -> None:
    error = f"the line is longer than {MAX_LINE} bytes; this is part {piece.part + 1} of it"
    host.reject(piece.source, piece.line, error, piece.text, count=piece.part == 0)


def _text(summary: Summary, rejects: str) -> str:
    lines = [f"kumolog: read {_count(summary.read, 'event')}"]
    if summary.rejected:
        lines[0] += f", rejected {summary.rejected:,} (see {rejects})"
    elif not summary.all_well:
        lines[0] += f"; what failed is in {rejects}"
    for logger in summary.loggers:
        counts = ", ".join(
            f"{logger[name]:,} {name}"
            for name in ("disabled", "filtered", "failed", "written")
            if logger[name] or name == "written"
        )
        segments = _count(logger["segments"], "segment")
        sizes = f"{_count(logger['bytes'], 'byte')} in {logger['compressed_bytes']:,}"
        lines.append(f"  {logger['log_dir']}: {counts}; {segments}, {sizes}")
    return "\n".join(lines) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
