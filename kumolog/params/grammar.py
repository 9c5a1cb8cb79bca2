"""Parameters written in small languages of their own: rates, limits, flags, identifiers.

Each ``parse_`` function takes text and raises ValueError with KumoMTA's reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from kumolog.luavalue import LuaTable, LuaValue, describe
from kumolog.mail.addresses import AddressError, EnvelopeAddress
from kumolog.params.enums import readable
from kumolog.params.types import STRING, Mismatch, Type, nearest, unwanted

_LOCAL: Final = "local:"
_BURST: Final = ",max_burst="
_SECONDS: Final = {
    unit: seconds
    for units, seconds in (("d day", 86400), ("h hr hour", 3600), ("m min minute", 60))
    for unit in units.split()
} | dict.fromkeys(("s", "sec", "second"), 1)
_UNITS: Final = {86400: "d", 3600: "h", 60: "m", 1: "s"}
_HEX: Final = "[0-9a-fA-F]"
_HYPHENATED: Final = "-".join(f"{_HEX}{{{size}}}" for size in (8, 4, 4, 4, 12))
_UUID: Final = re.compile(
    rf"{_HEX}{{32}}|{_HYPHENATED}|urn:uuid:{_HYPHENATED}|\{{{_HYPHENATED}\}}", re.ASCII
)


class Text(Struct, frozen=True):
    """A string in a language that ``parse`` reads.

    The reason of its ValueError stands alone, or after ``invalid value: string "x", expected``.
    """

    parse: Callable[[str], Any]
    expected: str = "a string"
    names_value: bool = False
    hint: str | None = None

    def convert(self, value: LuaValue) -> Any:
        if isinstance(value, bytes):
            raise Mismatch(f"invalid value: byte array, expected {self.expected}")
        if not isinstance(value, str):
            raise unwanted(self.expected, value, self.hint)
        try:
            return self.parse(value)
        except ValueError as error:
            reason = str(error)
        if self.names_value:
            reason = f"invalid value: {describe(value)}, expected {reason}"
        raise Mismatch(reason, self.hint)


class Throttle(Struct, frozen=True):
    """A rate: ``limit`` in ``seconds``; ``local`` to this node or shared, perhaps with a burst."""

    limit: int
    seconds: int
    local: bool = False
    max_burst: int | None = None

    def __str__(self) -> str:
        period = _UNITS.get(self.seconds) or f"{self.seconds}s"
        burst = "" if self.max_burst is None else f"{_BURST}{self.max_burst}"
        return f"{_LOCAL * self.local}{self.limit}/{period}{burst}"


class Limit(Struct, frozen=True):
    """How many of something there may be at once, on this node alone or together."""

    limit: int
    force_local: bool = False


def parse_unsigned(text: str, bits: int = 64) -> int:
    """Read digits behind an optional plus; the reasons of refusal are Rust's."""
    digits = text.removeprefix("+")
    if not text:
        raise ValueError("cannot parse integer from empty string")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("invalid digit found in string")
    short = digits.lstrip("0") or "0"
    if len(short) > 20 or int(short) >= 2**bits:  # Python refuses to read very many digits
        raise ValueError("number too large to fit in target type")
    return int(short)


def parse_throttle(text: str) -> Throttle:
    """Read ``[local:]LIMIT/[COUNT]UNIT[,max_burst=N]``. KumoMTA: throttles."""
    limit_text, slash, period = text.removeprefix(_LOCAL).partition("/")
    if not slash:
        raise ValueError(f"expected 'limit/period', got {text}")
    period, has_burst, burst = period.partition(_BURST)
    limit = _grouped(limit_text, "limit")
    seconds = _period(period)
    max_burst = _grouped(burst, "max_burst") if has_burst else None
    if not limit:
        raise ValueError(f"invalid ThrottleSpec `{text}`: limit must be greater than 0!")
    return Throttle(limit, seconds, text.startswith(_LOCAL), max_burst)


def _grouped(text: str, what: str) -> int:
    try:
        return parse_unsigned(text.replace("_", "").replace(",", ""))
    except ValueError as error:
        raise ValueError(f"invalid {what} '{text}': {error}") from None


def _period(text: str) -> int:
    unit = text.lstrip("0123456789")
    count = text.removesuffix(unit)
    if not unit:
        raise ValueError(f"invalid period quantity {text}")
    seconds = _SECONDS.get(unit)
    if seconds is None:
        raise ValueError(f"unknown period quantity {text}")
    try:
        total = parse_unsigned(count or "1") * seconds
    except ValueError:
        total = 2**64
    if total >= 2**64:
        raise ValueError("number too big")
    return total


def parse_limit(text: str) -> Limit:
    """Read ``[local:]DIGITS``. KumoMTA: limits."""
    limit = _grouped(text.removeprefix(_LOCAL), "limit")
    if not limit:
        raise ValueError(f"invalid LimitSpec `{text}`: limit must be greater than 0!")
    return Limit(limit, text.startswith(_LOCAL))


class LimitOf(Struct, frozen=True):
    """A limit as a number, as text, or as the ``table`` of its parts."""

    table: Type

    def convert(self, value: LuaValue) -> Limit:
        readable(value)
        if type(value) is int:
            if value < 1:
                raise Mismatch("limit must be 1 or larger")
            return Limit(value)
        if isinstance(value, LuaTable) and not (value.sequence or value.is_array):
            return Limit(**self.table.convert(value))
        if not isinstance(value, str):
            raise unwanted("string or numeric limit spec", value)
        try:
            return parse_limit(value)
        except ValueError as error:
            raise Mismatch(str(error)) from None


class Flags(Struct, frozen=True):
    """Names joined by a bar; converts to the list of them."""

    names: tuple[str, ...]
    refusal: str  # with places for what is {given} and for the {names} there are
    quote: str
    skips_empty: bool

    def convert(self, value: LuaValue) -> list[str]:
        text: str = STRING.convert(value)
        flags = [name for name in text.split("|") if name or not self.skips_empty]
        for flag in flags:
            if flag not in self.names:
                quoted = (f"{self.quote}{name}{self.quote}" for name in sorted(self.names))
                reason = self.refusal.format(given=flag, names=", ".join(quoted))
                raise Mismatch(reason, nearest(flag, self.names))
        return flags


def openssl_options(names: tuple[str, ...]) -> Flags:
    """The type of a set of OpenSSL's options."""
    refusal = (
        "`{given}` is not a valid SslOption name. Possible values are {names} "
        "joined together by the pipe `|` character."
    )
    return Flags(names, refusal, "`", skips_empty=False)


def conformance(names: tuple[str, ...]) -> Flags:
    """The type of a set of message defects."""
    refusal = "invalid MessageConformance flag '{given}', possible values are {names}"
    return Flags(names, refusal, "'", skips_empty=True)


def _email(text: str) -> EnvelopeAddress:
    try:
        return EnvelopeAddress.parse(text)
    except AddressError as error:
        raise ValueError(str(error)) from None


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise ValueError(
            "UUID parsing failed: expected 32 hexadecimal digits, "
            "as in 67e55044-10b1-426f-9247-bb680e5fe0c8"
        )
    digits = re.sub("^urn:uuid:|[-{}]", "", text.lower())
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


THROTTLE: Final = Text(parse_throttle, hint='write a rate such as "100/h"')
EMAIL: Final = Text(_email)
UUID_TEXT: Final = Text(_uuid, "a UUID string")
