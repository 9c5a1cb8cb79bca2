from __future__ import annotations

import ctypes
import threading
from pathlib import Path

import pytest
from lupa import lua54

from kumolog.host import Host
from kumolog.lua.hook import Hook
from kumolog.pulse import Pulse
from tests.support import read_segment

POLICY = """
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.configure_local_logs { log_dir = 'o', filter_event = 'quick_unless_big' }
end)
kumo.on('quick_unless_big', function(msg)
  while msg:get_meta 'size' == 'big' do end
  return true
end)
"""
EVENT = '{"type":"Delivery","meta":{"size":"%s"}}'


@pytest.fixture
def pulse() -> Pulse:
    return Pulse()


@pytest.fixture
def host(tmp_path: Path, pulse: Pulse) -> Host:
    policy = tmp_path / "init.lua"
    policy.write_text(POLICY)
    return Host.open(
        policy,
        root=tmp_path,
        rejects=tmp_path / "rejects",
        handler_timeout=0.1,
        report=lambda level, text: None,
        pulse=pulse,
    )


def test_a_handler_that_nobody_interrupts_is_ended_once_the_alarm_sounds(
    host: Host, pulse: Pulse, tmp_path: Path
) -> None:
    host.log(EVENT % "small")
    thread = threading.Thread(target=host.log, args=(EVENT % "big",), daemon=True)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    pulse.alarm()
    thread.join(20)
    assert not thread.is_alive()
    host.log(EVENT % "small")
    host.close()
    assert "ran for more than 0.1s without returning" in (tmp_path / "rejects").read_text()
    (segment,) = (tmp_path / "o").iterdir()
    assert read_segment(segment).count(b"\n") == 2


def test_at_the_end_of_a_run_the_hook_stays(host: Host, tmp_path: Path) -> None:
    host.hurry()
    thread = threading.Thread(target=host.log, args=(EVENT % "big",), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    host.close()
    assert "ran for more than 0.1s" in (tmp_path / "rejects").read_text()


def test_the_hook_stays_where_the_wheel_keeps_lua_to_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lua54, "__file__", ctypes.CDLL("libc.so.6")._name)
    assert Hook.of(0) is None


def test_the_alarm_may_sound_all_the_time(host: Host, pulse: Pulse, tmp_path: Path) -> None:
    thread = threading.Thread(target=host.log, args=(EVENT % "big",), daemon=True)
    thread.start()
    while thread.is_alive():
        pulse.alarm()
    host.close()
    assert "ran for more than 0.1s" in (tmp_path / "rejects").read_text()
