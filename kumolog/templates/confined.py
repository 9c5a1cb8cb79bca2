"""Templates that can neither hang nor end the process, whatever they and the records hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, Final

import msgspec

from kumolog.clock import SYSTEM_CLOCK
from kumolog.record import Record
from kumolog.templates.direct import Direct, Select
from kumolog.templates.engine import Engine, ExhaustedError, TemplateError, render_once
from kumolog.templates.growth import growth
from kumolog.templates.worker import Worker, WorkerError

# Steps of one rendering. A long log line takes about a thousand; a million take some 30 ms, so what
# comes this far does not end, or would hold up every record.
FUEL: Final = 1_000_000
# What is rendered in this process: of so many steps each makes a text of at most so many characters
# (and with all in it escaped, eight times that).
_FUEL_HERE: Final = 4096
_ROOM_HERE: Final = 32 << 10
_ENCODE: Final = msgspec.json.Encoder().encode


class Templates:
    """The templates of one logger, see `kumolog.templates.engine.Engine`.

    What could take much memory or time is rendered in a process of its own.
    """

    def __init__(
        self, sources: Mapping[str, str], *, clock: Callable[[], float] = SYSTEM_CLOCK.wall
    ) -> None:
        self._engine = Engine(sources, _FUEL_HERE, clock)
        self._clock = clock
        self._worker = Worker(_engine, dict(sources))
        self._room = {name: _room(source) for name, source in sources.items()}
        self._direct = {name: Direct.of(source) for name, source in sources.items()}

    def render(self, name: str, record: Mapping[str, Any], characters: float | None = None) -> str:
        """The text of template ``name`` for ``record``, the log record's JSON fields.

        ``characters`` is how many it has as JSON, or more, where that is known. Raises
        TemplateError with a reason of one line that names the template.
        """
        try:
            if (size(record) if characters is None else characters) <= self._room[name]:
                return self._engine.render(name, record)
        except ExhaustedError:
            pass  # a larger share of the machine may do
        return _asked(self._worker, name, record, self._clock())

    def fill(
        self, name: str, records: Sequence[Record], longest: int, select: Select
    ) -> list[str | None]:
        """What `render` gives for each of the records, as far as that can be had at once, or None.

        The template is given no other values than the records have, save for ``meta`` and
        ``headers`` as selected; ``longest`` is the number of characters of the longest record as
        JSON.
        """
        direct = self._direct[name]
        return [None] * len(records) if direct is None else direct.texts(records, longest, select)


class OneTimeTemplates:
    """Renders templates that stand alone, one after the other; confined as `Templates` are."""

    def __init__(self) -> None:
        self._worker = Worker(_one_time, None)

    def render(
        self,
        name: str,
        source: str,
        variables: Mapping[str, Any],
        *,
        clock: Callable[[], float] = SYSTEM_CLOCK.wall,
    ) -> str:
        """As `kumolog.templates.engine.render_once`; raises TemplateError."""
        try:
            if size(variables) <= _room(source):
                return render_once(name, source, variables, _FUEL_HERE, clock)
        except ExhaustedError:
            pass  # as above
        return _asked(self._worker, name, source, dict(variables), clock())


def size(value: Any) -> float:
    """The characters that a JSON-like value has as JSON; inf for what is none."""
    try:
        return len(_ENCODE(value))
    except (TypeError, ValueError, RecursionError):
        return inf


def _room(source: str) -> float:
    """How many characters a record may have so that this template is rendered here."""
    return _ROOM_HERE / growth(source) - len(source)


def _asked(worker: Worker, name: str, *arguments: Any) -> str:
    try:
        return worker.ask(name, *arguments)
    except WorkerError as error:
        reason = str(error)
        raise TemplateError(reason if reason.endswith(")") else f"{reason} (in {name})") from None


def _engine(sources: Mapping[str, str]) -> Callable[[str, Mapping[str, Any], float], str]:
    """What the worker of a logger does; the last argument is the time."""
    time = [0.0]
    engine = Engine(sources, FUEL, lambda: time[0])

    def render(name: str, record: Mapping[str, Any], now: float) -> str:
        time[0] = now
        return engine.render(name, record)

    return render


def _one_time(_: None) -> Callable[[str, str, Mapping[str, Any], float], str]:
    def render(name: str, source: str, variables: Mapping[str, Any], now: float) -> str:
        return render_once(name, source, variables, FUEL, lambda: now)

    return render
