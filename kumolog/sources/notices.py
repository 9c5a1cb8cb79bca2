"""Word from the system that something in a directory has changed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from inotify_simple import INotify, flags

_CHANGES = flags.CREATE | flags.MOVED_TO | flags.MODIFY | flags.ATTRIB | flags.DELETE_SELF


class Notices:
    """Changes in directories, as soon as they happen; a context manager.

    Some are never heard of: on network file systems, and where the system's watches are used up.
    So whoever waits for them looks again after a while, too.
    """

    def __init__(self) -> None:
        self._watches: dict[str, int] = {}
        self._inotify: INotify | None = None
        with suppress(OSError):
            self._inotify = INotify()

    def expect(self, directories: Iterable[str]) -> None:
        """Listen for changes in these, and no others."""
        if self._inotify is None:
            return
        wanted = set(directories)
        for gone in self._watches.keys() - wanted:
            with suppress(OSError):
                self._inotify.rm_watch(self._watches[gone])
            del self._watches[gone]
        for new in wanted - self._watches.keys():
            with suppress(OSError):
                self._watches[new] = self._inotify.add_watch(new, _CHANGES)

    def take(self) -> bool:
        """Whether there were changes since this was last asked; never waits."""
        events = [] if self._inotify is None else self._inotify.read(timeout=0)
        ended = {event.wd for event in events if event.mask & flags.IGNORED}
        for path in [path for path, watch in self._watches.items() if watch in ended]:
            del self._watches[path]  # the directory is gone; one of that name may come again
        return bool(events)

    def descriptors(self) -> list[int]:
        """What becomes readable with a change."""
        return [] if self._inotify is None else [self._inotify.fileno()]

    def close(self) -> None:
        if self._inotify is not None:
            self._inotify.close()

    def __enter__(self) -> Notices:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
