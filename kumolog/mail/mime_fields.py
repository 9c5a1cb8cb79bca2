"""Structured header values of MIME (RFC 2045, RFC 2231) and message ids (RFC 5322 section 3.6.4).

Texts are ``str``, or ``bytes`` where the header's bytes are not UTF-8. All of it takes linear time.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import unquote_to_bytes

from kumolog.errors import KumologError
from kumolog.mail.encoded_words import decode_charset

Text: TypeAlias = str | bytes

QUOTED: Final = r'"(?>(?:[^"\\]++|\\.)*)"?+'  # whoever forgets to close it means the end
_TOKEN: Final = r"[!#-'*+\-.0-9A-Z^_`a-z{|}~]++"
_VALUE: Final = re.compile(rf"\s*+({_TOKEN})(?>(?:\s*+(/)\s*+({_TOKEN}))?)\s*+(?:;|\Z)")
_PARAMETER: Final = re.compile(
    rf'[\s;]*+(?:({_TOKEN})\s*+=\s*+(?:"((?>(?:[^"\\]++|\\.)*))"?+[^;]*+|([^;]*+))'
    rf'|(?>(?:[^;"]++|{QUOTED})*))',
    re.DOTALL,
)
_EXTENDED: Final = re.compile(r"([^*]++)(?>(?:\*(0|[1-9][0-9]{0,8}))?)(\*?+)", re.ASCII)
_IDS: Final = re.compile(r"[\s,]*+(?>(?:<[^<>]++>[\s,]*+)+)")
_ID: Final = re.compile(r"<([^<>]++)>")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
# Brackets inside a word are its own: "name=copy(1).pdf" is seen far more often than such a comment.
_UNTIL_COMMENT: Final = re.compile(rf'(?>(?:[^"(]++|{QUOTED}|(?<=[^\s;")])\()*)', re.DOTALL)
_COMMENT_MARK: Final = re.compile(r"\\.|[()]", re.DOTALL)


class MimeError(KumologError):
    """A header value is not of the structure asked for, or a message has too many parts."""


class MimeParams(NamedTuple):
    """A value as written, and its parameters by lower-cased name: ``text/plain; charset=utf-8``."""

    value: str
    parameters: dict[str, Text]


def parse_mime_params(raw: bytes) -> MimeParams:
    """Parse a raw value such as Content-Type's; the first of several equal parameters counts.

    Tolerates values that should have quotes, quotes left open, and drops what is no parameter.
    Continuations and charsets are put together (RFC 2231). Raises MimeError where the value before
    the first semicolon is no token or pair of tokens.
    """
    text = field_text(raw)
    match = _VALUE.match(text)
    if match is None:
        raise refusal(raw, 'a value such as "text/plain; charset=utf-8" was expected')
    plain: dict[str, Text] = {}
    extended: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, quoted, bare in _PARAMETER.findall(text, match.end()):
        value = unquoted(quoted) if quoted else bare.strip()
        segment = _EXTENDED.fullmatch(name.lower())
        if segment is None or not (segment[2] or segment[3]):
            plain.setdefault(name.lower(), text_or_bytes(field_bytes(value)))
            continue
        segments = extended.setdefault(segment[1], {})
        segments.setdefault(int(segment[2] or 0), (field_bytes(value), bool(segment[3])))
    plain.pop("", None)
    plain.update((name, _joined(parts)) for name, parts in extended.items() if 0 in parts)
    return MimeParams("".join(filter(None, match.groups())), plain)


def parse_message_ids(raw: bytes) -> list[Text]:
    """Parse one or several ids in angle brackets, given without them; raises MimeError."""
    text = field_text(raw)
    if not _IDS.fullmatch(text):
        raise refusal(raw, 'ids such as "<left@right>" were expected')
    return [text_or_bytes(field_bytes("".join(found.split()))) for found in _ID.findall(text)]


def parse_message_id(raw: bytes) -> Text:
    """Parse one id in angle brackets, given without them; raises MimeError."""
    first, *others = parse_message_ids(raw)
    if others:
        raise refusal(raw, f"one id was expected, there are {len(others) + 1}")
    return first


def field_text(raw: bytes) -> str:
    """A raw value unfolded and without comments; other bytes than UTF-8 as surrogate escapes."""
    text = _FOLD.sub("", raw.decode("utf-8", "surrogateescape"))
    return _without_comments(text) if "(" in text else text


def field_bytes(text: str) -> bytes:
    """The bytes of a piece of a `field_text`."""
    return text.encode("utf-8", "surrogateescape")


def text_or_bytes(data: bytes) -> Text:
    """The bytes as text where they are UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def unquoted(text: str) -> str:
    """The inside of a quoted string without its backslashes."""
    return _QUOTED_PAIR.sub(r"\1", text)


def refusal(raw: bytes, reason: str) -> MimeError:
    """The error for a header value that is not of the structure asked for."""
    return MimeError(f"parsing the header value {raw!r:.80}: {reason}")


def _joined(segments: dict[int, tuple[bytes, bool]]) -> Text:
    """Joins the segments up to the first gap; the first one names the charset (RFC 2231)."""
    charset = b""
    pieces: list[bytes] = []
    while (index := len(pieces)) in segments:
        value, is_encoded = segments[index]
        if is_encoded and not index and value.count(b"'") >= 2:
            charset, _, value = value.split(b"'", 2)
        pieces.append(unquote_to_bytes(value) if is_encoded else value)
    data = b"".join(pieces)
    decoded = decode_charset(data, charset.decode("latin-1"))
    return text_or_bytes(data) if decoded is None else decoded


def _without_comments(text: str) -> str:
    pieces = []
    at = 0
    while at < len(text):
        match = _UNTIL_COMMENT.match(text, at)
        end = match.end() if match else at
        pieces.append(text[at:end])
        at = _comment_end(text, end)
    return " ".join(pieces)


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if not depth:
            return mark.end()
    return len(text)
