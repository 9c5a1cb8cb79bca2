"""How long kumolog takes for a file of records, as a multiple of compressing the same bytes.

``python -m tests.bench [--megabytes 210] [--pairs 5] [--json]``: the floor, ``zstd -3 -T1``, and kumolog
with two filtered loggers run by turns on the same input; medians of wall and CPU time are compared, so
that a busy machine slows both. The records written are checked against an independent reading.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

POLICY = """
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.configure_local_logs { log_dir = 'smtp', compression_level = 3, filter_event = 'is_smtp' }
  kumo.configure_local_logs { log_dir = 'http', compression_level = 3, filter_event = 'is_http' }
end)
kumo.on('is_smtp', function(msg) return msg:get_meta 'reception_protocol' == 'ESMTP' end)
kumo.on('is_http', function(msg) return msg:get_meta 'reception_protocol' == 'HTTP' end)
"""


def record(number: int) -> dict[str, Any]:
    """One record as KumoMTA's default configuration writes it, about 1,050 bytes."""
    rng = random.Random(number)
    domain = f"example{rng.randrange(200)}.org"
    queue_id = f"{rng.getrandbits(60):x}-{rng.getrandbits(90):x}"
    return {
        "type": rng.choice(("Delivery", "Delivery", "Delivery", "Reception", "TransientFailure")),
        "id": f"{rng.getrandbits(128):032x}",
        "sender": f"bounce-{number}@mail.example.com",
        "recipient": f"user{rng.randrange(10**6)}@{domain}",
        "queue": f"news:tenant{rng.randrange(9)}@{domain}",
        "site": f"(mx1|mx2|mx3).{domain}@smtp_client",
        "size": rng.randrange(100_000),
        "response": {
            "code": 250,
            "enhanced_code": {"class": 2, "subject": 0, "detail": 0},
            "content": f"OK queued as {queue_id}: accepted for delivery, thank you",
            "command": ".",
        },
        "peer_address": {"name": f"mx{rng.randrange(9)}.{domain}", "addr": "192.0.2.25"},
        "timestamp": 1757675281 + number // 100,
        "event_time": f"2025-09-12T11:08:01.{number % 10**6:06d}Z",
        "created": 1757675200 + number // 100,
        "created_time": "2025-09-12T11:06:40Z",
        "num_attempts": rng.randrange(3),
        "bounce_classification": "Uncategorized",
        "egress_pool": "pool0",
        "egress_source": f"ip-{rng.randrange(50)}",
        "source_address": {"address": f"198.51.100.{rng.randrange(250)}:{rng.randrange(60000)}"},
        "feedback_report": None,
        "meta": {},
        "headers": {},
        "delivery_protocol": "ESMTP",
        "reception_protocol": rng.choice(("ESMTP", "HTTP")),
        "nodeid": "557f3ad4-2c8c-11ee-976e-782d7e12e173",
        "tls_cipher": "TLS_AES_256_GCM_SHA384",
        "tls_protocol_version": "TLSv1.3",
        "tls_peer_subject_name": [],
        "session_id": "9a1c2a57-7d42-4c52-8f42-0c6f6d4e5a11",
    }


def make_input(path: Path, megabytes: int) -> None:
    """Writes records until the file has that many megabytes."""
    with path.open("wb") as file:
        number = 0
        while file.tell() < megabytes * 1_000_000:
            line = json.dumps(record(number), separators=(",", ":"))
            file.write(line.encode() + b"\n")
            number += 1


def timed(command: list[str], cwd: Path) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds and peak resident KiB of one run."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def verify(events: Path, out: Path) -> None:
    """Compares what was written with what jq-like reading of the input gives."""
    expected: dict[str, list[bytes]] = {"smtp": [], "http": []}
    for line in events.read_bytes().splitlines():
        expected["smtp" if json.loads(line)["reception_protocol"] == "ESMTP" else "http"].append(
            line
        )
    for name, lines in expected.items():
        segments = sorted((out / name).iterdir())
        read = subprocess.run(["zstd", "-dcq", *segments], capture_output=True, check=True).stdout
        if read.splitlines() != lines:
            raise SystemExit(f"{name}: the records written are not the records expected")


def measure(megabytes: int, pairs: int, directory: Path) -> dict[str, Any]:
    """Runs the floor and kumolog by turns."""
    events, policy, out = directory / "events.jsonl", directory / "init.lua", directory / "out"
    make_input(events, megabytes)
    policy.write_text(POLICY)
    floor_command = ["zstd", "-3", "-T1", "-q", "-f", str(events), "-o", str(directory / "x.zst")]
    command = [sys.executable, "-m", "kumolog", "run", str(policy), str(events), "--quiet"]
    command += ["--root", str(out)]
    floors, runs = [], []
    for _ in range(pairs):
        shutil.rmtree(out, ignore_errors=True)
        floors.append(timed(floor_command, directory))
        runs.append(timed(command, directory))
    verify(events, out)
    wall = [run[0] / floor[0] for run, floor in zip(runs, floors, strict=True)]
    cpu = [run[1] / floor[1] for run, floor in zip(runs, floors, strict=True)]
    return {
        "megabytes": megabytes,
        "zstd_seconds": statistics.median(floor[0] for floor in floors),
        "kumolog_seconds": statistics.median(run[0] for run in runs),
        "wall_ratio": statistics.median(wall),
        "wall_spread": [min(wall), max(wall)],
        "cpu_ratio": statistics.median(cpu),
        "cpu_spread": [min(cpu), max(cpu)],
        "peak_rss_mib": max(run[2] for run in runs) / 1024,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=210)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kumolog-bench-") as directory:
        result = measure(options.megabytes, options.pairs, Path(directory))
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        text = " to ".join(f"{v:.2f}" for v in value) if isinstance(value, list) else f"{value:.2f}"
        print(f"{name:>18}  {text}")


main()
