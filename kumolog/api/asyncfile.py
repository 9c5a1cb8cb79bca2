"""The files of `kumo.fs.open`."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, Final, TypeVar

from kumolog.errors import KumologError
from kumolog.files import MOST_READ, Files, too_long
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import data, integer

_MODES: Final = {
    "r": os.O_RDONLY,
    "w": os.O_WRONLY | os.O_CREAT,
    "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "r+": os.O_RDWR | os.O_CREAT,
    "w+": os.O_RDWR | os.O_CREAT,
    "a+": os.O_RDWR | os.O_CREAT | os.O_APPEND,
}
_WHENCES: Final = {"set": os.SEEK_SET, "cur": os.SEEK_CUR, "end": os.SEEK_END}
_PIECE: Final = 2 * 1024 * 1024  # bytes read at a time

_Result = TypeVar("_Result")


class AsyncFile(LuaObject):
    """A file without a buffer; one that the policy drops is closed."""

    lua_name = "AsyncFile"
    lua_methods: ClassVar[Mapping[str, str]] = {
        "close": "close",
        "flush": "flush",
        "read": "read",
        "seek": "seek",
        "write": "write",
    }

    def __init__(self, name: str, descriptor: int) -> None:
        self._name = name
        self._descriptor = descriptor
        self._closing = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def open(cls, name: str, mode: str, files: Files) -> AsyncFile:
        """Opens a file; raises KumologError."""
        flags = _MODES.get(mode.replace("b", ""))
        if flags is None:
            raise KumologError(
                f"opening {name!r}: the mode {mode!r} is none of {', '.join(_MODES)}"
            )
        try:
            place = files.to_write(name) if flags & os.O_CREAT else files.to_read(name)
            return cls(name, os.open(place, flags, 0o666))
        except OSError as error:
            raise KumologError(f"opening {name!r}: {error.strerror}") from None
        except ValueError as error:  # a name with a NUL in it
            raise KumologError(f"opening {name!r}: {error}") from None

    def read(self, size: LuaValue = None, *_: LuaValue) -> bytes:
        """Up to ``size`` bytes, or all that follow."""
        if size is not None:
            wanted = integer(size, 2, "usize")
            return self._do("reading", lambda fd: os.read(fd, min(wanted, _PIECE)))
        parts, length = [], 0
        while part := self._do("reading", lambda fd: os.read(fd, _PIECE)):
            parts.append(part)
            length += len(part)
            if length > MOST_READ:
                raise too_long(self._name)
        return b"".join(parts)

    def write(self, buffer: LuaValue = None, *_: LuaValue) -> None:
        """Writes all of a string."""
        rest = memoryview(data(buffer, 2))
        while rest:
            rest = rest[self._do("writing", partial(_write, rest)) :]

    def seek(self, first: LuaValue = None, second: LuaValue = None, *_: LuaValue) -> int:
        """Moves to an offset from ``set``, ``cur`` or ``end``, given in either order."""
        whence, offset = "cur", 0
        for position, value in enumerate((first, second), 2):
            if isinstance(value, str) and value in _WHENCES:
                whence = value
            elif value is not None:
                offset = integer(value, position)
        return self._do("seeking in", lambda fd: os.lseek(fd, offset, _WHENCES[whence]))

    def flush(self, *_: LuaValue) -> None:
        """Nothing waits here to be written; raises for a closed file."""
        self._do("flushing", lambda _fd: None)

    def close(self, *_: LuaValue) -> None:
        """Closes the file, once."""
        self._closing()

    def _do(self, act: str, call: Callable[[int], _Result]) -> _Result:
        if not self._closing.alive:
            raise KumologError(f"{act} {self._name!r}: the file is closed")
        try:
            return call(self._descriptor)
        except OSError as error:
            raise KumologError(f"{act} {self._name!r}: {error.strerror}") from None


def _write(buffer: memoryview, descriptor: int) -> int:
    return os.write(descriptor, buffer)
