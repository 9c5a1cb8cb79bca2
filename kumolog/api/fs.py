"""`kumo.fs`: files, directories and globs."""

from __future__ import annotations

import os
from typing import Final

from msgspec import Struct

from kumolog.api.asyncfile import AsyncFile
from kumolog.api.fsmetadata import FsMetadata
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.files import Files
from kumolog.globs import Glob, utf8
from kumolog.luavalue import LuaValue
from kumolog.params.arguments import number, text

_TTL_SECONDS: Final = 60.0
_MOST_GLOBS: Final = 256  # kept in the cache


def open(
    registry: Registry,
    _place: str,
    filename: LuaValue = None,
    mode: LuaValue = None,
    *_: LuaValue,
) -> AsyncFile:
    """An open file; KumoMTA: ``w`` keeps what is there, and ``r+`` makes what is not."""
    return AsyncFile.open(text(filename, 1), "r" if mode is None else text(mode, 2), registry.files)


def read_dir(registry: Registry, _place: str, path: LuaValue = None, *_: LuaValue) -> list[str]:
    """The full paths of what is in a directory, in no order."""
    directory = text(path, 1)
    try:
        names = registry.files.names(directory)
    except (OSError, ValueError) as error:
        raise _failed("listing", directory, error) from None
    return [utf8(os.path.join(directory, name)) for name in names]


def glob(
    registry: Registry,
    _place: str,
    pattern: LuaValue = None,
    relative_to: LuaValue = None,
    ttl_seconds: LuaValue = None,
    *_: LuaValue,
) -> list[str]:
    """As `uncached_glob`; what was found is given again until it is ``ttl_seconds`` old."""
    ttl = _TTL_SECONDS if ttl_seconds is None else number(ttl_seconds, 3)
    if not ttl >= 0:
        raise KumologError(f"kumo.fs.glob: ttl_seconds is {ttl:g}, where it has to be positive")
    cache = registry.state(GlobCache)
    now, files = registry.clock.monotonic(), registry.files
    return cache.paths(text(pattern, 1), _base(relative_to), ttl, now, files)


def uncached_glob(
    registry: Registry,
    _place: str,
    pattern: LuaValue = None,
    relative_to: LuaValue = None,
    *_: LuaValue,
) -> list[str]:
    """The sorted paths that match, relative to ``relative_to`` as the pattern is."""
    return Glob.parse(text(pattern, 1)).paths(_base(relative_to), registry.files)


def metadata_for_path(
    registry: Registry, _place: str, path: LuaValue = None, *_: LuaValue
) -> FsMetadata:
    """What the file system knows of a file, or of the file that a link leads to."""
    return _metadata(registry, text(path, 1), follow_symlinks=True)


def symlink_metadata_for_path(
    registry: Registry, _place: str, path: LuaValue = None, *_: LuaValue
) -> FsMetadata:
    """What the file system knows of a file, or of the link itself."""
    return _metadata(registry, text(path, 1), follow_symlinks=False)


class GlobCache(Struct):
    """What globs found, by pattern and base, and until when it holds."""

    found: dict[tuple[str, str], tuple[float, list[str]]] = {}

    def paths(self, pattern: str, base: str, ttl: float, now: float, files: Files) -> list[str]:
        until, paths = self.found.get((pattern, base), (now, []))
        if now < until:
            return paths
        paths = Glob.parse(pattern).paths(base, files)
        self.found.pop((pattern, base), None)
        while len(self.found) >= _MOST_GLOBS:
            del self.found[next(iter(self.found))]  # the oldest one
        self.found[pattern, base] = (now + ttl, paths)
        return paths


def _base(relative_to: LuaValue) -> str:
    return "." if relative_to is None else text(relative_to, 2)


def _metadata(registry: Registry, path: str, *, follow_symlinks: bool) -> FsMetadata:
    try:
        found = os.stat(registry.files.to_read(path), follow_symlinks=follow_symlinks)
        return FsMetadata(found, registry.clock)
    except (OSError, ValueError) as error:
        raise _failed("looking at", path, error) from None


def _failed(act: str, path: str, error: OSError | ValueError) -> KumologError:
    reason = error.strerror if isinstance(error, OSError) else error
    return KumologError(f"{act} {path!r}: {reason}")
