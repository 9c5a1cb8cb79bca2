"""Checking a policy without running it: what it configures, and what would bite."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kumolog.api import events
from kumolog.api.registry import LocalLogs
from kumolog.clock import SYSTEM_CLOCK
from kumolog.completion import complete
from kumolog.duration import format_duration
from kumolog.errors import PolicyError, SegmentError
from kumolog.luavalue import LuaTable, LuaValue
from kumolog.nodeid import NodeId
from kumolog.policy import Policy, nearest
from kumolog.record import RECORD_FIELDS, RECORD_TYPES, STRUCTURED_FIELDS
from kumolog.rejects import displayable
from kumolog.segments.names import check_suffix

_PLACE = re.compile(r"(.+?):(\d+)(?:: |$)")
_ATTRIBUTES = re.compile(rf"\b(?:{'|'.join(STRUCTURED_FIELDS)})(?:\.\w+)+")
_REQUIRED = re.compile(r"""\brequire\s*\(?\s*['"]([\w.-]+)['"]""")
_DISPOSITION = "log_disposition_"  # the rest of the event's name is its hook's
_PLACES = ("log_dir", "suffix")
_OVERSHADOWED = ("template", *_PLACES, "segment_header")

Remark = tuple[str, str, str]  # level, code, text


class Finding(msgspec.Struct, frozen=True):
    """One remark; ``level`` is error, warning or info, ``line`` 0 where no line is known."""

    file: str
    line: int
    level: str
    code: str
    message: str


class Outcome(msgspec.Struct):
    """What `check_policy` found.

    ``loads`` is False when the policy could not be run at all; ``frames`` are the Lua frames of the
    error that ended it, or its ``validate_config``.
    """

    policy: str
    loads: bool = True
    configured: list[str] = []
    findings: list[Finding] = []
    frames: tuple[str, ...] = ()

    @property
    def all_well(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.level == "error" for finding in self.findings)


def check_policy(path: str) -> Outcome:
    """Loads a policy as KumoMTA's ``--validate`` does, opening and making nothing of its own.

    ``pre_init``, ``init`` and ``validate_config`` are fired; the policy sees
    ``_VALIDATING_CONFIG``.
    """
    outcome = Outcome(path)
    remarks: list[Remark] = []

    def report(level: str, text: str) -> None:
        if level == "error":
            remarks.append(("info", "diagnostic", text))

    policy = Policy(Path(path), report, validating=True)
    try:
        policy.load()
        outcome.frames, failures = _validate(policy)
        remarks += [("error", "validation-failed", failure) for failure in failures]
        outcome.configured = [_describe(logs, policy) for logs in policy.registry.local_logs]
        remarks += _remarks(path, policy)
    except PolicyError as error:
        outcome.loads, outcome.frames = False, error.frames
        remarks.append(("error", "policy-error", str(error)))
    finally:
        policy.close()
    findings = {_finding(path, *remark): None for remark in remarks}  # a loop says all of it again
    outcome.findings = sorted(findings, key=lambda finding: (finding.file, finding.line))
    return outcome


def _validate(policy: Policy) -> tuple[tuple[str, ...], list[str]]:
    """What the policy has against itself, and the frames of an error that ended its search."""
    failures = policy.registry.failed_validations
    try:
        policy.fire("validate_config")
    except PolicyError as error:
        return error.frames, [*failures, str(error)]
    return (), failures


def _finding(path: str, level: str, code: str, text: str) -> Finding:
    """``text`` may begin with its place, which then becomes the finding's own."""
    match = _PLACE.match(text)
    if match is None:
        place, line, message = path, 0, text.removeprefix(f"{path}: ")
    else:
        place, line, message = match[1], int(match[2]), text[match.end() :]
    return Finding(displayable(place), line, level, code, displayable(message))


def _remarks(path: str, policy: Policy) -> Iterator[Remark]:
    registry = policy.registry
    for problem in registry.problems:
        yield "error", "bad-parameters", problem
    if not registry.local_logs and not registry.problems:
        yield (
            "warning",
            "no-logger",
            "the policy configures no logger: call kumo.configure_local_logs in its init handler",
        )
    for error in policy.missing_handlers():
        yield "error", "missing-handler", str(error)
    yield from _unfired_events(path, policy)
    for logs in registry.local_logs:
        for level, code, text in _logger_remarks(logs):
            yield level, code, f"{logs.place}: {text}"


# Events -----------------------------------------------------------------------------------------


def _unfired_events(path: str, policy: Policy) -> Iterator[Remark]:
    """Handlers whose event neither KumoMTA nor anything in the policy names.

    A name that is put together at run time may be put together by whatever fires it, too: nothing
    is said about such events.
    """
    registered = policy.registrations()
    fired = {event.name for event in events() if not event.name.startswith("<")}
    fired |= {logs.params["filter_event"] for logs in policy.registry.local_logs}
    for call in policy.registry.calls:
        fired.update(text for argument in call.arguments for text in _strings(argument))
    unfired = [
        name for name in registered if name not in fired and not name.startswith(_DISPOSITION)
    ]
    texts = _texts(path, policy) if unfired else []
    for event in unfired:
        literal = re.compile(rf"""\bon\s*\(?\s*(['"]){re.escape(event)}\1""")
        mentions = sum(text.count(event) for text in texts)
        if mentions > len(registered[event]) or not any(map(literal.search, texts)):
            continue
        near = nearest(event, sorted(fired.difference([None])))
        hint = f": did you mean `{near}`?" if near else ""
        for place in registered[event]:
            text = f"{place}: nothing fires the event `{event}`, so its handler never runs{hint}"
            yield "warning" if near else "info", "unknown-event", text


def _strings(value: LuaValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, LuaTable):
        for pair in value.items:
            for part in pair:
                yield from _strings(part)


def _texts(path: str, policy: Policy) -> list[str]:
    """The sources of a policy: its file, those it calls kumo from, those they require beside it."""
    registry = policy.registry
    places = [place for places in policy.registrations().values() for place in places]
    places += [logs.place for logs in registry.local_logs]
    places += [call.place for call in registry.calls]
    files = dict.fromkeys([path, *(place.rpartition(":")[0] for place in places)])
    waiting, texts = list(files), []
    while waiting:
        file = Path(waiting.pop())
        if not file.is_file():
            continue  # a chunk that was given to load(), or a module from elsewhere
        texts.append(file.read_text("utf-8", "replace"))
        for module in _REQUIRED.findall(texts[-1]):
            beside = Path(path).parent / module.replace(".", "/")
            found = [f"{beside}.lua", str(beside / "init.lua")]
            waiting += [name for name in found if name not in files]
            files.update(dict.fromkeys(found))
    return texts


# Loggers ----------------------------------------------------------------------------------------


def _logger_remarks(logs: LocalLogs) -> Iterator[Remark]:
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
    for kind, entry in per_record.items():
        if entry["template"] is not None:
            yield from _unknown_variables(kind, entry["template"], params)
            yield from _trial(kind, logs)
    if params["max_file_size"] == 0 or params["max_segment_duration"] == 0:
        key = "max_segment_duration" if params["max_file_size"] else "max_file_size"
        yield "warning", "tiny-segments", f"{key} is zero: every record gets its own segment"
    for header in params["headers"]:
        if header.lower().startswith("x-") and not header.endswith("*"):
            key = header.lower().replace("-", "_")
            yield (
                "info",
                "headers-cost",
                f"`{header}` in headers makes KumoMTA read the message for every record: "
                f"msg:import_x_headers at reception and `{key}` in meta cost less",
            )


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


def _unknown_variables(kind: str, template: str, params: dict[str, Any]) -> Iterator[Remark]:
    from kumolog.templates import unknown_variables  # the engine is loaded for those who use it

    selected = [f"meta.{name}" for name in params["meta"]]
    selected += [f"headers.{name.lower()}" for name in params["headers"]]
    paths = [*selected, *RECORD_FIELDS]
    for variable in unknown_variables(template, [p for p in RECORD_FIELDS if "." not in p]):
        inner = [path for path in paths if path.rpartition(".")[2] == variable]
        yield _no_such_variable(kind, variable, inner[0] if inner else nearest(variable, paths))
    for attributes in _ATTRIBUTES.findall(template):
        path = _unknown_path(attributes)
        if path is not None:
            yield _no_such_variable(kind, path, nearest(path, RECORD_FIELDS))


def _no_such_variable(kind: str, variable: str, near: str | None) -> Remark:
    hint = f": did you mean `{near}`?" if near else ""
    text = f"no record has `{variable}`, it renders as empty text{hint}"
    return "warning", "template-variable", f"per_record.{kind}.template: {text}"


def _unknown_path(attributes: str) -> str | None:
    """The first part of a path such as ``response.cod`` that no record has."""
    path, *rest = attributes.split(".")
    for part in rest:
        if path not in STRUCTURED_FIELDS and path.rpartition(".")[2] not in STRUCTURED_FIELDS:
            return None  # a field without fields of its own: what follows is up to the engine
        path = f"{path}.{part}"
        if path not in RECORD_FIELDS:
            return path
    return None


def _trial(kind: str, logs: LocalLogs) -> Iterator[Remark]:
    """What a rendering shows that compiling does not: names that the engine does not have."""
    from kumolog.templates import TemplateError

    sample = complete({"type": "Delivery" if kind == "Any" else kind}, 0, NodeId({}), SYSTEM_CLOCK)
    if logs.templates is None:
        return
    try:
        logs.templates.render(kind, msgspec.to_builtins(sample))
    except TemplateError as error:
        if "unknown" in str(error):
            text = f"per_record.{kind}.template: {error}, so that every such record fails"
            yield "error", "template-error", text


def _describe(logs: LocalLogs, policy: Policy) -> str:
    """One logger in a line, with what differs from the defaults."""
    params = logs.params
    parts = [f"{logs.place}: logger {params['log_dir']}"]
    event = params["filter_event"]
    if event is not None:
        places = policy.registrations().get(event)
        parts.append(f"filter {event}" + (f" ({places[0]})" if places else " (no handler)"))
    for kind in filter(params["per_record"].get, (*RECORD_TYPES, "Any")):
        entry = params["per_record"][kind]
        words = [key for key in _OVERSHADOWED if entry[key]] + ["off"] * (not entry["enable"])
        parts.append(f"{kind} ({', '.join(words)})" if words else kind)
    parts += [f"{key} {', '.join(params[key])}" for key in ("meta", "headers") if params[key]]
    if (duration := params["max_segment_duration"]) is not None:
        parts.append(f"new segment every {format_duration(duration)}")
    return "; ".join(parts)
