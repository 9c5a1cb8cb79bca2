"""A peer: what one writes first to split records by a Lua filter, with lupa and without kumolog.

``python naive.py EVENTS``: every line is read, each of two handlers gets it as a Lua table of its own,
which it could change without the other seeing it, and the record is written as JSON again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import zstandard
from lupa import LuaRuntime

FILTERS = """
return {
  smtp = function(record) return record.reception_protocol == 'ESMTP' end,
  http = function(record) return record.reception_protocol == 'HTTP' end,
}
"""


def main(events: str) -> None:
    lua = LuaRuntime()
    filters = dict(lua.execute(FILTERS))
    logs = {}
    for name in filters:
        directory = Path("out", name)
        directory.mkdir()
        logs[name] = zstandard.open(directory / "log", "wb", zstandard.ZstdCompressor(level=3))
    with open(events, "rb") as lines:
        for line in lines:
            record = json.loads(line)
            for name, wants in filters.items():
                if wants(lua.table_from(record, recursive=True)):
                    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
                    logs[name].write(text.encode() + b"\n")
    for log in logs.values():
        log.close()


main(sys.argv[1])
