"""The dates of reports: those of RFC 2822, and what mailers write instead.

KumoMTA: report dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from kumolog.timeparse import Instant, parse_rfc2822

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_LENGTH: Final = 998  # a line's, RFC 5322 section 2.1.1; the parser is not made for megabytes
_DAY_NAME: Final = re.compile(r"\A\s*+(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),", re.ASCII | re.IGNORECASE)
_COMMENT_MARK: Final = re.compile(r"\\.|[()]", re.DOTALL)
_ZONE: Final = re.compile(r"(?<=\s)[A-Za-z]++\Z")
_OFFSETS_AND_ZONES: Final = """
    +1030 ACDT  +0930 ACST  -0300 ADT   +1100 AEDT  +1000 AEST  -0800 AKDT  -0900 AKST
    -0400 AST   +0800 AWST  +0100 BST   +0200 CAT   +0200 CEST  +0100 CET   +1000 CHST
    -0300 EAT   +0300 EEST  +0300 EET   -0900 HDT   +0800 HKT   -1000 HST   +0300 IDT
    +0900 JST   +0900 KST   +0300 MSK   -0230 NDT   -0330 NST   +1300 NZDT  +1200 NZST
    +0500 PKT   +0200 SAST  -1100 SST   +0000 UTC   +0100 WAT   +0100 WEST  +0000 WET
    +0700 WIB   +0900 WIT   +0800 WITA
"""  # as KumoMTA has them, odd ones such as EAT and EET included
_OFFSETS: Final[Mapping[str, str]] = MappingProxyType(
    dict(zip(_OFFSETS_AND_ZONES.split()[1::2], _OFFSETS_AND_ZONES.split()[::2], strict=True))
)


def parse_date(text: str) -> datetime:
    """The moment in UTC, to the second, that a date such as ``Tue, 1 Jul 2003 10:52 +0200`` means.

    A day name may be left out, but not be wrong. Comments may be anywhere; a zone that RFC 2822
    does not know is one of those that mailers write, or else UTC. Raises ValueError for what is no
    such date, what is longer than a line of mail, and years beyond 1 to 9999.
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"{text[:40]!r}... is no date: it has {len(text)} characters")
    reason = ""
    for reading in _readings(text):
        try:
            return _moment(parse_rfc2822(reading))
        except (ValueError, OverflowError) as error:
            reason = str(error)
    raise ValueError(f"{text!r:.80} is no date such as `1 Jul 2003 10:52:37 +0200`: {reason}")


def parse_date_of_any_day(text: str) -> datetime:
    """As `parse_date`, and where the day name is wrong the date itself counts."""
    return parse_date(_DAY_NAME.sub("", text))


def rfc3339(moment: datetime) -> str:
    """A moment in UTC as log records have it, such as ``2005-03-08T18:00:00Z``."""
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _readings(text: str) -> Iterator[str]:
    """The text, the text without comments, and that with an offset in place of its zone's name."""
    yield text
    bare = _without_comments(text).strip()
    yield bare
    yield _ZONE.sub(lambda zone: _OFFSETS.get(zone[0].upper(), "+0000"), bare)


def _moment(instant: Instant) -> datetime:
    return _EPOCH + timedelta(seconds=instant.seconds, microseconds=instant.nanos // 1000)


def _without_comments(text: str) -> str:
    """The text with a blank for each comment; the text as it is where one is left open."""
    pieces = []
    depth = rest = 0
    for mark in _COMMENT_MARK.finditer(text):
        if mark[0] == "(":
            if not depth:
                pieces.append(text[rest : mark.start()])
            depth += 1
        elif mark[0] == ")" and depth:
            depth -= 1
            rest = mark.end()
    return text if depth else " ".join([*pieces, text[rest:]])
