"""`kumo.jsonl`: tailers of log segments and writers of them."""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec

from kumolog.api.calls import check_call
from kumolog.api.registry import Registry
from kumolog.duration import NANOS_PER_SECOND
from kumolog.errors import KumologError
from kumolog.luafunction import LuaFunction
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, to_json
from kumolog.params.arguments import boolean, data, method
from kumolog.segments.batches import Batch, Batches, Consumer
from kumolog.segments.candidates import POLL_SECONDS
from kumolog.segments.line_writer import LineWriter, LineWriterOptions
from kumolog.segments.names import Target

_SHORTEST_POLL = 0.01  # seconds


def new_tailer(registry: Registry, _place: str, *arguments: LuaValue) -> LogTailer:
    """A tailer of one directory; the filter is the second argument."""
    params, wanted = check_call("kumo.jsonl.new_tailer", arguments)
    consumer = _consumer(params | {"name": "default", "filter": wanted})
    return LogTailer(registry, _batches(registry, params, [consumer]))


def new_multi_tailer(registry: Registry, _place: str, *arguments: LuaValue) -> MultiTailer:
    """A tailer that reads a directory once for several consumers."""
    (params,) = check_call("kumo.jsonl.new_multi_tailer", arguments)
    consumers = [_consumer(each) for each in params["consumers"]]
    return MultiTailer(registry, _batches(registry, params, consumers))


def new_writer(registry: Registry, _place: str, *arguments: LuaValue) -> LogWriter:
    """A writer of segments of its own, which makes the first when something is written."""
    (params,) = check_call("kumo.jsonl.new_writer", arguments)
    duration = params["max_segment_duration"]
    options = LineWriterOptions(
        ZoneInfo(params["tz"] or "UTC"),
        params["max_file_size"],
        math.inf if duration is None else duration / NANOS_PER_SECOND,
        params["compression_level"],
    )
    target = Target(Path(params["log_dir"]), params["suffix"])
    return LogWriter(LineWriter(target, options, registry.clock, registry.files))


def _consumer(params: Mapping[str, Any]) -> Consumer:
    wanted = params["filter"]
    return Consumer(
        params["name"],
        params["max_batch_size"],
        params["max_batch_latency"] / NANOS_PER_SECOND,
        params["checkpoint_name"],
        None if wanted is None else lambda record: boolean(wanted(record)),
    )


def _batches(
    registry: Registry, params: Mapping[str, Any], consumers: list[Consumer]
) -> Batches[Any]:
    poll = params["poll_watcher"]
    return Batches(
        params["directory"],
        consumers,
        report=partial(registry.report, "warning"),
        pattern=params["pattern"],
        tail=params["tail"],
        poll=POLL_SECONDS if poll is None else max(_SHORTEST_POLL, poll / NANOS_PER_SECOND),
        now=registry.clock.monotonic,
        files=registry.files,
    )


class MultiTailer(LuaObject):
    """An open tailer: ``batches`` gives an iterator that waits for what is ready.

    It ends when the tailer is closed, and when the task that it runs in is to end.
    """

    lua_name = "MultiTailer"
    lua_methods: ClassVar[Mapping[str, str]] = {"batches": "batches", "close": "close"}
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__close": "close"}

    def __init__(self, registry: Registry, batches: Batches[Any]) -> None:
        self._registry = registry
        self._batches = batches

    def batches(self, *_: LuaValue) -> LuaFunction:
        """An iterator; each step gives a list of the batches that are ready."""
        return LuaFunction(self._next)

    def close(self, *_: LuaValue) -> None:
        """Stops reading, once; what was not committed is read again by the next tailer."""
        self._batches.close()

    def _next(self, *_: LuaValue) -> Any:
        return self._ready() or None

    def _ready(self) -> list[LogBatch]:
        while not self._batches.ended:
            ready = self._batches.ready()
            if ready:
                return [LogBatch(batch) for batch in ready]
            self._wait()
        return []

    def _wait(self) -> None:
        """Until there may be something new; raises KumologError where the policy has no time."""
        registry = self._registry
        seconds, left = self._batches.pause(), registry.seconds_left()
        if registry.ending.is_set() or registry.clock.wait(
            registry.ending.wait, max(0.0, min(seconds, left))
        ):
            self.close()
        elif seconds >= left:
            self.close()
            raise KumologError(
                "waiting for a batch of records took all the time that this call of the policy may "
                "take: tail in a script, or in a task of kumo.spawn_task"
            )


class LogTailer(MultiTailer):
    """A tailer for one consumer, whose iterator gives a batch at each step."""

    lua_name = "LogTailer"

    def _next(self, *_: LuaValue) -> Any:
        return next(iter(self._ready()), None)


class LogBatch(LuaObject):
    """The records of a batch, until it is committed."""

    lua_name = "LogBatch"
    lua_methods: ClassVar[Mapping[str, str]] = {
        name: name for name in ("commit", "consumer_name", "iter_records", "records")
    }

    def __init__(self, batch: Batch[Any]) -> None:
        self._batch: Batch[Any] | None = batch

    def records(self, *_: LuaValue) -> list[Any]:
        return [] if self._batch is None else self._batch.records

    def iter_records(self, *_: LuaValue) -> LuaFunction:
        """An iterator, which ends early where the batch is committed meanwhile."""
        records = iter(self.records())

        def following(*_: LuaValue) -> Any:
            return None if self._batch is None else next(records, None)

        return LuaFunction(following)

    def consumer_name(self, *_: LuaValue) -> str:
        return "" if self._batch is None else self._batch.consumer

    def commit(self, *_: LuaValue) -> None:
        """Moves the checkpoint on and empties the batch; KumoMTA: a second time nothing happens."""
        if self._batch is not None:
            self._batch.commit()
            self._batch = None


class LogWriter(LuaObject):
    """Writes lines into segments; one that the policy drops finishes its segment."""

    lua_name = "LogWriter"
    lua_methods: ClassVar[Mapping[str, str]] = {
        name: name for name in ("close", "write_line", "write_record")
    }
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__close": "close"}

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer
        self._closing = weakref.finalize(self, writer.finish)

    def write_line(self, line: LuaValue = None, *_: LuaValue) -> None:
        """Writes a line, which gets an end unless it has one."""
        text = data(line, method(1, "LogWriter.write_line"))
        self._write(text if text.endswith(b"\n") else text + b"\n")

    def write_record(self, value: LuaValue = None, *_: LuaValue) -> None:
        """Writes a value as JSON. KumoMTA: Lua to JSON."""
        try:
            line = msgspec.json.encode(to_json(value))
        except ValueError as error:
            raise KumologError(f"writing a record: {error}") from None
        self._write(line + b"\n")

    def close(self, *_: LuaValue) -> None:
        """Finishes the segment; KumoMTA: nothing can be written any more."""
        self._writer.finish()
        self._closing.detach()

    def _write(self, line: bytes) -> None:
        if not self._closing.alive:
            raise KumologError("writing a line: the writer is closed")
        self._writer.write(line)
