"""What can go wrong, as values: every message names the act, the object and the place."""

from __future__ import annotations


class KumologError(Exception):
    """Base of every error that kumolog reports to its user as a message, never as a traceback.

    ``hint`` is a sentence on what would be right, or None.
    """

    hint: str | None = None

    @property
    def with_hint(self) -> str:
        """The message and its hint, which comes last: policies look at how a message begins."""
        return f"{self} ({self.hint})" if self.hint else str(self)


class PolicyError(KumologError):
    """The policy is wrong or raised.

    ``str(error)`` begins with the policy's ``file:line:`` where that is known; ``frames`` are the
    Lua frames of the policy, innermost first, as ``file:line: in function <...>``.
    """

    def __init__(self, message: str, frames: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.frames = frames


class EventError(KumologError):
    """A line that is no valid event; the message says which field and what would be right."""


class SegmentError(KumologError):
    """A segment cannot be opened, written, finished or read."""
