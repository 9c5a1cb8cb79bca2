"""`kumo.dkim`: signers that can be made and handed on; a message that they sign stays as it is.

Where KumoMTA loads the key at once, kumolog leaves it where it is: keys are for the mail server.
"""

from __future__ import annotations

from typing import Any, Final

from kumolog.api.calls import check_call
from kumolog.api.handles import handle
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue

_MUST_BE_SIGNED: Final = "from"  # RFC 6376 section 5.4
_NOT_SUPPORTED: Final = (
    "atps",
    "atpsh",
    "agent_user_identifier",
    "body_length",
    "reporting",
)


class SigningThreads:
    """Where the policy chose how many threads sign, None until it does."""

    place: str | None = None


def rsa_sha256_signer(_registry: Registry, _place: str, *arguments: LuaValue) -> LuaObject:
    """A signer; raises KumologError for what KumoMTA's own signers cannot do."""
    return _signer("kumo.dkim.rsa_sha256_signer", arguments)


def ed25519_signer(_registry: Registry, _place: str, *arguments: LuaValue) -> LuaObject:
    """As `rsa_sha256_signer`: it is the key that decides."""
    return _signer("kumo.dkim.ed25519_signer", arguments)


def set_signing_threads(registry: Registry, place: str, *arguments: LuaValue) -> None:
    """Takes a number once; raises KumologError when called again."""
    check_call("kumo.dkim.set_signing_threads", arguments)
    threads = registry.state(SigningThreads)
    if threads.place is not None:
        raise KumologError(
            f"kumo.dkim.set_signing_threads was already called at {threads.place}: call it once"
        )
    threads.place = place


def _signer(name: str, arguments: tuple[LuaValue, ...]) -> LuaObject:
    params: dict[str, Any]
    (params,) = check_call(name, arguments)
    if _MUST_BE_SIGNED not in map(str.lower, params["headers"]):
        raise KumologError(f"{name}: headers must include From, which every signature covers")
    for key in _NOT_SUPPORTED:
        if params[key] not in (None, False):
            raise KumologError(f"{name}: the option {key} is not supported, leave it out")
    return handle("dkim_signer")
