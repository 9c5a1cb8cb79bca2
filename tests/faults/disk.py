"""A disk that fills up, runs out of inodes, and directories that vanish, while events come in."""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.account import Account, Tally, files, remove, said
from faults.load import TREES
from faults.process import Home, Sender


class CannotMountError(Exception):
    """A file system of its own needs root."""


@contextmanager
def small_disk(parent: Path, size: str = "3m", inodes: int = 200) -> Iterator[Path]:
    """A mounted file system with little room. Raises CannotMountError."""
    mount = parent / "disk"
    mount.mkdir()
    options = f"size={size},nr_inodes={inodes}"
    command = ["mount", "-t", "tmpfs", "-o", options, "none", mount]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CannotMountError(done.stderr.strip())
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No room for another byte."""
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    yield
    filler.unlink()


@contextmanager
def without_inodes(disk: Path) -> Iterator[None]:
    """No room for another file."""
    eaters = disk / "eaters"
    with contextlib.suppress(OSError):
        eaters.mkdir()
        for number in range(1000):
            (eaters / str(number)).touch()
    yield
    shutil.rmtree(eaters, ignore_errors=True)


class Vanishing:
    """Takes the log directories away, to where they are accounted for later."""

    def __init__(self) -> None:
        self._taken = 0

    @contextmanager
    def __call__(self, disk: Path) -> Iterator[None]:
        away = disk / f"away-{self._taken}"
        with contextlib.suppress(OSError):
            away.mkdir()
            self._taken += 1
            for top in {top for tops in TREES.values() for top in tops}:
                (disk / top).rename(away / top)
        yield


class FailingDisk:
    """Feeds one kumolog for some seconds, in which its disk fails again and again."""

    def __init__(self, home: Home, *options: str) -> None:
        self._home = home
        self._shelf = home.directory / "shelf"
        self._options = ("--flush-interval", "50ms", *options)

    def run(self, seconds: float, seed: int) -> Tally:
        tally = Tally()
        chance = random.Random(seed)
        faults = (full, without_inodes, Vanishing())
        sender = Sender(0, self._home, *self._options)
        while not files(self._home.root, "all") and sender.process.poll() is None:
            sender.feed(1)  # without its directories kumolog does not start
            time.sleep(0.01)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._feed(sender, chance, 0.5)
            with chance.choice(faults)(self._home.root):
                tally.faults += 1
                self._feed(sender, chance, 0.8)
        tally.other += sender.end(self._archive) != 0
        tally.events = sender.fed
        self._archive()
        account = Account(tally)
        account.add(self._shelf)
        account.add(self._home.root)
        account.expect(0, sender.fed)
        said(self._home.diagnostics, tally, pauses_end=True)
        return tally

    def _feed(self, sender: Sender, chance: random.Random, longest: float) -> None:
        end = time.monotonic() + chance.uniform(0.05, longest)
        while time.monotonic() < end:
            sender.feed(chance.choice((1, 5, 50)))
            self._archive()
            time.sleep(0.01)

    def _archive(self) -> None:
        """Take finished segments off the disk, as somebody has to."""
        disk = self._home.root
        for place in (disk, *disk.glob("away-*")):
            for tree in TREES:
                for path in files(place, tree):
                    if not path.stat().st_mode & 0o222:
                        self._shelve(path, path.relative_to(place))

    def _shelve(self, path: Path, name: Path) -> None:
        target = self._shelf / name
        target.parent.mkdir(parents=True, exist_ok=True)
        while target.exists():  # two names can be equal where a directory was taken away
            target = target.with_name(target.name + "+")
        shutil.copy2(path, target)
        remove([path])
