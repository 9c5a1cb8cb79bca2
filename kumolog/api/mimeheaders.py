"""The headers of a message as policies hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue
from kumolog.mail import headers
from kumolog.mail.address_list import AddressError, AddressGroup, HeaderAddress
from kumolog.mail.addresses import AddressHeader
from kumolog.mail.authentication_results import parse_authentication_results
from kumolog.mail.mime_fields import parse_message_id, parse_message_ids, parse_mime_params
from kumolog.params.arguments import method, text


class Header(LuaObject):
    """One header; each field reads its value in another way, and raises where that cannot be."""

    lua_name = "Header"
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__tostring": "tostring"}
    lua_fields: ClassVar[Mapping[str, str]] = {
        name: name
        for name in (
            *("name", "raw_value", "value", "unstructured", "mime_params"),
            *("address_list", "mailbox_list", "message_id", "message_id_list"),
            "authentication_results",
        )
    }

    def __init__(self, header: headers.Header) -> None:
        self._header = header
        self.name = header.name
        self.raw_value = header.raw

    def tostring(self, *_: LuaValue) -> bytes:
        """The line in the message, with its line end."""
        return b"%s: %s\r\n" % (self.name.encode(), self.raw_value)

    @property
    def value(self) -> Any:
        """What the header's name promises; text for names that promise nothing."""
        return _BY_NAME.get(self.name.lower(), _text)(self._header)

    @property
    def unstructured(self) -> str:
        return _text(self._header)

    @property
    def address_list(self) -> list[dict[str, Any]]:
        return _addresses(self._header)

    @property
    def mailbox_list(self) -> list[dict[str, Any]]:
        return _mailboxes(self._header)

    @property
    def message_id(self) -> str | bytes:
        return _message_id(self._header)

    @property
    def message_id_list(self) -> list[str | bytes]:
        return _message_ids(self._header)

    @property
    def mime_params(self) -> dict[str, Any]:
        return _params(self._header)

    @property
    def authentication_results(self) -> dict[str, Any]:
        return _authentication_results(self._header)


class HeaderIterator(LuaObject):
    """What a generic `for` calls until it gives None."""

    lua_name = "HeaderIterator"
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__call": "next"}

    def __init__(self, found: Iterator[headers.Header]) -> None:
        self._found = found

    def next(self, *_: LuaValue) -> Header | None:
        return next(map(Header, self._found), None)


def _text(header: headers.Header) -> str:
    return header.decoded()


def _addresses(header: headers.Header) -> list[dict[str, Any]]:
    return [_TABLES[type(item)](item) for item in AddressHeader.parse(header.raw).items]


def _mailboxes(header: headers.Header) -> list[dict[str, Any]]:
    items = AddressHeader.parse(header.raw).items
    mailboxes = [_mailbox(item) for item in items if isinstance(item, HeaderAddress)]
    if len(mailboxes) < len(items):
        raise AddressError(f"reading the header {header.name!r}: it may not have groups")
    return mailboxes


def _single_mailbox(header: headers.Header) -> dict[str, Any]:
    first, *others = _mailboxes(header)
    if others:
        raise AddressError(
            f"reading the header {header.name!r}: one address was expected, "
            f"there are {len(others) + 1}"
        )
    return first


def _mailbox(address: HeaderAddress) -> dict[str, Any]:
    spec = {"local_part": address.user, "domain": address.domain}
    return {"name": address.name, "address": spec}


def _group(group: AddressGroup) -> dict[str, Any]:
    return {"name": group.name, "entries": [_mailbox(address) for address in group.addresses]}


_TABLES: Final[Mapping[type, Callable[[Any], dict[str, Any]]]] = MappingProxyType(
    {HeaderAddress: _mailbox, AddressGroup: _group}
)


def _message_id(header: headers.Header) -> str | bytes:
    return parse_message_id(header.raw)


def _message_ids(header: headers.Header) -> list[str | bytes]:
    return parse_message_ids(header.raw)


def _params(header: headers.Header) -> dict[str, Any]:
    return parse_mime_params(header.raw)._asdict()


def _authentication_results(header: headers.Header) -> dict[str, Any]:
    return parse_authentication_results(header.raw)


_NAMES_OF_READER: Final[Mapping[Callable[[headers.Header], Any], str]] = MappingProxyType(
    {
        _text: "subject comments mime-version",
        _mailboxes: "from resent-from",
        _single_mailbox: "sender resent-sender",
        _addresses: "to cc bcc reply-to resent-to resent-cc resent-bcc",
        _message_id: "message-id content-id",
        _message_ids: "references",
        _params: "content-type content-disposition content-transfer-encoding",
        _authentication_results: "authentication-results",
    }
)
_BY_NAME: Final[Mapping[str, Callable[[headers.Header], Any]]] = MappingProxyType(
    {name: read for read, names in _NAMES_OF_READER.items() for name in names.split()}
)


def _getter(name: str) -> Callable[..., Any]:
    read = _BY_NAME[name]

    def get(self: HeaderMap, *_: LuaValue) -> Any:
        header = self.first(name)
        return None if header is None else read(header)

    return get


class HeaderMap(LuaObject):
    """The headers of a part, in order.

    ``map:from()`` and its like read the first header of that name, and give None without one.
    """

    lua_name = "HeaderMap"
    lua_methods: ClassVar[Mapping[str, str]] = {
        "get_first_named": "get_first_named",
        "iter": "iter",
        "from": "from_",  # a keyword of Python
        **{
            name: name
            for name in (
                *("bcc", "cc", "comments", "content_disposition", "content_id"),
                *("content_transfer_encoding", "content_type", "message_id", "mime_version"),
                *("references", "reply_to", "resent_bcc", "resent_cc", "resent_from"),
                *("resent_sender", "resent_to", "sender", "subject", "to"),
            )
        },
    }
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__tostring": "tostring"}

    bcc = _getter("bcc")
    cc = _getter("cc")
    comments = _getter("comments")
    content_disposition = _getter("content-disposition")
    content_id = _getter("content-id")
    content_transfer_encoding = _getter("content-transfer-encoding")
    content_type = _getter("content-type")
    from_ = _getter("from")
    message_id = _getter("message-id")
    mime_version = _getter("mime-version")
    references = _getter("references")
    reply_to = _getter("reply-to")
    resent_bcc = _getter("resent-bcc")
    resent_cc = _getter("resent-cc")
    resent_from = _getter("resent-from")
    resent_sender = _getter("resent-sender")
    resent_to = _getter("resent-to")
    sender = _getter("sender")
    subject = _getter("subject")
    to = _getter("to")

    def __init__(self, found: list[headers.Header]) -> None:
        self._headers = found

    def get_first_named(self, name: LuaValue = None, *_: LuaValue) -> Header | None:
        header = self.first(text(name, method(1, "HeaderMap.get_first_named")))
        return None if header is None else Header(header)

    def iter(self, name: LuaValue = None, *_: LuaValue) -> HeaderIterator:
        """Goes through all headers, or those of a name."""
        if name is None:
            return HeaderIterator(iter(self._headers))
        return HeaderIterator(self._named(text(name, method(1, "HeaderMap.iter"))))

    def tostring(self, *_: LuaValue) -> bytes:
        return b"".join(Header(header).tostring() for header in self._headers)

    def first(self, name: str) -> headers.Header | None:
        """The first header of a name in any case."""
        return next(self._named(name), None)

    def _named(self, name: str) -> Iterator[headers.Header]:
        wanted = name.lower()
        return (header for header in self._headers if header.name.lower() == wanted)
