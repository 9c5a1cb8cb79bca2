"""An explanation as text: an outline with an entry for each logger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from kumolog.cli.paint import Paint
from kumolog.explain import Decision, Explanation, Output, Received, RecordExplained
from kumolog.tracing import Call, Handled, Problem

_LONGEST = 200  # characters of a value that a handler was given
_STYLES = {"written": "good", "filtered": "off", "disabled": "off", "failed": "bad"}


class Line(NamedTuple):
    depth: int
    text: str


class Outline:
    """Writes explanations; ``paint`` puts colours in."""

    def __init__(self, paint: Paint) -> None:
        self._paint = paint

    def text(self, explanation: Explanation) -> str:
        """Lines, of which the first begins with the place that the event came from."""
        return "".join(map(_indented, self._explanation(explanation)))

    def _explanation(self, explanation: Explanation) -> Iterator[Line]:
        place = f"{explanation.source}:{explanation.line}"
        if explanation.type is None:
            yield Line(0, f"{place}: {self._bad('no event')}: {explanation.error}")
            return
        yield Line(0, self._paint("strong", f"{place}: {explanation.type}"))
        if explanation.received is not None:
            yield from self._received(explanation.received)
        if explanation.error is not None:
            yield Line(1, f"{self._bad('rejected')}, no logger sees it: {explanation.error}")
        for record in explanation.records:
            yield from self._record(record, explanation)

    def _received(self, received: Received) -> Iterator[Line]:
        for handled in received.handlers:
            if handled.refused is not None:
                code, text = handled.refused.code, handled.refused.text
                result = self._paint("off", f"refused it: {code} {text}")
            elif handled.returned is not None:
                result = f"returned {_value(handled.returned)}"
            else:
                result = "accepted it"
            yield from self._handled(1, "reception", handled, result)
        if received.malformed_report is not None:
            yield Line(1, received.malformed_report)

    def _record(self, record: RecordExplained, explanation: Explanation) -> Iterator[Line]:
        depth = 1
        if explanation.received is not None and (
            record.type != explanation.type or len(explanation.records) > 1
        ):
            yield Line(1, self._paint("strong", f"{record.type} record to {_to(record)}"))
            depth = 2
        if not record.loggers:
            yield Line(depth, self._paint("off", "the policy configures no logger"))
        for decision in record.loggers:
            yield from self._decision(depth, record.type, decision)
        for hook in record.hooks:
            yield Line(depth, f"hook {hook.event} ({hook.place}) would be called")

    def _decision(self, depth: int, kind: str, decision: Decision) -> Iterator[Line]:
        outcome = self._paint(_STYLES[decision.outcome], decision.outcome)
        yield Line(depth, f"logger {decision.log_dir} ({decision.place}): {outcome}")
        yield Line(depth + 1, _enabled(decision))
        if not decision.enabled:
            return
        if decision.filter is not None:
            result = f"returned {_value(decision.filter.returned)}"
            yield from self._handled(depth + 1, "filter", decision.filter, result)
        else:
            yield Line(depth + 1, _not_asked(kind, decision))
        if decision.output is not None:
            yield from self._output(depth + 1, decision, decision.output)

    def _output(self, depth: int, decision: Decision, output: Output) -> Iterator[Line]:
        yield Line(depth, f"meta: {_selected(output.meta)}")
        yield Line(depth, f"headers: {_selected(output.headers)}")
        yield Line(depth, f"segment: {output.directory.rstrip('/')}/{output.segment}")
        if output.segment_header:
            yield Line(depth, f"segment header: {_value(output.segment_header)}")
        if output.template is not None:
            template = _value(output.template)
            yield Line(depth, f"template of per_record.{decision.entry}: {template}")
        if output.line is not None:
            yield Line(depth, f"line: {output.line}")
        elif decision.error is not None:
            yield from self._problem(depth, "rendering", decision.error)

    def _handled(self, depth: int, what: str, handled: Handled, result: str) -> Iterator[Line]:
        name = f"{what} {handled.event} ({handled.place})"
        if handled.error is None:
            yield Line(depth, f"{name} {result}")
        else:
            yield from self._problem(depth, name, handled.error)
        for call in handled.calls:
            yield Line(depth + 1, _call(call))
        for said in handled.said:
            yield Line(depth + 1, self._paint("quiet", f"{said.level}: {said.text}"))

    def _problem(self, depth: int, what: str, problem: Problem) -> Iterator[Line]:
        yield Line(depth, f"{what} {self._bad('failed')}: {problem.message}")
        if len(problem.frames) > 1:
            for frame in problem.frames:
                yield Line(depth + 2, frame)

    def _bad(self, text: str) -> str:
        return self._paint("bad", text)


def _indented(line: Line) -> str:
    indent = "  " * line.depth
    text = line.text.replace("\n", f"\n{indent}    ")
    return f"{indent}{text}\n"


def _to(record: RecordExplained) -> str:
    recipients = [record.recipient] if isinstance(record.recipient, str) else record.recipient
    return ", ".join(recipients) or "nobody"


def _enabled(decision: Decision) -> str:
    word = "enabled" if decision.enabled else "disabled"
    if decision.entry is None:
        return f"{word}: per_record says nothing about it"
    return f"{word} by per_record.{decision.entry}"


def _not_asked(kind: str, decision: Decision) -> str:
    if decision.filter_event is None:
        return "no filter: every record passes"
    if kind == "Rejection":
        return f"filter {decision.filter_event} is not asked: a Rejection has no message"
    return f"filter {decision.filter_event} has no handler: every record is dropped"


def _call(call: Call) -> str:
    arguments = ", ".join(map(_value, call.arguments))
    made = f"{call.method}({arguments})"
    if call.error is not None:
        return f"{made} raised: {call.error}"
    return made if call.is_change and call.result is None else f"{made}: {_value(call.result)}"


def _selected(values: dict[str, Any] | None) -> str:
    if values is None:
        return "unknown"
    return _json(values) if values else "none"


def _value(value: Any) -> str:
    """As JSON; a missing value is Lua's nil."""
    text = "nil" if value is None else _json(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
