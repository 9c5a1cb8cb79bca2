"""Files that functions of the API read as a whole."""

from __future__ import annotations

from pathlib import Path

from kumolog.errors import KumologError


def read_file(path: str) -> bytes:
    """The bytes of a file; raises KumologError that names it."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise KumologError(f"reading {path}: {error.strerror}") from None
    except ValueError as error:  # a name with a NUL in it
        raise KumologError(f"reading {path!r}: {error}") from None


def read_text(path: str) -> str:
    """The text of a file, which is UTF-8; raises KumologError that names it."""
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        raise KumologError(f"reading {path} as UTF-8 text: {error}") from None
