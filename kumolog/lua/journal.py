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
_CHECKED_EVERY: Final = 256  # batches


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
        self._batches = 0

    def tidy(self) -> None:
        """Now and then drops what is behind; to be called before a batch."""
        self._batches += 1
        if self._batches % _CHECKED_EVERY == 0 and os.fstat(self._descriptor).st_size > _MOST:
            os.ftruncate(self._descriptor, 0)

    def calls(self) -> int:
        """How far it has grown, in the newest batch and those before it."""
        self._empty_buffer(self._address)
        return os.fstat(self._descriptor).st_size

    def answers(self) -> str:
        """The answers of the newest batch, one character each, in the order of the calls."""
        size = self.calls()
        return os.pread(self._descriptor, size, 0).rpartition(_NEWEST_BATCH)[2].decode("latin-1")

    @cached_property
    def _empty_buffer(self) -> Callable[[int], int]:
        import ctypes  # hardly ever needed

        flush: Any = ctypes.CDLL(None).fflush
        flush.argtypes = (ctypes.c_void_p,)
        return flush  # type: ignore[no-any-return] # ctypes tells no types
