"""The hooks of a policy: which of its handlers hear of a record, with which message.

KumoMTA: kumo.configure_log_hook, kumo.configure_log_disposition_hook.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any, NamedTuple, Protocol

import msgspec

from kumolog.api.classify import BounceClassifier
from kumolog.api.registry import Hook, Hooks, Registry
from kumolog.completion import complete
from kumolog.errors import KumologError
from kumolog.event import Batch
from kumolog.luavalue import with_nulls
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.message import BatchMessages
from kumolog.nodeid import NodeId
from kumolog.record import Record
from kumolog.rendering import Rendering

_FROM_A_HOOK = "LogRecord"  # the reception protocol of what log hooks make: it is not hooked again


class Shown(NamedTuple):
    """What a handler gets: the message at a place of ``messages``, of ``size``, and an argument."""

    messages: BatchMessages
    size: int
    place: int
    argument: Any


class Shower(Protocol):
    """One hook; ``event`` is the one it fires."""

    event: str

    def hears(self, record: Record) -> bool:
        """Whether the record is shown to it."""
        ...

    def shown(self, batch: Batch, messages: BatchMessages) -> Iterator[Shown]:
        """What the event is fired with, record by record."""
        ...


def heard_hooks(registry: Registry, registered: Container[str], loggers: int) -> list[Shower]:
    """The hooks that anybody listens to, in call order; ``loggers`` is how many loggers there are.

    All of them come before the hooks, so that every change that a filter made is visible.
    """
    hooks = [_KINDS[hook.kind](hook, registry, loggers) for hook in registry.state(Hooks)]
    return [hook for hook in hooks if hook.event in registered]


class DispositionHook:
    """Shows records with their own messages.

    Records without a message, and those of log hooks, are not shown; nulls are not nil, meta and
    headers are empty.
    """

    def __init__(self, hook: Hook, _registry: Registry, _loggers: int) -> None:
        self.event = hook.event
        self._enables = hook.enables

    def hears(self, record: Record) -> bool:
        has_message = record.type not in ("Rejection", "OOB")
        return has_message and self._enables(record.type) and not _is_from_a_hook(record)

    def shown(self, batch: Batch, messages: BatchMessages) -> Iterator[Shown]:
        for place, record in enumerate(batch.records):
            if self.hears(record):
                whole = msgspec.to_builtins(record) | {"meta": {}, "headers": {}}
                yield Shown(messages, len(batch), place, with_nulls(whole))


class LogHook:
    """Makes a message of each record, which KumoMTA would then put into a queue.

    Its body is the record's JSON line or what the template renders. There is no queue here: the
    handler's answer changes nothing. A record of which no message can be made is a diagnostic.
    """

    def __init__(self, hook: Hook, registry: Registry, loggers: int) -> None:
        classifier = registry.state(BounceClassifier)
        classify = None if classifier.find is None else classifier.classify
        self.event = hook.event
        self._hook = hook
        self._report = registry.report
        self._rendering = Rendering(loggers, hook.params, hook.templates, classify)
        self._node = NodeId()
        self._clock = registry.clock

    def hears(self, record: Record) -> bool:
        return self._hook.enables(record.type) and not _is_from_a_hook(record)

    def shown(self, batch: Batch, messages: BatchMessages) -> Iterator[Shown]:
        for place, record in enumerate(batch.records):
            if not self.hears(record):
                continue
            try:
                made = self._made(self._rendering.record(batch, messages, place))
            except KumologError as error:
                self._report(
                    "error",
                    f"making a message for the log hook {self._hook.name!r} of the {record.type} "
                    f"record of {record.id or record.recipient!r}: {error}",
                )
                continue
            yield Shown(made, 1, 0, self._hook.name)

    def _made(self, record: dict[str, Any]) -> BatchMessages:
        body = self._rendering.text(record, self._hook.template_for(record["type"])) + b"\n"
        event = {
            "type": "Reception",
            "sender": EnvelopeAddress.parse(record["sender"]).email,
            "recipient": _recipients(record["recipient"]),
            "meta": record["meta"] | {"log_record": record, "reception_protocol": _FROM_A_HOOK},
        }
        made = complete(event, len(body), self._node, self._clock)
        return BatchMessages.of_one(made, body)


def _recipients(given: str | list[str]) -> list[str]:
    listed = [given] if isinstance(given, str) else given
    if not listed:
        raise KumologError("it has no recipient")
    return [EnvelopeAddress.parse(address).email for address in listed]


def _is_from_a_hook(record: Record) -> bool:
    return record.reception_protocol == _FROM_A_HOOK


_KINDS: dict[str, Callable[[Hook, Registry, int], Shower]] = {
    "disposition": DispositionHook,
    "log": LogHook,
}
