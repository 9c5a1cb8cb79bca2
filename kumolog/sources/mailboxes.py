"""What the paths of mail name: Maildirs, directories of message files, mbox files, one message."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kumolog.errors import KumologError
from kumolog.sources.paths import STDIN, Input, display_name, expand

_MAILDIR = ("cur", "new")
_MAILDIR_OWN = (*_MAILDIR, "tmp")


@dataclass(slots=True, frozen=True)
class Mailbox:
    """Files of one directory, by their names in it, in the order to read them."""

    directory: str
    names: Sequence[str]
    size: int | None
    """Bytes of all of them as they are stored, where that is known beforehand."""
    is_maildir: bool = False

    def files(self) -> Iterator[Input]:
        return (Input(os.path.join(self.directory, name)) for name in self.names)

    def moved(self, path: str) -> Input | None:
        """Find a message of a Maildir that got another name since: it was seen, or flagged.

        What comes after the colon is flags, what comes before it is the message's own name (the
        Maildir convention). Raises OSError.
        """
        for folder in _MAILDIR if self.is_maildir else ():
            directory = os.path.join(self.directory, folder)
            for name in os.listdir(directory):
                if _own_name(name) == _own_name(path):
                    return Input(os.path.join(directory, name))
        return None


def find_mailboxes(path: str, leave_out: str | None = None) -> list[Mailbox]:
    """Return what a path names, with all that is below it; nothing for what holds no file.

    A Maildir is a directory with ``cur`` and ``new``; the messages of both come in the order of
    their names, which is that of delivery, and then its folders, the Maildirs inside it. In any
    other directory every file and then every directory is taken, in name order, but no dot file,
    and of dot directories Maildirs only. Links to directories are not followed. ``leave_out`` is a
    file to pass over, as in `expand`.

    Raises KumologError for a path that is missing or not readable.
    """
    if path == STDIN or not os.path.isdir(path):
        (entry,) = expand([path], leave_out)
        return [_of_one_file(path, entry.size)]
    found = []
    ahead = [path]
    while ahead:
        directory = ahead.pop()
        try:
            mailbox, below = _look_into(directory, _status(leave_out))
        except OSError as error:
            if directory == path:
                raise KumologError(f"reading {display_name(path)}: {error.strerror}") from error
            # Whoever reads it as a file gets the reason, and goes on.
            mailbox, below = _of_one_file(directory, 0), []
        if mailbox.names:
            found.append(mailbox)
        ahead += (os.path.join(directory, name) for name in reversed(below))
    return found


def _of_one_file(path: str, size: int | None) -> Mailbox:
    directory, name = os.path.split(path)
    return Mailbox(directory, [name], size)


def _look_into(directory: str, written: os.stat_result | None) -> tuple[Mailbox, list[str]]:
    """The files of a directory, and the names of the directories in it that count."""
    sizes, below = _listed(directory, written)
    is_maildir = _is_maildir(directory)
    if is_maildir:
        sizes = {
            os.path.join(folder, name): size
            for folder in _MAILDIR
            for name, size in _listed(os.path.join(directory, folder), written)[0].items()
        }
        below = [name for name in below if name not in _MAILDIR_OWN]
    below = [
        name
        for name in below
        if not (is_maildir or name.startswith(".")) or _is_maildir(os.path.join(directory, name))
    ]
    names = sorted(sizes, key=lambda name: os.fsencode(os.path.basename(name)))
    return Mailbox(directory, names, sum(sizes.values()), is_maildir), sorted(
        below, key=os.fsencode
    )


def _listed(directory: str, written: os.stat_result | None) -> tuple[dict[str, int], list[str]]:
    """The sizes of a directory's files by name, without dot files, and its directories."""
    sizes: dict[str, int] = {}
    below = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
                continue
            status = _status(entry.path)
            if entry.name.startswith(".") or (status and not stat.S_ISREG(status.st_mode)):
                continue
            if status is None or written is None or not os.path.samestat(status, written):
                # What cannot be looked at is not passed over: reading it gives the reason.
                sizes[entry.name] = status.st_size if status else 0
    return sizes, below


def _status(path: str | None) -> os.stat_result | None:
    try:
        return None if path is None else os.stat(path)
    except (OSError, ValueError):
        return None


def _is_maildir(directory: str) -> bool:
    return all(os.path.isdir(os.path.join(directory, name)) for name in _MAILDIR)


def _own_name(path: str) -> str:
    return os.path.basename(path).partition(":")[0]
