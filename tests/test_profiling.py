"""A host that is measured does the same, and its counts are exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import init, read_segment

from kumolog.host import Host
from kumolog.profile import Profile
from kumolog.profiling import Profiler

POLICY = init(
    """kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }
       kumo.configure_local_logs { log_dir = 'b', filter_event = 'g',
         per_record = { Bounce = { enable = false }, Any = { template = '{{ size }}' } } }
       kumo.configure_local_logs { log_dir = 'c' }""",
    """seen = {}
       kumo.on('f', function(msg)
         local n = msg:get_meta 'n'
         assert(n % 10 ~= 3, 'three')
         seen[#seen + 1] = n
         return #seen % 2 == 0
       end)
       kumo.on('g', function(msg) return msg:get_meta 'n' % 3 == 0 and _KUMO_CURRENT_EVENT == 'g' end)""",
)


def run(directory: Path, source: str, batches: list[list[bytes]], profiler: Profiler | None) -> Any:
    """The text of the segments, the rejects and the summary of a run."""
    directory.mkdir()
    policy = directory / "init.lua"
    policy.write_text(source)
    rejects = directory / "rejects"
    with Host.open(policy, root=directory / "r", rejects=rejects, profiler=profiler) as host:
        for lines in batches:
            host.log_lines(lines)
        summary = host.close()
    texts = {
        path.parent.name: read_segment(path) for path in sorted((directory / "r").glob("*/2*"))
    }
    said = rejects.read_text().replace(str(directory), "") if rejects.exists() else ""
    return texts, said, [{**row, "compressed_bytes": 0} for row in summary.loggers]


def record(number: int) -> bytes:
    kind = ("Delivery", "Bounce", "Rejection")[number % 3]
    return b'{"type":"%s","id":"i","size":%d,"timestamp":1,"created":1,"meta":{"n":%d}}' % (
        kind.encode(),
        number,
        number,
    )


@pytest.fixture(autouse=True)
def _a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUMO_NODE_ID", "557f3ad4-2c8c-11ee-976e-782d7e12e173")


@pytest.mark.parametrize("sizes", [[1], [150, 1, 1, 700, 2, 90], [2500]])
def test_what_is_logged_is_the_same(tmp_path: Path, sizes: list[int]) -> None:
    batches, start = [], 0
    for size in sizes:
        batches.append([record(number) for number in range(start, start + size)])
        start += size
    plain = run(tmp_path / "plain", POLICY, batches, None)
    profiler = Profiler()
    assert run(tmp_path / "measured", POLICY, batches, profiler) == plain
    profile = profiler.finish()
    asked = [number for number in range(start) if number % 3 != 2]  # no filter for a Rejection
    places = {event: place.rpartition(":")[2] for event, place in profile.handlers}
    calls = {event: times.calls for (event, _), times in profile.handlers.items()}
    enabled = [number for number in asked if number % 3 != 1]
    assert calls == {"f": len(asked), "g": len(enabled)}
    assert places == {"f": "9", "g": "15"}
    for times in profile.handlers.values():
        assert min(60, times.calls // 4) <= times.timed <= times.calls
    assert start < 1000 or sum(t.timed for t in profile.handlers.values()) < start


def test_rare_samples_meet_records_that_come_by_turns(tmp_path: Path) -> None:
    body = """kumo.configure_local_logs { log_dir = 'a', filter_event = 'f', per_record = {
      Bounce = { enable = false } } }
      kumo.configure_local_logs { log_dir = 'b', filter_event = 'g', per_record = {
      Delivery = { enable = false } } }"""
    rest = "for _, e in ipairs { 'f', 'g' } do kumo.on(e, function() return true end) end"
    kinds = (b'{"type":"Delivery"}', b'{"type":"Bounce"}')
    profiler = Profiler()
    run(tmp_path / "x", init(body, rest), [[kinds[n % 2] for n in range(64)]] * 300, profiler)
    timed = [times.timed for times in profiler.finish().handlers.values()]
    assert min(timed) > 200
    assert max(timed) < 1000


def test_handlers_of_messages_and_hooks_are_counted(tmp_path: Path) -> None:
    body = """kumo.configure_local_logs { log_dir = 'a' }
              kumo.configure_log_hook { name = 'h', headers = {} }"""
    rest = """kumo.on('smtp_server_message_received', function(msg) end)
              kumo.on('should_enqueue_log_record', function(msg) return false end)"""
    events = [b'{"type":"Reception","data":"Subject: x\\r\\n\\r\\nx"}', b'{"type":"Delivery"}']
    profiler = Profiler()
    run(tmp_path / "x", init(body, rest), [events], profiler)
    calls = {event: times.calls for (event, _), times in profiler.finish().handlers.items()}
    assert calls == {"smtp_server_message_received": 1, "should_enqueue_log_record": 2}


def test_times_are_in_the_stage_where_they_were_spent(tmp_path: Path) -> None:
    body = """local t = os.clock() while os.clock() < t + 0.05 do end
              kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }"""
    rest = "kumo.on('f', function() local t = os.clock() while os.clock() < t + 0.02 do end end)"
    profiler = Profiler()
    with profiler.stage("load"):
        run(tmp_path / "x", init(body, rest), [[b'{"type":"Delivery"}'] * 5], profiler)
    profile = profiler.finish()
    (times,) = profile.handlers.values()
    assert times.mean is not None
    assert profile.stages["handlers"] >= 0.1 > times.mean >= 0.02
    assert profile.stages["load"] >= 0.05
    assert sum(profile.shares().values()) == pytest.approx(profile.seconds)
    assert [log_dir for log_dir, _ in profile.writers] == ["a"]


def test_getting_each_item_counts_as_the_stage() -> None:
    profiler = Profiler()
    assert list(profiler.each("read", iter([1, None, 3]))) == [1, None, 3]
    assert list(profiler.profile.stages) == ["read"]
    assert profiler.finish() == profiler.profile != Profile()
