"""One host and all that is put through it: the work of a run, or of one of its processes."""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from kumolog.api.registry import Report
from kumolog.errors import KumologError, PolicyError
from kumolog.host import Host, Summary
from kumolog.pulse import Pulse
from kumolog.sources.inputs import Inputs
from kumolog.sources.lines import MAX_LINE, Block, Overlong, Refused
from kumolog.sources.paths import Input
from kumolog.sources.stop import Stop
from kumolog.watchdog import StuckError, Watchdog

if TYPE_CHECKING:
    from kumolog.checkpoint import Reached
    from kumolog.profile import Profile
    from kumolog.profiling import Profiler
    from kumolog.sources.mail import Mail
    from kumolog.sources.resumed import ResumedInputs
    from kumolog.trail import Trail

Deliver = Callable[["dict[str, Reached]"], None]
_Piece = Block | Overlong | Refused
Ending = Callable[[Callable[[], None]], AbstractContextManager[None]]
_LONGEST_SETTLING = 1.0  # seconds
_SETTLINGS = 10  # in a flush interval, so that a crash makes little more come twice than one wrote
_TURN = 0.0001  # seconds for which a thread that has compressed something waits for its turn

# Parameters of glibc's mallopt.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def _keep_freed_memory() -> None:
    """Lets the C library keep what is freed: blocks of records come and go all the time.

    To have their pages mapped anew each time costs a tenth of a run. Other C libraries than glibc
    are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 64 << 20)


class Outcome(NamedTuple):
    """What came of it: no ``summary`` where closing failed; ``broken`` inputs were not read whole.

    ``errors`` ended it early.
    """

    summary: Summary | None
    broken: int
    errors: Sequence[KumologError]
    profile: Profile | None = None


class Resumption(NamedTuple):
    """How far inputs have come before, and who is told how far they have come on disk."""

    known: Mapping[str, Reached]
    deliver: Deliver


class Work:
    """Opens a host; raises KumologError where that fails.

    ``inputs`` are read one after the other, with ``total`` bytes where that is known. Whoever sets
    ``stop`` ends it early.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        inputs: Iterable[Input],
        total: int | None,
        resumption: Resumption | None,
        *,
        report: Report,
        stop: Stop,
    ) -> None:
        warn = partial(report, "warning")
        self._stop = stop
        self._profiler = _profiler() if options.profile else None
        self._keeper: _Keeper | None = None
        if resumption is None:
            self._inputs: Inputs = Inputs(inputs, warn, stop, total=total)
        else:
            self._inputs = resumed = _resumed(inputs, resumption, warn, stop, total)
            interval = min(options.flush_interval, _LONGEST_SETTLING) / _SETTLINGS
            self._keeper = _Keeper(resumed, interval, resumption.deliver)
        self._sources: list[Inputs | Mail] = [self._inputs, *_open_mail(options, warn, stop)]
        trail = None if self._keeper is None else self._keeper.trail
        pulse = Pulse()
        self._watchdog = Watchdog(pulse)
        load = partial(_load, options, report, pulse, trail, self._profiler)
        try:
            self.host = self._watchdog.run(load)
        except StuckError as stuck:
            raise PolicyError(str(stuck)) from None

    def run(self, ending: Ending, progress: Callable[[int, int, int | None], None]) -> Outcome:
        """Puts everything through the host and closes it.

        ``ending`` is given what ends the work early, in order, and is in force meanwhile.
        ``progress`` hears often of events and bytes read and of the bytes there are.
        """
        gc.freeze()  # what was made to start lives to the end: no need to look at it again
        _keep_freed_memory()
        sys.setswitchinterval(_TURN)
        errors: list[KumologError] = []
        summary = None
        try:
            with ending(self._end):
                try:
                    summary = self._watchdog.run(lambda: self._put_through(progress, errors))
                except StuckError as stuck:
                    summary = self._without_policy(stuck, errors)
        except KumologError as error:
            errors.append(error)
        self._watchdog.end()
        profile = None if self._profiler is None else self._profiler.finish()
        return Outcome(summary, self._inputs.broken, errors, profile)

    def _put_through(
        self, progress: Callable[[int, int, int | None], None], errors: list[KumologError]
    ) -> Summary:
        with self.host:
            try:
                self._feed(progress)
            except KumologError as error:
                errors.append(error)
            return self._close()

    def _without_policy(self, stuck: StuckError, errors: list[KumologError]) -> Summary:
        errors.append(self.host.leave_policy(stuck.visit))
        if self._keeper is not None:
            self._keeper.ended()
        return self._close()

    def _end(self) -> None:
        self._stop.set()
        self.host.hurry()

    def _feed(self, progress: Callable[[int, int, int | None], None]) -> None:
        totals = [source.total for source in self._sources if source.total is not None]
        total = sum(totals) if len(totals) == len(self._sources) else None
        pieces: Iterable[_Piece] = chain.from_iterable(self._sources)
        if self._profiler is not None:
            pieces = self._profiler.each("read", pieces)
        for piece in pieces:
            _PUT[type(piece)](self.host, piece)
            if self._keeper is not None:
                self._keeper.went_on()
            progress(self.host.read, sum(source.consumed for source in self._sources), total)
        if self._keeper is not None:
            self._keeper.ended()

    def _close(self) -> Summary:
        with _stage(self._profiler, "close"):
            summary = self.host.close()
        if self._keeper is not None:
            self._keeper.closed()
        return summary


class _Keeper:
    """Delivers how far the inputs have come, once it is on disk, at most once in an interval."""

    def __init__(self, inputs: ResumedInputs, interval: float, deliver: Deliver) -> None:
        from kumolog.trail import Trail  # few runs have a checkpoint

        self.trail = Trail()
        self._inputs = inputs
        self._interval = interval
        self._deliver = deliver
        self._due = 0.0

    def went_on(self) -> None:
        """A piece was put through."""
        self.trail.note(self._inputs.take_reached())
        now = time.monotonic()
        if now >= self._due and (reached := self.trail.settled()):
            self._deliver(reached)
            self._due = now + self._interval

    def ended(self) -> None:
        """All of them were."""
        self.trail.note(self._inputs.take_reached())

    def closed(self) -> None:
        """The host is closed, so all that was noted is on disk."""
        self._deliver(self.trail.rest())


def _log(host: Host, piece: Block) -> None:
    host.log_lines(piece.lines, piece.numbers, piece.source)


def _reject_part(host: Host, piece: Overlong) -> None:
    error = f"the line is longer than {MAX_LINE} bytes; this is part {piece.part + 1} of it"
    host.reject(piece.source, piece.line, error, piece.text, count=piece.part == 0)


def _reject_mail(host: Host, piece: Refused) -> None:
    host.reject(piece.source, piece.line, piece.error, b"", count=True)


_PUT: dict[type, Callable[[Host, Any], None]] = {
    Block: _log,
    Overlong: _reject_part,
    Refused: _reject_mail,
}


def _load(
    options: argparse.Namespace,
    report: Report,
    pulse: Pulse,
    trail: Trail | None,
    profiler: Profiler | None,
) -> Host:
    with _stage(profiler, "load"):
        return Host.open(
            options.policy,
            root=options.root,
            rejects=options.rejects,
            flush_interval=options.flush_interval,
            sync=options.sync,
            allow_missing_handlers=options.allow_missing_handlers,
            handler_timeout=options.handler_timeout,
            receive=not options.no_receive,
            report=report,
            lua_memory=options.lua_memory,
            pulse=pulse,
            trail=trail,
            profiler=profiler,
        )


def _stage(profiler: Profiler | None, name: str) -> AbstractContextManager[None]:
    return nullcontext() if profiler is None else profiler.stage(name)


def _open_mail(
    options: argparse.Namespace, warn: Callable[[str], None], stop: Stop
) -> Sequence[Mail]:
    if not options.from_mail:
        return ()
    from kumolog.sources.mail import open_mail  # few runs read mail

    return (open_mail(options.from_mail, report=warn, stop=stop, leave_out=options.rejects),)


def _resumed(
    inputs: Iterable[Input],
    resumption: Resumption,
    warn: Callable[[str], None],
    stop: Stop,
    total: int | None,
) -> ResumedInputs:
    from kumolog.sources.resumed import ResumedInputs

    return ResumedInputs(inputs, resumption.known, warn, stop, total=total)


def _profiler() -> Profiler:
    from kumolog.profiling import Profiler  # few runs are measured

    return Profiler()
