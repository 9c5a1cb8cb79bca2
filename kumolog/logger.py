"""One logger per `kumo.configure_local_logs` call: which records it takes, how it writes them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kumolog.api.registry import LocalLogs
from kumolog.errors import KumologError, PolicyError, SegmentError
from kumolog.event import Batch, encode
from kumolog.message import BatchMessages, derived_meta
from kumolog.record import RECORD_TYPES, Record
from kumolog.segments.names import Key, Target
from kumolog.segments.space import FreeSpace
from kumolog.segments.writer import Writer
from kumolog.select import HeaderSelector, MetaSelector

PASSED, FILTERED, DISABLED, FAILED, ASK = "pfde?"
_NO_ENTRY: dict[str, Any] = {"enable": True, "segment_header": ""}


class Route(NamedTuple):
    """Where records of one kind go; ``template`` is the name to render, None for the JSON line."""

    enabled: bool
    target: Target
    template: str | None


class Failure(NamedTuple):
    """A record that a logger could not log: its place in the batch, which logger, and why."""

    place: int
    logger: int
    error: KumologError


def directory_below(root: Path | None, log_dir: str) -> Path:
    """The directory that stands for log_dir; no ``..`` leads out of the root."""
    if root is None:
        return Path(log_dir)
    return root / os.path.normpath(f"/{log_dir}").lstrip("/")


def routes(params: dict[str, Any], root: Path | None) -> dict[str, Route]:
    """The route of every kind. A kind that is listed is not touched by ``Any`` in any way."""
    per_record = params["per_record"]
    targets: dict[tuple[Path, str | None, bytes], Target] = {}

    def route(kind: str) -> Route:
        name = kind if kind in per_record else "Any"
        entry = per_record.get(name, _NO_ENTRY)
        log_dir = entry.get("log_dir")
        directory = directory_below(root, params["log_dir"] if log_dir is None else log_dir)
        where = (directory, entry.get("suffix"), entry["segment_header"].encode())
        target = targets.setdefault(where, Target(*where))
        return Route(entry["enable"], target, None if entry.get("template") is None else name)

    return {kind: route(kind) for kind in RECORD_TYPES}


class Logger:
    """Selects, renders and hands over; the writer does the rest in its own thread."""

    def __init__(
        self,
        number: int,
        config: LocalLogs,
        root: Path | None,
        writer: Writer,
        classify: Callable[[Record], str | None] | None = None,
    ) -> None:
        params = config.params
        self.number = number
        self.config = config
        self.writer = writer
        self.log_dir: str = params["log_dir"]
        self.filter_event: str | None = params["filter_event"]
        try:
            self.routes = routes(params, root)
        except SegmentError as error:
            raise PolicyError(f"{config.place}: {error}") from None
        self.counts = {"offered": 0, "disabled": 0, "filtered": 0, "failed": 0}
        self.directories = [directory_below(root, log_dir) for log_dir in config.log_dirs]
        self.space = FreeSpace(
            self.directories[0], params["min_free_space"], params["min_free_inodes"]
        )
        self._meta = MetaSelector(params["meta"])
        self._headers = HeaderSelector(params["headers"])
        self._templates = config.templates
        self._classify = classify
        self._keeps_lines = not (self._meta or self._headers or classify)
        targets = {route.target for route in self.routes.values() if route.enabled}
        templated = any(route.template for route in self.routes.values())
        self._only_target = targets.pop() if len(targets) == 1 and not templated else None

    def answer(self, kind: str) -> str:
        """What this logger does with a kind, as far as that needs no record.

        Rejections have no message, so no filter is asked about them.
        """
        if not self.routes[kind].enabled:
            return DISABLED
        return PASSED if self.filter_event is None or kind == "Rejection" else ASK

    def log(self, batch: Batch, messages: BatchMessages, answers: str) -> list[Failure]:
        """Writes the records of a batch that passed; gives those whose template raised."""
        counts = self.counts
        counts["offered"] += len(answers)
        counts["disabled"] += answers.count(DISABLED)
        counts["filtered"] += answers.count(FILTERED)
        counts["failed"] += answers.count(FAILED)
        if self._only_target and self._keeps_lines and batch.is_bare and not messages.changes:
            lines = batch.lines
            if answers.count(PASSED) < len(answers):
                lines = [line for line, a in zip(lines, answers, strict=True) if a == PASSED]
            self.writer.put(self._only_target, lines)
            return []
        failures: list[Failure] = []
        for target, lines in self._runs(batch, messages, answers, failures):
            self.writer.put(target, lines)
        counts["failed"] += len(failures)
        return failures

    def _runs(
        self, batch: Batch, messages: BatchMessages, answers: str, failures: list[Failure]
    ) -> list[tuple[Target, list[bytes]]]:
        """The lines by target; kinds that share a segment stay in the order of their records."""
        runs: list[tuple[Target, list[bytes]]] = []
        current: dict[Key, tuple[Target, list[bytes]]] = {}
        for place, (record, answer) in enumerate(zip(batch.records, answers, strict=True)):
            if answer != PASSED:
                continue
            _, target, template = self.routes[record.type]
            try:
                line = self._line(batch, messages, place, template)
            except KumologError as error:
                failures.append(Failure(place, self.number, error))
                continue
            run = current.get(target.key)
            if run is None or run[0] is not target:
                run = current[target.key] = (target, [])
                runs.append(run)
            run[1].append(line)
        return runs

    def _line(
        self, batch: Batch, messages: BatchMessages, place: int, template: str | None
    ) -> bytes:
        record = batch.records[place]
        changes = self._selected(batch, messages, place, record)
        if template is None and not changes:
            return batch.lines[place]
        known = batch.unknown.get(place)
        if template is None and known is None:
            return encode(msgspec.structs.replace(record, **changes))
        whole = (msgspec.to_builtins(record) if known is None else known) | changes
        if template is None or self._templates is None:
            return encode(whole)
        return self._templates.render(template, whole).removesuffix("\n").encode()

    def _selected(
        self, batch: Batch, messages: BatchMessages, place: int, record: Record
    ) -> dict[str, Any]:
        """The fields in which this logger's record differs from the event's own."""
        meta = record.meta
        derive: Callable[[str], Any] = partial(derived_meta, record)
        changes: dict[str, Any] = {}
        if place in messages.changes or place in batch.data:
            message = messages.as_seen_by(place, self.number)
            meta, derive = message.meta, message.get_meta
            try:
                queue = message.queue_name()
            except KumologError as error:
                queue = str(error)  # KumoMTA: the error text stands in the name's place
            if queue != record.queue:
                changes["queue"] = queue
        meta = self._meta.select(meta, derive) if self._meta else {}
        headers: dict[str, str | list[str]] = {}
        # KumoMTA: a Rejection has no message, so no headers either; and where none are listed the
        # message is not looked at.
        if self._headers and record.type != "Rejection":
            has_data = place in batch.data
            found_headers = messages.message(place).header_groups() if has_data else record.headers
            headers = self._headers.select(found_headers)
        if meta != record.meta:
            changes["meta"] = meta
        if headers != record.headers:
            changes["headers"] = headers
        if self._classify is not None and (found := self._classify(record)) is not None:
            changes["bounce_classification"] = found
        return changes
