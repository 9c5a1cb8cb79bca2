"""What kumolog takes to start: CPU seconds of whole processes beyond those of a bare Python.

``python -m tests.bench.start [--runs 15] [--json]``: ``kumolog check`` of the policy that comes with
kumolog, and of one that calls everything in the kumo table, by turns with ``python -c pass``; medians,
so that a busy machine does not decide. Bytecode is written before the first run that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SHIPPED = Path(__file__).parents[2] / "policy" / "init.lua"

TOUCH_ALL = """
local kumo = require 'kumo'

local function touch(functions, ...)
  for name, f in pairs(functions) do
    if type(f) == 'table' then touch(f, ...)
    elseif type(f) == 'function' and name ~= 'validation_failed' then pcall(f, ...) end
  end
end

kumo.on('pre_init', function()
  touch(kumo)
  touch(kumo, {})
  for _, name in ipairs { 'string', 'regex', 'encode', 'digest', 'time', 'mimepart', 'uuid' } do
    touch(kumo[name], 'www.example.org', 'x', 'y', 'z')
  end
  touch(kumo.serde, '{"a":1}')
  kumo.cidr.make_map { ['10.0.0.0/8'] = 1 }
  kumo.regex_set_map.new { ['a+'] = 1 }
  kumo.string.eval_template('name', '{{ a }}', { a = 1 })
  kumo.http.build_url('https://example.org', { a = 'b' })
  kumo.start_esmtp_listener { listen = '0.0.0.0:25', relay_hosts = { '127.0.0.1' } }
  kumo.start_http_listener { listen = '127.0.0.1:8000' }
  kumo.define_spool { name = 'data', path = '/var/spool/kumomta/data' }
  kumo.make_queue_config { protocol = { smtp = { mx_list = { 'mx.example.org' } } } }
  kumo.make_egress_path { enable_tls = 'Required', max_message_rate = '100/s' }
  kumo.configure_local_logs { log_dir = '/var/log/kumomta', max_segment_duration = '1m' }
end)
"""


def cpu_seconds(command: list[str]) -> float:
    """Of one run; a check may find what it wants, but has to end orderly."""
    environment = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    if errors or os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: {errors.decode()}")
    return usage.ru_utime + usage.ru_stime


def measure(runs: int, directory: Path) -> dict[str, float]:
    """Seconds by name: a bare Python, and what each policy takes beyond it."""
    policy = directory / "touch_all.lua"
    policy.write_text(TOUCH_ALL)
    check = [sys.executable, "-m", "kumolog", "check"]
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "shipped_policy": [*check, str(SHIPPED)],
        "all_of_kumo": [*check, str(policy)],
    }
    for command in commands.values():
        cpu_seconds(command)
    rounds = [[cpu_seconds(command) for command in commands.values()] for _ in range(runs)]
    python, *policies = (statistics.median(seconds) for seconds in zip(*rounds, strict=True))
    beyond = [seconds - python for seconds in policies]
    return dict(zip(commands, (python, *beyond), strict=True))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.start", description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kumolog-bench-") as directory:
        result = measure(options.runs, Path(directory))
    if options.json:
        print(json.dumps(result))
        return
    for name, seconds in result.items():
        print(f"{name:>18}  {seconds:.3f}")


if __name__ == "__main__":
    main()
