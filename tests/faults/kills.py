"""Kills at random moments: two kumologs on the same directories, each killed again and again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from faults.account import Account, Seen, Tally, said, seen
from faults.process import Home, Sender

FLUSH_INTERVAL = 0.2


@dataclass
class Killed:
    """What has to be there of one sender: events read long enough ago, and those that were seen."""

    sender: int
    fed: int
    promised: int
    seen: Seen


class Killing:
    """A number of kills; ``slack`` is by how many seconds a busy machine may be late to flush."""

    def __init__(
        self,
        home: Home,
        *options: str,
        longest: float = 1.6,
        slack: float = 1.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._home = home
        self._options = ("--flush-interval", f"{FLUSH_INTERVAL * 1000:.0f}ms", *options)
        self._longest = longest
        self._slack = slack
        self._environment = environment
        self._lock = threading.Lock()
        self._killed: list[Killed] = []

    def run(self, kills: int, seed: int, progress: Callable[[int], None]) -> Tally:
        """Kill, start once more, and account for everything."""
        Sender(kills, self._home).end()  # without its directories kumolog does not start
        numbers = iter(range(kills))

        def work() -> None:
            while True:
                with self._lock:
                    number = next(numbers, None)
                if number is None:
                    return
                killed = self._kill_one(number, random.Random(seed * 1_000_000 + number))
                with self._lock:
                    self._killed.append(killed)
                    progress(len(self._killed))

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._account(kills)

    def _kill_one(self, number: int, chance: random.Random) -> Killed:
        begun = time.time() - 1
        sender = Sender(number, self._home, *self._options, environment=self._environment)
        if chance.random() < 0.8:  # else it is killed while it starts and repairs
            self._await_first(sender)
        end = time.monotonic() + chance.uniform(0, self._longest)
        look = end - chance.uniform(0, 0.3)
        burst, pause = chance.choice(((1, 0.001), (40, 0.005), (300, 0.1), (1500, 0.3)))
        before: Seen = {}
        while (now := time.monotonic()) < end:
            sender.feed(burst)
            if not before and now >= look:
                before = seen(self._home.root, number, begun)
            time.sleep(max(0.0, min(pause, end - time.monotonic())))
        moment = sender.kill()
        promised = sender.taken_before(moment - FLUSH_INTERVAL - self._slack)
        return Killed(number, sender.fed, promised, before)

    def _await_first(self, sender: Sender) -> None:
        while not sender.taken_before(time.monotonic()) and sender.process.poll() is None:
            sender.feed(1)
            time.sleep(0.01)

    def _account(self, kills: int) -> Tally:
        tally = Tally(kills=kills, events=sum(killed.fed for killed in self._killed))
        last = Sender(kills, self._home, *self._options)
        tally.other += last.end() != 0
        account = Account(tally)
        account.add(self._home.root)
        for killed in self._killed:
            account.expect(killed.sender, killed.promised, killed.seen)
        account.settle({killed.sender: killed.fed for killed in self._killed})
        may_fail = self._environment is not None
        said(self._home.diagnostics, tally, pauses_end=False, repairs_may_fail=may_fail)
        return tally
