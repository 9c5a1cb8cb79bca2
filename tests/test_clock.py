"""Another clock than the system's, at everything in kumolog that tells the time."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from support import init

from kumolog.clock import Clock
from kumolog.host import Host
from kumolog.spool_id import created_at
from kumolog.testing.bench import PolicyBench

NOON = "2024-05-01T12:00:00Z"
SECONDS = 1_714_564_800
Heard = Callable[..., list[str]]


@pytest.fixture
def hear(tmp_path: Path) -> Heard:
    """Runs a handler's body in a policy whose clock stands still; gives what it logs."""

    def run(body: str, at: str = NOON) -> list[str]:
        path = tmp_path / "init.lua"
        path.write_text(f"local kumo = require 'kumo'\nkumo.on('it', function()\n{body}\nend)")
        with PolicyBench(path, at=at) as bench:
            bench.fire("it")
            return [text.partition(": ")[2] for _, text in bench.diagnostics()]

    return run


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("os.time()", str(SECONDS)),
        ("math.type(os.time())", "integer"),
        ("os.time { year = 2000, month = 1, day = 1, hour = 12 }", "946728000"),
        ("os.date('!%F %T')", "2024-05-01 12:00:00"),
        ("os.date('!%F %T', 0)", "1970-01-01 00:00:00"),
        ("os.date('!*t').hour", "12"),
        ("kumo.time.now()", "2024-05-01 12:00:00 UTC"),
        ("kumo.time.from_unix_timestamp(1714564790).elapsed", "10s"),
        ("kumo.time.parse_rfc3339('2024-05-01T11:59:00Z').elapsed", "1m"),
        ("kumo.time.parse_rfc2822('Wed, 01 May 2024 11:00:00 +0000').elapsed", "1h"),
        ("kumo.time.with_ymd_hms(2024, 5, 1, 11, 59, 59).elapsed", "1s"),
        (
            "(kumo.time.now() - kumo.time.parse_duration('2s')).elapsed",
            "2s",
        ),
        ("kumo.string.eval_template('t', '{{ now() }}', {})", f"{SECONDS}.0"),
    ],
)
def test_a_policy_sees_the_clocks_time(hear: Heard, expression: str, shown: str) -> None:
    assert hear(f"kumo.log_info(tostring({expression}))") == [shown]


def test_sleeping_moves_a_frozen_clock_and_all_durations_with_it(hear: Heard) -> None:
    assert hear("""
        local timer, started = kumo.time.start_timer 'x', os.clock()
        kumo.time.sleep(2.5)
        kumo.log_info(os.time(), os.clock() - started, timer:done())
    """) == [f"{SECONDS + 2} 2.5 2.5"]


def test_waiting_for_a_queue_moves_a_frozen_clock(hear: Heard) -> None:
    texts = hear("""
        local queue = kumo.mpsc.define('q', 1)
        queue:send(1)
        kumo.log_info(pcall(queue.send_timeout, queue, 2, 30))
        kumo.log_info(os.time())
    """)
    assert texts[0].startswith("false")
    assert texts[1] == str(SECONDS + 30)


def test_what_is_memoized_ends_with_its_ttl_on_the_clock(hear: Heard) -> None:
    assert hear("""
        local calls = 0
        local get = kumo.memoize(function() calls = calls + 1 return calls end,
          { name = 'm', ttl = '10 seconds', capacity = 1 })
        get() get()
        kumo.time.sleep(11)
        kumo.log_info(get())
    """) == ["2"]


def test_a_counter_series_forgets_on_the_clock(hear: Heard) -> None:
    assert hear("""
        local series = kumo.counter_series.define { name = 's', num_buckets = 2, bucket_size = '10s' }
        series:increment(5)
        kumo.time.sleep(15)
        kumo.log_info(series:sum())
        kumo.time.sleep(15)
        kumo.log_info(series:sum())
    """) == ["5", "0"]


@pytest.mark.parametrize("version", [1, 6, 7])
def test_uuids_of_time_are_of_the_clocks_time(hear: Heard, version: int) -> None:
    (made,) = hear(f"kumo.log_info(kumo.uuid.new_v{version}().simple)")
    assert uuid.UUID(made).version == version
    assert created_at(made) == SECONDS


def test_a_request_is_signed_for_the_clocks_time(hear: Heard) -> None:
    assert hear("""
        kumo.log_info(kumo.crypto.aws_sign_v4 { access_key = { key_data = 'a' },
          secret_key = { key_data = 'b' }, region = 'r', service = 's', method = 'GET', uri = '/',
          query_params = {}, headers = { Host = 'h' }, payload = '' }.timestamp)
    """) == ["20240501T120000Z"]


def test_a_made_message_is_of_the_clocks_time(hear: Heard) -> None:
    (made,) = hear("kumo.log_info(kumo.make_message('a@b.c', 'd@e.f', 'x\\r\\n'):id())")
    assert created_at(made) == SECONDS


def test_globs_are_remembered_for_as_long_as_the_clock_says(hear: Heard, tmp_path: Path) -> None:
    pattern = tmp_path / "*.made"
    assert hear(f"""
        local function find() return #kumo.fs.glob('{pattern}', '/', 60) end
        find()
        io.open('{tmp_path}/a.made', 'w'):close()
        kumo.log_info(find())
        kumo.time.sleep(50) kumo.time.sleep(11)
        kumo.log_info(find())
    """) == ["0", "1"]


def test_a_host_and_its_segments_follow_the_clock(tmp_path: Path) -> None:
    (tmp_path / "init.lua").write_text(
        init(
            "kumo.configure_local_logs { log_dir = 'logs', per_record = "
            "{ Any = { template = '{{ timestamp }} {{ now() }}' } } }"
        )
    )
    clock = Clock(lambda: SECONDS + 0.5)
    with Host.open(tmp_path / "init.lua", root=tmp_path / "root", clock=clock) as host:
        host.log({"type": "Delivery"})
    (segment,) = (tmp_path / "root" / "logs").iterdir()
    assert segment.name == "20240501-120000"
