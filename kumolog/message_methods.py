"""The message methods that read, and how the arguments of all of them are taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue, to_json, type_name
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.message import Message


def handler_methods(
    find: Callable[[int, int], Message],
) -> dict[str, Callable[..., Any]]:
    """The message methods that handlers may call, beside get_meta and set_meta.

    Each takes the batch's handle and the message's place (from 1), which ``find`` resolves, then
    neutral Lua values; results are converted by the Lua room (bytes are Lua strings).
    """

    def method(read: Callable[..., Any]) -> Callable[..., Any]:
        return lambda handle, place, *arguments: read(find(handle, place - 1), *arguments)

    return {name: method(read) for name, read in _METHODS.items()}


def _recipient(message: Message) -> Any:
    recipients = message.recipients()
    return recipients if len(recipients) > 1 else recipients[0] if recipients else None


def _first_header(message: Message, name: LuaValue) -> bytes | None:
    values = message.header_values(header_name(name))
    return values[0] if values else None


# Few handlers look for reports: nothing of this is imported before one does.
def _bounce_report(message: Message) -> Any:
    from kumolog.reports.dsn import parse_delivery_status

    return _report(message, parse_delivery_status)


def _feedback_report(message: Message) -> Any:
    from kumolog.reports.arf import parse_feedback_report

    return _report(message, parse_feedback_report)


def _report(message: Message, parse: Callable[[Any], Any]) -> Any:
    """What a parser of reports gives for the parts of a message; None where no message is known."""
    from kumolog.mail.mime import parse_message

    return parse(parse_message(message.data or b"")) if message.is_whole else None


def header_name(value: LuaValue) -> str:
    """The name of a header to look for; raises KumologError for what is no string."""
    return value.decode("latin-1") if isinstance(value, bytes) else _text(value, "a header's name")


def meta_key(value: LuaValue) -> str:
    """The key of get_meta and set_meta; raises KumologError for what is no UTF-8 string."""
    return _text(value, "the key of a meta value")


def _text(value: LuaValue, what: str) -> str:
    """A string argument; KumoMTA: numbers are taken as their texts."""
    text = _TEXTS.get(type(value))
    if text is None:
        shown = value if isinstance(value, bytes) else type_name(value)
        raise KumologError(f"{what} must be a string of UTF-8, not {shown!s:.80}")
    return text(value)


_TEXTS: dict[type, Callable[[Any], str]] = {str: str, int: str, float: str}

# Each takes the message and the arguments given, of which there may be too many.
_METHODS: dict[str, Callable[..., Any]] = {
    "id": lambda message, *_: message.record.id,
    "sender": lambda message, *_: EnvelopeAddress.parse(message.record.sender),
    "recipient": lambda message, *_: _recipient(message),
    "recipient_list": lambda message, *_: message.recipients(),
    "queue_name": lambda message, *_: message.queue_name(),
    "num_attempts": lambda message, *_: message.record.num_attempts,
    "get_data": lambda message, *_: message.data or b"",
    "get_first_named_header_value": lambda message, name=None, *_: _first_header(message, name),
    "get_all_named_header_values": lambda message, name=None, *_: message.header_values(
        header_name(name)
    ),
    "get_all_headers": lambda message, *_: [[h.name, h.value()] for h in message.headers],
    "from_header": lambda message, *_: message.address_header("From"),
    "to_header": lambda message, *_: message.address_header("To"),
    "get_address_header": lambda message, name=None, *_: message.address_header(header_name(name)),
    "parse_rfc3464": lambda message, *_: _bounce_report(message),
    "parse_rfc5965": lambda message, *_: _feedback_report(message),
}


def meta_value(value: LuaValue) -> Any:
    """The JSON form of what set_meta stores; raises KumologError for what JSON cannot hold."""
    try:
        return to_json(value)
    except ValueError as error:
        raise KumologError(f"{error}: meta holds what JSON can hold") from error
