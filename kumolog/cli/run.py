"""``kumolog run``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from kumolog.cli import FAILED, OK, complain
from kumolog.cli.signals import orderly_end
from kumolog.cli.streams import put_out, tell
from kumolog.cli.terminal import Terminal
from kumolog.cli.work import Outcome, Resumption, Work
from kumolog.errors import KumologError
from kumolog.host import Summary
from kumolog.sources.inputs import find_inputs, total_size
from kumolog.sources.paths import STDIN, Input, check_stdin
from kumolog.sources.stop import Stop

if TYPE_CHECKING:
    from kumolog.cli.keeping import Keeping


def main(options: argparse.Namespace) -> int:
    """Runs a policy over its inputs until they end or a signal comes."""
    terminal = Terminal(quiet=options.quiet)
    paths = options.inputs or ([] if options.from_mail else [STDIN])
    check_stdin([*paths, *options.from_mail])
    for option in ("checkpoint", "jobs"):
        _check_files_only(option, options, paths)
    inputs = find_inputs(paths, partial(terminal.report, "warning"), options.rejects)
    with ExitStack() as held:
        keeping = None
        if options.checkpoint is not None:
            from kumolog.cli.keeping import Keeping  # few runs have a checkpoint

            keeping = held.enter_context(Keeping(options, terminal.report))
            inputs = keeping.unread(inputs)
        outcome = _run(options, inputs, keeping, terminal)
        terminal.clear()
        for error in outcome.errors:
            complain(error)
        kept = keeping is None or keeping.finish()
    return _conclude(options, outcome, terminal) if kept else FAILED


def _run(
    options: argparse.Namespace,
    inputs: Sequence[Input],
    keeping: Keeping | None,
    terminal: Terminal,
) -> Outcome:
    resumption = None if keeping is None else Resumption(keeping.known, keeping.deliver)
    if options.jobs > 1 and len(inputs) > 1:
        from kumolog.cli.jobs import run_jobs  # most runs are one process

        return run_jobs(options, inputs, resumption, terminal)
    with Stop() as stop:
        total = total_size(inputs)
        work = Work(options, inputs, total, resumption, report=terminal.report, stop=stop)
        if os.isatty(0) and any(entry.path == STDIN for entry in inputs):
            terminal.report(
                "info", "reading events from the terminal, one a line; Ctrl-D ends them"
            )
        return work.run(orderly_end, terminal.progress)


def _check_files_only(option: str, options: argparse.Namespace, paths: Sequence[str]) -> None:
    """Raises KumologError where an option is given with what it cannot work with."""
    if getattr(options, option) in (None, 1):
        return
    for what, given in (("standard input", STDIN in paths), ("--from-mail", options.from_mail)):
        if given:
            raise KumologError(
                f"--{option} does not work with {what}: name files or directories of segments"
            )


def _conclude(options: argparse.Namespace, outcome: Outcome, terminal: Terminal) -> int:
    """Shows what came of it; the exit code."""
    summary = outcome.summary
    if summary is None:
        return FAILED
    if outcome.broken:
        what = _count(outcome.broken, "input")
        terminal.report("error", f"{what} could not be read to the end: the records may be too few")
    if outcome.profile is not None:
        from kumolog.cli.profiled import profile_text  # few runs are measured

        tell(profile_text(outcome.profile))
    if options.json:
        put_out(msgspec.json.encode(_shown(outcome, summary)).decode() + "\n")
    elif not options.quiet:
        tell(_text(summary, options.rejects))
    all_well = summary.all_well and not outcome.broken and not outcome.errors
    return OK if all_well else FAILED


def _shown(outcome: Outcome, summary: Summary) -> dict[str, Any]:
    """The summary as documented; what few runs have is only there if they have it."""
    shown = asdict(summary)
    if not summary.malformed_reports:
        del shown["malformed_reports"]
    if outcome.profile is not None:
        shown["profile"] = outcome.profile.shown()
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
