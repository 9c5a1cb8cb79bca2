"""The files of a policy on the bench: stand-ins before those of the system, which stay as they are.

Doors by which a policy reaches files, all of which ask here: io.open, io.lines, io.input,
io.output, os.remove, os.rename, loadfile, dofile, require and package.searchpath; kumo.fs.*,
kumo.json_load and all other loaders of files, kumo.secrets.load and every key source, the bounce
classifier's files, sqlite.open, kumo.jsonl, and the config monitor. A program that os.execute runs
sees the system's files.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kumolog.errors import KumologError
from kumolog.files import Files

Content = str | bytes


class StandIns(Files):
    """What is read is the stand-in of a path where there is one; what is written is one always.

    The stand-ins are files below a directory that is made when it is needed. Removing one brings
    the system's own file back to light. Raises KumologError for a stand-in of a path that is not
    absolute.
    """

    def __init__(self, contents: Mapping[str, Content]) -> None:
        for path, content in contents.items():
            if not os.path.isabs(path):
                raise KumologError(f"a stand-in for {path!r}: name the file by its absolute path")
            self._prepared(path).write_bytes(
                content.encode() if isinstance(content, str) else content
            )

    _root: tempfile.TemporaryDirectory[str] | None = None

    def to_read(self, path: str) -> str:
        if self._root is None or not path:
            return path
        stand_in = self._stand_in(path)
        return stand_in if os.path.lexists(stand_in) else path

    def to_write(self, path: str) -> str:
        """A copy of what is there; devices and pipes are used as they are."""
        if not path or (os.path.exists(path) and not _is_plain(path)):
            return path
        stand_in = str(self._prepared(path))
        if not os.path.lexists(stand_in) and os.path.isfile(path):
            shutil.copyfile(path, stand_in)
        return stand_in

    def names(self, directory: str) -> list[str]:
        stand_in = self.to_read(directory)
        if stand_in == directory or not os.path.isdir(directory):
            return os.listdir(stand_in)
        return list(dict.fromkeys((*os.listdir(stand_in), *os.listdir(directory))))

    def close(self) -> None:
        """Removes all stand-ins."""
        if self._root is not None:
            self._root.cleanup()
            self._root = None

    def _prepared(self, path: str) -> Path:
        """The stand-in's own path, whose directory is there."""
        if self._root is None:
            self._root = tempfile.TemporaryDirectory(prefix="kumolog-bench-")
        stand_in = Path(self._stand_in(path))
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        return stand_in

    def _stand_in(self, path: str) -> str:
        assert self._root is not None
        return self._root.name + os.path.abspath(path)


def _is_plain(path: str) -> bool:
    return os.path.isfile(path) or os.path.isdir(path)
