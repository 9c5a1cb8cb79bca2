"""What comes in: JSON lines decoded into complete log records.

An event is a log record in which only ``type`` must be there. A line that already is the record as
KumoMTA writes it goes through as the bytes it came as; every other one is completed and rewritten.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import MsgspecError

from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.completion import breaks_lines, complete, has_unknown, with_unknown
from kumolog.errors import EventError
from kumolog.meta import meta_column
from kumolog.nodeid import NodeId
from kumolog.record import RECORD_TYPES, TYPE_CODES, KnownRecord, Record

_INPUT_ONLY = ("data", "data_base64")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(KnownRecord)
_any_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
encode = _encoder.encode
_SEEN_AT_ONCE = 24  # records
_MOST_COLUMNS = 16  # that are made ready: a handler may make up its keys


def _text(lines: Sequence[bytes]) -> bytes:
    return b"\n".join((*lines, b""))


def _decoded(lines: Sequence[bytes]) -> list[Record] | None:
    """The records, or None where a line is not exactly what is written for its record."""
    text = _text(lines)
    records = _decoder.decode_lines(text)
    if len(records) != len(lines) or _encoder.encode_lines(records) != text:
        return None
    return None if b"\\" in text and breaks_lines(records) else records


def _types(records: Sequence[Record]) -> str:
    return "".join([TYPE_CODES[record.type] for record in records])


def _are_bare(records: Sequence[Record]) -> bool:
    return not any(record.meta or record.headers for record in records)


class Rejected(msgspec.Struct):
    """A line that is no valid event: its place in the batch's source, why, and its text."""

    position: int
    error: str
    text: bytes


class Wanted(msgspec.Struct):
    """What was asked of batches beside their lines: the next one has it ready."""

    records: bool = False
    columns: list[str] = []


class Batch(msgspec.Struct):
    """Events that go through the loggers together, in order; the lists run in parallel.

    ``lines`` are the finished JSON lines without line end, for a logger that changes nothing.
    ``positions`` lead back to the source lines. ``known_records`` may be None where every line is a
    whole record, ``types`` and ``columns`` tell of them then. ``unknown`` has, for events with
    fields kumolog does not know, the whole record as a mapping; ``data`` the message bytes of
    events that bring them. ``is_bounce_report`` says that the first record is the reception of a
    report and the others are its OOB records: filters are asked about the first alone.
    """

    known_records: list[Record] | None
    lines: Sequence[bytes]
    positions: Sequence[int]
    source_lines: Sequence[bytes]
    unknown: dict[int, dict[str, Any]] = {}
    data: dict[int, bytes] = {}
    rejected: list[Rejected] = []
    is_bounce_report: bool = False
    known_types: str | None = None
    columns: dict[str, list[Any]] = {}
    wanted: Wanted = msgspec.field(default_factory=Wanted)
    _is_bare: bool | None = None

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def records(self) -> list[Record]:
        """The records, decoded once more where they were not kept."""
        if self.known_records is None:
            self.wanted.records = True
            self.known_records = _decoder.decode_lines(_text(self.lines))
        return self.known_records

    @property
    def types(self) -> str:
        """The `TYPE_CODES` of the records."""
        if self.known_types is None:
            self.known_types = _types(self.records)
        return self.known_types

    @property
    def is_bare(self) -> bool:
        """Whether no record has meta or headers, and no event brings message data."""
        if self._is_bare is None:
            self._is_bare = not self.data and _are_bare(self.records)
        return self._is_bare

    def column(self, key: str) -> list[Any]:
        """A meta value of every record, None where it is absent or null."""
        if key not in self.columns:
            if self.known_records is None and len(self.wanted.columns) < _MOST_COLUMNS:
                self.wanted.columns.append(key)
            records = self.known_records or _decoder.decode_lines(_text(self.lines))
            self.columns[key] = meta_column(records, key)
        return self.columns[key]

    def part(self, start: int, end: int) -> Batch:
        """The events from one place to before another, as a batch of their own."""
        return Batch(
            self.records[start:end],
            self.lines[start:end],
            self.positions[start:end],
            self.source_lines,
            {place - start: self.unknown[place] for place in self.unknown if start <= place < end},
            {place - start: self.data[place] for place in self.data if start <= place < end},
        )


class EventDecoder:
    """Decodes source lines; ``clock`` gives the time for events that carry none."""

    def __init__(self, node: NodeId, clock: Clock = SYSTEM_CLOCK) -> None:
        self._node = node
        self._clock = clock
        self._wanted = Wanted()

    def decode(self, lines: Sequence[bytes]) -> Batch:
        """A batch of all lines that are valid events; the others are in ``rejected``."""
        try:
            batch = self._whole(lines) if self._wanted.records else self._seen(lines)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            batch = None
        return batch or self._decode_each(lines)

    def _whole(self, lines: Sequence[bytes]) -> Batch | None:
        """The batch with its records; None where some line is not the record it stands for."""
        records = _decoded(lines)
        return None if records is None else Batch(records, lines, range(len(lines)), lines)

    def _seen(self, lines: Sequence[bytes]) -> Batch | None:
        """As `_whole`, without the records: so few at a time do not leave the processor's cache."""
        types = ""
        is_bare = True
        columns: dict[str, list[Any]] = {key: [] for key in self._wanted.columns}
        for start in range(0, len(lines), _SEEN_AT_ONCE):
            records = _decoded(lines[start : start + _SEEN_AT_ONCE])
            if records is None:
                return None
            types += _types(records)
            is_bare = is_bare and _are_bare(records)
            for key, column in columns.items():
                column += meta_column(records, key)
        return Batch(
            None,
            lines,
            range(len(lines)),
            lines,
            known_types=types,
            columns=columns,
            wanted=self._wanted,
            _is_bare=is_bare,
        )

    def _decode_each(self, lines: Sequence[bytes]) -> Batch:
        records: list[Record] = []
        finished: list[bytes] = []
        positions: list[int] = []
        batch = Batch(records, finished, positions, lines)
        for position, line in enumerate(lines):
            try:
                record, finished_line = self._decode_one(line, batch)
            except EventError as error:
                batch.rejected.append(Rejected(position, str(error), line))
            else:
                records.append(record)
                finished.append(finished_line)
                positions.append(position)
        return batch

    def _decode_one(self, line: bytes, batch: Batch) -> tuple[Record, bytes]:
        try:
            record = _decoder.decode(line)
            finished = encode(record)
            if not breaks_lines((record,)):
                return record, finished
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # incomplete or wrong: complete() tells which
        return self.complete(_parse(line), batch)

    def complete(self, given: dict[str, Any], batch: Batch) -> tuple[Record, bytes]:
        """The full record for an event, and its line; raises EventError naming the field."""
        _check_type(given)
        data = _message_data(given)
        record = complete(given, len(data or b""), self._node, self._clock)
        index = len(batch.lines)
        if data is not None:
            batch.data[index] = data
        if not has_unknown(given):
            return record, encode(record)
        batch.unknown[index] = whole = with_unknown(msgspec.to_builtins(record), given)
        return record, encode(whole)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        given = _any_decoder.decode(line)
    except UnicodeDecodeError:
        raise EventError(f"not valid UTF-8: {_utf8_fault(line)}") from None
    except RecursionError:
        raise EventError("not a usable event: the JSON is nested too deeply") from None
    except MsgspecError as error:
        if _SURROGATE.search(line) and line.rstrip().endswith(b"}"):
            raise EventError("not valid JSON: a \\u escape is half of a surrogate pair") from None
        raise EventError(f"not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise EventError(f"not an event: expected a JSON object, got {type(given).__name__}")
    return given


def _utf8_fault(line: bytes) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"{error.reason} at byte {error.start}"
    return "invalid text"


def _check_type(given: Mapping[str, Any]) -> None:
    kind = given.get("type")
    if kind in RECORD_TYPES:
        return
    if kind is None:
        raise EventError("missing field `type`: it names the record type, such as `Delivery`")
    near = difflib.get_close_matches(str(kind), RECORD_TYPES, 1, 0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(RECORD_TYPES)}"
    raise EventError(f"unknown record type {kind!r}: {hint}")


def _message_data(given: dict[str, Any]) -> bytes | None:
    """Takes the input-only keys out of the event."""
    text, encoded = (given.pop(key, None) for key in _INPUT_ONLY)
    if text is not None and encoded is not None:
        raise EventError("an event has either `data` or `data_base64`, not both")
    if encoded is not None:
        if not isinstance(encoded, str):
            raise EventError("`data_base64` must be a string of base64")
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise EventError(f"`data_base64` is not valid base64: {error}") from None
    if text is not None and not isinstance(text, str):
        raise EventError("`data` must be a string: the message as RFC 5322 text")
    return None if text is None else text.encode()
