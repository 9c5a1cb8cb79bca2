"""A peer: a Python script that splits records by one field, with the JSON library it is told.

``python plain.py json|orjson EVENTS``
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import zstandard


def main(library: str, events: str) -> None:
    loads = importlib.import_module(library).loads
    logs = {}
    for protocol, name in (("ESMTP", "smtp"), ("HTTP", "http")):
        directory = Path("out", name)
        directory.mkdir()
        logs[protocol] = zstandard.open(directory / "log", "wb", zstandard.ZstdCompressor(level=3))
    with open(events, "rb") as lines:
        for line in lines:
            log = logs.get(loads(line)["reception_protocol"])
            if log is not None:
                log.write(line)
    for log in logs.values():
        log.close()


main(*sys.argv[1:])
