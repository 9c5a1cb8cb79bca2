"""`kumo.secrets`: loads a secret from where the policy says."""

from __future__ import annotations

from kumolog.api.calls import check_call
from kumolog.api.keysource import load_key
from kumolog.api.registry import Registry
from kumolog.luavalue import LuaValue


def load(registry: Registry, _place: str, *arguments: LuaValue) -> bytes:
    """The bytes of a key: of a file, given in place, or from a handler of the policy."""
    (source,) = check_call("kumo.secrets.load", arguments)
    return load_key(registry, source)
