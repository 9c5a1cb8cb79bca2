"""Bytes as letters and digits: base32, base64 and hexadecimal, read strictly (RFC 4648)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from math import lcm
from typing import Final

from kumolog.errors import KumologError


class BaseError(KumologError):
    """Text that is no such code; says what is wrong at which byte."""


@dataclass(frozen=True)
class BaseCode:
    """One code: ``bits`` to a symbol, symbols of a character class, the standard library's way.

    ``_write`` pads its text, ``_read`` wants it padded.
    """

    bits: int
    symbols: str
    _write: Callable[[bytes], bytes]
    _read: Callable[[bytes], bytes]
    _foreign: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_foreign", re.compile(f"[^{self.symbols}]".encode()))

    @property
    def block(self) -> int:
        """Symbols that whole bytes fill."""
        return lcm(self.bits, 8) // self.bits

    def encode(self, data: bytes, *, padded: bool) -> str:
        """The text of ``data``."""
        code = self._write(data).decode()
        return code if padded else code.rstrip("=")

    def decode(self, code: bytes) -> bytes:
        """The bytes of a code without padding; raises BaseError."""
        # The last symbol must add bits to a byte: where it only begins one, it is too much.
        spare = len(code) * self.bits % 8
        if spare >= self.bits:
            raise BaseError(f"invalid length at {self._longest(len(code))}")
        foreign = self._foreign.search(code)
        if foreign is not None:
            raise BaseError(f"invalid symbol at {foreign.start()}")
        data = self._read(code + b"=" * (-len(code) % self.block))
        if spare and self.encode(data, padded=False).encode() != code:
            raise BaseError(f"non-zero trailing bits at {len(code) - 1}")
        return data

    def _longest(self, length: int) -> int:
        while length * self.bits % 8 >= self.bits:
            length -= 1
        return length


HEX: Final = BaseCode(4, "0-9a-f", binascii.hexlify, binascii.unhexlify)
BASE32: Final = BaseCode(5, "A-Z2-7", base64.b32encode, base64.b32decode)
BASE32HEX: Final = BaseCode(5, "0-9A-V", base64.b32hexencode, base64.b32hexdecode)
BASE64: Final = BaseCode(6, "A-Za-z0-9+/", base64.b64encode, base64.b64decode)
BASE64URL: Final = BaseCode(6, "A-Za-z0-9_\\-", base64.urlsafe_b64encode, base64.urlsafe_b64decode)
