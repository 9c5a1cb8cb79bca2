"""`kumo.encode`, `kumo.digest` and `kumo.uuid`."""

from __future__ import annotations

import hashlib
import hmac
import uuid as python_uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api import digest, encode, uuid
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque
from kumolog.params.arguments import ArgumentError

NOBODY = Registry(lambda _level, _text: None, None)
BASES = ("base32", "base32hex", "base64", "base64url")
CODES = (*BASES, *(f"{base}_nopad" for base in BASES), "hex")


def call(function: Callable[..., Any], *arguments: LuaValue) -> Any:
    return function(NOBODY, "init.lua:1", *arguments)


def encoded(code: str, data: LuaValue) -> str:
    return cast(str, call(getattr(encode, f"{code}_encode"), data))


def decoded(code: str, text: LuaValue) -> bytes:
    return cast(bytes, call(getattr(encode, f"{code}_decode"), text))


@given(st.sampled_from(CODES), st.binary(max_size=40))
def test_every_code_gives_back_its_bytes(code: str, data: bytes) -> None:
    assert decoded(code, encoded(code, data)) == data


@pytest.mark.parametrize(
    ("code", "data", "text"),
    [
        ("hex", b"\xff\x00", "ff00"),
        ("base32", "foob", "MZXW6YQ="),
        ("base32_nopad", "foob", "MZXW6YQ"),
        ("base32hex", "foob", "CPNMUOG="),
        ("base32hex_nopad", "foob", "CPNMUOG"),
        ("base64", b"\xff\xfe", "//4="),
        ("base64_nopad", b"\xff\xfe", "//4"),
        ("base64url", b"\xff\xfe", "__4="),
        ("base64url_nopad", b"\xff\xfe", "__4"),
    ],
)
def test_codes_are_those_of_the_standard(code: str, data: LuaValue, text: str) -> None:
    assert encoded(code, data) == text


@pytest.mark.parametrize("text", ["Zm9v", "Zm8=", "Zm8", "Zm8=====", "Zg"])
def test_a_padded_code_may_lack_padding_or_have_too_much(text: str) -> None:
    assert decoded("base64", text) in (b"foo", b"fo", b"f")


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("base64_nopad", "Zm8=", "invalid symbol at 3"),
        ("base64", "Zm 8", "invalid symbol at 2"),
        ("base64", "Zm9v_A", "invalid symbol at 4"),
        ("base64url", "+", "invalid length at 0"),
        ("base64", "YWJj!", "invalid length at 4"),
        ("base64", "YR", "non-zero trailing bits at 1"),
        ("base64", "YWJ", "non-zero trailing bits at 2"),
        ("base64", "é", "invalid symbol at 0"),
        ("base32", "my", "invalid symbol at 0"),
        ("base32", "AAA", "invalid length at 2"),
        ("base32", "AB", "non-zero trailing bits at 1"),
        ("base32hex", "W0", "invalid symbol at 0"),
        ("hex", "AB", "invalid symbol at 0"),
        ("hex", "abc", "invalid length at 2"),
    ],
)
def test_a_bad_code_is_refused_where_it_is_bad(code: str, text: str, reason: str) -> None:
    with pytest.raises(KumologError, match=f"kumo.encode.{code}_decode: {reason}$"):
        decoded(code, text)


@given(st.sampled_from(CODES), st.binary(max_size=12))
def test_any_text_is_a_code_or_refused(code: str, text: bytes) -> None:
    try:
        data = decoded(code, text)
    except KumologError:
        return
    assert encoded(code, data).rstrip("=").encode() == text.rstrip(b"=")


def test_what_is_no_string_is_refused() -> None:
    for value in (LuaTable(), 12, None):
        with pytest.raises(KumologError, match=r"kumo\.encode\.hex_encode needs a string, not "):
            encoded("hex", value)
    with pytest.raises(ArgumentError, match="bad argument #1: "):
        decoded("hex", None)


def test_text_goes_into_charsets_and_back() -> None:
    assert call(encode.charset_encode, "latin1", "é€") == b"\xe9\x80"
    assert call(encode.charset_decode, "ISO-8859-1", b"\xe9") == "é"
    assert call(encode.charset_encode, "utf-8", "é") == "é".encode()
    assert call(encode.charset_decode, "shift_jis", b"\x82\xa0") == "あ"


def test_characters_a_charset_lacks_are_left_out_unless_errors_count() -> None:
    assert call(encode.charset_encode, "iso-8859-2", "aпb") == b"ab"
    assert call(encode.charset_encode, "iso-8859-2", "aпb", True) == b"ab"
    with pytest.raises(KumologError, match="iso-8859-2"):
        call(encode.charset_encode, "iso-8859-2", "aпb", False)


def test_bad_bytes_and_unknown_charsets_raise() -> None:
    with pytest.raises(KumologError, match="the bytes are not valid utf-8"):
        call(encode.charset_decode, "utf-8", b"\xff")
    for function in (encode.charset_decode, encode.charset_encode):
        with pytest.raises(KumologError, match='unknown charset "klingon"'):
            call(function, "klingon", "a")


HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512")


@pytest.mark.parametrize("name", HASHES)
def test_a_hash_is_that_of_its_joined_arguments(name: str) -> None:
    result = call(getattr(digest, name), "a", b"\xff", "c")
    assert result.bytes == hashlib.new(name, b"a\xffc").digest()
    assert result.tostring() == result.hex == result.bytes.hex()


def test_sha512_256_is_the_one_of_fips_180() -> None:
    result = call(digest.sha512_256, "abc")
    assert result.hex.startswith("53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23")


def test_crc32_is_four_bytes_from_the_highest_down() -> None:
    result = call(digest.crc32, "123456789")
    assert result.bytes == b"\xcb\xf4\x39\x26"
    assert result.base64 == "y/Q5Jg=="
    assert result.base64_nopad == "y/Q5Jg"
    assert result.base64url == "y_Q5Jg=="
    assert result.base64url_nopad == "y_Q5Jg"
    assert result.base32 == "ZP2DSJQ="
    assert result.base32_nopad == "ZP2DSJQ"
    assert result.base32hex == "PFQ3I9G="
    assert result.base32hex_nopad == "PFQ3I9G"


def test_every_field_of_a_result_is_there() -> None:
    result = call(digest.sha1)
    assert set(result.lua_fields) >= {"bytes", "hex", "base32", "base64url_nopad"}
    assert all(getattr(result, attribute) for attribute in result.lua_fields.values())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1.0"),
        (True, "true"),
        (None, "null"),
        (NULL, "null"),
        (LuaTable([("b", 1), ("a", "x")]), '{"a":"x","b":1}'),
        (LuaTable([(1, 1), (2, 2)], [1, 2]), "[1,2]"),
        (LuaTable(), "{}"),
    ],
)
def test_what_is_no_string_is_hashed_as_json(value: LuaValue, text: str) -> None:
    assert call(digest.sha256, value).bytes == hashlib.sha256(text.encode()).digest()


def test_what_has_no_json_is_refused() -> None:
    with pytest.raises(KumologError, match="argument #2: cannot serialize <function>"):
        call(digest.sha256, "a", Opaque("function"))


@pytest.mark.parametrize("name", ["sha1", "sha224", "sha256", "sha384", "sha512"])
def test_an_hmac_takes_its_key_from_a_table(name: str) -> None:
    key = LuaTable([("key_data", b"\x00key")])
    result = call(getattr(digest, f"hmac_{name}"), key, "text")
    assert result.bytes == hmac.digest(b"\x00key", b"text", name)


def test_an_hmac_key_that_is_a_string_is_the_path_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"secret")
    result = call(digest.hmac_sha256, str(path), "text")
    assert result.bytes == hmac.digest(b"secret", b"text", "sha256")
    with pytest.raises(KumologError, match="nothing-here"):
        call(digest.hmac_sha256, "nothing-here", "text")


def test_an_hmac_refuses_other_keys() -> None:
    with pytest.raises(KumologError, match="did not match any variant of untagged enum KeySource"):
        call(digest.hmac_sha256, LuaTable(), "text")


HYPHENATED = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.mark.parametrize(
    "spelling",
    [
        HYPHENATED,
        HYPHENATED.upper(),
        HYPHENATED.replace("-", ""),
        f"{{{HYPHENATED}}}",
        f"urn:uuid:{HYPHENATED}",
    ],
)
def test_a_uuid_is_parsed_from_each_of_its_forms(spelling: str) -> None:
    parsed = call(uuid.parse, spelling)
    assert parsed.hyphenated == parsed.tostring() == HYPHENATED
    assert parsed.simple == HYPHENATED.replace("-", "")
    assert parsed.braced == f"{{{HYPHENATED}}}"
    assert parsed.urn == f"urn:uuid:{HYPHENATED}"
    assert parsed.bytes == bytes.fromhex(parsed.simple)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        HYPHENATED[:-1],
        HYPHENATED + "\n",
        HYPHENATED.replace("-", "", 1),
        f"{{{'a' * 32}}}",
        f"URN:UUID:{HYPHENATED}",
    ],
)
def test_other_texts_are_no_uuids(text: str) -> None:
    with pytest.raises(KumologError, match=r"kumo\.uuid\.parse"):
        call(uuid.parse, text)


@pytest.mark.parametrize(
    ("function", "version"),
    [(uuid.new_v1, 1), (uuid.new_v4, 4), (uuid.new_v6, 6), (uuid.new_v7, 7)],
)
def test_a_new_uuid_is_of_its_version_and_new(function: Callable[..., Any], version: int) -> None:
    first, second = call(function), call(function)
    assert first.bytes != second.bytes
    parsed = python_uuid.UUID(first.hyphenated)
    assert parsed.version == version
    assert parsed.variant == python_uuid.RFC_4122


@pytest.mark.parametrize("function", [uuid.new_v6, uuid.new_v7])
def test_uuids_of_time_sort_as_they_were_made(function: Callable[..., Any]) -> None:
    made = [call(function).simple for _ in range(50)]
    assert [text[:15] for text in made] == sorted(text[:15] for text in made)


def test_a_uuid_of_version_6_carries_the_time_of_version_1() -> None:
    from kumolog.spool_id import created_at

    older, newer = created_at(call(uuid.new_v1).simple), created_at(call(uuid.new_v6).simple)
    assert older is not None
    assert newer is not None
    assert 0 <= newer - older <= 5
