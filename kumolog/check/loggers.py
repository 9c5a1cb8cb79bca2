"""Checking a policy's loggers: what each of them is, and what would bite."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kumolog.api.registry import LocalLogs
from kumolog.check.outcome import Remark
from kumolog.check.records import header_remarks, template_remarks
from kumolog.duration import format_duration
from kumolog.errors import SegmentError
from kumolog.record import RECORD_TYPES
from kumolog.segments.names import check_suffix

_PLACES = ("log_dir", "suffix")
_OVERSHADOWED = ("template", *_PLACES, "segment_header")


def logger_remarks(logs: LocalLogs) -> Iterator[Remark]:
    params = logs.params
    per_record = params["per_record"]
    for directory in logs.log_dirs:
        yield from _cannot_be_made(directory)
    for entry in per_record.values():
        try:
            check_suffix(entry["suffix"])
        except SegmentError as error:
            yield "error", "bad-parameters", str(error)
    yield from _losing_any(per_record)
    yield from template_remarks(params, logs.templates)
    if params["max_file_size"] == 0 or params["max_segment_duration"] == 0:
        key = "max_segment_duration" if params["max_file_size"] else "max_file_size"
        yield "warning", "tiny-segments", f"{key} is zero: every record gets its own segment"
    yield from header_remarks(params)


def _cannot_be_made(log_dir: str) -> Iterator[Remark]:
    """Permissions are only warned of: who checks a policy need not be who runs it."""
    path = Path(log_dir).absolute()
    act = f"log_dir {log_dir} cannot be made"
    for existing in (path, *path.parents):
        try:
            mode = existing.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            yield "warning", "log-dir", f"{act}: there is no permission to look for {existing}"
        except (OSError, ValueError) as error:
            yield "error", "log-dir", f"{act}: {getattr(error, 'strerror', error)}"
        else:
            if not stat.S_ISDIR(mode):
                yield "error", "log-dir", f"{act}: {existing} is not a directory"
            elif not os.access(existing, os.W_OK | os.X_OK):
                act = f"log_dir {log_dir} is not writable" if existing == path else act
                yield "warning", "log-dir", f"{act}: there is no permission to write in {existing}"
        return


def _losing_any(per_record: dict[str, dict[str, Any]]) -> Iterator[Remark]:
    """Kinds that go without what ``Any`` says, though it looks like a default for them.

    It does not where ``Any`` is off, or where it has a place of its own and the kind has one, too.
    """
    whatever = per_record.get("Any")
    if whatever is None or not whatever["enable"]:
        return
    losers: dict[str, list[str]] = {}
    for kind in filter(per_record.get, RECORD_TYPES):
        entry = per_record[kind]
        apart = all(any(e[key] for key in _PLACES) for e in (entry, whatever))
        lost = [key for key in _OVERSHADOWED if whatever[key] and not entry[key]]
        if entry["enable"] and lost and not apart:
            losers.setdefault(" and ".join(lost), []).append(kind)
    for lost_keys, kinds in losers.items():
        yield (
            "warning",
            "shadows-any",
            f"nothing of per_record.Any applies to kinds that are listed themselves: "
            f"{', '.join(kinds)} without its {lost_keys}; repeat what is meant for them, too",
        )


def described_logger(logs: LocalLogs, registrations: Mapping[str, Sequence[str]]) -> str:
    """One logger in a line, with what differs from the defaults."""
    params = logs.params
    parts = [f"{logs.place}: logger {params['log_dir']}"]
    event = params["filter_event"]
    if event is not None:
        places = registrations.get(event)
        parts.append(f"filter {event}" + (f" ({places[0]})" if places else " (no handler)"))
    for kind in filter(params["per_record"].get, (*RECORD_TYPES, "Any")):
        entry = params["per_record"][kind]
        words = [key for key in _OVERSHADOWED if entry[key]] + ["off"] * (not entry["enable"])
        parts.append(f"{kind} ({', '.join(words)})" if words else kind)
    parts += [f"{key} {', '.join(params[key])}" for key in ("meta", "headers") if params[key]]
    if (duration := params["max_segment_duration"]) is not None:
        parts.append(f"new segment every {format_duration(duration)}")
    return "; ".join(parts)
