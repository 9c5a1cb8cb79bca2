"""What a test logged and what became of it: each event with the outcome at every logger."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kumolog.rejects import displayable
from kumolog.testing.bench import Event, PolicyBench
from kumolog.testing.bench_decisions import Decision

_MOST_EVENTS = 10  # the last ones of a test
_WIDEST = 200  # characters of a line


def account(bench: PolicyBench, before: int = 0) -> str:
    """The events that a bench was shown after the first ``before``; empty where there are none."""
    return "".join(f"{line}\n" for line in _lines(bench, before))


def unseen(bench: PolicyBench, before: int = 0) -> str:
    """Which of those events were rejected though nobody asked for it; empty where none was."""
    mine = [reject for reject in bench.unseen_rejects() if reject["line"] > before]
    lines = [
        _cut(displayable(f"event {entry['line']}: {_from_here(entry['error'])}")) for entry in mine
    ]
    if len(lines) > _MOST_EVENTS:
        lines[_MOST_EVENTS:] = [f"... and {len(lines) - _MOST_EVENTS} more"]
    return "".join(f"{line}\n" for line in lines)


def _lines(bench: PolicyBench, before: int) -> Iterator[str]:
    count = len(bench.events)
    first = max(before, count - _MOST_EVENTS)
    if first > before:
        yield f"... {first - before} events before these"
    decisions = bench.decisions()
    for number in range(first + 1, count + 1):
        yield f"{number}. {_cut(_event(bench.events[number - 1]))}"
        mine = [decision for decision in decisions if decision.event == number]
        yield from (f"   {_cut(line)}" for decision in mine for line in _outcome(decision))
        yield from (f"   {_cut(line)}" for line in _refused(bench, number))
        yield from (
            f"   {_cut(displayable(f'{level}: {text}'))}"
            for level, text in bench.diagnostics_of(number)
        )


def _event(event: Event) -> str:
    if isinstance(event, bytes):
        return displayable(event.decode("utf-8", "backslashreplace"))
    return displayable(event if isinstance(event, str) else _json(event))


def _refused(bench: PolicyBench, number: int) -> Iterator[str]:
    """Why no logger was asked about an event; what a logger refused is in its decision."""
    for reject in bench.rejects():
        if reject["line"] == number and "log_dir" not in reject:
            yield f"-> rejected: {reject['error']}"


def _json(event: Mapping[str, Any]) -> str:
    """Its type comes first, the rest by name, at every depth: a table of Lua has no order."""
    names = sorted(event, key=lambda name: (name != "type", name))
    in_order = {
        name: msgspec.Raw(msgspec.json.encode(event[name], order="sorted")) for name in names
    }
    return msgspec.json.encode(in_order).decode()


def _outcome(decision: Decision) -> Iterator[str]:
    told = f"-> {decision.log_dir}: {decision.type} {decision.outcome}"
    if decision.filter:
        told += f" by {decision.filter} ({_from_here(decision.handler or decision.place)})"
    if decision.error:
        told += f": {_from_here(decision.error)}"
    yield displayable(told)
    if decision.written:
        yield f"     {displayable(decision.written.line)}"


def _from_here(text: str) -> str:
    return text.replace(os.getcwd() + os.sep, "")


def _cut(line: str) -> str:
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}..."
