"""How far a consumer of a directory's segments has come, kept in a file beside them.

The file is ``.NAME``, in KumoMTA's form: ``{"file":"DIRECTORY/SEGMENT","line":N}``. Only where a
segment was read before others whose names come first is there an ``ahead`` besides.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from kumolog.errors import KumologError
from kumolog.files import FILES, Files
from kumolog.segments.reader import shown_path

_COMPACT: Final = (",", ":")


@dataclass(frozen=True, slots=True)
class Position:
    """``line`` lines of ``file`` were consumed, and all of the files whose names come before.

    ``ahead`` has the files after it that were read already: how many lines, None for all.
    """

    file: str
    line: int
    ahead: dict[str, int | None] | None = None

    def consumed(self, path: str) -> float:
        """How many lines of a segment were consumed; infinity for all."""
        if path == self.file:
            return self.line
        lines = None if path < self.file else (self.ahead or {}).get(path, 0)
        return math.inf if lines is None else lines


class _Stored(msgspec.Struct, omit_defaults=True):
    file: str
    line: int
    ahead: dict[str, int | None] | None = None


class Checkpoint:
    """The file that keeps a position in ``directory`` under a name. Raises KumologError: no name.

    The position is about the directory that the file is in, however that was spelled at the time.
    """

    def __init__(self, directory: str, name: str, files: Files = FILES) -> None:
        if not name or {"/", "\0"} & set(name):
            raise KumologError(
                f"the checkpoint name {name!r} cannot be the name of a file, as it has to be"
            )
        self.path = os.path.join(directory, f".{name}")
        self._name = name
        self._directory = directory
        self._files = files

    def load(self) -> Position | None:
        """The position; None where none was saved. Raises KumologError for what is none."""
        try:
            with open(self._files.to_read(self.path), "rb") as file:
                stored = msgspec.convert(json.load(file), _Stored)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed("reading", str(error.strerror)) from None
        except (ValueError, RecursionError) as error:
            raise self._failed(
                "reading", f'{error}; expected {{"file":"...","line":N}}; remove it to start anew'
            ) from None
        ahead = {self._here(path): lines for path, lines in (stored.ahead or {}).items()}
        return Position(self._here(stored.file), stored.line, ahead or None)

    def save(self, position: Position) -> None:
        """Replace what is kept at one stroke. Raises KumologError."""
        content: dict[str, Any] = {"file": position.file, "line": position.line}
        if position.ahead:
            content["ahead"] = position.ahead
        place = self._files.to_write(self.path)
        temporary = os.path.join(os.path.dirname(place), f".{self._name}.{os.getpid()}.tmp")
        try:
            with open(temporary, "w", encoding="ascii") as file:
                json.dump(content, file, separators=_COMPACT)
            os.replace(temporary, place)
        except OSError as error:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                os.unlink(temporary)
            raise self._failed("writing", str(error.strerror)) from None

    def _here(self, path: str) -> str:
        """A segment's path as this reader spells it."""
        prefix = os.path.join(self._directory, "")
        if path.startswith(prefix):
            return prefix + path[len(prefix) :].lstrip("/")
        inside = os.path.join(os.path.realpath(self._directory), "")
        real = os.path.realpath(path)
        name = real[len(inside) :] if real.startswith(inside) else os.path.basename(path)
        return prefix + name

    def _failed(self, act: str, why: str) -> KumologError:
        return KumologError(f"{act} the checkpoint {shown_path(self.path)}: {why}")
