"""The files of a policy that is only checked: it may write, and nothing is changed."""

from __future__ import annotations

import os
import shutil
import tempfile

from kumolog.files import Files


class ScratchFiles(Files):
    """What the policy writes to is a copy; from then on it reads that.

    Devices and pipes are used as they are. Close it to remove the copies.
    """

    _root: tempfile.TemporaryDirectory[str] | None = None

    def __init__(self) -> None:
        self._copies: dict[str, str] = {}

    def to_read(self, path: str) -> str:
        return self._copies.get(os.path.abspath(path), path) if self._copies else path

    def to_write(self, path: str) -> str:
        known = self.to_read(path)
        if known != path or not path or (os.path.exists(path) and not os.path.isfile(path)):
            return known
        copy = self._copies[os.path.abspath(path)] = self._new_name()
        if os.path.isfile(path):
            shutil.copyfile(path, copy)
        return copy

    def close(self) -> None:
        """Removes the copies."""
        if self._root is not None:
            self._root.cleanup()

    def _new_name(self) -> str:
        if self._root is None:
            self._root = tempfile.TemporaryDirectory(prefix="kumolog-check-")
        return os.path.join(self._root.name, str(len(self._copies)))
