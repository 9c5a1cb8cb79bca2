"""The checkpoint of a run, while it goes on."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Self

from kumolog.api.registry import Report
from kumolog.checkpoint import Checkpoint, Reached
from kumolog.cli import complain
from kumolog.errors import KumologError
from kumolog.sources.paths import Input
from kumolog.sources.resumed import unread


class Keeping:
    """Opens the checkpoint that the options name; raises KumologError where that fails.

    A disk that does not take it stops no run: that is told once, and tried again the next time.
    """

    def __init__(self, options: argparse.Namespace, report: Report) -> None:
        self._checkpoint = Checkpoint(options.checkpoint, options.policy, options.root)
        self._report = report
        self._told = False

    @property
    def known(self) -> Mapping[str, Reached]:
        """How far each input has come, by its real path."""
        return self._checkpoint.inputs

    def unread(self, inputs: Sequence[Input]) -> list[Input]:
        """Those in which there may be something new."""
        return unread(inputs, self.known, self._checkpoint.path)

    def deliver(self, reached: dict[str, Reached]) -> None:
        """Saves how far inputs have come on disk."""
        self._checkpoint.note(reached)
        try:
            self._checkpoint.save()
        except KumologError as error:
            if not self._told:
                self._report("warning", f"{error}; it is tried again")
            self._told = True
        else:
            self._told = False

    def finish(self) -> bool:
        """Saves what could not be saved before; whether that worked, and complains if not."""
        try:
            self._checkpoint.save()
        except KumologError as error:
            complain(KumologError(f"{error}: the next run reads again what this one has read"))
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._checkpoint.close()
