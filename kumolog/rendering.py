"""What a record says where it is logged: the meta and headers selected, as a line or a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from kumolog.errors import KumologError
from kumolog.event import Batch, encode, encode_each, outline
from kumolog.lines import Lines
from kumolog.message import BatchMessages
from kumolog.meta import DERIVED_META, derived_meta
from kumolog.record import TYPE_CODES, Outline, Record
from kumolog.select import HeaderSelector, MetaSelector
from kumolog.splicing import spliced

if TYPE_CHECKING:
    from kumolog.templates import Templates


class Rendering:
    """How one logger or log hook writes records.

    ``params`` are its checked parameters, of which ``meta`` and ``headers`` count here. It sees the
    changes that handlers made to a message for the loggers up to ``number``. ``classify`` gives the
    bounce classification of a record that has none.
    """

    def __init__(
        self,
        number: int,
        params: Mapping[str, Any],
        templates: Templates | None,
        classify: Callable[[Record], str | None] | None = None,
    ) -> None:
        self._number = number
        self._meta = MetaSelector(params["meta"], DERIVED_META)
        self._headers = HeaderSelector(params["headers"])
        self._templates = templates
        self._classify = classify
        self._selects_nothing = not (self._meta or self._headers or classify)

    def chosen_lines(
        self, batch: Batch, messages: BatchMessages, mask: bytes, count: int
    ) -> Lines | None:
        """The JSON lines of some records, where nothing has to be decoded for them.

        Of the ``mask`` so many bytes are not zero, at the places of these records.
        """
        if messages.changes or self._classify is not None:
            return None
        if self._selects_nothing and batch.is_bare:
            return Lines.of(batch.lines).chosen(mask, count)
        if batch.scan is None or batch.has_report or len(batch) != len(batch.scan.types):
            return None
        first = outline(batch.lines[0])
        meta, headers = self._meta.wanted(first.meta), self._headers.wanted(first.headers)
        if meta is None or headers is None:
            return None
        text = batch.scan.spliced(meta, headers, TYPE_CODES["Rejection"], mask)
        return None if text is None else Lines(None, text, count)

    def lines(
        self,
        batch: Batch,
        messages: BatchMessages,
        places: Sequence[int],
        template: str | None,
        errors: dict[int, KumologError],
    ) -> list[bytes | None]:
        """As `line` for each of the records; for one that fails None, and why in ``errors``.

        What is the same for most records is done for all of them at once.
        """
        if template is None or self._templates is None:
            lines = self._selected_lines(batch, places)
        else:
            lines = self._filled_in(self._templates, template, batch, places)
        alone = self._alone(batch, messages, places)
        for n, place in enumerate(places):
            if lines[n] is None or place in alone:
                lines[n] = None
                try:
                    lines[n] = self.line(batch, messages, place, template)
                except KumologError as error:
                    errors[place] = error
        return lines

    def _alone(self, batch: Batch, messages: BatchMessages, places: Sequence[int]) -> set[int]:
        """The records that differ from their events in more than what is selected."""
        alone = {*batch.unknown, *batch.data, *messages.changes}
        if self._classify is not None:
            records = batch.records
            alone.update(place for place in places if self._is_classified(records[place]))
        return alone

    def _is_classified(self, record: Record) -> bool:
        try:
            return self._classify is not None and self._classify(record) is not None
        except KumologError:
            return True  # `line` raises it again

    def _selected_lines(self, batch: Batch, places: Sequence[int]) -> list[bytes | None]:
        """The events' own lines with the meta and headers selected; None where `line` is needed."""
        if batch.has_report:
            return [None] * len(places)
        known, own = batch.outlines, list(batch.lines)
        records = [known[place] for place in places]
        metas, headers = self._metas(records), self._listed(records)
        lines: list[bytes | None] = [own[place] for place in places]
        changed = [
            n
            for n, record in enumerate(records)
            if metas[n] is not record.meta or headers[n] is not record.headers
        ]
        texts = [encode_each([column[n] for n in changed]) for column in (metas, headers)]
        for n, meta, listed in zip(changed, *texts, strict=True):
            lines[n] = spliced(own[places[n]], meta, listed)
        return lines

    def _filled_in(
        self, templates: Templates, template: str, batch: Batch, places: Sequence[int]
    ) -> list[bytes | None]:
        """What a template makes of the events' own fields; None where `line` is needed."""
        known = batch.records
        records = [known[place] for place in places]
        longest = max([len(batch.lines[place]) for place in places], default=0)
        select = {"meta": self._metas, "headers": self._listed}
        texts = templates.fill(template, records, longest, select)
        return [None if text is None else text.removesuffix("\n").encode() for text in texts]

    def _metas(self, records: Sequence[Record | Outline]) -> list[dict[str, Any]]:
        return self._meta.select_each(records, derived_meta)

    def _listed(self, records: Sequence[Record | Outline]) -> list[dict[str, str | list[str]]]:
        listed = self._headers.select_each(records)
        for n, record in enumerate(records):
            if record.type == "Rejection":
                listed[n] = {}  # it has no message: see below
        return listed

    def line(
        self, batch: Batch, messages: BatchMessages, place: int, template: str | None
    ) -> bytes:
        """The text without its line end: a template's, or for None the JSON line.

        Raises KumologError where the template fails.
        """
        changes = self._selected(batch, messages, place)
        if template is None and not changes:
            return batch.lines[place]
        if template is None and place not in batch.unknown:
            return encode(msgspec.structs.replace(batch.records[place], **changes))
        # What is larger as an event than as a record does no harm here.
        characters = len(batch.lines[place]) + len(encode(changes))
        return self.text(_whole(batch, place) | changes, template, characters)

    def record(self, batch: Batch, messages: BatchMessages, place: int) -> dict[str, Any]:
        """The record as JSON-like Python, for `text`."""
        return _whole(batch, place) | self._selected(batch, messages, place)

    def text(
        self, record: dict[str, Any], template: str | None, characters: float | None = None
    ) -> bytes:
        """As `line`, for a record that `record` gave; ``characters`` is for `Templates.render`."""
        if template is None or self._templates is None:
            return encode(record)
        return self._templates.render(template, record, characters).removesuffix("\n").encode()

    def _selected(self, batch: Batch, messages: BatchMessages, place: int) -> dict[str, Any]:
        """The fields in which what is written differs from the event's own."""
        record = batch.records[place]
        meta = record.meta
        derive: Callable[[str], Any] = partial(derived_meta, record)
        changes: dict[str, Any] = {}
        message = None
        if place in messages.changes or place in batch.data:
            message = messages.as_seen_by(place, self._number)
            meta, derive = message.meta, message.get_meta
            changes = message.changed_fields()
            # KumoMTA: the recipients are those from before any filter was asked.
            changes.pop("recipient", None)
        meta = self._meta.select(meta, derive) if self._meta else {}
        headers: dict[str, str | list[str]] = {}
        # KumoMTA: a Rejection has no message, so no headers either; and where none are listed the
        # message is not looked at.
        if self._headers and record.type != "Rejection":
            found_headers = record.headers if message is None else message.header_groups()
            headers = self._headers.select(found_headers)
        if meta != record.meta:
            changes["meta"] = meta
        if headers != record.headers:
            changes["headers"] = headers
        if self._classify is not None and (found := self._classify(record)) is not None:
            changes["bounce_classification"] = found
        return changes


def _whole(batch: Batch, place: int) -> dict[str, Any]:
    known = batch.unknown.get(place)
    return msgspec.to_builtins(batch.records[place]) if known is None else known
