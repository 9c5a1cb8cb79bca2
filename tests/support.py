"""What tests share: reading what a run left behind, and writing policies briefly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard

from kumolog.host import Summary

needs_zstd = pytest.mark.skipif(
    shutil.which("zstd") is None, reason="the zstd program is not installed"
)

Event = dict[str, Any] | bytes | str

NODE = "557f3ad4-2c8c-11ee-976e-782d7e12e173"
FULL: dict[str, Any] = {
    "type": "Delivery",
    "id": "1d98076abbbc11ed940250ebf67f93bd",
    "sender": "user@example.com",
    "recipient": "to@example.org",
    "queue": "campaign:tenant@example.org",
    "site": "(mx1|mx2).example.org@smtp_client",
    "size": 1047,
    "response": {
        "code": 250,
        "enhanced_code": {"class": 2, "subject": 0, "detail": 0},
        "content": 'OK "quoted" é',
        "command": None,
    },
    "peer_address": {"name": "mx1.example.org", "addr": "192.0.2.25"},
    "timestamp": 1678069691,
    "event_time": "2023-03-06T02:28:11.440526Z",
    "created": 1678065214,
    "created_time": "2023-03-06T01:13:34.310Z",
    "num_attempts": 0,
    "bounce_classification": "Uncategorized",
    "egress_pool": "pool",
    "egress_source": None,
    "source_address": {"address": "198.51.100.1:2525", "protocol": "socks5"},
    "feedback_report": None,
    "meta": {"x_list": [1, 2.5, None, {"a": True}]},
    "headers": {"subject": "Hello", "x-two": ["a", "b"]},
    "delivery_protocol": "ESMTP",
    "reception_protocol": "HTTP",
    "nodeid": NODE,
    "tls_cipher": "TLS_AES_256_GCM_SHA384",
    "tls_protocol_version": "TLSv1.3",
    "tls_peer_subject_name": [],
    "provider_name": "example",
    "session_id": "9a1c2a57-7d42-4c52-8f42-0c6f6d4e5a11",
}
"""A record in which everything is."""


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def read_segment(path: Path) -> bytes:
    """The text of a segment, by python-zstandard alone."""
    decoder = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
    return decoder.decompress(path.read_bytes())


@dataclass
class Logged:
    """What a run left behind."""

    root: Path
    summary: Summary
    rejects_file: Path
    diagnostics: list[tuple[str, str]] = field(default_factory=list)

    def segments(self, log_dir: str) -> list[Path]:
        """The segments of a log_dir, by name, also those in directories below it."""
        directory = self.root / log_dir.lstrip("/")
        return sorted(path for path in directory.rglob("*") if path.is_file())

    def text(self, log_dir: str, suffix: str = "") -> str:
        """The text of a log_dir's segments whose name ends with a suffix, one after another."""
        found = (path for path in self.segments(log_dir) if path.name.endswith(suffix))
        return b"".join(map(read_segment, found)).decode()

    def lines(self, log_dir: str, suffix: str = "") -> list[str]:
        """The same as lines."""
        return self.text(log_dir, suffix).splitlines()

    def records(self, log_dir: str, suffix: str = "") -> list[dict[str, Any]]:
        """The same as records."""
        return [json.loads(line) for line in self.lines(log_dir, suffix)]

    @property
    def rejects(self) -> list[dict[str, Any]]:
        """The entries of the rejects file."""
        if not self.rejects_file.exists():
            return []
        return [json.loads(line) for line in self.rejects_file.read_text().splitlines()]


RunPolicy = Callable[..., Logged]
SaidBy = Callable[[str], list[str]]
"""Runs the Lua source of a policy; gives the lines it logs."""


def init(body: str, rest: str = "") -> str:
    """A policy whose init handler has that body."""
    return f"local kumo = require 'kumo'\nkumo.on('init', function()\n{body}\nend)\n{rest}\n"
