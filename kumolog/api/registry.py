"""What a policy has said so far, for the functions of the API to add to."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar, cast

from msgspec import Struct, field

from kumolog.clock import SYSTEM_CLOCK, Clock
from kumolog.errors import KumologError, PolicyError
from kumolog.files import FILES, Files
from kumolog.luavalue import LuaValue

if TYPE_CHECKING:
    from kumolog.templates import Templates

_SHOWN_IN_FULL = 2000  # characters: the texts of Lua errors are cut somewhere beyond

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

    def entry_for(self, record_type: str) -> str | None:
        """The key of ``per_record`` that is in force for a type, None where none is."""
        return next((n for n in (record_type, "Any") if n in self.params["per_record"]), None)


HookKind = Literal["log", "disposition"]

_NO_ENTRY: Final = {"enable": True, "template": None}


class Hook(NamedTuple):
    """One call: its checked parameters and its place; templates are of log hooks only."""

    kind: HookKind
    name: str
    params: dict[str, Any]
    templates: Templates | None
    place: str

    @property
    def event(self) -> str:
        """The event that it fires."""
        return "should_enqueue_log_record" if self.kind == "log" else f"log_disposition_{self.name}"

    def enables(self, record_type: str) -> bool:
        """Whether records of a type go to this hook; a type that is listed is not under ``Any``."""
        enabled: bool = self._entry(record_type)[1]["enable"]
        return enabled

    def template_for(self, record_type: str) -> str | None:
        """The name of the template for records of a type, None for the JSON line."""
        name, entry = self._entry(record_type)
        return None if entry["template"] is None else name

    def _entry(self, record_type: str) -> tuple[str, dict[str, Any]]:
        per_record = self.params["per_record"]
        name = record_type if record_type in per_record else "Any"
        return name, per_record.get(name, _NO_ENTRY)


class Hooks(Struct):
    """The hooks that the policy has configured, by name, in call order."""

    by_name: dict[str, Hook] = {}

    def __iter__(self) -> Iterator[Hook]:
        return iter(self.by_name.values())


class Refusal(NamedTuple):
    """What a handler answers with: a reply's code and text, and how the Lua error shows it."""

    code: int
    text: str
    shown: str


class Refusals(Struct):
    """The last refusal that the policy's code made; it may have caught it itself."""

    last: Refusal | None = None

    def take(self, error: PolicyError) -> Refusal | None:
        """The refusal that ended a handler with this error; None for any other error."""
        refusal, self.last = self.last, None
        return refusal if refusal and refusal.shown[:_SHOWN_IN_FULL] in str(error) else None


def _all_but_debug(level: str) -> bool:
    return level != "debug"


def _nobody_listens(event: str, *_arguments: Any) -> LuaValue:
    raise KumologError(f"the event {event} cannot be fired before the policy is loaded")


def _no_limit() -> float:
    return math.inf


def _nobody_catches() -> bool:
    return False


class Registry(Struct):
    """``stage`` is the event being fired, or ``load`` before and ``run`` after them; ``script``
    while a script's file runs.

    ``make_directory`` creates a log_dir; it is None while a policy is only checked: then nothing is
    made, and what is wrong is gathered in ``problems``, so that one check shows all of it;
    ``failed_validations`` are those that the policy itself declares, ``withheld`` the commands that
    were not run. ``fire`` fires an event of the
    policy with JSON-like arguments and gives its first result. ``wants`` tells whether the policy's
    own log lines of a level are shown. ``spawn`` does so in a thread of its own; it is None where
    nothing is started. ``clock`` tells the time,
    ``files`` where the policy's files are. ``ending`` is set when a task is to end,
    ``seconds_left`` gives how long the code that runs now may still take, ``catches`` whether it
    catches what is raised now.
    """

    report: Report
    make_directory: Callable[[str], None] | None
    stage: str = "load"
    clock: Clock = SYSTEM_CLOCK
    files: Files = FILES
    local_logs: list[LocalLogs] = []
    calls: list[Call] = []
    problems: list[str] = []
    failed_validations: list[str] = []
    withheld: list[str] = []
    fire: Callable[..., LuaValue] = _nobody_listens
    wants: Callable[[str], bool] = _all_but_debug
    spawn: Callable[[str, Any], None] | None = None
    ending: threading.Event = field(default_factory=threading.Event)
    seconds_left: Callable[[], float] = _no_limit
    catches: Callable[[], bool] = _nobody_catches
    _states: dict[type, Any] = {}

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
