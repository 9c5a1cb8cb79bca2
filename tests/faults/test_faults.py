"""A short session of the fault bench; ``python -m tests.faults`` is the long one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from faults.account import Tally
from faults.disk import CannotMountError, FailingDisk, small_disk
from faults.injected import CannotCompileError, Injected, Injection
from faults.kills import Killing
from faults.load import POLICY, line
from faults.process import REPOSITORY, Home
from faults.resume import Resuming

SEED = int.from_bytes(os.urandom(3), "big")


def check(tally: Tally) -> None:
    assert tally.is_well, f"seed {SEED}: {tally}"
    assert tally.segments > 0


def quiet(count: int) -> None:
    """No progress."""


@pytest.fixture
def injection(tmp_path: Path) -> Injection:
    try:
        return Injection(tmp_path, tmp_path / "logs")
    except CannotCompileError as error:
        return pytest.skip(str(error))


def test_killed_at_any_moment_it_keeps_what_a_reader_could_see_and_nothing_twice(
    tmp_path: Path,
) -> None:
    check(Killing(Home(tmp_path), longest=2.0, slack=3600).run(6, SEED, quiet))


def test_killed_while_the_disk_fails_it_keeps_that_too(
    tmp_path: Path, injection: Injection
) -> None:
    injection.rate(0.02)
    home = Home(tmp_path)
    killing = Killing(
        home, "--sync", "flush", longest=2.0, slack=3600, environment=injection.environment
    )
    check(killing.run(4, SEED, quiet))


def test_while_operations_fail_nothing_is_lost_or_written_twice(
    tmp_path: Path, injection: Injection
) -> None:
    tally = Injected(Home(tmp_path), injection, "--sync", "flush").run(1.5, SEED)
    check(tally)
    assert tally.faults


def test_a_disk_that_fills_up_and_directories_that_vanish_cost_nothing(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path) as disk:
            check(FailingDisk(Home(tmp_path, disk)).run(2, SEED))
    except CannotMountError as error:
        pytest.skip(f"mounting a small file system: {error}")


def test_with_a_checkpoint_every_event_is_there_however_often_it_is_killed(tmp_path: Path) -> None:
    check(Resuming(Home(tmp_path)).run(3, SEED, events=6_000))


def test_sync_flush_syncs_data_and_directories_before_anything_is_called_complete(
    tmp_path: Path,
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("there is no strace")
    (tmp_path / "init.lua").write_text(POLICY)
    traced = "trace=openat,write,fsync,fdatasync,fchmod"
    options = ["--sync", "flush", "--root", "new/logs", "--flush-interval", "10ms"]
    command = [sys.executable, "-m", "kumolog", "run", "init.lua", *options]
    with subprocess.Popen(
        [strace, "-ff", "-y", "-e", traced, "-o", "calls", *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(line(0, 0))
        process.stdin.flush()
        until = time.monotonic() + 30
        while process.poll() is None and "fdatasync(" not in "".join(_traces(tmp_path)):
            assert time.monotonic() < until, "what was flushed was never synced"
            time.sleep(0.02)
        _, errors = process.communicate(line(1, 0))
    traces = _traces(tmp_path)
    if not any(traces):
        pytest.skip(f"strace does not work here: {errors.decode()}")
    assert process.returncode == 0, errors.decode()
    root = tmp_path.resolve()
    logs = root / "new" / "logs" / "all"
    (segment,) = logs.iterdir()
    (own,) = (calls for calls in map(_calls, traces) if ("openat", segment) in calls)
    places = [place for call, place in own if call == "fsync" and place != segment]
    assert places[:4] == [logs, logs.parent, logs.parent.parent, root]
    assert own.index(("fsync", root)) < own.index(("write", segment))
    calls = [call for call, place in own if place == segment]
    assert calls[-2:] == ["fsync", "fchmod"]
    synced = [later for call, later in pairwise(calls) if call == "write"]
    assert len(synced) >= 2
    assert set(synced) <= {"fdatasync", "fsync"}


def _traces(directory: Path) -> list[str]:
    """What strace wrote so far, of each thread."""
    return [path.read_text() for path in directory.glob("calls.*")]


def _calls(trace: str) -> list[tuple[str, Path]]:
    """Each call of a thread, with the path of its descriptor."""
    form = re.compile(r"^(\w+)\((?:.*= \d+<([^>]*)>|\d+<([^>]*)>)", re.M)
    return [(call, Path(opened or used)) for call, opened, used in form.findall(trace)]
