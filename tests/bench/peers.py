"""Other programs that split the same records, as far as they are installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """``command`` makes the command line for a file of records.

    It writes ``out/smtp/`` and ``out/http/``. ``target`` is how many times faster kumolog should
    be, where that is promised.
    """

    name: str
    is_installed: Callable[[], bool]
    command: Callable[[Path], Sequence[str]]
    target: float | None = None


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _module(name: str) -> Callable[[], bool]:
    return lambda: find_spec(name) is not None


def _two_passes(program: str) -> Callable[[Path], Sequence[str]]:
    """One pass for each log, at the same time, through zstd."""

    def command(events: Path) -> Sequence[str]:
        passes = "".join(
            f"mkdir out/{log} && {program} -c 'select(.reception_protocol == \"{protocol}\")' "
            f"{events} | zstd -3 -T1 -q > out/{log}/log.zst & "
            for log, protocol in (("smtp", "ESMTP"), ("http", "HTTP"))
        )
        return ["sh", "-c", f"{passes} wait"]

    return command


def _script(*arguments: str) -> Callable[[Path], Sequence[str]]:
    name, *rest = arguments
    return lambda events: [sys.executable, str(HERE / name), *rest, str(events)]


PEERS = (
    Peer("jq, two passes at a time", _program("jq"), _two_passes("jq"), 10),
    Peer("jaq, two passes at a time", _program("jaq"), _two_passes("jaq")),
    Peer("naive lupa program", _module("lupa"), _script("naive.py"), 14),
    Peer("Python script, json", lambda: True, _script("plain.py", "json")),
    Peer("Python script, orjson", _module("orjson"), _script("plain.py", "orjson")),
)


def installed() -> list[Peer]:
    return [peer for peer in PEERS if peer.is_installed()]


def version(program: str) -> str | None:
    """What a program says its version is, None where it is not installed."""
    if shutil.which(program) is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.strip()
