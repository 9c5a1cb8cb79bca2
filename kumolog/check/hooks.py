"""Checking a policy's hooks: what each of them is, and whether anybody listens to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kumolog.api.registry import Hook, Hooks
from kumolog.check.outcome import Remark
from kumolog.check.records import header_remarks, template_remarks
from kumolog.policy import Policy, nearest
from kumolog.record import RECORD_TYPES

_WITHOUT_EFFECT = {
    "log": ("suffix", "log_dir", "segment_header"),
    "disposition": ("suffix", "log_dir", "segment_header", "template"),
}


def hook_remarks(policy: Policy) -> Iterator[Remark]:
    """What would bite in the hooks of a policy that is loaded."""
    registrations = policy.registrations()
    for hook in policy.registry.state(Hooks):
        for level, code, text in _remarks(hook, registrations):
            yield level, code, f"{hook.place}: {text}"


def described_hook(hook: Hook, registrations: Mapping[str, Sequence[str]]) -> str:
    """One hook in a line, with what differs from the defaults."""
    places = registrations.get(hook.event)
    handler = f"{hook.event} ({places[0]})" if places else f"{hook.event} (no handler)"
    parts = [f"{hook.place}: {hook.kind} hook {hook.name}", handler]
    for kind in filter(hook.params["per_record"].get, (*RECORD_TYPES, "Any")):
        entry = hook.params["per_record"][kind]
        words = ["template"] * bool(entry["template"]) + ["off"] * (not entry["enable"])
        parts.append(f"{kind} ({', '.join(words)})" if words else kind)
    listed = ((key, hook.params.get(key)) for key in ("meta", "headers"))
    parts += [f"{key} {', '.join(names)}" for key, names in listed if names]
    return "; ".join(parts)


def _remarks(hook: Hook, registrations: Mapping[str, Sequence[str]]) -> Iterator[Remark]:
    if hook.event not in registrations:
        near = nearest(hook.event, list(registrations))
        hint = f"did you mean `{near}`?" if near else f"register kumo.on('{hook.event}', ...)"
        text = f"nothing handles `{hook.event}`, so the hook {hook.name} drops every record: {hint}"
        yield "warning", "missing-handler", text
    for kind, entry in hook.params["per_record"].items():
        for key in _WITHOUT_EFFECT[hook.kind]:
            if entry[key]:
                text = f"per_record.{kind}.{key} has no effect in a {hook.kind} hook"
                yield "info", "ignored-key", text
    if hook.kind == "log":
        yield from header_remarks(hook.params)
        yield from template_remarks(hook.params, hook.templates)
