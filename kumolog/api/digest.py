"""`kumo.digest`: hashes and message authentication codes."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable, Mapping
from typing import ClassVar

import msgspec

from kumolog.api.basecodes import BASE32, BASE32HEX, BASE64, BASE64URL
from kumolog.api.calls import check_call
from kumolog.api.keysource import load_key
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luaobject import LuaObject
from kumolog.luavalue import LuaValue, rebuilt, to_json


class DigestResult(LuaObject):
    """The bytes of a digest, and their spellings."""

    lua_name = "DigestResult"
    lua_metamethods: ClassVar[Mapping[str, str]] = {"__tostring": "tostring"}
    lua_fields: ClassVar[Mapping[str, str]] = {
        name: name
        for name in (
            *("base32", "base32_nopad", "base32hex", "base32hex_nopad"),
            *("base64", "base64_nopad", "base64url", "base64url_nopad"),
            *("bytes", "hex"),
        )
    }

    def __init__(self, digest: bytes) -> None:
        self.bytes = digest
        self.hex = digest.hex()
        self.base32 = BASE32.encode(digest, padded=True)
        self.base32_nopad = BASE32.encode(digest, padded=False)
        self.base32hex = BASE32HEX.encode(digest, padded=True)
        self.base32hex_nopad = BASE32HEX.encode(digest, padded=False)
        self.base64 = BASE64.encode(digest, padded=True)
        self.base64_nopad = BASE64.encode(digest, padded=False)
        self.base64url = BASE64URL.encode(digest, padded=True)
        self.base64url_nopad = BASE64URL.encode(digest, padded=False)

    def tostring(self, *_: LuaValue) -> str:
        return self.hex


Digest = Callable[..., DigestResult]


def crc32(_registry: Registry, _place: str, *parts: LuaValue) -> DigestResult:
    """The CRC-32 of the parts one after another, as four bytes, the highest first."""
    return DigestResult(zlib.crc32(_joined("crc32", parts)).to_bytes(4, "big"))


def _joined(name: str, parts: tuple[LuaValue, ...]) -> bytes:
    return b"".join(_bytes(name, part, position) for position, part in enumerate(parts, 1))


def _bytes(name: str, part: LuaValue, position: int) -> bytes:
    """A string as it is, any other value as JSON with sorted keys."""
    if isinstance(part, bytes):
        return part
    if isinstance(part, str):
        return part.encode()
    try:
        return msgspec.json.encode(to_json(rebuilt(part)), order="deterministic")
    except ValueError as error:
        raise KumologError(f"kumo.digest.{name}: argument #{position}: {error}") from None


def _hash(name: str, algorithm: str) -> Digest:
    def digest(_registry: Registry, _place: str, *parts: LuaValue) -> DigestResult:
        data = _joined(name, parts)
        try:
            return DigestResult(hashlib.new(algorithm, data).digest())
        except ValueError:  # the OpenSSL that Python was built with decides
            raise KumologError(f"kumo.digest.{name}: this Python has no {algorithm}") from None

    return digest


def _hmac(name: str, algorithm: str) -> Digest:
    def digest(registry: Registry, _place: str, *arguments: LuaValue) -> DigestResult:
        source, message = check_call(f"kumo.digest.{name}", arguments)
        return DigestResult(hmac.digest(load_key(registry, source), message, algorithm))

    return digest


sha1 = _hash("sha1", "sha1")
sha224 = _hash("sha224", "sha224")
sha256 = _hash("sha256", "sha256")
sha384 = _hash("sha384", "sha384")
sha512 = _hash("sha512", "sha512")
sha512_256 = _hash("sha512_256", "sha512_256")
sha3_256 = _hash("sha3_256", "sha3_256")
sha3_384 = _hash("sha3_384", "sha3_384")
sha3_512 = _hash("sha3_512", "sha3_512")

hmac_sha1 = _hmac("hmac_sha1", "sha1")
hmac_sha224 = _hmac("hmac_sha224", "sha224")
hmac_sha256 = _hmac("hmac_sha256", "sha256")
hmac_sha384 = _hmac("hmac_sha384", "sha384")
hmac_sha512 = _hmac("hmac_sha512", "sha512")
