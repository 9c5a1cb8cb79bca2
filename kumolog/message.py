"""What a handler sees of a record: the message object's data, without any Lua.

Handlers reach a message through its batch: `BatchMessages` answers for all messages of one batch
and makes a `Message` only for those whose handler asks for more than meta values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from typing import Any

from msgspec.structs import replace

from kumolog.completion import default_queue_name
from kumolog.errors import KumologError
from kumolog.event import Batch
from kumolog.lines import Lines
from kumolog.mail.addresses import AddressHeader, EnvelopeAddress
from kumolog.mail.headers import Header, group_headers, parse_headers
from kumolog.mail.rewriting import append_field, prepend_field, remove_fields
from kumolog.meta import derived_meta
from kumolog.record import Record

_QUEUE_KEYS = frozenset(("queue", "campaign", "tenant", "routing_domain"))
_ENVELOPE = ("sender", "recipient", "size", "num_attempts")
_MAX_ATTEMPTS = 0xFFFF
_AT_FIRST, _AFTER_ALL = -1.0, inf  # before and after the numbers of all loggers


class _Decoded(Header):
    """A header whose event gives its value decoded already."""

    __slots__ = ()

    def decoded(self) -> str:
        return self.raw.decode()


class Message:
    """One message as it is at one time: what changes it gives another one.

    ``record`` is the event's with the envelope as changed, ``meta`` the meta as changed. ``data``
    are the message's bytes. Of an event that brings none the headers are known that it lists; then
    ``data`` is None, or the headers alone that were added since.
    """

    def __init__(self, record: Record, data: bytes | None) -> None:
        self.record = record
        self.data = data
        self.meta = record.meta
        self.is_whole = data is not None
        self._original = record  # the event's
        self._base = record  # of which ``record`` is the changed form
        self._named_after = record  # whose recipient names the queue
        self._queue_changed = False
        self._headers: Sequence[Header] | None = None
        self._groups: dict[str, str | list[str]] | None = None if self.is_whole else record.headers

    # Meta and queue -----------------------------------------------------------------------------

    def get_meta(self, key: str) -> Any:
        """The meta value, None where it is absent or null."""
        if key in self.meta:
            return self.meta[key]
        return derived_meta(self._original, key)

    def queue_name(self) -> str:
        """The record's queue; after a change of what names a queue, the one it names now.

        A record whose queue does not follow from its parts has it from meta ``queue``, which wins
        over them (KumoMTA: queue names). Raises KumologError where such a meta value is no string.
        """
        if not self._queue_changed:
            return self.record.queue
        if self.get_meta("queue") is None and not self._named_by_parts():
            return self.record.queue
        parts = {key: self.get_meta(key) for key in _QUEUE_KEYS}
        return default_queue_name(self._named_after, parts)

    def _named_by_parts(self) -> bool:
        original = Message(self._original, None)
        parts = {key: original.get_meta(key) for key in _QUEUE_KEYS}
        try:
            return default_queue_name(self._original, parts) == self._original.queue
        except KumologError:
            return False

    # The envelope and the record ----------------------------------------------------------------

    def recipients(self) -> list[EnvelopeAddress]:
        """The recipients as addresses; raises AddressError."""
        recipient = self.record.recipient
        listed = [recipient] if isinstance(recipient, str) else recipient
        return [EnvelopeAddress.parse(address) for address in listed]

    def changed_fields(self) -> dict[str, Any]:
        """The fields of the record, but for meta and headers, that were changed."""
        changed: dict[str, Any] = {}
        if self.record is not self._base:
            for name in _ENVELOPE:
                value = getattr(self.record, name)
                if value != getattr(self._base, name):
                    changed[name] = value
        if self._queue_changed:
            try:
                queue = self.queue_name()
            except KumologError as error:
                queue = str(error)  # KumoMTA: the error text stands in the name's place
            if queue != self.record.queue:
                changed["queue"] = queue
        return changed

    def as_record(self) -> Record:
        """The record of the message as it is now, with all its meta."""
        changed = self.changed_fields()
        if self.meta is not self._original.meta:
            changed["meta"] = self.meta
        return replace(self._base, **changed) if changed else self._base

    # Headers ------------------------------------------------------------------------------------

    @property
    def headers(self) -> Sequence[Header]:
        """The headers in message order; raises HeaderError where they cannot be parsed."""
        if self._headers is None:
            if self.is_whole:
                self._headers = parse_headers(self.data or b"")
            else:
                self._headers = _listed(self.record.headers)
        return self._headers

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
        if self._groups is None:
            try:
                self._groups = group_headers(self.headers)
            except KumologError:
                self._groups = {}
        return self._groups

    # Changes: each gives the message that it leads to -------------------------------------------

    def with_meta(self, values: Mapping[str, Any]) -> Message:
        """With these meta values over those it has."""
        queue_changed = self._queue_changed or not _QUEUE_KEYS.isdisjoint(values)
        return self._with(meta={**self.meta, **values}, _queue_changed=queue_changed)

    def with_sender(self, sender: str) -> Message:
        """With another envelope sender, in printed form."""
        return self._with(record=replace(self.record, sender=sender))

    def with_recipients(self, recipients: Sequence[str]) -> Message:
        """With these envelope recipients, in printed form."""
        listed = recipients[0] if len(recipients) == 1 else list(recipients)
        record = replace(self.record, recipient=listed)
        return self._with(record=record, _named_after=record, _queue_changed=True)

    def with_one_more_attempt(self) -> Message:
        """With its number of delivery attempts increased."""
        attempts = min(self.record.num_attempts + 1, _MAX_ATTEMPTS)
        return self._with(record=replace(self.record, num_attempts=attempts))

    def with_data(self, data: bytes) -> Message:
        """With these bytes as the whole message."""
        record = replace(self.record, size=len(data))
        return self._with(record=record, data=data, is_whole=True, _headers=None, _groups=None)

    def with_field_first(self, field: bytes) -> Message:
        """With a header, a line with its end, before all others; raises HeaderError."""
        if self.is_whole:
            return self.with_data(prepend_field(self.data or b"", field))
        return self._with_listed(field + (self.data or b""), [*parse_headers(field), *self.headers])

    def with_field_last(self, field: bytes) -> Message:
        """With a header, a line with its end, behind all others; raises HeaderError."""
        if self.is_whole:
            return self.with_data(append_field(self.data or b"", field))
        return self._with_listed((self.data or b"") + field, [*self.headers, *parse_headers(field)])

    def without_headers(self, is_wanted: Callable[[str], bool]) -> Message:
        """Without the headers whose names, in lower case, are wanted; itself where there are none.

        Raises HeaderError.
        """
        kept = [header for header in self.headers if not is_wanted(header.name.lower())]
        if len(kept) == len(self.headers):
            return self
        data = remove_fields(self.data or b"", is_wanted)
        return self.with_data(data) if self.is_whole else self._with_listed(data, kept)

    def of(self, record: Record) -> Message:
        """The same message where another record is written about it."""
        return self._with(record=record, _base=record)

    def _with_listed(self, data: bytes, headers: Sequence[Header]) -> Message:
        # How long the message is that the event does not bring, only its record knows.
        size = self.record.size + len(data) - len(self.data or b"")
        record = replace(self.record, size=max(size, 0))
        return self._with(record=record, data=data or None, _headers=headers, _groups=None)

    def _with(self, **fields: Any) -> Message:
        other = object.__new__(Message)
        other.__dict__.update(self.__dict__, **fields)
        return other


def _listed(headers: Mapping[str, str | list[str]]) -> list[Header]:
    return [
        _Decoded(name, value.encode())
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]


class BatchMessages:
    """The messages of one batch, by their place in it."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.weight = batch.source_lines.size >> 10  # KB
        self.columns_given = 0
        self._messages: dict[int, Message] = {}
        # For each changed message what it was at first, and after each logger whose filter (or
        # after all of them whoever else) changed it.
        self.changes: dict[int, list[tuple[float, Message]]] = {}

    @classmethod
    def of_one(cls, record: Record, data: bytes) -> BatchMessages:
        """The messages of a batch that has only a new one."""
        return cls(Batch([record], [b""], [0], Lines.of([b""]), data={0: data}))

    @property
    def are_unchanged(self) -> bool:
        """Whether they are what their lines say, as far as anybody has looked."""
        return self._batch.scan is not None and not self.changes

    def some(self, places: Sequence[int]) -> BatchMessages:
        """Those at some places, as a batch of their own."""
        return BatchMessages(self._batch.some(places))

    def message(self, place: int) -> Message:
        """The message at a place of the batch, as it is now."""
        message = self._messages.get(place)
        if message is None:
            message = Message(self._batch.records[place], self._batch.data.get(place))
            self._messages[place] = message
        return message

    def column(self, key: str) -> list[Any]:
        """A meta value of every message, None where it is absent or null."""
        values = self._batch.column(key).copy()
        for place in self.changes:
            values[place] = self.message(place).get_meta(key)
        return values

    def change(self, place: int, message: Message, logger: int | None) -> None:
        """Puts a message in the place of the one it was made of.

        ``logger`` is the one whose filter is being asked about this very record: its record and
        those of later loggers show the change. Without one, no logger does.
        """
        before = self.message(place)
        if message is before:
            return
        origin = _AFTER_ALL if logger is None else logger
        states = self.changes.setdefault(place, [(_AT_FIRST, before)])
        if states[-1][0] == origin:
            states[-1] = (origin, message)
        else:
            states.append((origin, message))
        self._messages[place] = message

    def as_seen_by(self, place: int, logger: int) -> Message:
        """The message with the changes made up to a logger's filter, as that logger records it."""
        if place not in self.changes:
            return self.message(place)
        return [state for origin, state in self.changes[place] if origin <= logger][-1]

    def share_changes(self, count: int) -> None:
        """Makes the changes of the first message those of the first ``count``.

        They are one message, about which one record each is written.
        """
        for place in range(1, count if 0 in self.changes else 1):
            record = self._batch.records[place]
            states = [(origin, state.of(record)) for origin, state in self.changes[0]]
            self.changes[place] = states
            self._messages[place] = states[-1][1]
