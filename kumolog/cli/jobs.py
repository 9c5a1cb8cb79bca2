"""``kumolog run --jobs``: input files shared out over processes, their results put together."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any

from kumolog.cli.signals import orderly_end
from kumolog.cli.terminal import Terminal
from kumolog.cli.work import Outcome, Resumption
from kumolog.cli.worker import work_as_told
from kumolog.errors import KumologError
from kumolog.host import Summary
from kumolog.profile import Profile
from kumolog.sources.inputs import total_size
from kumolog.sources.paths import Input
from kumolog.watchdog import leave_process


def run_jobs(
    options: argparse.Namespace,
    inputs: Sequence[Input],
    resumption: Resumption | None,
    terminal: Terminal,
) -> Outcome:
    """Puts inputs through as many hosts as ``options.jobs`` says, each in a process of its own.

    Every input goes to one of them, in order, whenever one is free. Raises KumologError where a
    host cannot be opened: nothing was read then.
    """
    jobs = _Jobs(inputs, resumption, terminal)
    jobs.start(options)
    # Only now: a process that has threads should not be forked.
    with orderly_end(jobs.let_go, jobs.kill):
        jobs.follow()
    if jobs.unusable is not None:
        raise jobs.unusable
    return jobs.outcome()


class _Worker:
    """A process as its parent knows it."""

    def __init__(self, number: int, process: ForkProcess, connection: Connection) -> None:
        self.number = number
        self.process = process
        self.connection = connection
        self.given: list[Input] = []
        self.asks = False
        self.is_ready = False
        self.is_done = False
        self.read = 0
        self.consumed = 0

    def answer(self, what: Any) -> None:
        self.asks = False
        with suppress(BrokenPipeError, ConnectionResetError):  # its end is heard of by itself
            self.connection.send(what)


class _Jobs:
    """``unusable`` is why the first host could not be opened that could not."""

    def __init__(
        self, inputs: Sequence[Input], resumption: Resumption | None, terminal: Terminal
    ) -> None:
        self.unusable: KumologError | None = None
        self._inputs = inputs
        self._resumption = resumption
        self._terminal = terminal
        self._total = total_size(inputs)
        self._next = 0
        self._workers: list[_Worker] = []
        self._outcomes: list[Outcome] = []
        self._lost: list[KumologError] = []
        self._said_at_start: set[tuple[str, str]] = set()
        self._ends = False
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC)
        self._hear: dict[str, Callable[..., None]] = {
            "waits": self._hear_waiting,
            "unusable": self._hear_unusable,
            "ready": self._hear_ready,
            "next": self._hear_waiting,
            "said": self._hear_said,
            "went_on": self._hear_progress,
            "reached": self._hear_reached,
            "done": self._hear_done,
        }

    def start(self, options: argparse.Namespace) -> None:
        """Forks the processes; each waits until it is told to open its host."""
        context = multiprocessing.get_context("fork")
        for number in range(min(options.jobs, len(self._inputs))):
            ours, theirs = multiprocessing.Pipe()
            process = context.Process(
                target=self._work, args=(options, ours, theirs), name=f"kumolog-{number + 1}"
            )
            process.start()
            theirs.close()
            self._workers.append(_Worker(number, process, ours))
        os.close(self._reader)

    def _work(self, options: argparse.Namespace, ours: Connection, theirs: Connection) -> None:
        """In the process: without what would keep it and the others from seeing the parent end."""
        os.close(self._writer)
        for connection in (ours, *(worker.connection for worker in self._workers)):
            connection.close()
        work_as_told(options, self._inputs, self._resumption, theirs, self._reader)
        leave_process(0)

    def let_go(self) -> None:
        """Has all of them end in order; may be called from any thread."""
        if not self._ends:
            self._ends = True
            os.close(self._writer)

    def kill(self) -> None:
        """Ends all of them at once."""
        for worker in self._workers:
            worker.process.kill()

    def follow(self) -> None:
        """Answers and hears them until the last one has ended."""
        running = {worker.connection: worker for worker in self._workers}
        while running:
            heard = wait(list(running))
            for worker in [running[connection] for connection in running if connection in heard]:
                try:
                    word, *about = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    del running[worker.connection]
                    self._hear_end(worker)
                else:
                    self._hear[word](worker, *about)
            self._answer()

    def outcome(self) -> Outcome:
        """All that they did, put together."""
        left = len(self._inputs) - self._next
        if left and not self._ends:
            self._lost.append(KumologError(f"nobody is left to read the other {left} inputs"))
        summaries = [done.summary for done in self._outcomes if done.summary is not None]
        profiles = [done.profile for done in self._outcomes if done.profile is not None]
        return Outcome(
            _sum(summaries) if summaries else Summary(0, 0, []),
            sum(done.broken for done in self._outcomes),
            [*(error for done in self._outcomes for error in done.errors), *self._lost],
            _merge(profiles) if profiles else None,
        )

    # What is heard ------------------------------------------------------------------------------

    def _hear_waiting(self, worker: _Worker) -> None:
        worker.asks = True

    def _hear_unusable(self, worker: _Worker, error: KumologError) -> None:
        self.unusable = self.unusable or error
        worker.is_done = True
        self.let_go()

    def _hear_ready(self, worker: _Worker) -> None:
        worker.is_ready = True

    def _hear_said(self, worker: _Worker, level: str, text: str) -> None:
        """What all of them say as they load the policy is shown once."""
        said = (level, text)
        if worker.is_ready or said not in self._said_at_start:
            self._terminal.report(level, text)
        if not worker.is_ready:
            self._said_at_start.add(said)

    def _hear_progress(self, worker: _Worker, read: int, consumed: int) -> None:
        worker.read, worker.consumed = read, consumed
        read = sum(worker.read for worker in self._workers)
        consumed = sum(worker.consumed for worker in self._workers)
        self._terminal.progress(read, consumed, self._total)

    def _hear_reached(self, _worker: _Worker, reached: dict[str, Any]) -> None:
        if self._resumption is not None:
            self._resumption.deliver(reached)

    def _hear_done(self, worker: _Worker, outcome: Outcome) -> None:
        worker.is_done = True
        self._outcomes.append(outcome)

    def _hear_end(self, worker: _Worker) -> None:
        worker.process.join()
        if worker.is_done or (self._ends and not worker.process.exitcode):
            worker.is_done = True
            return
        self._lost.append(KumologError(_what_is_lost(worker, self._resumption)))
        worker.is_done = True

    def _answer(self) -> None:
        """Lets those go on that wait: one opens its host first, then the others, then all read.

        So an error of the policy is shown once, and segments that an earlier run left open are
        finished before anybody writes.
        """
        left = [worker for worker in self._workers if not worker.is_done]
        first_is_ready = any(worker.is_ready for worker in self._workers)
        all_are_ready = all(worker.is_ready for worker in left)
        for worker in left:
            if not worker.asks:
                continue
            if self._ends:
                worker.answer(None)
            elif not worker.is_ready and (first_is_ready or worker is left[0]):
                worker.answer(True)
            elif worker.is_ready and all_are_ready:
                self._give(worker)

    def _give(self, worker: _Worker) -> None:
        if self._next == len(self._inputs):
            worker.answer(None)
            return
        worker.given.append(self._inputs[self._next])
        worker.answer(self._next)
        self._next += 1


def _what_is_lost(worker: _Worker, resumption: Resumption | None) -> str:
    code = worker.process.exitcode or 0
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    text = f"process {worker.number + 1} of the jobs {how}"
    if not worker.given:
        return f"{text} before it had read anything"
    *earlier, last = (entry.name for entry in worker.given)
    text += f" while it read {last}"
    if earlier:
        text += f", after {', '.join(earlier)}"
    lost = "is lost" if resumption is None else "is for the next run with this checkpoint"
    return (
        f"{text}: what it had not flushed {lost}, and so is the rest of that input; what it did is "
        "not in the summary"
    )


def _sum(summaries: Sequence[Summary]) -> Summary:
    """One summary of all; they are of the same policy, so they have the same loggers."""
    return Summary(
        sum(summary.read for summary in summaries),
        sum(summary.rejected for summary in summaries),
        list(map(_sum_of_logger, *(summary.loggers for summary in summaries))),
        sum(summary.malformed_reports for summary in summaries),
    )


def _sum_of_logger(*results: dict[str, Any]) -> dict[str, Any]:
    log_dir = results[0]["log_dir"]
    counts = [name for name in results[0] if name != "log_dir"]
    return {"log_dir": log_dir, **{name: sum(r[name] for r in results) for name in counts}}


def _merge(profiles: Sequence[Profile]) -> Profile:
    merged = Profile()
    for profile in profiles:
        merged.merge(profile)
    return merged
