"""The benches of a spec file, each closed when the test that opened it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from kumolog.policy import Attach
from kumolog.pulse import Pulse
from kumolog.testing.bench import PolicyBench
from kumolog.testing.lua_bench import LuaBenches
from kumolog.testing.luaspec import find_file


class SpecBenches(LuaBenches):
    """``needs`` hears of the Lua files that policies load.

    ``used`` are the benches that the last test logged to, those that live longer included, with the
    number of events that each had been shown before.
    """

    def __init__(
        self,
        spec: Path,
        needs: Callable[[Iterable[str | Path]], None],
        attach: Attach | None = None,
        pulse: Callable[[], Pulse] = Pulse,
    ) -> None:
        super().__init__(self._found, attach, pulse)
        self.used: list[tuple[PolicyBench, int]] = []
        self._spec = spec
        self._needs = needs
        self._before: dict[PolicyBench, int] = {}

    def begin_test(self) -> None:
        """What is open now stays open."""
        self._before = {bench: len(bench.events) for bench in self.benches}

    def end_test(self) -> None:
        """Closes what was opened since, and keeps what was logged."""
        self._keep_used()
        self._close(lambda bench: bench not in self._before)

    def close(self) -> None:
        """Closes all that is open."""
        self._close(lambda _: True)

    def abandon(self) -> None:
        """Leaves all that is open: a policy may be what does not come back."""
        self._keep_used()
        for bench in self.benches:
            bench.abandon()
        self.benches = []

    def _keep_used(self) -> None:
        counts = [(bench, self._before.get(bench, 0)) for bench in self.benches]
        self.used = [(bench, before) for bench, before in counts if len(bench.events) > before]

    def _close(self, is_meant: Callable[[PolicyBench], bool]) -> None:
        closing = [bench for bench in self.benches if is_meant(bench)]
        self.benches = [bench for bench in self.benches if not is_meant(bench)]
        for bench in reversed(closing):
            bench.close()
            self._needs(bench.loaded_files())

    def _found(self, name: str) -> Path:
        path = find_file(self._spec, name)
        self._needs([path])
        return path
