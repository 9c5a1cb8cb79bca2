"""The options of ``kumolog cat`` that choose and show records."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

from kumolog.reading.times import parse_time

T = TypeVar("T")


def add_choosing(parser: argparse.ArgumentParser) -> None:
    """Adds the options that tell which records are wanted."""
    add = parser.add_argument_group("which records").add_argument
    add(
        "--since",
        metavar="TIME",
        type=_time,
        help="from this time on: 2026-03-06T10:00:00Z, 2026-03-06, Unix seconds, or 2h: back from "
        "now; segments that were finished before it are not read",
    )
    add("--until", metavar="TIME", type=_time, help="before this time")
    add(
        "--type",
        metavar="TYPE",
        type=_record_types,
        action="extend",
        default=[],
        help="of this type, or one of these, with commas; may be given several times",
    )
    add(
        "--where",
        metavar="LUA",
        action="append",
        default=[],
        help="for which the Lua expression is true, such as 'record.response.code >= 500'; a field "
        "that is missing is nil",
    )
    add(
        "--filter",
        metavar="POLICY:EVENT",
        type=_policy_event,
        help="that a policy's filter handler passes, as for a logger with this filter_event",
    )


def add_showing(parser: argparse.ArgumentParser) -> None:
    """Adds the options that tell how records are shown."""
    add = parser.add_argument_group("how they are shown").add_argument
    add(
        "--format",
        choices=("json", "csv", "pretty", "template"),
        help="json: the line as it is stored (the default); pretty: for eyes",
    )
    add(
        "--fields",
        metavar="FIELD,...",
        type=fields,
        action="extend",
        default=[],
        help="for json and csv: only these, such as type,response.code",
    )
    add("--template", metavar="TEXT", help="a MiniJinja template as policies have it, or its file")


def _time(text: str) -> int:
    return _taken(lambda: parse_time(text, time.time_ns()))


def _record_types(text: str) -> list[str]:
    from kumolog.reading.choosing import record_type  # which knows how to decode

    return _taken(lambda: [record_type(name) for name in text.split(",")])


def fields(text: str) -> list[tuple[str, ...]]:
    """The paths of the fields that an argument names. Raises ArgumentTypeError."""
    from kumolog.reading.fields import parse_path

    return _taken(lambda: [parse_path(path) for path in text.split(",")])


def _policy_event(text: str) -> tuple[str, str]:
    policy, _, event = text.rpartition(":")
    if policy and event:
        return policy, event
    raise argparse.ArgumentTypeError("it is written like init.lua:my_filter")


def _taken(read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
