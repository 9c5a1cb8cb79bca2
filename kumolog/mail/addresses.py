"""Addresses as a policy sees them: of the envelope, and of headers such as From and To."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import msgspec

from kumolog.mail.address_list import (
    DOT_ATOM,
    AddressError,
    AddressGroup,
    HeaderAddress,
    parse_address_list,
)

__all__ = ["AddressError", "AddressGroup", "AddressHeader", "EnvelopeAddress", "HeaderAddress"]

_QUOTED: Final = r'"(?:[^\x00-\x1f\x7f\ud800-\udfff"\\]++|\\[\x20-\x7e])*"'
_MAILBOX: Final = re.compile(rf"({DOT_ATOM}|{_QUOTED})@(.+)", re.DOTALL)
_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_HOP: Final = r"@(\[[^\[\]]*+\]|[^\[\]@,:]++)"
_ROUTE: Final = re.compile(rf"{_HOP}(?:,{_HOP})*:")
_HOPS: Final = re.compile(_HOP)
_DOMAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*+(?:\.[A-Za-z0-9][A-Za-z0-9_-]*+)*")
# A range up to the last character takes ten milliseconds to compile.
_U_LABEL: Final = re.compile(r"(?:[a-z0-9]|[^\x00-\x7f])(?:[a-z0-9_-]|[^\x00-\x7f])*")
_LITERAL: Final = re.compile(r"\[(?:([A-Za-z0-9-]*[A-Za-z0-9]):)?([!-Z^-~]+)\]")
_MAX_DOMAIN: Final = 255  # octets, RFC 5321 section 4.5.3.1.2
_MAX_LABEL: Final = 63  # octets, RFC 1035 section 2.3.4


class EnvelopeAddress(msgspec.Struct, frozen=True):
    """A sender or recipient of the envelope (RFC 5321 section 4.1.2).

    ``user`` is the local part without quotes, ``domain`` in lower case and ASCII (or an address
    literal as written), ``email`` the printed form with the local part as written. The null sender
    is ``""`` in all three; a postmaster without a domain is ``postmaster``, ``""``, ``Postmaster``.
    """

    user: str
    domain: str
    email: str

    @classmethod
    def parse(cls, text: str) -> EnvelopeAddress:
        """Parse an address with or without angle brackets, dropping a source route.

        Raises AddressError for anything that is no envelope address.
        """
        path = text
        if text.startswith("<") and text.endswith(">"):
            path = _without_route(text[1:-1], text)
        if not path:
            return cls("", "", "")
        match = _MAILBOX.fullmatch(path)
        if match is None:
            if path.lower() == "postmaster":
                return cls("postmaster", "", "Postmaster")
            raise _refusal(text, 'expected "user@domain", "<user@domain>", "<>" or "Postmaster"')
        local, domain = match[1], _domain(match[2], text)
        user = _QUOTED_PAIR.sub(r"\1", local[1:-1]) if local[0] == '"' else local
        return cls(user, domain, f"{local}@{domain}")

    def __str__(self) -> str:
        return self.email


class AddressHeader(msgspec.Struct, frozen=True):
    """The addresses of one header; groups are kept in ``items`` and opened in ``list``."""

    items: tuple[HeaderAddress | AddressGroup, ...]

    @classmethod
    def parse(cls, raw: bytes) -> AddressHeader:
        """Parse the raw value of an address header (RFC 5322 section 3.4).

        Bytes that are not UTF-8 read as U+FFFD. Raises AddressError where it is no address list.
        """
        return cls(parse_address_list(raw.decode(errors="replace")))

    @property
    def list(self) -> tuple[HeaderAddress, ...]:
        return tuple(address for item in self.items for address in item.addresses)

    @property
    def is_single(self) -> bool:
        """Whether the header is one plain address, no group."""
        return len(self.items) == 1 and isinstance(self.items[0], HeaderAddress)

    @property
    def name(self) -> str | None:
        return self._single("name").name

    @property
    def user(self) -> str:
        return self._single("user").user

    @property
    def domain(self) -> str:
        return self._single("domain").domain

    @property
    def email(self) -> str:
        return self._single("email").email

    def to_json(self) -> str:
        """Print the header as KumoMTA does: an array of ``Address`` and ``Group`` objects."""
        return msgspec.json.encode([item.element() for item in self.items]).decode()

    def _single(self, field: str) -> HeaderAddress:
        first, *others = self.items
        if others or not isinstance(first, HeaderAddress):
            raise AddressError(
                f"reading {field} of an address header: it must be exactly one address, but it has "
                f"{len(self.items)} element(s) holding {len(self.list)} address(es); use its list"
            )
        return first


def _without_route(path: str, text: str) -> str:
    if not path.startswith("@"):
        return path
    route = _ROUTE.match(path)
    if route is None:
        raise _refusal(text, 'expected a source route such as "@relay1,@relay2:"')
    for hop in _HOPS.findall(route[0]):
        _domain(hop, text)
    if route.end() == len(path):
        raise _refusal(text, 'expected "user@domain" behind the source route')
    return path[route.end() :]


def _domain(domain: str, text: str) -> str:
    if domain.startswith("["):
        return _literal(domain, text)
    ascii_domain = domain if domain.isascii() else _punycode(domain, text)
    if not _DOMAIN.fullmatch(ascii_domain):
        raise _refusal(
            text, f"expected labels of letters, digits, - and _ as the domain, not {domain!r:.80}"
        )
    return ascii_domain.lower()


def _punycode(domain: str, text: str) -> str:
    """Map as UTS #46 does, without IDNA 2008's further bans: registries sell what those forbid."""
    if len(domain) > _MAX_DOMAIN:
        raise _refusal(text, f"expected a domain of at most {_MAX_DOMAIN} characters")
    import idna  # its tables are large, and few addresses need them

    try:
        labels = idna.uts46_remap(domain, std3_rules=False).split(".")
    except idna.IDNAError as error:
        raise _refusal(text, f"expected an internationalised domain: {error}") from error
    return ".".join(label if label.isascii() else _a_label(label, text) for label in labels)


def _a_label(label: str, text: str) -> str:
    if not _U_LABEL.fullmatch(label):
        raise _refusal(text, f"expected letters, digits, - and _ in a label, not {label!r:.80}")
    encoded = f"xn--{label.encode('punycode').decode('ascii')}"
    if len(encoded) > _MAX_LABEL:
        raise _refusal(text, f"expected labels of at most {_MAX_LABEL} octets, not {encoded:.80}")
    return encoded


def _literal(domain: str, text: str) -> str:
    match = _LITERAL.fullmatch(domain)
    if match is None or not _is_literal(*match.groups()):
        raise _refusal(
            text,
            "expected an address literal such as [192.0.2.1], [IPv6:2001:db8::1] or [tag:text]",
        )
    return domain


def _is_literal(tag: str | None, content: str) -> bool:
    if tag is not None and tag.lower() != "ipv6":
        return True
    try:
        ip_address = ipaddress.IPv6Address if tag else ipaddress.IPv4Address
        ip_address(content)
    except ValueError:
        return False
    return "%" not in content  # a zone has no meaning to others


def _refusal(text: str, expected: str) -> AddressError:
    return AddressError(f"parsing the envelope address {text!r:.80}: {expected}")
