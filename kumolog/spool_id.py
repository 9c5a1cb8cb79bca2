"""Spool ids: version 1 UUIDs without hyphens that carry the time a message was created."""

from __future__ import annotations

import uuid

from kumolog.clock import SYSTEM_CLOCK, Clock

_GREGORIAN_TO_UNIX = 0x01B21DD213814000  # 100 ns units between 1582-10-15 and 1970-01-01 (RFC 9562)
_UNITS_PER_SECOND = 10_000_000


def new_spool_id(clock: Clock = SYSTEM_CLOCK) -> str:
    """A fresh id of 32 lower-case hex digits, made at the clock's time."""
    return clock.uuid1().hex


def created_at(spool_id: str) -> int | None:
    """Unix seconds (floor) at which the id was made; None where the id carries no time.

    Versions 1, 6 and 7 carry one (RFC 9562 sections 5.1, 5.6, 5.7).
    """
    try:
        parsed = uuid.UUID(spool_id)
    except ValueError:
        return None
    if parsed.version == 1:
        ticks = parsed.time
    elif parsed.version == 6:
        ticks = parsed.int >> 80 << 12 | parsed.int >> 64 & 0xFFF
    elif parsed.version == 7:
        return (parsed.int >> 80) // 1000
    else:
        return None
    return (ticks - _GREGORIAN_TO_UNIX) // _UNITS_PER_SECOND
