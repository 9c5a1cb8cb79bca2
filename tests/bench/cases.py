"""The cases: a policy each, how fast it has to be, and what must come out of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .records import DEFAULTS, TENANTS
from .verify import Placing

PEAK_MIB = 64.0

SPLIT = """
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.configure_local_logs { log_dir = 'smtp', compression_level = 3, filter_event = 'is_smtp' }
  kumo.configure_local_logs { log_dir = 'http', compression_level = 3, filter_event = 'is_http' }
end)
kumo.on('is_smtp', function(msg) return msg:get_meta 'reception_protocol' == 'ESMTP' end)
kumo.on('is_http', function(msg) return msg:get_meta 'reception_protocol' == 'HTTP' end)
"""

TRIM = """
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = 'trimmed',
    compression_level = 3,
    meta = { 'tenant', 'campaign', 'x_*' },
    headers = { 'Subject', 'X-Campaign*' },
  }
end)
"""

COPY = """
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.configure_local_logs { log_dir = 'all', compression_level = 3 }
end)
"""

TENANTS_APART = """
local kumo = require 'kumo'
kumo.on('init', function()
  for n = 0, 9 do
    kumo.configure_local_logs {
      log_dir = 'tenant' .. n,
      compression_level = 3,
      filter_event = 'is_tenant' .. n,
    }
  end
end)
for n = 0, 9 do
  local pattern = '^tenant' .. n .. '$'
  kumo.on('is_tenant' .. n, function(msg)
    local protocol = msg:get_meta 'reception_protocol'
    local campaign = msg:get_meta 'campaign'
    local tenant = msg:get_meta 'tenant'
    local routing_domain = msg:get_meta 'routing_domain'
    local stream = msg:get_meta 'stream'
    return (protocol == 'ESMTP' or protocol == 'HTTP') and campaign == 'news'
      and routing_domain == nil and stream == nil and tenant:match(pattern) ~= nil
  end)
end
"""

CSV_HEADER = "type,id,sender,recipient,timestamp,code\\n"
CSV = f"""
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.configure_local_logs {{
    log_dir = 'csv',
    compression_level = 3,
    per_record = {{
      Any = {{
        segment_header = '{CSV_HEADER}',
        template = '{{{{ type }}}},{{{{ id }}}},{{{{ sender }}}},{{{{ recipient }}}},'
          .. '{{{{ timestamp }}}},{{{{ response.code }}}}',
      }},
    }},
  }}
end)
"""

Placed = Iterable[tuple[str, bytes]]


@dataclass(frozen=True)
class Case:
    """``wall`` and ``cpu`` are the most that a run may take, as multiples of the floor.

    ``is_segments``: the input is segments, not a file of lines. ``extras``: how many entries meta
    and headers have at least.
    """

    name: str
    title: str
    policy: str
    wall: float
    cpu: float
    placing: Placing
    is_segments: bool = False
    extras: int = 0
    header: bytes = b""


def _written(record: dict[str, Any], line: bytes, meta: Any = (), headers: Any = ()) -> bytes:
    """The line as a logger writes it that lists some meta and headers."""
    changed = record if len(record) >= len(DEFAULTS) else DEFAULTS | record
    wanted = {"meta": dict(meta), "headers": dict(headers)}
    if changed is record and all(record[key] == wanted[key] for key in wanted):
        return line
    text = json.dumps(changed | wanted, ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"


def raw_split(record: dict[str, Any], line: bytes) -> Placed:
    """What programs do that leave lines as they are."""
    yield {"ESMTP": "smtp", "HTTP": "http"}[record["reception_protocol"]], line


def _split(record: dict[str, Any], line: bytes) -> Placed:
    return raw_split(record, _written(record, line))


def _trimmed(record: dict[str, Any], line: bytes) -> Placed:
    meta, headers = record["meta"], record["headers"]
    kept = [(key, meta[key]) for key in ("tenant", "campaign")]
    kept += [(key, meta[key]) for key in meta if key.startswith("x_")]
    named = [("subject", headers["subject"]), ("x-campaign-id", headers["x-campaign-id"])]
    yield "trimmed", _written(record, line, kept, named)


def _all(record: dict[str, Any], line: bytes) -> Placed:
    yield "all", _written(record, line)


def _by_tenant(record: dict[str, Any], line: bytes) -> Placed:
    tenant = record["queue"].partition("@")[0].partition(":")[2]
    yield tenant, _written(record, line)


def _csv(record: dict[str, Any], _line: bytes) -> Iterator[tuple[str, bytes]]:
    fields = [record[key] for key in ("type", "id", "sender", "recipient", "timestamp")]
    fields.append(record["response"]["code"])
    yield "csv", ",".join(map(str, fields)).encode() + b"\n"


CASES = {
    case.name: case
    for case in (
        Case("A", "two loggers, a filter each", SPLIT, 1.4, 1.8, _split),
        Case("B", "A, from zstd segments", SPLIT, 1.5, 2.0, _split, is_segments=True),
        Case("C", "meta and headers trimmed", TRIM, 2.0, 2.4, _trimmed, extras=8),
        Case("D", "one logger, no filter", COPY, 1.2, 1.5, _all),
        Case("E", f"{TENANTS} loggers, 5 get_meta and a match", TENANTS_APART, 4, 5, _by_tenant),
        Case(
            "F",
            "CSV of six fields",
            CSV,
            5,
            6,
            _csv,
            header=CSV_HEADER.replace("\\n", "\n").encode(),
        ),
    )
}
