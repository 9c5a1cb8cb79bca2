"""``kumolog run``."""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from kumolog.cli import FAILED, OK, complain
from kumolog.cli.signals import orderly_end
from kumolog.cli.streams import put_out, tell
from kumolog.cli.terminal import Terminal
from kumolog.errors import KumologError
from kumolog.host import Host, Summary
from kumolog.sources.inputs import Inputs, open_inputs
from kumolog.sources.lines import MAX_LINE, Block, Overlong, Refused
from kumolog.sources.paths import STDIN, check_stdin
from kumolog.sources.stop import Stop

if TYPE_CHECKING:
    from kumolog.sources.mail import Mail


def main(options: argparse.Namespace) -> int:
    """Runs a policy over its inputs until they end or a signal comes."""
    terminal = Terminal(quiet=options.quiet)
    paths = options.inputs or ([] if options.from_mail else [STDIN])
    check_stdin([*paths, *options.from_mail])
    warn = partial(terminal.report, "warning")
    with Stop() as stop:
        inputs = open_inputs(paths, report=warn, stop=stop, leave_out=options.rejects)
        mail = _open_mail(options, warn, stop)
        host = _open(options, terminal)
        if STDIN in paths and os.isatty(0):
            terminal.report(
                "info", "reading events from the terminal, one a line; Ctrl-D ends them"
            )
        gc.freeze()  # what was made to start lives to the end: no need to look at it again
        try:
            all_well = _feed(host, [inputs, *mail], terminal, stop)
            summary = host.close()
        except KumologError as error:
            # Past the start it is no longer the usage or the policy that is wrong.
            complain(error)
            return FAILED
    if inputs.broken:
        what = _count(inputs.broken, "input")
        terminal.report("error", f"{what} could not be read to the end: the records may be too few")
    if options.json:
        put_out(msgspec.json.encode(_shown(summary)).decode() + "\n")
    elif not options.quiet:
        tell(_text(summary, options.rejects))
    return OK if all_well and summary.all_well and not inputs.broken else FAILED


def _open_mail(
    options: argparse.Namespace, warn: Callable[[str], None], stop: Stop
) -> Sequence[Mail]:
    if not options.from_mail:
        return ()
    from kumolog.sources.mail import open_mail  # few runs read mail

    return (open_mail(options.from_mail, report=warn, stop=stop, leave_out=options.rejects),)


def _open(options: argparse.Namespace, terminal: Terminal) -> Host:
    return Host.open(
        options.policy,
        root=options.root,
        rejects=options.rejects,
        flush_interval=options.flush_interval,
        sync=options.sync,
        allow_missing_handlers=options.allow_missing_handlers,
        handler_timeout=options.handler_timeout,
        receive=not options.no_receive,
        report=terminal.report,
    )


def _feed(host: Host, sources: Sequence[Inputs | Mail], terminal: Terminal, stop: Stop) -> bool:
    """Puts all input through the host and closes it; whether no error ended that early."""

    def end() -> None:
        stop.set()
        host.hurry()

    totals = [source.total for source in sources if source.total is not None]
    total = sum(totals) if len(totals) == len(sources) else None
    with orderly_end(end), host:
        try:
            for piece in chain.from_iterable(sources):
                _PUT[type(piece)](host, piece)
                consumed = sum(source.consumed for source in sources)
                terminal.progress(host.read, consumed, total)
        except KumologError as error:
            terminal.clear()
            complain(error)
            return False
        terminal.clear()
    return True


def _log(host: Host, piece: Block) -> None:
    host.log_lines(piece.lines, piece.numbers, piece.source)


def _reject_part(host: Host, piece: Overlong) -> None:
    error = f"the line is longer than {MAX_LINE} bytes; this is part {piece.part + 1} of it"
    host.reject(piece.source, piece.line, error, piece.text, count=piece.part == 0)


def _reject_mail(host: Host, piece: Refused) -> None:
    host.reject(piece.source, piece.line, piece.error, b"", count=True)


_PUT: dict[type, Callable[[Host, Any], None]] = {
    Block: _log,
    Overlong: _reject_part,
    Refused: _reject_mail,
}


def _shown(summary: Summary) -> dict[str, Any]:
    """The summary as documented; what few runs have is only there if they have it."""
    shown = asdict(summary)
    if not summary.malformed_reports:
        del shown["malformed_reports"]
    return shown


def _text(summary: Summary, rejects: str) -> str:
    lines = [f"kumolog: read {_count(summary.read, 'event')}"]
    if summary.rejected:
        lines[0] += f", rejected {summary.rejected:,} (see {rejects})"
    elif not summary.all_well:
        lines[0] += f"; what failed is in {rejects}"
    if summary.malformed_reports:
        lines[0] += f"; {_count(summary.malformed_reports, 'malformed report')} among them"
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
