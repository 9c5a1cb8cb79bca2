"""One logger per `kumo.configure_local_logs` call: which records it takes, how it writes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from kumolog.api.registry import LocalLogs
from kumolog.errors import KumologError, PolicyError, SegmentError
from kumolog.event import Batch
from kumolog.message import BatchMessages
from kumolog.record import RECORD_TYPES, Record
from kumolog.rendering import Rendering
from kumolog.segments.names import Key, Target
from kumolog.segments.segment import Totals
from kumolog.segments.space import FreeSpace

PASSED, FILTERED, DISABLED, FAILED, ASK = "pfde?"
OUTCOMES = {PASSED: "written", FILTERED: "filtered", DISABLED: "disabled", FAILED: "failed"}
_PASSES = bytes(chr(code) == PASSED for code in range(256))  # for each answer, whether it does
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


class LineWriter(Protocol):
    """Takes the lines of one logger; see `kumolog.segments.writer.Writer`."""

    def start(self) -> None: ...
    def put(self, target: Target, lines: Sequence[bytes]) -> None: ...
    def hurry(self) -> None: ...
    def close(self) -> Totals: ...


class Logger:
    """Selects, renders and hands over; the writer does the rest in its own thread."""

    def __init__(
        self,
        number: int,
        config: LocalLogs,
        root: Path | None,
        writer: LineWriter,
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
        self._rendering = Rendering(number, params, config.templates, classify)
        enabled = {route for route in self.routes.values() if route.enabled}
        self._only_route = enabled.pop() if len(enabled) == 1 else None

    def answer(self, kind: str) -> str:
        """What this logger does with a kind, as far as that needs no record.

        Rejections have no message, so no filter is asked about them.
        """
        if not self.routes[kind].enabled:
            return DISABLED
        return PASSED if self.filter_event is None or kind == "Rejection" else ASK

    def record(self, batch: Batch, messages: BatchMessages, place: int) -> dict[str, Any]:
        """The record as its line or template gets it; raises KumologError as rendering does."""
        return self._rendering.record(batch, messages, place)

    def log(self, batch: Batch, messages: BatchMessages, answers: str) -> list[Failure]:
        """Writes the records of a batch that passed; gives those whose template raised."""
        counts = self.counts
        counts["offered"] += len(answers)
        counts["disabled"] += answers.count(DISABLED)
        counts["filtered"] += answers.count(FILTERED)
        counts["failed"] += answers.count(FAILED)
        only = self._only_route
        passed = answers.count(PASSED)
        if passed and only and only.template is None:
            mask = answers.encode().translate(_PASSES)
            chosen = self._rendering.chosen_lines(batch, messages, mask, passed)
            if chosen is not None:
                self.writer.put(only.target, chosen)
                return []
        places = [place for place, answer in enumerate(answers) if answer == PASSED]
        errors: dict[int, KumologError] = {}
        for target, lines in self._runs(batch, messages, places, errors):
            self.writer.put(target, lines)
        counts["failed"] += len(errors)
        return [Failure(place, self.number, error) for place, error in errors.items()]

    def _runs(
        self,
        batch: Batch,
        messages: BatchMessages,
        places: list[int],
        errors: dict[int, KumologError],
    ) -> list[tuple[Target, list[bytes]]]:
        """The lines by target; kinds that share a segment stay in the order of their records."""
        render = partial(self._rendering.lines, batch, messages, errors=errors)
        if self._only_route is not None:
            _, target, template = self._only_route
            return [(target, [line for line in render(places, template) if line is not None])]
        records = batch.records
        routes = {place: self.routes[records[place].type] for place in places}
        lines: dict[int, bytes | None] = {}
        for template in dict.fromkeys(route.template for route in routes.values()):
            some = [place for place, route in routes.items() if route.template == template]
            lines.update(zip(some, render(some, template), strict=True))
        return _by_target((route.target, lines[place]) for place, route in routes.items())


def _by_target(placed: Iterable[tuple[Target, bytes | None]]) -> list[tuple[Target, list[bytes]]]:
    runs: list[tuple[Target, list[bytes]]] = []
    current: dict[Key, tuple[Target, list[bytes]]] = {}
    for target, line in placed:
        if line is None:
            continue
        run = current.get(target.key)
        if run is None or run[0] is not target:
            run = current[target.key] = (target, [])
            runs.append(run)
        run[1].append(line)
    return runs
