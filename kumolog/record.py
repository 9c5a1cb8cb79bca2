"""The log record: its fields in the order and with the types that KumoMTA writes.

`Record` is strict: a line decodes into it only when every field is there that KumoMTA always
writes. Events, which may leave fields out, are completed in `kumolog.event`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, field

RecordType = Literal[
    "Reception",
    "Delivery",
    "Bounce",
    "TransientFailure",
    "Expiration",
    "AdminBounce",
    "OOB",
    "Feedback",
    "Rejection",
    "AdminRebind",
    "DeferredInjectionRebind",
    "Delayed",
    "XferOut",
    "XferIn",
]
RECORD_TYPES: tuple[str, ...] = get_args(RecordType)
TYPE_CODES = MappingProxyType({name: chr(ord("A") + n) for n, name in enumerate(RECORD_TYPES)})
"""One character for each type, so that the types of many records are a string."""

U8 = Annotated[int, Meta(ge=0, le=0xFF)]
U16 = Annotated[int, Meta(ge=0, le=0xFFFF)]
U64 = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # as far as the JSON reader can check
I64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class EnhancedCode(Struct, gc=False):
    """RFC 3463 status code."""

    class_: U8 = field(name="class")
    subject: U16
    detail: U16


class Response(Struct, gc=False):
    """The reply that decided the record; ``content`` is one line."""

    code: U16
    enhanced_code: EnhancedCode | None
    content: str
    command: str | None


class Peer(Struct, gc=False):
    """The other side of the session; ``addr`` is an IP, ``ip:port`` or a socket path."""

    name: str
    addr: str
    is_secure: bool | UnsetType = UNSET


class SourceAddress(Struct, gc=False):
    """Where the session went out from; ``address`` is ``ip:port``."""

    address: str
    server: str | UnsetType = UNSET
    protocol: str | UnsetType = UNSET


class Record(Struct, kw_only=True, gc=False):
    """One log record; the order of the fields is their order in the JSON line.

    A field typed ``X | None`` is written as null, one typed ``X | UnsetType`` is left out.
    ``timestamp`` and ``created`` are Unix seconds; ``size`` is in bytes. ``recipient`` is a string
    for exactly one recipient (KumoMTA: log record reference).
    """

    type: RecordType
    id: str
    sender: str
    recipient: str | Annotated[list[str], Meta(min_length=2)]
    queue: str
    site: str
    size: U64
    response: Response
    peer_address: Peer | None
    timestamp: I64
    event_time: str | UnsetType = UNSET
    created: I64
    created_time: str | UnsetType = UNSET
    num_attempts: U16
    bounce_classification: str
    egress_pool: str | None
    egress_source: str | None
    source_address: SourceAddress | UnsetType | None = UNSET
    feedback_report: dict[str, Any] | None
    meta: dict[str, Any]
    headers: dict[str, str | list[str]]
    delivery_protocol: str | None
    reception_protocol: str | None
    nodeid: str
    tls_cipher: str | UnsetType = UNSET
    tls_protocol_version: str | UnsetType = UNSET
    tls_peer_subject_name: list[str] | UnsetType = UNSET
    provider_name: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET


class Outline(Struct, gc=False):
    """Of a record what the selection of its meta and headers looks at."""

    type: RecordType
    queue: str
    meta: dict[str, Any]
    headers: dict[str, str | list[str]]
    reception_protocol: str | None


class _KnownEnhancedCode(EnhancedCode, gc=False, forbid_unknown_fields=True): ...


class _KnownResponse(Response, gc=False, forbid_unknown_fields=True):
    enhanced_code: _KnownEnhancedCode | None


class _KnownPeer(Peer, gc=False, forbid_unknown_fields=True): ...


class _KnownSourceAddress(SourceAddress, gc=False, forbid_unknown_fields=True): ...


class KnownRecord(Record, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A record that has no field that kumolog does not know, nor any object in it."""

    response: _KnownResponse
    peer_address: _KnownPeer | None
    source_address: _KnownSourceAddress | UnsetType | None = UNSET


_NESTED: dict[str, Any] = {
    "response": Response,
    "enhanced_code": EnhancedCode,
    "peer_address": Peer,
    "source_address": SourceAddress,
}


def _paths(struct: Any, prefix: str = "") -> list[str]:
    paths = []
    for name in struct.__struct_encode_fields__:
        paths.append(prefix + name)
        if name in _NESTED:
            paths += _paths(_NESTED[name], f"{prefix}{name}.")
    return paths


RECORD_FIELDS = tuple(_paths(Record))
"""Every field by its path, such as ``response.enhanced_code.class``."""
STRUCTURED_FIELDS = frozenset(_NESTED)
"""The fields that are objects with fields of their own."""
MEMBERS = MappingProxyType(
    {
        name: frozenset(struct.__struct_encode_fields__)
        for name, struct in {"": Record, **_NESTED}.items()
    }
)
"""The names of the fields in each of these, and under "" of those in the record itself."""
