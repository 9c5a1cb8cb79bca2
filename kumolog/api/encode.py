"""`kumo.encode`: bytes as text, and text in charsets."""

from __future__ import annotations

from collections.abc import Callable

from kumolog.api.basecodes import BASE32, BASE32HEX, BASE64, BASE64URL, HEX, BaseCode, BaseError
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue, quoted, type_name
from kumolog.mail.encoded_words import decode_charset, python_codec
from kumolog.params.arguments import boolean, data, text

Encode = Callable[..., str]
Decode = Callable[..., bytes]


def charset_decode(
    _registry: Registry, _place: str, charset: LuaValue = None, given: LuaValue = None, *_: LuaValue
) -> str:
    """The text of bytes in a charset; raises for an unknown charset and bytes it has not."""
    label = text(charset, 1)
    _codec("charset_decode", label)
    decoded = decode_charset(data(given, 2), label)
    if decoded is None:
        raise KumologError(f"kumo.encode.charset_decode: the bytes are not valid {label}")
    return decoded


def charset_encode(
    _registry: Registry,
    _place: str,
    charset: LuaValue = None,
    given: LuaValue = None,
    ignore_errors: LuaValue = None,
    *_: LuaValue,
) -> bytes:
    """The bytes of text in a charset.

    Characters it has not are left out, or raise where ``ignore_errors`` is false.
    """
    label = text(charset, 1)
    codec = _codec("charset_encode", label)
    source = text(given, 2)
    ignoring = ignore_errors is None or boolean(ignore_errors)
    try:
        return source.encode(codec, "ignore" if ignoring else "strict")
    except UnicodeError as error:
        raise KumologError(f"kumo.encode.charset_encode: {label}: {error}") from None


def _codec(function: str, label: str) -> str:
    codec = python_codec(label)
    if codec is None:
        raise KumologError(f"kumo.encode.{function}: unknown charset {quoted(label)}")
    return codec


def _encoder(name: str, base: BaseCode, *, padded: bool) -> Encode:
    """KumoMTA: these take no numbers, where other functions have them written out."""

    def encode(_registry: Registry, _place: str, given: LuaValue = None, *_: LuaValue) -> str:
        if not isinstance(given, str | bytes):
            raise KumologError(f"kumo.encode.{name} needs a string, not {type_name(given)}")
        return base.encode(data(given, 1), padded=padded)

    return encode


def _decoder(name: str, base: BaseCode, *, padded: bool) -> Decode:
    """Padding is optional in the padded form, as much of it as there may be, and else wrong."""

    def decode(_registry: Registry, _place: str, given: LuaValue = None, *_: LuaValue) -> bytes:
        source = data(given, 1)
        try:
            return base.decode(source.rstrip(b"=") if padded else source)
        except BaseError as error:
            raise KumologError(f"kumo.encode.{name}: {error}") from None

    return decode


base32_encode = _encoder("base32_encode", BASE32, padded=True)
base32_nopad_encode = _encoder("base32_nopad_encode", BASE32, padded=False)
base32hex_encode = _encoder("base32hex_encode", BASE32HEX, padded=True)
base32hex_nopad_encode = _encoder("base32hex_nopad_encode", BASE32HEX, padded=False)
base64_encode = _encoder("base64_encode", BASE64, padded=True)
base64_nopad_encode = _encoder("base64_nopad_encode", BASE64, padded=False)
base64url_encode = _encoder("base64url_encode", BASE64URL, padded=True)
base64url_nopad_encode = _encoder("base64url_nopad_encode", BASE64URL, padded=False)
hex_encode = _encoder("hex_encode", HEX, padded=False)

base32_decode = _decoder("base32_decode", BASE32, padded=True)
base32_nopad_decode = _decoder("base32_nopad_decode", BASE32, padded=False)
base32hex_decode = _decoder("base32hex_decode", BASE32HEX, padded=True)
base32hex_nopad_decode = _decoder("base32hex_nopad_decode", BASE32HEX, padded=False)
base64_decode = _decoder("base64_decode", BASE64, padded=True)
base64_nopad_decode = _decoder("base64_nopad_decode", BASE64, padded=False)
base64url_decode = _decoder("base64url_decode", BASE64URL, padded=True)
base64url_nopad_decode = _decoder("base64url_nopad_decode", BASE64URL, padded=False)
hex_decode = _decoder("hex_decode", HEX, padded=False)
