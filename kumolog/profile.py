"""Where the time of a run went, as values that add up over processes."""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct

STAGES = {
    "load": "loading the policy",
    "read": "reading and decompressing",
    "decode": "decoding events",
    "handlers": "handlers",
    "render": "selecting and rendering",
    "wait": "waiting for the writers",
    "close": "finishing the segments",
    "other": "everything else",
}
"""The parts of the time, by their names in JSON: how people read them."""

_STEPS = 8  # sizes of a bucket, for each doubling
_PERCENTILE = 0.99


class Times(Struct):
    """How often a handler was called, and how long it took as far as that was measured.

    ``seconds`` are of the ``timed`` calls; ``buckets`` counts those by their magnitude.
    """

    calls: int = 0
    timed: int = 0
    seconds: float = 0.0
    buckets: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Takes one measured call in, which ``calls`` does not count yet."""
        self.timed += 1
        self.seconds += seconds
        bucket = math.ceil(_STEPS * math.log2(max(seconds, 1e-9) * 1e9))
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Times) -> None:
        self.calls += other.calls
        self.timed += other.timed
        self.seconds += other.seconds
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    @property
    def mean(self) -> float | None:
        """Seconds; None where nothing was measured."""
        return self.seconds / self.timed if self.timed else None

    @property
    def p99(self) -> float | None:
        """What 99 in 100 calls take at most, to a tenth of it too long; None as for `mean`."""
        left = math.ceil(_PERCENTILE * self.timed)
        for bucket in sorted(self.buckets):
            left -= self.buckets[bucket]
            if left <= 0:
                return float(2 ** (bucket / _STEPS) / 1e9)
        return None


class Profile(Struct):
    """Seconds altogether, in each of `STAGES`, of handlers by event and place, and of writers.

    Writers are threads of their own: their seconds, one number for each logger, go on beside the
    others. Those of several processes are added up.
    """

    seconds: float = 0.0
    stages: dict[str, float] = {}
    handlers: dict[tuple[str, str], Times] = {}
    writers: list[tuple[str, float]] = []

    def handler(self, event: str, place: str) -> Times:
        return self.handlers.setdefault((event, place), Times())

    def merge(self, other: Profile) -> None:
        """Adds that of another process that ran the same policy."""
        self.seconds += other.seconds
        for stage, seconds in other.stages.items():
            self.stages[stage] = self.stages.get(stage, 0.0) + seconds
        for key, times in other.handlers.items():
            self.handler(*key).merge(times)
        mine = self.writers or [(log_dir, 0.0) for log_dir, _ in other.writers]
        self.writers = [
            (log_dir, seconds + more)
            for (log_dir, seconds), (_, more) in zip(mine, other.writers, strict=True)
        ]

    def shares(self) -> dict[str, float]:
        """The seconds of every stage; they add up to all."""
        known = {stage: self.stages.get(stage, 0.0) for stage in STAGES}
        return known | {"other": max(0.0, self.seconds - sum(known.values()))}

    def shown(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "seconds": self.seconds,
            "stages": self.shares(),
            "handlers": [
                {
                    "event": event,
                    "place": place,
                    "calls": times.calls,
                    "timed": times.timed,
                    "mean_seconds": times.mean,
                    "p99_seconds": times.p99,
                }
                for (event, place), times in self.handlers.items()
            ],
            "writers": [
                {"log_dir": log_dir, "seconds": seconds} for log_dir, seconds in self.writers
            ],
        }
