"""What `kumo.fs.metadata_for_path` gives."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import ClassVar, Final

from kumolog.api.timevalue import Time
from kumolog.clock import Clock
from kumolog.luaobject import LuaObject

_WRITE_BITS: Final = 0o222


class FsMetadata(LuaObject):
    """The metadata of one file as they were when they were asked for; times are `Time` values."""

    lua_name = "FsMetadata"
    lua_fields: ClassVar[Mapping[str, str]] = {
        "atime": "atime",
        "blksize": "blksize",
        "blocks": "blocks",
        "ctime": "ctime",
        "dev": "dev",
        "gid": "gid",
        "ino": "ino",
        "is_dir": "is_dir",
        "is_file": "is_file",
        "is_symlink": "is_symlink",
        "len": "len",
        "mode": "mode",
        "mtime": "mtime",
        "nlink": "nlink",
        "rdev": "rdev",
        "readonly": "readonly",
        "size": "size",
        "uid": "uid",
    }

    def __init__(self, found: os.stat_result, clock: Clock) -> None:
        self.mode = found.st_mode
        self.is_dir = stat.S_ISDIR(found.st_mode)
        self.is_file = stat.S_ISREG(found.st_mode)
        self.is_symlink = stat.S_ISLNK(found.st_mode)
        self.readonly = not found.st_mode & _WRITE_BITS
        self.len = self.size = found.st_size
        self.blksize = found.st_blksize
        self.blocks = found.st_blocks
        self.dev = found.st_dev
        self.rdev = found.st_rdev
        self.ino = found.st_ino
        self.nlink = found.st_nlink
        self.uid = found.st_uid
        self.gid = found.st_gid
        self.atime = Time.of_nanos(found.st_atime_ns, clock)
        self.mtime = Time.of_nanos(found.st_mtime_ns, clock)
        self.ctime = Time.of_nanos(found.st_ctime_ns, clock)
