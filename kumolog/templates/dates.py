"""The filters ``datetimeformat``, ``dateformat`` and ``timeformat``.

KumoMTA: template filters of minijinja-contrib with its date and time zone features.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from minijinja import pass_state

from kumolog.templates import patterns
from kumolog.templates.patterns import Moment

_ISO = "[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]"
_LONG_DATE = "[month repr:long] [day padding:none] [year]"
_MEDIUM_DATE = "[month repr:short] [day padding:none] [year]"

_DATETIME_FORMATS = MappingProxyType(
    {
        "short": "[year]-[month]-[day] [hour]:[minute]",
        "medium": f"{_MEDIUM_DATE} [hour]:[minute]",
        "long": f"{_LONG_DATE} [hour]:[minute]:[second]",
        "full": f"[weekday], {_LONG_DATE} [hour]:[minute]:[second].[subsecond]",
        "iso": _ISO,
        "unix": "[unix_timestamp]",
    }
)
_TIME_FORMATS = MappingProxyType(
    {
        "short": "[hour]:[minute]",
        "medium": "[hour]:[minute]",
        "long": "[hour]:[minute]:[second]",
        "full": "[hour]:[minute]:[second].[subsecond]",
        "iso": _ISO,
        "unix": "[unix_timestamp]",
    }
)
_DATE_FORMATS = MappingProxyType(
    {
        "short": "[year]-[month]-[day]",
        "medium": _MEDIUM_DATE,
        "long": _LONG_DATE,
        "full": f"[weekday], {_LONG_DATE}",
    }
)


def date_filters() -> dict[str, Callable[..., str]]:
    """The three filters by name, sharing one cache of parsed formats."""
    parse = lru_cache(maxsize=128)(patterns.parse)
    return {
        "datetimeformat": _date_filter(parse, "DATETIME_FORMAT", _DATETIME_FORMATS),
        "timeformat": _date_filter(parse, "TIME_FORMAT", _TIME_FORMATS),
        "dateformat": _date_filter(parse, "DATE_FORMAT", _DATE_FORMATS, bare_date=True),
    }


def _date_filter(
    parse: Callable[[str], patterns.Pattern],
    default: str,
    named: Mapping[str, str],
    *,
    bare_date: bool = False,
) -> Callable[..., str]:
    """A filter taking its default format from the template's global ``default``, else medium.

    ``bare_date`` says whether a date without a time is enough for it.
    """

    def write(state: Any, value: Any, /, *, format: Any = None, tz: Any = None) -> str:
        moment = to_moment(value, _zone(state, tz), bare_date=bare_date)
        chosen = _setting(state, format, default, "medium")
        return patterns.render(parse(named.get(chosen, chosen)), moment)

    return pass_state(write)


def _setting(state: Any, given: Any, name: str, default: str) -> str:
    if given is None:
        configured = state.lookup(name)
        return configured if isinstance(configured, str) else default
    if not isinstance(given, str):
        raise ValueError(f"format and tz must be strings, not {given!r}")
    return given


def _zone(state: Any, given: Any) -> tzinfo | None:
    """The time zone to show; None keeps that of the value."""
    name = _setting(state, given, "TIMEZONE", "original")
    if name == "original":
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        # zoneinfo lets the file system's own error through for names such as "Europe".
        raise ValueError(f"unknown timezone {name!r}, expected e.g. Europe/Vienna") from error


def to_moment(value: Any, zone: tzinfo | None, *, bare_date: bool) -> Moment:
    """The moment meant by a template value, shown in ``zone``, or as given where that is None.

    A number is a Unix time in seconds; a string is ISO 8601; a list is year and day of the year,
    then hour, minute, second and nanosecond, then hours, minutes and seconds of the offset. A time
    without an offset is in ``zone`` already, else UTC. Raises ValueError for anything else, and for
    a date without a time unless ``bare_date``.
    """
    local, nanosecond, has_time = _read(value)
    if not has_time and not bare_date:
        raise ValueError(f"filter requires time, but only received a date: {value}")
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone if zone is not None and has_time else UTC)
    elif zone is not None:
        local = local.astimezone(zone)
    return Moment(local, nanosecond)


_Reading = tuple[datetime, int, bool]


def _read(value: Any) -> _Reading:
    """Date and time without its fraction, the nanoseconds, and whether there was a time at all."""
    reader = next((read for kind, read in _READERS if isinstance(value, kind)), _refuse)
    try:
        return reader(value)
    except (OverflowError, OSError) as error:
        raise ValueError(f"date out of range: {value}") from error


def _refuse(value: Any) -> _Reading:
    raise ValueError(
        f"value is not a datetime: {value!r}, expected a Unix time, an ISO 8601 string or a list"
    )


def _read_unix(value: float) -> _Reading:
    if not math.isfinite(value):
        raise ValueError(f"date out of range: {value}")
    # Whole seconds are left as they are: as nanoseconds a float cannot hold those after 2116.
    second, nanosecond = divmod(int(value * 1e9), 10**9) if value % 1 else (int(value), 0)
    return _EPOCH + timedelta(seconds=second), nanosecond, True


_ISO_TEXT = re.compile(
    r"(?P<date>[-\dW]+)(?:T(?P<time>[\d:]+)(?:[.,](?P<fraction>\d+))?(?P<zone>.*))?", re.ASCII
)


def _read_text(text: str) -> _Reading:
    shape = _ISO_TEXT.fullmatch(text)
    if shape is None:
        raise ValueError(f"not a valid date or timestamp: {text!r}")
    has_time = shape["time"] is not None
    whole = f"{shape['date']}T{shape['time']}{shape['zone']}" if has_time else text
    try:
        local = datetime.fromisoformat(whole)
    except ValueError as error:
        raise ValueError(f"not a valid date or timestamp: {text!r}") from error
    return local, int((shape["fraction"] or "0")[:9].ljust(9, "0")), has_time


def _read_list(values: Sequence[Any]) -> _Reading:
    numbers = list(values)
    if len(numbers) not in (2, 6, 9) or any(type(number) is not int for number in numbers):
        raise ValueError(f"not a valid date or timestamp: {numbers}, expected 2, 6 or 9 integers")
    year, ordinal, hour, minute, second, nanosecond, *offset = [*numbers, 0, 0, 0, 0][
        : max(6, len(numbers))
    ]
    try:
        local = datetime(year, 1, 1, hour, minute, second) + timedelta(days=ordinal - 1)
        if local.year != year or not 0 <= nanosecond < 10**9:
            raise ValueError("day of the year or nanosecond out of range")
        if offset:
            hours, minutes, seconds = offset
            zone = timezone(timedelta(hours=hours, minutes=minutes, seconds=seconds))
            local = local.replace(tzinfo=zone)
    except ValueError as error:
        raise ValueError(f"not a valid date or timestamp: {numbers}, {error}") from error
    return local, nanosecond, len(numbers) > 2


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# A boolean is an integer to Python, but no time.
_READERS: tuple[tuple[type, Callable[[Any], _Reading]], ...] = (
    (bool, _refuse),
    (str, _read_text),
    (int, _read_unix),
    (float, _read_unix),
    (Sequence, _read_list),
)
