"""What went wrong in a spec, told so that the text alone is enough."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kumolog.testing.differences import visible

_AROUND = 2  # lines shown before and after the one that failed
_MOST_CALLERS = 8


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; as text ``file:line``, relative to the working directory where below it."""

    file: str
    line: int

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The place that ``file:line`` names; None for any other text."""
        file, _, line = text.rpartition(":")
        return cls(file, int(line)) if file and line.isdigit() else None

    def __str__(self) -> str:
        return f"{self.file.removeprefix(os.getcwd() + os.sep)}:{self.line}"

    def source(self) -> list[str]:
        """The lines of the file; none where it cannot be read."""
        try:
            return Path(self.file).read_text("utf-8", "replace").split("\n")
        except OSError:
            return []

    def excerpt(self) -> Iterator[str]:
        """The line and those around it, numbered."""
        lines = self.source()
        first, last = max(1, self.line - _AROUND), min(len(lines), self.line + _AROUND)
        for number in range(first, last + 1):
            mark = ">" if number == self.line else " "
            yield f"{mark} {number:4} | {lines[number - 1]}".rstrip()


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that went wrong.

    ``what`` names the function that failed where it is not the test's own (``before_each of
    'x'``). ``callers`` are the places from which ``place`` was reached, innermost first. As text it
    is the whole story: the message, the lines around the place, the way there.
    """

    message: str
    place: Place | None
    callers: tuple[Place, ...] = ()
    what: str | None = None

    def __str__(self) -> str:
        head = f"{self.what}: {self.message}" if self.what else self.message
        if self.place is None:
            return head
        return "\n".join(
            [head, "", f"{self.place}:", *self.place.excerpt(), *map(_caller, self.callers)]
        )


def failure_of(
    report: Mapping[str, Any], default: Place | None, explain: Callable[[str], str]
) -> Failure:
    """The failure that spec.lua reported, ``default`` being the place of its test.

    ``explain`` adds to an error's text what would be right.
    """
    text = report["text"]
    frames = [place for place in map(_place_of_frame, report["frames"]) if place is not None]
    asserted = Place.parse(report["place"]) if "place" in report else None
    places = [*([asserted] if asserted else []), *frames]
    declared = Place.parse(report["at"]) if "at" in report else default
    place = places[0] if places else declared
    if place is not None:
        text = text.removeprefix(f"{place.file}:{place.line}: ")
    callers = tuple(frame for frame in frames if frame != place)[:_MOST_CALLERS]
    if "place" in report:
        told = _all_visible(text)  # an assertion shows values
    else:
        told = explain(text).replace(os.getcwd() + os.sep, "")
    return Failure(told, place, callers, report.get("what"))


def _all_visible(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))


def _place_of_frame(frame: str) -> Place | None:
    return Place.parse(frame.partition(": in ")[0])


def _caller(place: Place) -> str:
    line = "".join(place.source()[place.line - 1 : place.line]).strip()
    return f"called from {place}: {line}" if line else f"called from {place}"
