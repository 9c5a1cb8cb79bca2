"""The load: a policy that uses every way into a segment, and events that tell who sent them."""

from __future__ import annotations

import hashlib
import json
import re

POLICY = """
local kumo = require 'kumo'
kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = 'routed', meta = { 'n' }, max_segment_duration = '1s',
    per_record = {
      Reception = { suffix = '_recv' },
      Delivery = { log_dir = 'routed/delivered', suffix = '/sub/sent.log' },
      Bounce = { log_dir = 'bounces', template = [[bounce {{ meta.n }} to {{ recipient }}]] },
      Any = { segment_header = '# all that is left\\n' },
    },
  }
  kumo.configure_local_logs {
    log_dir = 'all', meta = { 'n' }, max_file_size = 300000, compression_level = 1,
    filter_event = 'is_numbered', back_pressure = 500,
  }
end)
kumo.on('is_numbered', function(msg) return msg:get_meta 'n' ~= nil end)
"""
TREES = {"routed": ("routed", "bounces"), "all": ("all",)}
"""Each tree gets every event once; these are the directories it consists of."""

_KINDS = ("Reception", "Delivery", "Delivery", "TransientFailure", "Bounce")
_NUMBER = re.compile(rb'"n":"(\d+):(\d+)"|^bounce (\d+):(\d+) to ')
HEADER = b"# all that is left"


def kind(number: int) -> str:
    """The type of an event: in the tree ``routed`` each type has a segment of its own."""
    return _KINDS[number % len(_KINDS)]


def line(sender: int, number: int) -> bytes:
    """An event with its end; mostly some 400 bytes, sometimes many more."""
    size = 200 if number % 499 else 150_000
    text = hashlib.shake_128(b"%d:%d" % (sender, number)).hexdigest(size // 2)
    event = {
        "type": kind(number),
        "sender": "sender@example.com",
        "recipient": f"user{number}@example.net",
        "response": {"code": 250, "content": text},
        "meta": {"n": f"{sender}:{number}"},
    }
    return json.dumps(event).encode() + b"\n"


def origin(record: bytes) -> tuple[int, int] | None:
    """Who sent a record, and its number there; None for what is no record of these events."""
    found = _NUMBER.search(record)
    if found is None:
        return None
    sender, number = (text for text in found.groups() if text is not None)
    return int(sender), int(number)
