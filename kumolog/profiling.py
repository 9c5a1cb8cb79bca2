"""Measures where the time of a host goes. What is measured is decided when the host is opened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from kumolog.event import Batch, EventDecoder
from kumolog.logger import ASK, Failure, Logger
from kumolog.luavalue import LuaValue
from kumolog.message import BatchMessages
from kumolog.policy import Policy
from kumolog.profile import Profile
from kumolog.rejects import displayable
from kumolog.segments.writer import Writer

T = TypeVar("T")


class Profiler:
    """Give one to `Host.open`, and `finish` it once the host is closed."""

    def __init__(self) -> None:
        self.profile = Profile()
        self._begun = time.perf_counter()
        self._inside = 0.0  # the seconds of the stages inside the one that goes on
        self._loggers: Sequence[Logger] = ()
        self._writers: Sequence[Writer] = ()

    def policy(self, *arguments: Any, **options: Any) -> Policy:
        """A policy whose handlers are measured; see `Policy`."""
        return _ProfiledPolicy(self, *arguments, **options)

    def watch(
        self, decoder: EventDecoder, loggers: Sequence[Logger], writers: Sequence[Writer]
    ) -> None:
        """Measures what these do; ``writers`` are those of the loggers."""
        self._loggers, self._writers = loggers, writers
        self._measure(decoder, "batches", "decode")
        for logger, writer in zip(loggers, writers, strict=True):
            self._measure(logger, "log", "render")
            self._measure(writer, "put", "wait")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What is done meanwhile counts as that stage, save for the stages inside."""
        begun, outside, self._inside = time.perf_counter(), self._inside, 0.0
        try:
            yield
        finally:
            seconds = time.perf_counter() - begun
            stages = self.profile.stages
            stages[name] = stages.get(name, 0.0) + seconds - self._inside
            self._inside = outside + seconds

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; getting each one counts as that stage."""
        iterator = iter(items)
        while True:
            try:
                with self.stage(name):
                    item = next(iterator)
            except StopIteration:
                return
            yield item

    def finish(self) -> Profile:
        """The times up to now."""
        self.profile.seconds = time.perf_counter() - self._begun
        self.profile.writers = [
            (logger.log_dir, writer.busy)
            for logger, writer in zip(self._loggers, self._writers, strict=True)
        ]
        return self.profile

    def _measure(self, thing: object, method: str, stage: str) -> None:
        """Puts a measured method in the place of one thing's own."""
        inner: Callable[..., Any] = getattr(thing, method)

        def measured(*arguments: Any) -> Any:
            with self.stage(stage):
                return inner(*arguments)

        setattr(thing, method, measured)


class _ProfiledPolicy(Policy):
    def __init__(self, profiler: Profiler, *arguments: Any, **options: Any) -> None:
        self._profiler = profiler
        self._places: dict[str, str] = {}
        self._filters: list[tuple[str, str]] = []
        self._take_times: Callable[[], list[tuple[int, float]]] = list
        super().__init__(*arguments, **options)

    def prepare(self, loggers: Sequence[Logger]) -> None:
        super().prepare(loggers)
        registered = self.registrations().items()
        self._places = {event: displayable(places[0]) for event, places in registered}
        events = [logger.filter_event or "" for logger in loggers]
        self._filters = [(displayable(e), self._places.get(e, "")) for e in events]
        if self._plan is not None:
            self._take_times = self._runtime.sample(self._plan)

    def ask(self, batch: Batch, messages: BatchMessages) -> tuple[list[str], list[Failure]]:
        with self._profiler.stage("handlers"):
            return super().ask(batch, messages)

    def _ask_all(self, kinds: str, messages: BatchMessages) -> tuple[list[str], list[Failure]]:
        result = super()._ask_all(kinds, messages)
        profile = self._profiler.profile
        for key, table in zip(self._filters, self._tables, strict=True):
            if calls := kinds.translate(table).count(ASK):
                profile.handler(*key).calls += calls
        for number, seconds in self._take_times():
            profile.handler(*self._filters[number]).add(seconds)
        return result

    def _tell(self, event: str, handle: int, size: int, place: int, argument: Any) -> None:
        with self._called(event):
            super()._tell(event, handle, size, place, argument)

    def answer(self, event: str, *arguments: Any) -> LuaValue:
        with self._called(event):
            return super().answer(event, *arguments)

    @contextmanager
    def _called(self, event: str) -> Iterator[None]:
        begun = time.perf_counter()
        with self._profiler.stage("handlers"):
            yield
        if event in self._places:
            times = self._profiler.profile.handler(displayable(event), self._places[event])
            times.calls += 1
            times.add(time.perf_counter() - begun)
