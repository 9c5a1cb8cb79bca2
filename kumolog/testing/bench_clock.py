"""The clock of a bench: the system's, until it is frozen, put forward, or both."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

from kumolog.clock import Clock
from kumolog.duration import NANOS_PER_SECOND, parse_duration
from kumolog.errors import KumologError

_GREGORIAN_TO_UNIX = 0x01B21DD213814000  # 100 ns units between 1582-10-15 and 1970-01-01 (RFC 9562)
_RANDOM_NODE = 1 << 40  # the bit that marks a node that is no network card (RFC 9562 section 6.10)

Moment = float | str | datetime
Span = float | str


class SteeredClock:
    """``clock`` is what the policy and its host ask for the time.

    Two benches whose clocks are frozen at the same moment give the same identifiers in the same
    order. A wait moves a frozen clock on and takes no time.
    """

    def __init__(self) -> None:
        self.clock = Clock(
            lambda: self.now_ns() / NANOS_PER_SECOND,
            lambda: self._monotonic_ns() / NANOS_PER_SECOND,
            self.now_ns,
            self._uuid1,
            self._wait,
        )
        self._frozen = False
        # Added to the system's clocks while this one runs; the time itself while it is frozen.
        self._wall = 0
        self._monotonic = 0
        self._made = 0

    def now_ns(self) -> int:
        """Nanoseconds since 1970."""
        return self._wall if self._frozen else self._wall + time.time_ns()

    def freeze(self, at: Moment | None = None) -> None:
        """Stops the clock, now or at another moment.

        ``at`` are seconds since 1970, a datetime or ISO 8601 text; what names no zone is UTC. A
        frozen clock that is frozen later lets durations pass as if it had run on. Raises
        KumologError for what is no moment.
        """
        wall, monotonic = self.now_ns(), self._monotonic_ns()
        target = wall if at is None else _nanos(at)
        if self._frozen:
            monotonic += max(0, target - wall)
        self._frozen, self._wall, self._monotonic = True, target, monotonic

    def advance(self, span: Span) -> None:
        """Puts the clock forward by seconds, or by a duration such as ``5 minutes``.

        Raises KumologError for what is none, or is negative.
        """
        nanos = _span_nanos(span)
        self._wall += nanos
        self._monotonic += nanos

    def _monotonic_ns(self) -> int:
        return self._monotonic if self._frozen else self._monotonic + time.monotonic_ns()

    def _uuid1(self) -> uuid.UUID:
        self._made += 1
        ticks = self.now_ns() // 100 + _GREGORIAN_TO_UNIX
        fields = (ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF, 0, 0)
        return uuid.UUID(fields=(*fields, _RANDOM_NODE | self._made), version=1)

    def _wait(self, waiting: Callable[[float], bool], seconds: float) -> bool:
        if not self._frozen:
            return waiting(seconds)
        came = waiting(0)
        if not came:
            self.advance(seconds)
        return came


def _nanos(at: Moment) -> int:
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            raise KumologError(
                f"freezing the clock at {at!r}: expected an ISO 8601 time such as "
                "2024-05-01T12:00:00Z, or seconds since 1970"
            ) from None
    if isinstance(at, datetime):
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return round(Fraction(at) * NANOS_PER_SECOND)


def _span_nanos(span: Span) -> int:
    try:
        nanos = (
            parse_duration(span)
            if isinstance(span, str)
            else round(Fraction(span) * NANOS_PER_SECOND)
        )
    except ValueError as error:
        raise KumologError(f"advancing the clock by {span!r}: {error}") from None
    if nanos < 0:
        raise KumologError(f"advancing the clock by {span!r}: time does not go back; freeze it")
    return nanos
