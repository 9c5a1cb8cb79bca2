"""The standard streams: closed, broken or full ones must neither break a run nor take its data."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO

from kumolog.errors import KumologError


class OutputError(KumologError):
    """Standard output does not take what was to be written."""


def claim() -> None:
    """Makes sure that the descriptors 0 to 2 are taken.

    Where one was closed, the next file that is opened would get its number: a segment, say, and
    what the policy prints would end up in it. 0 and 1 then fail when they are used, 2 is silent.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)
    # Unbuffered, as PYTHONUNBUFFERED makes it, it may write a part of what it is given.
    if sys.stdout is None or isinstance(sys.stdout.buffer, io.RawIOBase):
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for good


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output for bytes, flushed at the end.

    A reader that has gone away has what it wanted: writing for it ends quietly. Raises OutputError
    for everything else.
    """
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        raise OutputError(f"writing to standard output: {error.strerror}") from error


def put_out(text: str) -> None:
    """Writes text to standard output, whatever file names are in it and whatever the locale is."""
    with standard_output() as out:
        out.write(text.encode("utf-8", "backslashreplace"))


@contextmanager
def output_kept_clean() -> Iterator[None]:
    """Sends to standard error what the policy, or a program it starts, prints meanwhile.

    That goes past Python: it is the descriptor that has to lead elsewhere. What the policy's
    runtime still holds has to be flushed before the end.
    """
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def tell(text: str) -> None:
    """Writes to standard error, where anybody is left to read it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Lets what the stream still holds go nowhere: Python flushes once more at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
