"""Checking a policy's handlers: whether anything fires what they handle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kumolog.api import events
from kumolog.api.registry import Hooks
from kumolog.check.outcome import Remark
from kumolog.luavalue import LuaTable, LuaValue
from kumolog.policy import Policy, nearest

_REQUIRED = re.compile(r"""\brequire\s*\(?\s*['"]([\w.-]+)['"]""")


def unfired_events(path: str, policy: Policy) -> Iterator[Remark]:
    """Handlers whose event neither KumoMTA nor anything in the policy names.

    A name that is put together at run time may be put together by whatever fires it, too: nothing
    is said about such events.
    """
    registered = policy.registrations()
    fired = {event.name for event in events() if "<" not in event.name}
    fired |= {logs.params["filter_event"] for logs in policy.registry.local_logs}
    fired |= {hook.event for hook in policy.registry.state(Hooks)}
    for call in policy.registry.calls:
        fired.update(text for argument in call.arguments for text in _strings(argument))
    unfired = [name for name in registered if name not in fired]
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
