"""Charsets by the names mail gives them, and the encoded words of RFC 2047."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

# Labels as mail programs understand them (WHATWG Encoding Standard, plus UTF-7 of old mailers). A
# closed table, because Python's own lookup would import modules and grow a cache by names that
# strangers choose.
_LABELS_OF_CODEC: Final = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8",
    "utf-7": "utf-7 unicode-1-1-utf-7",
    "utf-16-le": "utf-16 utf-16le",
    "utf-16-be": "utf-16be",
    "cp1252": "us-ascii ascii ansi_x3.4-1968 iso-8859-1 iso8859-1 iso_8859-1 latin1 l1 "
    "windows-1252 cp1252",
    "iso8859-2": "iso-8859-2 iso8859-2 iso_8859-2 latin2 l2",
    "iso8859-3": "iso-8859-3 iso8859-3 iso_8859-3 latin3",
    "iso8859-4": "iso-8859-4 iso8859-4 iso_8859-4 latin4",
    "iso8859-5": "iso-8859-5 iso8859-5 iso_8859-5 cyrillic",
    "iso8859-6": "iso-8859-6 iso8859-6 iso_8859-6 iso-8859-6-e iso-8859-6-i arabic",
    "iso8859-7": "iso-8859-7 iso8859-7 iso_8859-7 greek",
    "iso8859-8": "iso-8859-8 iso8859-8 iso_8859-8 iso-8859-8-e iso-8859-8-i hebrew",
    "cp1254": "iso-8859-9 iso8859-9 iso_8859-9 latin5 windows-1254 cp1254",
    "iso8859-10": "iso-8859-10 iso8859-10 latin6",
    "cp874": "iso-8859-11 iso8859-11 tis-620 windows-874",
    "iso8859-13": "iso-8859-13 iso8859-13",
    "iso8859-14": "iso-8859-14 iso8859-14",
    "iso8859-15": "iso-8859-15 iso8859-15 iso_8859-15 latin9",
    "iso8859-16": "iso-8859-16 iso8859-16",
    "cp1250": "windows-1250 cp1250",
    "cp1251": "windows-1251 cp1251",
    "cp1253": "windows-1253 cp1253",
    "cp1255": "windows-1255 cp1255",
    "cp1256": "windows-1256 cp1256",
    "cp1257": "windows-1257 cp1257",
    "cp1258": "windows-1258 cp1258",
    "cp866": "ibm866 cp866",
    "koi8-r": "koi8-r koi8",
    "koi8-u": "koi8-u koi8-ru",
    "mac-roman": "macintosh mac x-mac-roman",
    "mac-cyrillic": "x-mac-cyrillic",
    "gb18030": "gb18030 gbk gb2312 x-gbk cp936 euc-cn gb_2312-80",
    "hz": "hz-gb-2312",
    "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j cp932",
    "euc_jp": "euc-jp x-euc-jp",
    "iso2022_jp_ext": "iso-2022-jp",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 korean windows-949 cp949",
    "iso2022_kr": "iso-2022-kr",
}
_CODECS: Final[Mapping[str, str]] = MappingProxyType(
    {label: codec for codec, labels in _LABELS_OF_CODEC.items() for label in labels.split()}
)

# No part can run over a "?", so that each character is looked at a fixed number of times.
ENCODED_WORD: Final = r"=\?[^?*=\s]++(?:\*[^?\s]*+)?\?[bBqQ]\?[!->@-~]*+\?="
_WORD: Final = re.compile(ENCODED_WORD)
_Q_TEXT: Final = re.compile(r"(?:[^=]++|=[0-9A-Fa-f]{2})*")


def python_codec(label: str) -> str | None:
    """The name of Python's codec for a charset label in any case; None for an unknown label."""
    return _CODECS.get(label.lower())


def decode_charset(data: bytes, label: str) -> str | None:
    """Decode ``data`` by a charset label in any case; None if label or bytes are not valid."""
    codec = python_codec(label)
    if codec is None:
        return None
    try:
        text = data.decode(codec)
        text.encode()  # UTF-7 can smuggle lone surrogates, which no record can hold
    except UnicodeError:
        return None
    return text


def decode_text(text: str) -> str:
    """Decode the encoded words in ``text`` and drop the whitespace between adjacent ones.

    Malformed words stay as they are: unknown charsets, bad base64, bytes that the charset has not.
    """
    if "=?" not in text:
        return text
    return "".join(_decoded_pieces(text))


def _decoded_pieces(text: str) -> Iterable[str]:
    end = 0
    after_word = False
    for match in _WORD.finditer(text):
        decoded = _decode_word(match[0])
        if decoded is None:
            continue
        gap = text[end : match.start()]
        if not after_word or gap.strip(" \t\r\n"):
            yield gap
        yield decoded
        end = match.end()
        after_word = True
    yield text[end:]


def _decode_word(word: str) -> str | None:
    charset, encoding, text = word[2:-2].split("?")
    data = _DECODERS[encoding.lower()](text)
    return None if data is None else decode_charset(data, charset.partition("*")[0])


def _decode_b(text: str) -> bytes | None:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return None


def _decode_q(text: str) -> bytes | None:
    return binascii.a2b_qp(text, header=True) if _Q_TEXT.fullmatch(text) else None


_DECODERS: Final[Mapping[str, Callable[[str], bytes | None]]] = MappingProxyType(
    {"b": _decode_b, "q": _decode_q}
)
