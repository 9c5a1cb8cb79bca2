"""What the options of ``kumolog cat`` make of records: which are shown, and how."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, Self

from kumolog.cli.paint import painter
from kumolog.errors import KumologError
from kumolog.reading.problems import Problems
from kumolog.reading.sink import Sink, Step
from kumolog.reading.times import Window


class Shown:
    """The steps that the options ask for. A context manager: it ends what a policy has begun.

    What only some options need is imported for them: what shows records as they are starts at once.

    ``report`` is told what is wrong with single records. Raises KumologError for options that do
    not go together, and PolicyError for Lua that does not load.
    """

    def __init__(self, options: argparse.Namespace, report: Callable[[str], None]) -> None:
        self._options = options
        self._problems = Problems(report)
        self._closing = ExitStack()
        self._format = options.format or ("json" if options.template is None else "template")
        self._check()
        self._header = b""
        with ExitStack() as closing:
            self._steps = self._choosing(closing)
            self._show = self._showing()
            self._closing = closing.pop_all()

    @property
    def all_well(self) -> bool:
        """Whether no record was left out because something was wrong with it."""
        return not self._problems.count

    def sink(self, out: BinaryIO) -> Sink:
        """Writes to ``out``."""
        return Sink(
            out,
            choose=self._steps,
            show=self._show,
            header=self._header,
            limit=self._options.n,
            tail=self._options.tail,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.close()
        self._problems.sum_up()

    def _check(self) -> None:
        options = self._options
        if options.template is not None and self._format != "template":
            raise KumologError(f"--template does not go with --format {self._format}")
        if options.template is None and self._format == "template":
            raise KumologError("--format template needs a --template: its text, or a file")
        if options.fields and self._format not in ("json", "csv"):
            raise KumologError(f"--fields does not go with --format {self._format}")

    def _choosing(self, closing: ExitStack) -> list[Step]:
        """The steps, the cheapest first."""
        options, problems = self._options, self._problems
        steps: list[Step] = []
        window = Window.of(options.since, options.until)
        if options.type or not window.is_open:
            from kumolog.reading.choosing import choose

            steps.append(choose(options.type, window, problems))
        if options.where:
            from kumolog.lua.condition import Condition

            steps += [Condition(expression, problems) for expression in options.where]
        if options.filter:
            from kumolog.cli.filtering import PolicyFilter

            policy, event = options.filter
            steps.append(closing.enter_context(PolicyFilter(policy, event, problems)))
        return steps

    def _showing(self) -> Step | None:
        """How records are shown; None: as they are."""
        options, problems = self._options, self._problems
        if self._format == "csv":
            from kumolog.reading.csvformat import ALL_FIELDS, csv_rows, header

            paths = tuple(dict.fromkeys(options.fields)) or ALL_FIELDS
            self._header = header(paths) + b"\n"
            return csv_rows(paths, problems)
        if self._format == "pretty":
            from kumolog.reading.pretty import pretty

            width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
            return pretty(problems, painter(), width)
        if self._format == "template":
            from kumolog.reading.templated import template_text, templated

            return templated(template_text(options.template), problems)
        if options.fields:
            from kumolog.reading.choosing import keep_fields

            return keep_fields(options.fields, problems)
        return None
