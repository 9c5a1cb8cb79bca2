"""What handlers have answered so far, to be read even when Lua never comes back."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from kumolog.errors import PolicyError

_NEWEST_BATCH: Final = b"\n"
_MOST: Final = 1 << 20  # bytes until what is behind is dropped


class Journal:
    """A file in memory to which Lua appends a line end for each batch and a byte for each answer.

    Lua writes through a buffer of C's library, which costs next to nothing; `calls` and `answers`
    have the library empty it. ``open_file`` opens a path in Lua; it gives the file and its address.
    """

    def __init__(self, open_file: Callable[[str], tuple[Any, str]]) -> None:
        self._descriptor = os.memfd_create("kumolog-journal", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        path = f"/proc/self/fd/{self._descriptor}"
        file, address = open_file(path)
        if file is None:
            raise PolicyError(f"opening {path} for the policy: {address}; kumolog needs /proc")
        self.file = file  # as long as somebody holds it, Lua does not close it
        self._address = int(address, 16)
        self._start = 0  # of the newest batch

    def begin(self) -> None:
        """Goes on to the next batch, and drops now and then what is behind."""
        self._start = os.fstat(self._descriptor).st_size
        if self._start > _MOST:
            os.ftruncate(self._descriptor, 0)
            self._start = 0

    def calls(self) -> int:
        """How far it has grown, in the newest batch and those before it."""
        self._empty_buffer(self._address)
        return os.fstat(self._descriptor).st_size

    def answers(self) -> str:
        """The answers of the newest batch, one character each, in the order of the calls."""
        size = self.calls() - self._start
        said = os.pread(self._descriptor, size, self._start)
        return said.rpartition(_NEWEST_BATCH)[2].decode("latin-1")

    @cached_property
    def _empty_buffer(self) -> Callable[[int], int]:
        import ctypes  # hardly ever needed

        flush: Any = ctypes.CDLL(None).fflush
        flush.argtypes = (ctypes.c_void_p,)
        return flush  # type: ignore[no-any-return] # ctypes tells no types
