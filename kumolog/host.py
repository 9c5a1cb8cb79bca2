"""The host: runs a policy over log events. `Host._log` is the path of every record."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from kumolog.api.classify import BounceClassifier
from kumolog.api.registry import LocalLogs, Report
from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.duration import NANOS_PER_SECOND
from kumolog.errors import KumologError, PolicyError
from kumolog.event import Batch, EventDecoder
from kumolog.lines import Lines
from kumolog.logger import Failure, Logger, directory_below
from kumolog.lua.scanner import Scanner
from kumolog.nodeid import NodeId
from kumolog.policy import HANDLER_SECONDS, Policy
from kumolog.pulse import Pulse, Visit
from kumolog.record import Record
from kumolog.rejects import RejectedLines, Rejects
from kumolog.segments.recovery import finish_earlier_segments
from kumolog.segments.retry import Retry
from kumolog.segments.rotation import WriterOptions
from kumolog.segments.segment import Sync, Totals
from kumolog.segments.writer import GRACE, Writer
from kumolog.underway import Origin, Underway

if TYPE_CHECKING:
    from kumolog.profiling import Profiler
    from kumolog.reception import Reception
    from kumolog.trail import Trail

L = TypeVar("L", bound=Logger)
Classify = Callable[[Record], str | None]

DEFAULT_REJECTS = "kumolog-rejects.jsonl"
_SPACE_CHECK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of every event.

    For each logger ``offered`` = ``disabled`` + ``filtered`` + ``failed`` + ``written``.
    ``malformed_reports`` are among the messages that were logged as they came.
    """

    read: int
    rejected: int
    loggers: list[dict[str, Any]]
    malformed_reports: int = 0

    @property
    def all_well(self) -> bool:
        """Whether nothing was rejected and no logger failed."""
        return not self.rejected and not any(logger["failed"] for logger in self.loggers)


class Host:
    """A running policy. Make it with `Host.open`; as a context manager it finishes its segments.

    Not for use by several threads at once.
    """

    def __init__(
        self,
        policy: Policy,
        loggers: Sequence[Logger],
        rejects: RejectedLines,
        report: Report,
        *,
        receives: bool,
        clock: Clock = SYSTEM_CLOCK,
        node: NodeId | None = None,
        scanner: Scanner | None = None,
        hurried: threading.Event | None = None,
    ) -> None:
        self.loggers = loggers
        self.read = 0
        self.rejected = 0
        self._policy = policy
        self._report = report
        self._rejects = rejects
        self._decoder = EventDecoder(node or NodeId(), clock, scanner)
        self._now = clock.monotonic
        self._space_checked = -_SPACE_CHECK_SECONDS
        self._hurried = hurried or threading.Event()
        self._receives = receives
        self._reception: Reception | None = None
        self._underway: Underway | None = None
        self._left = False
        self._summary: Summary | None = None

    @classmethod
    def open(
        cls,
        policy: str | Path,
        *,
        root: str | Path | None = None,
        rejects: str | Path = DEFAULT_REJECTS,
        flush_interval: float = 1.0,
        sync: Sync = "never",
        allow_missing_handlers: bool = False,
        handler_timeout: float = HANDLER_SECONDS,
        receive: bool = True,
        report: Report | None = None,
        clock: Clock = SYSTEM_CLOCK,
        lua_memory: int | None = None,
        pulse: Pulse | None = None,
        trail: Trail | None = None,
        profiler: Profiler | None = None,
    ) -> Self:
        """Loads a policy and starts its loggers; the parameters are the command line's options.

        Every log_dir is put below ``root``. ``flush_interval`` and ``handler_timeout`` are seconds.
        Without ``receive`` no reception handler runs and no report is looked for.
        ``report`` hears diagnostics as (level, text); without it they go to stderr. ``clock``
        is the time for the policy and its records. ``lua_memory`` is the bytes that the policy may
        hold, ``pulse`` tells other threads whether it gets on (see `leave_policy`). ``trail`` is to
        follow what the writers have on disk, ``profiler`` measures where the time goes. Raises
        PolicyError, and KumologError for an environment that cannot work.
        """
        report = report or _to_stderr
        below = None if root is None else Path(root)
        make_policy = Policy if profiler is None else profiler.policy
        loaded = make_policy(
            Path(policy),
            report,
            make_directory=partial(make_directory, below),
            handler_seconds=handler_timeout,
            max_memory=lua_memory,
            clock=clock,
            pulse=pulse,
            remembers=True,
        )
        load(loaded, allow_missing_handlers=allow_missing_handlers)
        if not loaded.registry.local_logs:
            raise PolicyError(
                f"{policy}: the policy configures no logger, so every record would be dropped: "
                "call kumo.configure_local_logs in its init handler"
            )

        writers: list[Writer] = []

        def logger(number: int, logs: LocalLogs, classify: Classify | None) -> Logger:
            writer = _writer(logs, flush_interval, sync, report, clock)
            writers.append(writer)
            return Logger(number, logs, below, writer, classify)

        loggers = prepared_loggers(loaded, logger)
        hurried = threading.Event()
        retry = Retry(partial(report, "warning"), hurried, GRACE)
        kept = Rejects(Path(rejects), durable=sync == "flush", retry=retry)
        host = cls(
            loaded,
            loggers,
            kept,
            report,
            receives=receive,
            clock=clock,
            scanner=Scanner.open(),
            hurried=hurried,
        )
        if trail is not None:
            trail.follow(writers, kept.persist)
        if profiler is not None:
            profiler.watch(host._decoder, loggers, writers)
        _start(loggers, report)
        return host

    # The path of a record -----------------------------------------------------------------------

    def log(self, event: Mapping[str, Any] | str | bytes) -> bool:
        """Puts one event through every logger; whether it was a valid one (else it is rejected)."""
        if isinstance(event, Mapping):
            line = msgspec.json.encode(event)
        else:
            line = event.encode() if isinstance(event, str) else event
        before = self.rejected
        self.log_lines([line])
        return self.rejected == before

    def log_lines(
        self, lines: Sequence[bytes], numbers: Sequence[int] | None = None, source: str = "-"
    ) -> None:
        """Puts events, one JSON line each, through every logger, in order.

        ``source`` and ``numbers`` (of the lines in it) tell the rejects file where they came from.
        """
        if self._summary is not None:
            raise KumologError("logging to a host that is closed: open another one")
        self._await_space()
        known = Lines.of(lines)
        origin = Origin(source, numbers or range(self.read + 1, self.read + len(lines) + 1))
        self.read += len(lines)
        self._underway = underway = Underway(known, origin)
        try:
            for batch in self._decoder.batches(known):
                for part in self._receive(batch) if batch.data else (batch,):
                    underway.begin(part)
                    self._log(part, underway)
                    underway.end()
        except PolicyError as error:
            self._break_off(error)
            raise
        except KumologError:
            raise
        except Exception as error:
            self._reject_untouched(underway, f"kumolog itself failed: {error!r}")
            raise
        self._underway = None

    def _log(self, batch: Batch, underway: Underway) -> None:
        """bytes → Batch → for each logger: enabled? → filter → select → render → segment."""
        messages = underway.messages
        answers, failures = self._policy.ask(batch, messages)  # enabled?  filter
        for logger, answer in zip(self.loggers, answers, strict=True):
            failures += logger.log(batch, messages, answer)  # select  render  hand over
        underway.is_logged = True
        if batch.rejected or failures:
            self._reject(batch, failures, underway.origin)
        if self._policy.has_hooks:
            self._policy.show(batch, messages)

    def _receive(self, batch: Batch) -> Iterator[Batch]:
        """The batch in parts: the messages that it brings have been received."""
        if not self._receives:
            return iter((batch,))
        if self._reception is None:
            from kumolog.reception import Reception  # few events bring a message

            self._reception = Reception(self._policy, self._report)
        return self._reception.parts(batch)

    def reject(self, source: str, line: int, error: str, text: bytes, *, count: bool) -> None:
        """Puts into the rejects file what never became a line; ``count`` it as one event read."""
        self._rejects.add(source, line, error, text)
        self.read += count
        self.rejected += count

    def _reject(self, batch: Batch, failures: Sequence[Failure], origin: Origin) -> None:
        found: list[tuple[int, str, bytes, str | None]] = [
            (line.position, line.error, line.text, None) for line in batch.rejected
        ]
        for failure in failures:
            position = batch.positions[failure.place]
            log_dir = self.loggers[failure.logger].log_dir
            text = batch.source_lines[position]
            found.append((position, str(failure.error), text, log_dir))
        for position, error, text, where in sorted(found, key=itemgetter(0)):
            self._rejects.add(origin.source, origin.numbers[position], error, text, where)
        self.rejected += len(batch.rejected)

    # Breaking off -------------------------------------------------------------------------------

    def leave_policy(self, visit: Visit) -> PolicyError:
        """Goes on without a policy that never comes back from a visit, up to `close`.

        For another thread than that of the policy, which has to be kept from coming back (see
        `kumolog.pulse.Pulse.abandon`). What the policy has decided is logged, the rest of what it
        was given is rejected. Gives the error to tell of. Raises KumologError when a record could
        go nowhere.
        """
        self._left = True
        error = self._policy.leave(visit)
        self._break_off(error)
        return error

    def _break_off(self, error: PolicyError) -> None:
        """Logs what was decided of the batch that is underway, and rejects the rest of it."""
        underway, self._underway = self._underway, None
        if underway is None:
            return
        batch = underway.part
        if batch is not None:
            reached = len(batch) if underway.is_logged else self._log_decided(batch, underway)
            underway.end(reached)
        later = f"the run ended before it came to this event: {error}"
        self._reject_untouched(underway, later if batch is not None else str(error), later)

    def _reject_untouched(self, underway: Underway, why: str, later: str | None = None) -> None:
        """Rejects what was not dealt with; ``later`` says why of all but the first."""
        origin = underway.origin
        for position in underway.untouched:
            text = underway.lines[position]
            self._rejects.add(origin.source, origin.numbers[position], why, text)
            self.rejected += 1
            why = later or why

    def _log_decided(self, batch: Batch, underway: Underway) -> int:
        """Logs the records whose handlers were run, the last of which failed; how many they are."""
        answers, failures = self._policy.broken_off(batch)
        reached = min(map(len, answers), default=0)
        decided = batch.part(0, reached)
        for logger, answer in zip(self.loggers, answers, strict=True):
            failures += logger.log(decided, underway.messages, answer)
        self._reject(batch, failures, underway.origin)
        return reached

    # Ending -------------------------------------------------------------------------------------

    def hurry(self) -> None:
        """Ends all waiting, for room on the disk and for slow handlers; for a signal handler."""
        self._hurried.set()
        self._policy.hurry()
        for logger in self.loggers:
            logger.writer.hurry()

    def close(self) -> Summary:
        """Writes what was accepted and finishes every segment; what the disk refuses is rejected.

        Raises KumologError when a record could go nowhere.
        """
        if self._summary is None:
            self._say_goodbye()
            # Every writer is closed before anything that may raise.
            totals = [logger.writer.close() for logger in self.loggers]
            self._summary = Summary(
                self.read,
                self.rejected,
                [_result(*pair) for pair in zip(self.loggers, totals, strict=True)],
                0 if self._reception is None else self._reception.malformed,
            )
            if not self._left:
                self._policy.close()
            self._hurried.set()
            for logger, done in zip(self.loggers, totals, strict=True):
                self._reject_unwritten(logger, done)
            self._rejects.close()
        return self._summary

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _say_goodbye(self) -> None:
        if self._left:
            return
        try:
            self._policy.fire("shutdown_logging")
        except PolicyError as error:
            self._report("error", f"shutdown_logging: {error}")

    def _reject_unwritten(self, logger: Logger, totals: Totals) -> None:
        for target, line in totals.unwritten:
            reason = f"could not be written to {target.directory}: {totals.reason}"
            self._rejects.add(logger.log_dir, None, reason, line, logger.log_dir)

    def _await_space(self) -> None:
        """Pauses intake while a logger's disk has less room than its limits ask for."""
        now = self._now()
        if now - self._space_checked < _SPACE_CHECK_SECONDS:
            return
        told = ""
        while not self._hurried.is_set():
            shortage = next(
                filter(None, (logger.space.shortage() for logger in self.loggers)), None
            )
            if shortage is None:
                break
            if not told:
                told = shortage
                self._report("error", f"{shortage}; intake pauses until there is room")
            time.sleep(0.2)
        if told and not self._hurried.is_set():
            self._report("info", "there is room again; intake goes on")
        self._space_checked = self._now()


def load(policy: Policy, *, allow_missing_handlers: bool = False) -> None:
    """Loads a policy; raises PolicyError, also for filter events that nobody handles."""
    policy.load()
    if not allow_missing_handlers:
        for error in policy.missing_handlers():
            raise error


def prepared_loggers(
    policy: Policy, make: Callable[[int, LocalLogs, Classify | None], L]
) -> list[L]:
    """A logger for each that a loaded policy has configured; it can be asked about them then."""
    classifier = policy.registry.state(BounceClassifier)
    classify = None if classifier.find is None else classifier.classify
    configured = enumerate(policy.registry.local_logs)
    loggers = [make(number, logs, classify) for number, logs in configured]
    policy.prepare(loggers)
    return loggers


def _writer(
    logs: LocalLogs, flush_interval: float, sync: Sync, report: Report, clock: Clock
) -> Writer:
    params = logs.params
    duration = params["max_segment_duration"]
    options = WriterOptions(
        max_file_size=params["max_file_size"],
        max_segment_duration=None if duration is None else duration / NANOS_PER_SECOND,
        compression_level=params["compression_level"],
        back_pressure=params["back_pressure"],
        flush_interval=flush_interval,
        sync=sync,
    )
    return Writer(options, report=partial(report, "warning"), clock=clock)


def _result(logger: Logger, totals: Totals) -> dict[str, Any]:
    return {
        "log_dir": logger.log_dir,
        **logger.counts,
        "failed": logger.counts["failed"] + len(totals.unwritten),
        "written": totals.written,
        "segments": totals.segments,
        "bytes": totals.bytes,
        "compressed_bytes": totals.compressed_bytes,
    }


def _start(loggers: Sequence[Logger], report: Report) -> None:
    """Finishes what earlier runs left in the directories, then starts the writers."""
    directories = [directory for logger in loggers for directory in logger.directories]
    for directory in dict.fromkeys(directories):
        finish_earlier_segments(directory, report)
    for logger in loggers:
        logger.writer.start()


def make_directory(root: Path | None, log_dir: str) -> None:
    """Creates a log_dir, below ``root``; raises KumologError where segments could not be in it."""
    directory = directory_below(root, log_dir)
    if directory.exists() and not directory.is_dir():
        raise KumologError(f"log_dir {directory} is not a directory")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise KumologError(f"creating log_dir {directory}: {reason}") from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise KumologError(f"log_dir {directory} is not writable: segments are created in it")


def _to_stderr(level: str, text: str) -> None:
    sys.stderr.write(f"kumolog: {level}: {text}\n")
