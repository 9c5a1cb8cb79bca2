"""A policy on the bench: loaded for one test, shown events, and asked what it did with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from kumolog.api.connection import Connection
from kumolog.api.registry import LocalLogs
from kumolog.duration import NANOS_PER_SECOND
from kumolog.errors import EventError, KumologError
from kumolog.event import EventDecoder
from kumolog.host import Classify, Host, load, prepared_loggers
from kumolog.luafunction import LuaFunction
from kumolog.luavalue import LuaTable, Opaque
from kumolog.nodeid import NodeId
from kumolog.policy import HANDLER_SECONDS, LOAD_SECONDS, Attach, nearest
from kumolog.pulse import Pulse
from kumolog.rejects import rejected
from kumolog.segments.rotation import WriterOptions
from kumolog.testing.bench_clock import SteeredClock
from kumolog.testing.bench_decisions import Decision, Notes, NotingLogger, Written
from kumolog.testing.bench_files import Content, StandIns
from kumolog.testing.bench_policy import BenchAddress, BenchMessage, BenchPolicy, Fired
from kumolog.testing.bench_segments import MemoryWriter, Shelf

Event = Mapping[str, Any] | str | bytes
NODE_ID = "00000000-0000-1000-8000-000000000001"
"""The node of all records, so that they are the same on every machine."""
_MOST_KEPT = 512 << 20  # bytes
_OVERHEAD = 2000  # bytes that are kept of any event beside its text


class BenchCall(NamedTuple):
    """A call of a function without effect, or of a mock, with JSON-like arguments.

    ``place`` is the policy's ``file:line``. Functions and other userdata are shown as
    ``<function>``.
    """

    name: str
    arguments: tuple[Any, ...]
    place: str


class BenchSegment(NamedTuple):
    """A segment; ``name`` is that of its file below ``log_dir``, ``lines`` include its header's."""

    name: str
    log_dir: str
    lines: tuple[str, ...]
    finished: bool


class MemoryRejects:
    """The entries that would be in the rejects file."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def add(
        self, source: str, line: int | None, error: str, text: bytes, log_dir: str | None = None
    ) -> None:
        self.entries.append(rejected(source, line, error, text, log_dir))

    def close(self) -> None:
        """Nothing is open here."""


class PolicyBench:
    """A policy in a runtime of its own, with segments in memory and nothing of it on the disk.

    ``files`` are stand-ins: contents by the absolute path under which the policy reads them; what
    it writes goes into stand-ins, too. ``mocks`` are functions by the name of what they stand for,
    in force while the policy loads. ``at`` is the moment at which the clock stands still. Log
    directories have the names that the policy gives them. ``attach`` is given the runtime before
    that loads anything, ``pulse`` tells other threads what it is at. Raises PolicyError where the
    policy cannot be loaded, and as a host would where a filter event has no handler.
    """

    def __init__(
        self,
        policy: str | Path,
        *,
        files: Mapping[str, Content] | None = None,
        mocks: Mapping[str, Callable[..., Any]] | None = None,
        at: float | str | None = None,
        allow_missing_handlers: bool = False,
        handler_timeout: float = HANDLER_SECONDS,
        load_timeout: float = LOAD_SECONDS,
        max_memory: int | None = None,
        attach: Attach | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self.clock = SteeredClock()
        if at is not None:
            self.clock.freeze(at)
        self._notes = Notes()
        self._shelf = Shelf()
        self._rejects = MemoryRejects()
        self._diagnostics: list[tuple[int, str, str]] = []
        self.events: list[Event] = []  # what was logged, as it was given
        self.rejects_known = 0  # how many of the rejects somebody has asked for
        self._kept = 0  # bytes of it, and of what came of it
        self._files = StandIns(files or {})
        self._policy = BenchPolicy(
            Path(policy),
            self._report,
            self.clock.clock,
            self._files,
            self._notes,
            load_seconds=load_timeout,
            handler_seconds=handler_timeout,
            max_memory=max_memory,
            attach=attach,
            pulse=pulse,
        )
        try:
            for name, mock in (mocks or {}).items():
                self.mock(name, mock)
            load(self._policy, allow_missing_handlers=allow_missing_handlers)
            self._loggers = prepared_loggers(self._policy, self._logger)
        except BaseException:
            self._policy.close()
            self._files.close()
            raise
        self._notes.handlers = self._policy.registrations()
        node = NodeId({"KUMO_NODE_ID": NODE_ID})
        self._decoder = EventDecoder(node, self.clock.clock)
        self._host = Host(
            self._policy,
            self._loggers,
            self._rejects,
            self._report,
            receives=True,
            clock=self.clock.clock,
            node=node,
        )
        self._closed = False

    # Doing --------------------------------------------------------------------------------------

    def log(self, events: Event | Sequence[Event]) -> list[Decision]:
        """Logs an event or several, mappings or JSON text, as a host does; the decisions on them.

        What is no valid event is in the `rejects`.
        """
        before = len(self._notes.decisions)
        for event in [events] if isinstance(events, Mapping | str | bytes) else events:
            line = msgspec.json.encode(event) if isinstance(event, Mapping) else event
            self._make_room(len(line))
            self._notes.event += 1
            self.events.append(event)
            self._host.log(line)
        return self._notes.decisions[before:]

    def fire(self, event: str, *arguments: Any) -> Fired:
        """Fires any event with JSON-like values, `message` and other objects of a bench.

        Raises PolicyError where the handler fails, KumologError where there is none.
        """
        return self._policy.fire_event(event, arguments)

    def message(self, event: Event) -> BenchMessage:
        """The message of an event, to be given to `fire`; a Reception where it has no type.

        Raises EventError for what is no valid event.
        """
        given = event if isinstance(event, Mapping) else msgspec.json.decode(event)
        batch = self._decoder.decode([msgspec.json.encode({"type": "Reception", **given})])
        for line in batch.rejected:
            raise EventError(line.error)
        return self._policy.message(batch)

    def address(self, text: str) -> BenchAddress:
        """An envelope address, to be given to `fire`; raises KumologError for what is none."""
        return BenchAddress(text)

    def connection(self, meta: Mapping[str, Any] | None = None) -> Connection:
        """A connection with that metadata, to be given to `fire`."""
        batch = self._decoder.decode(
            [msgspec.json.encode({"type": "Reception", "meta": meta or {}})]
        )
        return Connection(batch.records[0])

    def mock(self, name: str, function: Callable[..., Any]) -> None:
        """Puts a function in the place of one of the API, or of a method: ``message:dkim_verify``.

        It takes neutral values, a method its object first, and gives JSON-like ones, in which
        functions may be. What it raises is an error for the policy, but for AssertionError, which
        goes through to the test. Raises KumologError for what cannot be mocked.
        """
        self._policy.mocks.add(name, function)

    def loaded_files(self) -> list[str]:
        """The paths of the Lua files that the policy has loaded so far: itself, its modules."""
        return self._policy.loaded_files()

    def close(self) -> None:
        """Finishes all segments; after that only asking is left."""
        if not self._closed:
            self._closed = True
            self._host.close()
            self._files.close()

    def abandon(self) -> None:
        """Clears up without the policy, which does not come back; as after `close`."""
        self._closed = True
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Asking -------------------------------------------------------------------------------------

    def logged(self, log_dir: str | None = None, suffix: str | None = None) -> list[Any]:
        """The records so far, in order: dicts, or texts where a template made them.

        Those of one directory as the policy names it, and with one suffix (``""``: none). Raises
        KumologError for a directory or suffix that no logger has.
        """
        return [written.record for written in self._written(log_dir, suffix)]

    def lines(self, log_dir: str | None = None, suffix: str | None = None) -> list[str]:
        """As `logged`: the lines as they are in the segments, without their ends."""
        return [written.line for written in self._written(log_dir, suffix)]

    def segments(self) -> list[BenchSegment]:
        """All segments, in the order of their creation."""
        for logger in self._loggers:
            logger.sweep()
        return [
            BenchSegment(
                segment.name,
                segment.log_dir,
                tuple((segment.header + b"\n".join(segment.records)).decode().split("\n")),
                segment.finished,
            )
            for segment in self._shelf.segments
        ]

    def decisions(self) -> list[Decision]:
        """What each logger made of each record so far."""
        self.rejects_known = len(self._rejects.entries)
        return list(self._notes.decisions)

    def rejects(self) -> list[dict[str, Any]]:
        """The entries of the rejects file."""
        self.rejects_known = len(self._rejects.entries)
        return list(self._rejects.entries)

    def unseen_rejects(self) -> list[dict[str, Any]]:
        """Those that nobody has asked for: neither `rejects` nor `decisions` after they came."""
        return self._rejects.entries[self.rejects_known :]

    def diagnostics(self) -> list[tuple[str, str]]:
        """What was reported, and what the policy logged: (level, text)."""
        return [(level, text) for _, level, text in self._diagnostics]

    def diagnostics_of(self, event: int) -> list[tuple[str, str]]:
        """Those since the event of this number was logged; 0 stands for the time before events."""
        return [(level, text) for number, level, text in self._diagnostics if number == event]

    def calls(self, name: str | None = None) -> list[BenchCall]:
        """The calls of functions without effect and of mocks, or those of one name.

        Raises KumologError for a name of which none are kept.
        """
        mocks = self._policy.mocks
        return [
            BenchCall(call.name, tuple(map(plain, call.arguments)), call.place)
            for call in (mocks.calls if name is None else mocks.named(name))
        ]

    # Within -------------------------------------------------------------------------------------

    def _make_room(self, size: int) -> None:
        """An event is kept as it came, and in what every logger may write of it."""
        self._kept += (size + _OVERHEAD) * (1 + len(self._loggers))
        if self._kept > _MOST_KEPT:
            raise KumologError(
                f"logging event {self._notes.event + 1}: a policy under test keeps all events and "
                f"records in memory, which are more than {_MOST_KEPT >> 20} MB now"
            )

    def _report(self, level: str, text: str) -> None:
        self._diagnostics.append((self._notes.event, level, text))

    def _logger(self, number: int, logs: LocalLogs, classify: Classify | None) -> NotingLogger:
        params = logs.params
        duration = params["max_segment_duration"]
        options = WriterOptions(
            max_file_size=params["max_file_size"],
            max_segment_duration=None if duration is None else duration / NANOS_PER_SECOND,
        )
        writer = MemoryWriter(options, self.clock.clock, self._shelf)
        return NotingLogger(number, logs, writer, classify, self._notes)

    def _written(self, log_dir: str | None, suffix: str | None) -> list[Written]:
        targets = [route.target for logger in self._loggers for route in logger.routes.values()]
        directory = None if log_dir is None else os.fspath(Path(log_dir))
        _check_known("log_dir", directory, [target.key[0] for target in targets])
        _check_known("suffix", suffix, [target.suffix or "" for target in targets] + [""])
        found = (decision.written for decision in self._notes.decisions)
        return [
            written
            for written in found
            if written is not None
            and directory in (None, written.log_dir)
            and suffix in (None, written.suffix or "")
        ]


def plain(value: Any) -> Any:
    """A neutral value as JSON-like Python; a table with a sequence is that sequence alone."""
    if isinstance(value, LuaTable):
        if value.sequence or value.is_array:
            return [plain(item) for item in value.sequence]
        return {key: plain(item) for key, item in value.items}
    if isinstance(value, Opaque):
        return None if value.kind == "null" else f"<{value.kind}>"
    return "<function>" if isinstance(value, LuaFunction) else value


def _check_known(what: str, name: str | None, names: list[str]) -> None:
    if name is None or name in names:
        return
    near = nearest(name, names)
    hint = (
        f": did you mean {near!r}?"
        if near
        else f", only {', '.join(map(repr, dict.fromkeys(names)))}"
    )
    raise KumologError(f"asking for what was logged: no logger has the {what} {name!r}{hint}")
