"""`kumo.jsonl` in policies and scripts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from segmentfiles import Segment, finished, lines
from support import RunPolicy, init, read_segment

from kumolog.errors import PolicyError
from kumolog.policy import Policy
from kumolog.script import run_script

Script = Callable[[str], list[str]]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Runs the body of a script's main; gives the lines that it logs, warnings in brackets."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()

    def run(body: str) -> list[str]:
        said: list[str] = []

        def report(level: str, text: str) -> None:
            _, _, rest = text.partition(": ")
            said.append(rest if level == "info" else f"[{level}] {text}")

        path = tmp_path / "script.lua"
        path.write_text(f"local say = kumo.log_info\nkumo.on('main', function()\n{body}\nend)")
        run_script(path, [], report)
        return said

    return run


def test_a_tailer_gives_batches_until_it_is_closed(script: Script, tmp_path: Path) -> None:
    finished(tmp_path / "logs" / "1", {"n": 1, "none": None}, {"n": 2, "list": [1, None, 3]})
    finished(tmp_path / "logs" / "2", {"n": 3.5})
    body = """
      local tailer <close> = kumo.jsonl.new_tailer { directory = 'logs', max_batch_size = 2, other = 1 }
      for batch in tailer:batches() do
        local records = batch:records()
        say(batch:consumer_name(), #records, records[1].n, records[1].none)
        for record in batch:iter_records() do say(record.n, record.list and #record.list) end
        if records[1].n == 3.5 then tailer:close() end
      end
      tailer:close()
      say(tailer:batches()(), type(tailer), tostring(tailer):match '^%w+')"""
    assert script(body) == [
        "default 2 1 nil",
        "1 nil",
        "2 3",
        "default 1 3.5 nil",
        "3.5 nil",
        "nil userdata LogTailer",
    ]


def test_what_was_committed_is_not_read_again(script: Script, tmp_path: Path) -> None:
    finished(tmp_path / "logs" / "1", *({"n": n} for n in range(6)))
    body = """
      for run = 1, 3 do
        local tailer = kumo.jsonl.new_tailer {
          directory = 'logs', max_batch_size = 2, checkpoint_name = 'mine' }
        local batch = tailer:batches()()
        say(run, batch:records()[1].n)
        local next_record = batch:iter_records()
        batch:commit()
        say(#batch:records(), batch:consumer_name() == '', batch:iter_records()(), next_record())
        batch:commit()
      end"""
    rest = "0 true nil nil"
    assert script(body) == ["1 0", rest, "2 2", rest, "3 4", rest]
    assert (tmp_path / "logs" / ".mine").read_text() == '{"file":"logs/1","line":6}'


def test_a_filter_chooses_and_its_error_is_the_end(script: Script, tmp_path: Path) -> None:
    finished(tmp_path / "logs" / "1", *({"n": n} for n in range(4)))
    body = """
      local tailer = kumo.jsonl.new_tailer({ directory = 'logs' }, function(record)
        return record.n % 2 == 1 and 'any value'
      end)
      for record in tailer:batches()():iter_records() do say(record.n) end
      local failing = kumo.jsonl.new_tailer({ directory = 'logs' }, function(record) error 'no' end)
      local batches = failing:batches()
      say(pcall(batches))
      say(pcall(batches))"""
    one, three, error, end = script(body)
    assert (one, three, end) == ("1", "3", "true nil")
    assert error.startswith("false ")
    assert error.endswith("script.lua:8: no")


def test_several_consumers_read_together(script: Script, tmp_path: Path) -> None:
    finished(tmp_path / "logs" / "1", *({"n": n} for n in range(5)))
    body = """
      local params = { directory = 'logs', consumers = {
        { name = 'all', checkpoint_name = 'all' },
        { name = 'few', max_batch_size = 1, filter = function(record) return record.n > 2 end },
      } }
      local consumers = params.consumers
      local tailer <close> = kumo.jsonl.new_multi_tailer(params)
      say(params.consumers, consumers[2].name, consumers[2].filter)
      for batches in tailer:batches() do
        for _, batch in ipairs(batches) do
          say(batch:consumer_name(), #batch:records())
          if batch:consumer_name() == 'all' then tailer:close() end
          batch:commit()
        end
      end
      say(pcall(kumo.jsonl.new_multi_tailer, params))"""
    texts = script(body)
    assert texts[:4] == ["nil few nil", "few 1", "few 1", "all 5"]
    assert texts[4].startswith("false ")
    assert "error converting Lua nil to table" in texts[4]
    assert '"line":5}' in (tmp_path / "logs" / ".all").read_text()


def test_a_tailer_waits_for_what_comes(script: Script, tmp_path: Path) -> None:
    segment = Segment(tmp_path / "logs" / "1")

    def write() -> None:
        for number in range(3):
            time.sleep(0.05)
            segment.write(lines([{"n": number}]))
        segment.finish()

    thread = threading.Thread(target=write)
    thread.start()
    body = """
      local n = 0
      local tailer <close> = kumo.jsonl.new_tailer {
        directory = 'logs', max_batch_latency = '10ms', poll_watcher = '10ms' }
      for batch in tailer:batches() do
        n = n + #batch:records()
        if n == 3 then break end
      end
      say(n)"""
    assert script(body) == ["3"]
    thread.join()


def test_what_cannot_be_read_is_a_warning(script: Script, tmp_path: Path) -> None:
    (tmp_path / "logs" / "1").write_bytes(b'{"n":1}\nno\n')
    finished(tmp_path / "logs" / "2", {"n": 2})
    body = """
      local tailer = kumo.jsonl.new_tailer { directory = 'logs' }
      say(#tailer:batches()():records())
      say(pcall(kumo.jsonl.new_tailer, { directory = 'gone' }))
      say(pcall(kumo.jsonl.new_tailer, { directory = 'logs', pattern = '[' }))
      say(pcall(kumo.jsonl.new_tailer, { directory = 'logs', checkpoint_name = 'a/b' }))
      say(pcall(kumo.jsonl.new_tailer, { directory = 'logs', max_batch_latency = 'soon' }))"""
    warning, two, gone, pattern, checkpoint, latency = script(body)
    assert warning.startswith("[warning] reading logs/1: line 2 is no record: ")
    assert two == "2"
    assert gone == "false reading gone: No such file or directory"
    assert pattern == "false the glob '[' is malformed: a [ is never closed"
    assert checkpoint.startswith("false the checkpoint name 'a/b' cannot be")
    assert latency.startswith("false bad argument #1: ")


def test_in_a_handler_there_is_no_time_to_wait(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "init.lua"
    path.write_text(f"""kumo.on('init', function()
      local tailer = kumo.jsonl.new_tailer {{ directory = '{tmp_path}/logs' }}
      for batch in tailer:batches() do end
    end)""")
    policy = Policy(path, lambda _level, _text: None, load_seconds=0.3)
    with pytest.raises(PolicyError, match=r"init\.lua:3: waiting for a batch of records took all"):
        policy.load()


def test_a_task_tails_until_the_policy_ends(run_policy: RunPolicy, tmp_path: Path) -> None:
    finished(tmp_path / "1", {"n": 1})
    body = "kumo.configure_local_logs { log_dir = 'a' } kumo.spawn_task { event_name = 'tail', args = {} }"
    rest = f"""
      kumo.on('tail', function()
        local tailer <close> = kumo.jsonl.new_tailer {{ directory = '{tmp_path}', pattern = '[0-9]' }}
        for batch in tailer:batches() do
          kumo.mpsc.define('seen'):send(batch:records()[1].n)
        end
      end)
      kumo.on('pre_init', function() kumo.mpsc.define('seen') end)"""
    started = time.monotonic()
    body += " kumo.log_info('seen', kumo.mpsc.define('seen'):recv())"
    logged = run_policy(init(body, rest))
    assert [text.rpartition(": ")[2] for _, text in logged.diagnostics] == ["seen 1"]
    assert time.monotonic() - started < 1.9, "the task was waited for in vain"


def test_an_interrupt_ends_a_script_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "script.lua"
    path.write_text(f"""kumo.on('main', function()
      local tailer = kumo.jsonl.new_tailer {{ directory = '{tmp_path}', pattern = 'none*' }}
      io.stdout:write('waiting\\n') io.stdout:flush()
      for batch in tailer:batches() do end
    end)""")
    command = [sys.executable, "-m", "kumolog", "script", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode != 0
    assert b"Traceback" not in complaint


def written(directory: Path) -> list[tuple[str, bytes, bool]]:
    """Each segment's name, text, and whether it is complete."""
    return [
        (path.name, read_segment(path), not path.stat().st_mode & 0o222)
        for path in sorted(directory.iterdir())
    ]


def test_a_writer_writes_lines_and_records(script: Script, tmp_path: Path) -> None:
    body = """
      local writer <close> = kumo.jsonl.new_writer { log_dir = 'new/logs', suffix = '_x', tz = 'Asia/Kathmandu' }
      writer:write_line 'one'
      writer:write_line 'two\\n'
      writer:write_line ''
      writer:write_line(5)
      writer:write_record { type = 'Delivery', list = { 1, 2 }, size = 1.0 }
      writer:write_record(kumo.serde.json_parse '[]')
      say(pcall(writer.write_record, writer, { f = print }))
      say(pcall(writer.write_line, writer, {}))
      writer:close()
      writer:close()
      say(pcall(writer.write_line, writer, 'x'))"""
    record, line, closed = script(body)
    assert record == "false writing a record: cannot serialize <function>"
    assert line.startswith("false bad argument #2 to `LogWriter.write_line`: ")
    assert closed == "false writing a line: the writer is closed"
    ((name, text, is_complete),) = written(tmp_path / "new" / "logs")
    assert name.endswith("_x")
    assert is_complete
    head, last, empty = text.rpartition(b"\n")[0].rsplit(b"\n", 2)
    assert head == b"one\ntwo\n\n5"
    assert json.loads(last) == {"type": "Delivery", "list": [1, 2], "size": 1.0}
    assert (b'"size":1.0' in last, empty) == (True, b"[]")


def test_a_writer_rotates_and_what_it_wrote_can_be_tailed(script: Script, tmp_path: Path) -> None:
    body = """
      local writer = kumo.jsonl.new_writer { log_dir = 'logs', max_file_size = 20 }
      for n = 1, 7 do writer:write_record { n = n } end
      writer:close()
      local tailer = kumo.jsonl.new_tailer { directory = 'logs', max_batch_size = 7 }
      for record in tailer:batches()():iter_records() do say(record.n) end"""
    assert script(body) == [str(n) for n in range(1, 8)]
    assert [text.count(b"\n") for _, text, _ in written(tmp_path / "logs")] == [3, 3, 1]


def test_a_writer_that_is_dropped_finishes_its_segment(tmp_path: Path) -> None:
    path = tmp_path / "script.lua"
    path.write_text(f"""kumo.on('main', function()
      kumo.jsonl.new_writer {{ log_dir = '{tmp_path}/logs' }}:write_line 'one'
      error 'the end'
    end)""")
    done = subprocess.run([sys.executable, "-m", "kumolog", "script", path], capture_output=True)
    assert done.returncode == 1
    ((_, text, is_complete),) = written(tmp_path / "logs")
    assert (text, is_complete) == (b"one\n", True)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ("{}", "missing field `log_dir`"),
        ("{ log_dir = 'logs', tz = 'Nowhere/Else' }", "invalid timezone 'Nowhere/Else'"),
        ("{ log_dir = 'logs', suffix = '/../x' }", "leads out of its log_dir"),
        ("{ log_dir = 'logs', max_file_size = 1.5 }", "expected u64"),
    ],
)
def test_a_writer_is_refused_what_it_cannot_use(script: Script, params: str, error: str) -> None:
    (text,) = script(f"say(pcall(kumo.jsonl.new_writer, {params}))")
    assert text.startswith("false ")
    assert error in text


def test_functions_can_be_kept_by_nobody(script: Script) -> None:
    body = """
      say(pcall(kumo.serde.json_encode, { f = print }))
      say(pcall(kumo.toml_encode, { f = print }))
      say(pcall(kumo.mpsc.define('q').send, kumo.mpsc.define('q'), { print }))
      say(pcall(kumo.make_queue_config, { max_age = print }))"""
    assert [text.partition(": ")[0] for text in script(body)] == [
        "false encoding a value as JSON",
        "false encoding a value as TOML",
        "false the queue 'q'",
        "false deserialize error",
    ]
