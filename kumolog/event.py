"""What comes in: JSON lines decoded into complete log records.

An event is a log record in which only ``type`` must be there. A line that already is the record as
KumoMTA writes it goes through as the bytes it came as; every other one is completed and rewritten.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import MsgspecError

from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.completion import breaks_lines, complete, has_unknown, with_unknown
from kumolog.errors import EventError
from kumolog.lines import Lines
from kumolog.meta import meta_column
from kumolog.nodeid import NodeId
from kumolog.record import RECORD_TYPES, TYPE_CODES, KnownRecord, Outline, Record

_INPUT_ONLY = ("data", "data_base64")
_KINDS = {code: kind for kind, code in TYPE_CODES.items()}
_RUN = re.compile("(\0+)|[^\0]+")  # of odd lines, or of others
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(KnownRecord)
outline = msgspec.json.Decoder(Outline).decode
_any_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()
encode = _encoder.encode


def encode_each(values: Sequence[Any]) -> list[bytes]:
    """Each of them as JSON, in which there is no line break."""
    return _encoder.encode_lines(values).split(b"\n")[:-1]


def _types(records: Sequence[Record]) -> str:
    return "".join([TYPE_CODES[record.type] for record in records])


class Wanted(NamedTuple):
    """What to take of an object that has just these ``keys``, in order.

    Each of ``taken`` is the name to take something under and the name that it has; with
    ``drops_nulls`` a null cannot be taken.
    """

    keys: tuple[str, ...]
    taken: tuple[tuple[str, str], ...]
    drops_nulls: bool


class Scan(msgspec.Struct):
    """What a look at lines has told of them.

    ``types`` has for each line its `TYPE_CODES`, NUL for one that has to be decoded; the others are
    exactly what is written for their records. ``has_members`` tells whether any of these has meta
    or headers, ``has_report`` whether any has a feedback report. ``values`` gives a field of every
    line (None where it has to be decoded), or None where it is too late to have that. ``spliced``
    gives the lines at which a mask is not zero, with what is wanted of their meta and headers, if
    each of them has just these and none is of a type (by its code) that is left out.
    """

    types: str
    has_members: bool
    has_report: bool
    values: Callable[[str], list[Any] | None]
    spliced: Callable[[Wanted, Wanted, str, bytes], bytes | None]


class Scanner(Protocol):
    """Looks at lines instead of decoding them; see `kumolog.lua.scanner.Scanner`."""

    def scan(self, text: bytes) -> Scan | None:
        """What can be said of whole lines, None for nothing."""
        ...


class Rejected(msgspec.Struct):
    """A line that is no valid event: its place in the batch's source, why, and its text."""

    position: int
    error: str
    text: bytes


class Batch(msgspec.Struct):
    """Events that go through the loggers together, in order; the lists run in parallel.

    ``lines`` are the finished JSON lines without line end, for a logger that changes nothing.
    ``positions`` lead back to the source lines. ``known_records`` may be None where every line is a
    whole record and was only looked at: ``scan`` tells of them then, as of all ``source_lines``.
    ``unknown`` has, for events with fields kumolog does not know, the whole record as a mapping;
    ``data`` the message bytes of events that bring them. ``is_bounce_report`` says that the first
    record is the reception of a report and the others are its OOB records: filters are asked about
    the first alone.
    """

    known_records: list[Record] | None
    lines: Sequence[bytes]
    positions: Sequence[int]
    source_lines: Lines
    unknown: dict[int, dict[str, Any]] = {}
    data: dict[int, bytes] = {}
    rejected: list[Rejected] = []
    is_bounce_report: bool = False
    scan: Scan | None = None
    columns: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def records(self) -> list[Record]:
        """The records, decoded once they are asked for."""
        if self.known_records is None:
            self.known_records = _decoder.decode_lines(Lines.of(self.lines).text)
        return self.known_records

    @property
    def types(self) -> str:
        """The `TYPE_CODES` of the records."""
        if self.scan is None:
            return _types(self.records)
        return self.scan.types[self.positions[0] : self.positions[-1] + 1]

    @property
    def is_bare(self) -> bool:
        """Whether it is known that no record has meta or headers, nor an event message data."""
        if self.scan is not None:
            return not self.scan.has_members
        return not self.data and not any(record.meta or record.headers for record in self.records)

    @property
    def has_report(self) -> bool:
        """Whether any record may have a feedback report."""
        if self.scan is not None:
            return self.scan.has_report
        return any(record.feedback_report is not None for record in self.records)

    @property
    def outlines(self) -> Sequence[Record | Outline]:
        """Of each record at least its outline."""
        if self.scan is None or self.known_records is not None:
            return self.records
        kinds = [_KINDS[code] for code in self.types]
        return list(map(Outline, kinds, *map(self.field, Outline.__struct_fields__[1:])))

    def field(self, name: str) -> Sequence[Any]:
        """A field of every record: queue, reception_protocol, meta or headers."""
        values = None if self.scan is None else self.scan.values(name)
        if values is None:
            return [getattr(record, name) for record in self.records]
        return values[self.positions[0] : self.positions[-1] + 1]

    def column(self, key: str) -> list[Any]:
        """A meta value of every record, None where it is absent or null."""
        if key not in self.columns:
            metas = [{}] * len(self) if self.is_bare else self.field("meta")
            self.columns[key] = meta_column(key, metas, self.field)
        return self.columns[key]

    def some(self, places: Sequence[int]) -> Batch:
        """The events at some places, as a batch of their own, where nothing is odd about them."""
        lines = Lines.of([self.lines[place] for place in places])
        return Batch(None, lines, range(len(lines)), lines)

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

    def __init__(
        self, node: NodeId, clock: Clock = SYSTEM_CLOCK, scanner: Scanner | None = None
    ) -> None:
        self._node = node
        self._clock = clock
        self._scanner = scanner

    def batches(self, lines: Lines) -> list[Batch]:
        """As `decode`, in several batches: what needs no decoding goes a shorter way than the rest.

        All of them have ``lines`` as their source.
        """
        # A single line is decoded sooner than it is handed over to be looked at.
        scanner = self._scanner if len(lines) > 1 else None
        scan = None if scanner is None else scanner.scan(lines.text)
        if scan is None:
            return [self.decode(lines)]
        batches = []
        for run in _RUN.finditer(scan.types):
            places = range(*run.span())
            if run.group(1):
                batches.append(self._decode_each(lines, places))
            else:
                batches.append(Batch(None, lines[slice(*run.span())], places, lines, scan=scan))
        return batches

    def decode(self, lines: Sequence[bytes]) -> Batch:
        """A batch of all lines that are valid events; the others are in ``rejected``."""
        known = Lines.of(lines)
        text = known.text
        try:
            records = _decoder.decode_lines(text)
            is_whole = len(records) == len(known) and _encoder.encode_lines(records) == text
            if is_whole and not (b"\\" in text and breaks_lines(records)):
                return Batch(records, known, range(len(known)), known)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # some line is odd: below
        return self._decode_each(known, range(len(known)))

    def _decode_each(self, lines: Lines, places: range) -> Batch:
        records: list[Record] = []
        finished: list[bytes] = []
        positions: list[int] = []
        batch = Batch(records, finished, positions, lines)
        for position in places:
            line = lines[position]
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
    except RecursionError:
        raise EventError("not a usable event: the JSON is nested too deeply") from None
    except (MsgspecError, UnicodeDecodeError) as error:
        if fault := _utf8_fault(line):
            raise EventError(f"not valid UTF-8: {fault}") from None
        if _SURROGATE.search(line) and line.rstrip().endswith(b"}"):
            raise EventError("not valid JSON: a \\u escape is half of a surrogate pair") from None
        raise EventError(f"not valid JSON: {error}") from None
    if not isinstance(given, dict):
        raise EventError(f"not an event: expected a JSON object, got {type(given).__name__}")
    return given


def _utf8_fault(line: bytes) -> str | None:
    """Where a line is not UTF-8, if it would be JSON but for that."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        try:
            _any_decoder.decode(line.decode(errors="replace"))
        except (MsgspecError, RecursionError):
            return None
        return f"{error.reason} at byte {error.start}"
    return None


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
