"""An event that is given as options of a command."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kumolog.errors import KumologError

SOURCE = "options"


def add_event_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that make an event."""
    add = parser.add_argument_group("an event made of options, in the place of EVENT").add_argument
    add("--type", metavar="TYPE", help="the record type, such as Delivery")
    add("--sender", metavar="ADDRESS", help="the envelope sender")
    add("--recipient", metavar="ADDRESS", action="append", help="may be given several times")
    add("--meta", metavar="KEY=VALUE", action="append", help="a meta value: JSON, or else text")
    add("--header", metavar="NAME=TEXT", action="append", help="a header")
    add(
        "--set",
        metavar="FIELD=VALUE",
        action="append",
        help="any field by its path, such as response.code=550: JSON, or else text",
    )
    add("--data-file", metavar="FILE", help="the message, as it came or was sent")


def given_event(options: argparse.Namespace) -> bytes | None:
    """The line of the event that the options make, None where there are none of them.

    Raises KumologError for what cannot be one, as far as the options are concerned.
    """
    event: dict[str, Any] = {
        "type": options.type,
        "sender": options.sender,
        "recipient": _one_or_all(options.recipient or ()),
        "meta": dict(_pair("meta", text, _json_or_text) for text in options.meta or ()) or None,
        "headers": _headers(options.header or ()) or None,
        "data_base64": _data(options.data_file),
    }
    event = {name: value for name, value in event.items() if value is not None}
    for text in options.set or ():
        _put(event, *_pair("set", text, _json_or_text))
    if event and "type" not in event:
        raise KumologError("making an event of options: it needs a --type, such as Delivery")
    return msgspec.json.encode(event) if event else None


def _one_or_all(values: Sequence[str]) -> list[str] | str | None:
    return list(values) if len(values) > 1 else next(iter(values), None)


def _headers(texts: Sequence[str]) -> dict[str, Any]:
    values: dict[str, list[str]] = {}
    for text in texts:
        name, value = _pair("header", text, str)
        values.setdefault(name, []).append(value)
    return {name: _one_or_all(found) for name, found in values.items()}


def _pair(option: str, text: str, read: Callable[[str], Any]) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise KumologError(f"--{option} {text}: expected a name and a value, such as name=value")
    return name, read(value)


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text


def _put(event: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split(".")
    inner: Any = event
    for name in outer:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise KumologError(f"--set {path}: {name} already is a value without fields")
    inner[last] = value


def _data(path: str | None) -> bytes | None:
    try:
        return None if path is None else Path(path).read_bytes()  # base64, encoded by msgspec
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise KumologError(f"reading the message {path}: {reason}") from None
