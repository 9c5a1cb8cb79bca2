"""The engine by itself, as it renders what need not be confined."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from kumolog.templates.confined import FUEL
from kumolog.templates.engine import Engine


def engine(sources: Mapping[str, str], *, clock: Callable[[], float] = time.time) -> Engine:
    """An engine with these templates, and as much fuel as any has."""
    return Engine(sources, FUEL, clock)
