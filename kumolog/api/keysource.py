"""Loads the secrets that parameters of the type keysource name.

KumoMTA: keysource.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import type_name


def load_key(registry: Registry, source: str | dict[str, Any]) -> bytes:
    """The bytes of a checked key source: the path of a file, or the table that names another kind.

    Raises KumologError where there is none to be had; kumolog asks no vaults.
    """
    if isinstance(source, str):
        return registry.files.read(source)
    return next(load(registry, source) for key, load in _LOADERS.items() if key in source)


def key_text(registry: Registry, source: str | dict[str, Any], what: str) -> str:
    """As `load_key`, for a key that is text; raises KumologError that says ``what`` it was."""
    try:
        return load_key(registry, source).decode()
    except UnicodeDecodeError:
        raise KumologError(f"{what} is not UTF-8 text") from None


def _given(_registry: Registry, source: dict[str, Any]) -> bytes:
    data: bytes = source["key_data"]
    return data


def _in_vault(_registry: Registry, source: dict[str, Any]) -> bytes:
    raise KumologError(
        f"loading a key from {source['vault_mount']}/{source['vault_path']} of a vault: kumolog "
        "asks no vaults, put the key into a file and give its path"
    )


def _of_event(registry: Registry, source: dict[str, Any]) -> bytes:
    name = source["event_name"]
    answer = registry.fire(name, *source["event_args"])
    if isinstance(answer, str):
        return answer.encode()
    if isinstance(answer, bytes):
        return answer
    raise KumologError(
        f"loading a key from the event `{name}`: its handler has to return a string, "
        f"not {type_name(answer)}"
    )


# By the key that tells one kind from another.
_LOADERS: Final[dict[str, Callable[[Registry, dict[str, Any]], bytes]]] = {
    "key_data": _given,
    "vault_path": _in_vault,
    "event_name": _of_event,
}
