"""The files that functions of the API read, write and look for."""

from __future__ import annotations

import os
from typing import Final

from kumolog.errors import KumologError

MOST_READ: Final = 256 << 20  # bytes at once; some files, such as devices, never end


def too_long(path: str) -> KumologError:
    """What to raise where more than `MOST_READ` bytes would have to be read."""
    return KumologError(
        f"reading {path}: it has more than {MOST_READ >> 20} MiB, too much to be read at once"
    )


class Files:
    """Where a policy's files are: where it says.

    Every function of a policy that is given a path asks here, so that a test can put other files
    in: `to_read` and `to_write` give the path to use for a path as the policy names it.
    """

    def to_read(self, path: str) -> str:
        """For what leaves the file as it is."""
        return path

    def to_write(self, path: str) -> str:
        """For what makes, changes or removes the file."""
        return path

    def names(self, directory: str) -> list[str]:
        """What is in a directory, in no order; raises OSError and ValueError as os.listdir does."""
        return os.listdir(directory)

    def read(self, path: str) -> bytes:
        """The bytes of a file; raises KumologError that names it."""
        try:
            with open(self.to_read(path), "rb") as file:
                content = file.read(MOST_READ + 1)
        except OSError as error:
            raise KumologError(f"reading {path}: {error.strerror}") from None
        except ValueError as error:  # a name with a NUL in it
            raise KumologError(f"reading {path!r}: {error}") from None
        if len(content) > MOST_READ:
            raise too_long(path)
        return content

    def read_text(self, path: str) -> str:
        """The text of a file, which is UTF-8; raises KumologError that names it."""
        try:
            return self.read(path).decode()
        except UnicodeDecodeError as error:
            raise KumologError(f"reading {path} as UTF-8 text: {error}") from None


FILES = Files()
