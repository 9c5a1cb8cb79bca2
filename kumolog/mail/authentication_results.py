"""The Authentication-Results header (RFC 8601 section 2.2)."""

from __future__ import annotations

import re
from typing import Any, Final

from kumolog.mail.mime_fields import (
    QUOTED,
    field_bytes,
    field_text,
    refusal,
    text_or_bytes,
    unquoted,
)

_SECTION: Final = re.compile(rf'(?>(?:[^;"]++|{QUOTED})+)', re.DOTALL)
_SERVER: Final = re.compile(rf'\s*+({QUOTED}|[^\s"=]++)(?>(?:\s++([0-9]{{1,9}}))?)\s*+', re.DOTALL)
_KEYWORD: Final = r"[A-Za-z0-9_-]++"
_METHOD: Final = re.compile(
    rf"\s*+({_KEYWORD})(?>(?:\s*+/\s*+([0-9]{{1,9}}))?)\s*+=\s*+({_KEYWORD})"
)
_SETTING: Final = re.compile(
    rf'\s++([A-Za-z0-9_.-]++)\s*+=\s*+((?>(?:{QUOTED}|[^\s"]++)*))', re.DOTALL
)
_ALL_QUOTED: Final = re.compile(r'"((?>(?:[^"\\]++|\\.)*))"', re.DOTALL)
_BLANKS: Final = re.compile(r"\s*+")


def parse_authentication_results(raw: bytes) -> dict[str, Any]:
    """Parse a raw value into ``serv_id``, ``version`` (None if it has none) and ``results``.

    A result has ``method``, ``method_version``, ``result``, ``reason`` and ``props``, a dict such
    as ``{"header.d": "example.com"}`` that also takes what lacks the dot. Raises MimeError.
    """
    server, *sections = _SECTION.findall(field_text(raw)) or [""]
    match = _SERVER.fullmatch(server)
    if match is None:
        raise refusal(raw, "it must begin with the name of the server that authenticated")
    return {
        "serv_id": _plain(match[1]),
        "version": _number(match[2]),
        "results": [
            _result(raw, section) for section in sections if section.strip() not in ("", "none")
        ],
    }


def _result(raw: bytes, section: str) -> dict[str, Any]:
    match = _METHOD.match(section)
    if match is None:
        raise refusal(raw, f'"method=result" was expected, not {section.strip()!r:.40}')
    settings: dict[str, Any] = {}
    at = match.end()
    while found := _SETTING.match(section, at):
        settings.setdefault(found[1], _plain(found[2]))
        at = found.end()
    if not _BLANKS.fullmatch(section, at):
        raise refusal(raw, f'"property=value" was expected, not {section[at:].strip()!r:.40}')
    return {
        "method": match[1],
        "method_version": _number(match[2]),
        "result": match[3],
        "reason": settings.pop("reason", None),
        "props": settings,
    }


def _plain(text: str) -> str | bytes:
    match = _ALL_QUOTED.fullmatch(text)
    return text_or_bytes(field_bytes(unquoted(match[1]) if match else text))


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)
