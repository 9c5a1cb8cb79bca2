"""What goes to stderr: diagnostics, and progress where somebody watches."""

from __future__ import annotations

import sys
import time

from kumolog.cli.streams import tell

_QUIET_LEVELS = ("error",)
_LEVELS = ("error", "warning", "info", "debug")
_FIRST_SHOWN_AFTER = 1.0
_SHOWN_EVERY = 0.2
_ERASE_LINE = "\r\x1b[K"


class Terminal:
    """``quiet`` leaves errors only."""

    def __init__(self, *, quiet: bool) -> None:
        self._levels = _QUIET_LEVELS if quiet else _LEVELS
        self._progress = not quiet and sys.stderr.isatty()
        self._next_shown = time.monotonic() + _FIRST_SHOWN_AFTER
        self._shown = False

    def report(self, level: str, text: str) -> None:
        """Writes one diagnostic."""
        if level in self._levels:
            self.clear()
            tell(f"kumolog: {level}: {text}\n")

    def progress(self, events: int, consumed: int, total: int | None) -> None:
        """Shows how far a run has come; cheap to call often."""
        share = f"{100 * consumed // total:3d}% of {total:,} bytes, " if total else ""
        self.show(f"{share}{events:,} events")

    def show(self, text: str) -> None:
        """Shows what is being done right now, in place of what was; cheap to call often."""
        if not self._progress or (now := time.monotonic()) < self._next_shown:
            return
        self._next_shown = now + _SHOWN_EVERY
        tell(f"{_ERASE_LINE}{text}")
        self._shown = True

    def clear(self) -> None:
        """Takes the progress line away."""
        if self._shown:
            tell(_ERASE_LINE)
            self._shown = False
