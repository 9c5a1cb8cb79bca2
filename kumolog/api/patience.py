"""How long a function may keep its policy waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kumolog.errors import KumologError

_SECONDS = 60.0


def _constant() -> float:
    return _SECONDS


@dataclass
class Patience:
    """``left`` gives the seconds that are left of the time budget of the call that runs now.

    No budget can end a wait from outside, so what waits asks here first.
    """

    left: Callable[[], float] = _constant

    def within(self, seconds: float, what: str) -> float:
        """``seconds``; raises KumologError where they would outlast the budget."""
        left = self.left()
        if seconds > left:
            raise KumologError(
                f"{what} would outlast the {left:g} seconds that this call of the policy may take"
            )
        return seconds
