"""What a handler sees of a record: the message object's data, without any Lua.

Handlers reach a message through its batch: `BatchMessages` answers for all messages of one batch
and makes a `Message` only for those whose handler asks for more than meta values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from kumolog.completion import default_queue_name
from kumolog.errors import KumologError
from kumolog.event import Batch
from kumolog.luavalue import LuaValue, to_json, type_name
from kumolog.mail.addresses import AddressHeader, EnvelopeAddress
from kumolog.mail.headers import Header, group_headers, parse_headers
from kumolog.queue_name import parse_queue_name
from kumolog.record import Record

_QUEUE_KEYS = ("queue", "campaign", "tenant", "routing_domain")
# Meta values that are the same thing as a field of the record, where the event's meta lacks them.
_DERIVED: dict[str, Callable[[Record], Any]] = {
    "reception_protocol": lambda record: record.reception_protocol,
    "tenant": lambda record: _tenant(record.queue),
    "campaign": lambda record: parse_queue_name(record.queue).campaign,
    "routing_domain": lambda record: parse_queue_name(record.queue).routing_domain,
}


def _tenant(queue: str) -> str | None:
    # ``campaign:@domain`` is the name of a queue without a tenant, too.
    campaign, tenant, *_ = parse_queue_name(queue)
    return None if campaign is not None and not tenant else tenant


def derived_meta(record: Record, key: str) -> Any:
    """The meta value that the record's own fields give for a key its meta lacks, or None."""
    derive = _DERIVED.get(key)
    return None if derive is None else derive(record)


class _Decoded(Header):
    """A header whose event gives its value decoded already."""

    __slots__ = ()

    def value(self) -> bytes:
        return self.raw


class Message:
    """One message: its record, its bytes where the event brought them, its meta as changed."""

    def __init__(self, record: Record, data: bytes | None) -> None:
        self.record = record
        self.data = data
        self.meta = record.meta
        self._queue_changed = False

    def get_meta(self, key: str) -> Any:
        """The meta value, None where it is absent or null."""
        if key in self.meta:
            return self.meta[key]
        return derived_meta(self.record, key)

    def set_meta(self, key: str, value: Any) -> None:
        """Changes the meta of this message, not the record it came from."""
        self.meta = self.meta | {key: value}
        self._queue_changed = self._queue_changed or key in _QUEUE_KEYS

    def queue_name(self) -> str:
        """The record's queue; after a change of meta that names a queue, the one it names now.

        A record whose queue does not follow from its parts has it from meta ``queue``, which wins
        over them (KumoMTA: queue names). Raises KumologError where such a meta value is no string.
        """
        if not self._queue_changed:
            return self.record.queue
        if self.get_meta("queue") is None and not self._named_by_parts():
            return self.record.queue
        return default_queue_name(self.record, {key: self.get_meta(key) for key in _QUEUE_KEYS})

    def _named_by_parts(self) -> bool:
        original = Message(self.record, None)
        parts = {key: original.get_meta(key) for key in _QUEUE_KEYS}
        try:
            return default_queue_name(self.record, parts) == self.record.queue
        except KumologError:
            return False

    def recipients(self) -> list[EnvelopeAddress]:
        """The recipients as addresses; raises AddressError."""
        recipient = self.record.recipient
        listed = [recipient] if isinstance(recipient, str) else recipient
        return [EnvelopeAddress.parse(address) for address in listed]

    @cached_property
    def headers(self) -> Sequence[Header]:
        """The headers in message order: of the message data, else those the event lists."""
        if self.data is not None:
            return parse_headers(self.data)
        return [
            _Decoded(name, value.encode())
            for name, values in self.record.headers.items()
            for value in ([values] if isinstance(values, str) else values)
        ]

    def header_values(self, name: str) -> list[bytes]:
        """The decoded values of all headers of that name."""
        return [header.value() for header in self._named(name)]

    def address_header(self, name: str) -> AddressHeader | None:
        """The first header of that name as addresses; raises AddressError where it is none."""
        header = next(self._named(name), None)
        return None if header is None else AddressHeader.parse(header.raw)

    def _named(self, name: str) -> Iterator[Header]:
        wanted = name.lower()
        return (header for header in self.headers if header.name.lower() == wanted)

    def header_groups(self) -> dict[str, str | list[str]]:
        """All headers for selection into a record; none where the block cannot be parsed."""
        if self.data is None:
            return self.record.headers
        try:
            return group_headers(self.headers)
        except KumologError:
            return {}


class BatchMessages:
    """The messages of one batch, by their place in it."""

    def __init__(self, batch: Batch) -> None:
        # Not the batch itself: its lines are not needed any more when a handler keeps a message.
        self._records = batch.records
        self._data = batch.data
        self.weight = sum(map(len, batch.source_lines)) >> 10  # KB
        self.columns_given = 0
        self._messages: dict[int, Message] = {}
        # For each changed message what its handlers set, in order: (logger, key, JSON value).
        self.changes: dict[int, list[tuple[int, str, Any]]] = {}

    def message(self, place: int) -> Message:
        """The message at a place of the batch."""
        if place not in self._messages:
            self._messages[place] = Message(self._records[place], self._data.get(place))
        return self._messages[place]

    def column(self, key: str) -> list[Any]:
        """A meta value of every record, None where it is absent or null; changes left aside."""
        derive = _DERIVED.get(key)
        if derive is None:
            return [record.meta.get(key) for record in self._records]
        return [
            record.meta[key] if key in record.meta else derive(record) for record in self._records
        ]

    def set_meta(self, place: int, key: str, value: Any, logger: int | None) -> None:
        """Sets meta; ``logger`` is the one whose filter is being asked about this very record."""
        self.message(place).set_meta(key, value)
        if logger is not None:
            self.changes.setdefault(place, []).append((logger, key, value))

    def as_seen_by(self, place: int, logger: int) -> Message:
        """The message with the changes made up to a logger's filter, as that logger records it."""
        message = self.message(place)
        seen = Message(message.record, message.data)
        for origin, key, value in self.changes.get(place, ()):
            if origin <= logger:
                seen.set_meta(key, value)
        return seen


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
    values = message.header_values(_header_name(name))
    return values[0] if values else None


def _header_name(value: LuaValue) -> str:
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
        _header_name(name)
    ),
    "get_all_headers": lambda message, *_: [[h.name, h.value()] for h in message.headers],
    "from_header": lambda message, *_: message.address_header("From"),
    "to_header": lambda message, *_: message.address_header("To"),
    "get_address_header": lambda message, name=None, *_: message.address_header(_header_name(name)),
}


def meta_value(value: LuaValue) -> Any:
    """The JSON form of what set_meta stores; raises KumologError for what JSON cannot hold."""
    try:
        return to_json(value)
    except ValueError as error:
        raise KumologError(f"{error}: meta holds what JSON can hold") from error
