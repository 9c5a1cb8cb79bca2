"""Points in time as people write them, and which records and segments lie between two of them."""

from __future__ import annotations

import calendar
import os
import re
import time
from typing import Any, Final, NamedTuple

from kumolog.duration import NANOS_PER_SECOND, parse_duration
from kumolog.timeparse import parse_rfc3339

_NUMBER: Final = re.compile(r"(?P<whole>[0-9]{1,18})(?:\.(?P<fraction>[0-9]{1,9}))?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WITHOUT_ZONE: Final = re.compile(r"(?P<minutes>.{10}[Tt ][0-9]{2}:[0-9]{2})(?P<seconds>:[0-9.]+)?")
_STAMP: Final = re.compile(r"[0-9]{8}-[0-9]{6}")
_FORMS: Final = "2026-03-06T10:00:00Z, 2026-03-06, 1772791200 or, back from now, 2h"
# Clocks of hosts and file servers differ, and a record may wait before it is written.
_SLACK: Final = 3600


def parse_time(text: str, now_ns: int) -> int:
    """Return the nanoseconds since 1970 that ``text`` means.

    It is a time as in RFC 3339, of which seconds and zone may be left out (UTC then), a date (its
    first moment in UTC), Unix seconds, or a duration (KumoMTA: duration texts), which is back from
    ``now_ns``. Raises ValueError that tells what is wrong.
    """
    text = text.strip()
    if number := _NUMBER.fullmatch(text):
        return int(number["whole"]) * NANOS_PER_SECOND + int(
            (number["fraction"] or "").ljust(9, "0")
        )
    try:
        if _DATE.match(text):
            instant = parse_rfc3339(_completed(text))
            return instant.seconds * NANOS_PER_SECOND + instant.nanos
        return now_ns - parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: {error}; write {_FORMS}") from None


def _completed(text: str) -> str:
    """A time with the parts that RFC 3339 wants."""
    if _DATE.fullmatch(text):
        return f"{text}T00:00:00Z"
    if found := _WITHOUT_ZONE.fullmatch(text):
        return f"{found['minutes']}{found['seconds'] or ':00'}Z"
    return text


class Window(NamedTuple):
    """The records whose ``timestamp`` is from ``since`` on and before ``until``: Unix seconds.

    Timestamps are whole seconds (KumoMTA: log record), so whole bounds lose nothing.
    """

    since: float = float("-inf")
    until: float = float("inf")

    @classmethod
    def of(cls, since_ns: int | None, until_ns: int | None) -> Window:
        """Between two times in nanoseconds, of which either may be missing."""
        everything = cls()
        return cls(
            everything.since if since_ns is None else _ceiling(since_ns),
            everything.until if until_ns is None else _ceiling(until_ns),
        )

    def has(self, timestamp: Any) -> bool:
        """Whether a record of that timestamp is wanted; one that is no number is not."""
        return timestamp.__class__ in _NUMBERS and self.since <= timestamp < self.until

    @property
    def is_open(self) -> bool:
        """Whether every time lies in it."""
        return self == Window()

    def is_over(self, path: str, modified: float) -> bool:
        """Whether a finished segment can only hold records from before it.

        ``modified`` are the Unix seconds of its last change. What was written after that second
        cannot be in it; a change before the segment was opened, as its name has it, tells nothing.
        """
        opened = opening(path)
        return opened is not None and opened - _SLACK <= modified < self.since - _SLACK

    def may_be_ahead(self, path: str) -> bool:
        """Whether a segment's name says that it was opened after it."""
        opened = opening(path)
        return opened is not None and opened - _SLACK >= self.until

    def is_ahead(self, path: str, first: float) -> bool:
        """Whether a segment can only hold records from after it; ``first`` is its first timestamp.

        Where events of earlier days were logged, the first of them is older than the segment, and
        the name tells nothing.
        """
        opened = opening(path)
        return opened is not None and opened - _SLACK >= self.until and first >= opened - _SLACK


_NUMBERS: Final = (int, float)


def opening(path: str) -> int | None:
    """When a segment was opened, in Unix seconds, as far as its name tells."""
    found = _STAMP.match(os.path.basename(path))
    try:
        return found and calendar.timegm(time.strptime(found[0], "%Y%m%d-%H%M%S"))
    except ValueError:
        return None


def _ceiling(nanos: int) -> int:
    return -(-nanos // NANOS_PER_SECOND)
