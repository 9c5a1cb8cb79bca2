"""SMTP responses without what differs from one transaction to the next, for grouping."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable

# Stands for "{duration}" until the brackets of the text itself are dealt with.
_DURATION_MARK = "\ue000"

_SPAN = r"\d+(?:ns|us|ms|s|m|h|days?|months?|years?)"
_ISO_TIME = r"T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?"
_ISO_DURATION = rf"P(?=\d|T\d)(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?(?:{_ISO_TIME})?"
_DURATION = re.compile(rf"(?<![\w.@-])(?:{_SPAN}(?:\s+{_SPAN})*|{_ISO_DURATION})(?![\w@-])")
_OPENING = re.compile(r"(?<=\s)[\[({]")
_CLOSING = re.compile(r"[\])}](?:[\s!-/:-@\[-`{-~]|$)")

_ENGLISH = re.compile(r"""["'<]*[^\W\d_]+(?:['\u2019-][^\W\d_]+)*["'>]*[.,;:!?]*["'>]*""")
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_UUID = re.compile(
    r"(?:urn:uuid:)?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE
)
_HASH_SHAPE = re.compile(r"[A-Za-z0-9._-]{8,}")
_WITH_PORT = re.compile(r"([\d.]+):\d{1,5}")
_BASE64_SHAPE = re.compile(r"(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}")
_EMAIL = re.compile(r"<?[^\s@<>\"]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)*[^\W_](?:[\w-]*[^\W_])?>?")


def normalize_smtp_response(text: str) -> str:
    """``text`` with ids, addresses, times and the like replaced by ``{hash}``, ``{email}``, ...

    KumoMTA: ``kumo.string.normalize_smtp_response`` and the template filter of that name. First
    durations, then brackets around words, then word by word, the first rule that fits: an English
    word stays, else timestamp, UUID, hash, IP address, base64, mail address, ``name=value``.

    KumoMTA knows English words by a list made from one machine's dictionary. Here a word is English
    when it consists of letters, with apostrophes or hyphens inside and the usual punctuation around
    it. So an id of letters alone is kept, where KumoMTA might replace it.
    """
    text = _DURATION.sub(_DURATION_MARK, text)
    text = _CLOSING.sub(" ", _OPENING.sub(" ", text))
    words = " ".join(map(_normalize_word, text.split()))
    return words.replace(_DURATION_MARK, "{duration}")


def _normalize_word(word: str) -> str:
    if _ENGLISH.fullmatch(word) is not None:
        return word
    for token, fits in _TOKENS:
        if fits(word):
            return token
    name, equals, value = word.partition("=")
    return f"{name}={_normalize_word(value)}" if equals and value else word


def _is_hash(word: str) -> bool:
    return (
        _HASH_SHAPE.fullmatch(word) is not None
        and sum(map(str.isalpha, word)) > 2
        and sum(map(str.isdigit, word)) > 2
    )


def _is_ip_address(word: str) -> bool:
    with_port = _WITH_PORT.fullmatch(word)
    address = word if with_port is None else with_port[1]
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _is_base64(word: str) -> bool:
    """Whether a word of at least 8 characters decodes; shorter ones are mostly plain numbers."""
    if len(word) < 8 or _BASE64_SHAPE.fullmatch(word) is None:
        return False
    try:
        base64.b64decode(word.translate({ord("-"): "+", ord("_"): "/"}), validate=True)
    except binascii.Error:
        return False
    return True


_TOKENS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("{timestamp}", _TIMESTAMP.fullmatch),
    ("{uuid}", _UUID.fullmatch),
    ("{hash}", _is_hash),
    ("{ipaddr}", _is_ip_address),
    ("{base64}", _is_base64),
    ("{email}", _EMAIL.fullmatch),
)
