"""``kumolog explain``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from kumolog.cli import FAILED, OK
from kumolog.cli.explained import Outline
from kumolog.cli.given import SOURCE, given_event
from kumolog.cli.paint import painter
from kumolog.cli.streams import output_kept_clean, put_out
from kumolog.cli.terminal import Terminal
from kumolog.errors import KumologError
from kumolog.explain import Explainer, Explanation
from kumolog.lines import Lines
from kumolog.sources.inputs import open_inputs
from kumolog.sources.lines import MAX_LINE, Block, Overlong
from kumolog.sources.paths import STDIN
from kumolog.sources.stop import Stop

Show = Callable[[Explanation], str]


def main(options: argparse.Namespace) -> int:
    """Explains every event that there is; one that fails makes the exit code 1."""
    terminal = Terminal(quiet=False)
    line = given_event(options)
    if line is not None and options.event is not None:
        raise KumologError(f"there are two events: leave out {options.event}, or the options")
    show = _json if options.json else Outline(painter()).text
    with Stop() as stop:
        path = STDIN if options.event is None else options.event
        paths = [] if line is not None else [path]
        inputs = open_inputs(paths, report=partial(terminal.report, "warning"), stop=stop)
        explainer = _load(options, terminal)
        if paths == [STDIN] and os.isatty(0):
            terminal.report("info", "reading events from the terminal, one a line; Ctrl-D ends it")
        pieces = inputs if line is None else [Block(SOURCE, Lines.of([line]), [1])]
        all_well = True
        for piece in pieces:
            for explanation in _explanations(explainer, piece):
                put_out(show(explanation))
                all_well &= explanation.all_well
        with output_kept_clean():
            explainer.close()
    return OK if all_well and not inputs.broken else FAILED


def _load(options: argparse.Namespace, terminal: Terminal) -> Explainer:
    with output_kept_clean():
        return Explainer(
            options.policy,
            report=terminal.report,
            root=options.root,
            allow_missing_handlers=options.allow_missing_handlers,
            handler_timeout=options.handler_timeout,
            receive=not options.no_receive,
        )


def _explanations(explainer: Explainer, piece: Block | Overlong) -> Iterator[Explanation]:
    if isinstance(piece, Overlong):
        if piece.part == 0:
            error = f"the line is longer than {MAX_LINE} bytes"
            yield Explanation(piece.source, piece.line, error=error)
        return
    for number, line in zip(piece.numbers, piece.lines, strict=True):
        with output_kept_clean():
            explanation = explainer.explain(line, piece.source, number)
        yield explanation


def _json(explanation: Explanation) -> str:
    return msgspec.json.encode(explanation).decode() + "\n"
