"""``kumolog run --profile``."""

from __future__ import annotations

import json
import re

import pytest
from cli.command import LOGGER, Command
from support import init

EVENTS = b'{"type":"Delivery"}\n' * 100
POLICY = init(LOGGER[:-1] + ", filter_event = 'f' }", "kumo.on('f', function() return true end)")


def test_it_tells_people_where_the_time_went(kumolog: Command) -> None:
    kumolog.policy(POLICY)
    done = kumolog.run("run", "init.lua", "--profile", stdin=EVENTS)
    assert (done.returncode, done.stdout) == (0, b"")
    said = done.stderr.decode()
    assert re.match(
        r"kumolog: where [\d.]+ s went\n  loading the policy +[\d.]+ s +[\d.]+%\n", said
    )
    assert re.search(
        r"\n    f init.lua:5  100 calls, mean [\d.e-]+ \S+, 99 % within [\d.]+ \S+\n", said
    )
    assert "\n  beside them, compressing and writing out: " in said
    assert "\nkumolog: read 100 events\n" in said


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_it_is_in_the_json_only_when_asked_for(kumolog: Command, jobs: str) -> None:
    kumolog.policy(POLICY)
    for name in ("1", "2"):
        (kumolog.directory / name).write_bytes(EVENTS)
    options = ("run", "init.lua", "1", "2", "--json", "--jobs", jobs)
    assert "profile" not in json.loads(kumolog.run(*options).stdout)
    done = kumolog.run(*options, "--profile")
    assert done.stderr.startswith(b"kumolog: where ")
    profile = json.loads(done.stdout)["profile"]
    (handler,) = profile["handlers"]
    assert (handler["event"], handler["place"], handler["calls"]) == ("f", "init.lua:5", 200)
    assert 0 < handler["mean_seconds"] < profile["seconds"]
    assert profile["stages"]["handlers"] > 0
    assert sum(profile["stages"].values()) == pytest.approx(profile["seconds"])
    assert [row["log_dir"] for row in profile["writers"]] == ["out"]
