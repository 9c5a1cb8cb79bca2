"""What a policy has said so far, for the functions of the API to add to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar, cast

from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue

if TYPE_CHECKING:
    from kumolog.templates import Templates

T = TypeVar("T")
Report = Callable[[str, str], None]
"""Takes a level (``error``, ``warning``, ``info``, ``debug``) and a one-line text."""


class Call(NamedTuple):
    """A call that has no effect here; ``place`` is the policy's ``file:line``."""

    name: str
    arguments: tuple[LuaValue, ...]
    place: str


class LocalLogs(NamedTuple):
    """One `kumo.configure_local_logs` call: its checked parameters, templates and place."""

    params: dict[str, Any]
    templates: Templates | None
    place: str

    @property
    def log_dirs(self) -> list[str]:
        """The directories it names, each once, its own first."""
        entries = self.params["per_record"].values()
        named = [self.params["log_dir"], *(entry["log_dir"] for entry in entries)]
        return list(dict.fromkeys(name for name in named if name is not None))


HookKind = Literal["log", "disposition"]

_NO_ENTRY: Final = {"enable": True}


class Hook(NamedTuple):
    """One call: its checked parameters and its place; templates are of log hooks only."""

    kind: HookKind
    name: str
    params: dict[str, Any]
    templates: Templates | None
    place: str

    def enables(self, record_type: str) -> bool:
        """Whether records of a type go to this hook; a type that is listed is not under ``Any``."""
        per_record = self.params["per_record"]
        enabled: bool = per_record.get(record_type, per_record.get("Any", _NO_ENTRY))["enable"]
        return enabled


@dataclass
class Hooks:
    """The hooks that the policy has configured, by name, in call order."""

    by_name: dict[str, Hook] = field(default_factory=dict)

    def of(self, kind: HookKind) -> Iterator[Hook]:
        return (hook for hook in self.by_name.values() if hook.kind == kind)


def _all_but_debug(level: str) -> bool:
    return level != "debug"


def _nobody_listens(event: str, *_arguments: Any) -> LuaValue:
    raise KumologError(f"the event {event} cannot be fired before the policy is loaded")


@dataclass
class Registry:
    """``stage`` is the event being fired, or ``load`` before and ``run`` after them.

    ``make_directory`` creates a log_dir; it is None while a policy is only checked: then nothing is
    made, and what is wrong is gathered in ``problems``, so that one check shows all of it;
    ``failed_validations`` are those that the policy itself declares. ``fire`` fires an event of the
    policy with JSON-like arguments and gives its first result. ``wants`` tells whether the policy's
    own log lines of a level are shown. ``spawn`` does so in a thread of its own; it is None where
    nothing is started. ``ending`` is set when a task is to end.
    """

    report: Report
    make_directory: Callable[[str], None] | None
    stage: str = "load"
    local_logs: list[LocalLogs] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    failed_validations: list[str] = field(default_factory=list)
    fire: Callable[..., LuaValue] = field(default=_nobody_listens)
    wants: Callable[[str], bool] = field(default=_all_but_debug)
    spawn: Callable[[str, Any], None] | None = None
    ending: threading.Event = field(default_factory=threading.Event)
    _states: dict[type, Any] = field(default_factory=dict)

    def share(self, other: Registry) -> None:
        """Takes on the states of the policy that this one is a task of."""
        self._states = other._states

    def state(self, kind: type[T]) -> T:
        """The one instance of ``kind`` that this policy's API functions share."""
        if kind not in self._states:
            self._states[kind] = kind()
        return cast(T, self._states[kind])

    def record(self, call: Call) -> None:
        """Remembers a call made while the policy starts; there is no end to those made later."""
        if self.stage != "run":
            self.calls.append(call)
