"""The connection that a message came over, as reception handlers are given it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.message_methods import meta_key, meta_value
from kumolog.record import Record

_PROTOCOL = "ESMTP"
_IDENTITIES = {
    "authn_id": "SmtpAuthPlainAuthentication",
    "authz_id": "SmtpAuthPlainAuthorization",
}


class Connection(LuaObject):
    """Metadata of the session, as far as the record of a reception tells it.

    ``meta`` is what a Rejection of the message would have; what a handler sets there does not
    reach the message (KumoMTA: connection metadata is copied when the message is made).
    """

    lua_name = "ConnMeta"
    lua_methods: ClassVar[Mapping[str, str]] = {
        "auth_info": "auth_info",
        "get_meta": "get_meta",
        "set_meta": "set_meta",
    }

    def __init__(self, record: Record) -> None:
        peer = record.peer_address
        known = {"reception_protocol": record.reception_protocol or _PROTOCOL}
        if peer is not None:
            known |= {"ehlo_domain": peer.name, "received_from": peer.addr}
        self.meta: dict[str, Any] = known | record.meta
        self.peer = None if peer is None else peer.addr

    def auth_info(self, *_: LuaValue) -> dict[str, Any]:
        identities = [
            {"identity": self.meta[key], "context": context}
            for key, context in _IDENTITIES.items()
            if key in self.meta
        ]
        return {
            "identities": identities,
            "groups": [],
            "peer_address": self.peer,
        }

    def get_meta(self, key: LuaValue = None, *_: LuaValue) -> Any:
        return self.meta.get(meta_key(key))

    def set_meta(self, key: LuaValue = None, value: LuaValue = None, *_: LuaValue) -> None:
        self.meta[meta_key(key)] = meta_value(value)
