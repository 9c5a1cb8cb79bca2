"""Events for tests in Python, looked at as they are made."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from kumolog.errors import EventError
from kumolog.event import EventDecoder
from kumolog.nodeid import NodeId
from kumolog.policy import nearest
from kumolog.record import MEMBERS

_FIELDS = MEMBERS[""] | {"data", "data_base64"}


def event(type: str, /, *, extra: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """An event of that type with fields of a log record, which a bench or a host can log.

    ``event("Delivery", recipient="ada@inbox.example", meta={"tenant": "bakery"})``. ``data`` is a
    message as text or bytes, ``extra`` are fields that log records do not have. Raises EventError
    for a field that is none or has a value that it cannot have.
    """
    for name in fields:
        if name not in _FIELDS:
            near = nearest(name, sorted(_FIELDS))
            hint = f"did you mean `{near}`? F" if near else "f"
            raise EventError(
                f"making a {type} event: log records have no field `{name}`: {hint}ields of your "
                "own go into extra={...}"
            )
    made = {"type": type, **fields, **(extra or {})}
    if isinstance(made.get("data"), bytes):
        made["data_base64"] = base64.b64encode(made.pop("data")).decode()
    _check(type, made)
    return made


def _check(type: str, made: Mapping[str, Any]) -> None:
    try:
        line = msgspec.json.encode(made)
    except (TypeError, ValueError) as error:
        raise EventError(f"making a {type} event: it has no JSON form: {error}") from None
    for rejected in EventDecoder(NodeId()).decode([line]).rejected:
        raise EventError(f"making a {type} event: {rejected.error}")
