"""Parameters written in small languages of their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luatables import FUNCTION, array, fields, lua_values, marked

from kumolog.luavalue import NULL, LuaTable, LuaValue
from kumolog.params import Key, ParamTable
from kumolog.params.grammar import (
    EMAIL,
    THROTTLE,
    UUID_TEXT,
    Limit,
    LimitOf,
    Throttle,
    conformance,
    openssl_options,
    parse_throttle,
)
from kumolog.params.types import BOOL, U64, Mismatch, Type

LIMIT = LimitOf(
    ParamTable((Key("limit", U64, required=True), Key("force_local", BOOL, default=False)))
)
UUID = "67e55044-10b1-426f-9247-bb680e5fe0c8"


def reason(wanted: Type, value: LuaValue) -> str:
    with pytest.raises(Mismatch) as caught:
        wanted.convert(value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("text", "throttle", "shown"),
    [
        ("100/h", Throttle(100, 3600), "100/h"),
        ("100/hour", Throttle(100, 3600), "100/h"),
        ("100/hr", Throttle(100, 3600), "100/h"),
        ("5/s", Throttle(5, 1), "5/s"),
        ("5/sec", Throttle(5, 1), "5/s"),
        ("5/second", Throttle(5, 1), "5/s"),
        ("5/m", Throttle(5, 60), "5/m"),
        ("5/min", Throttle(5, 60), "5/m"),
        ("5/minute", Throttle(5, 60), "5/m"),
        ("5/d", Throttle(5, 86400), "5/d"),
        ("5/day", Throttle(5, 86400), "5/d"),
        ("10/5m", Throttle(10, 300), "10/300s"),
        ("10/60m", Throttle(10, 3600), "10/h"),
        ("10/0s", Throttle(10, 0), "10/0s"),
        ("1_000,000/d", Throttle(1_000_000, 86400), "1000000/d"),
        ("+5/s", Throttle(5, 1), "5/s"),
        ("local:5/s", Throttle(5, 1, local=True), "local:5/s"),
        ("5/s,max_burst=10", Throttle(5, 1, max_burst=10), "5/s,max_burst=10"),
        ("local:5/2s,max_burst=0", Throttle(5, 2, True, 0), "local:5/2s,max_burst=0"),
    ],
)
def test_a_throttle_reads_and_shows(text: str, throttle: Throttle, shown: str) -> None:
    assert THROTTLE.convert(text) == throttle
    assert str(throttle) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5", "expected 'limit/period', got 5"),
        ("", "expected 'limit/period', got "),
        ("x/s", "invalid limit 'x': invalid digit found in string"),
        ("/s", "invalid limit '': cannot parse integer from empty string"),
        (" 5/s", "invalid limit ' 5': invalid digit found in string"),
        ("-5/s", "invalid limit '-5': invalid digit found in string"),
        (f"{2**64}/s", f"invalid limit '{2**64}': number too large to fit in target type"),
        ("5/x", "unknown period quantity x"),
        ("5/secs", "unknown period quantity secs"),
        ("5/S", "unknown period quantity S"),
        ("5/ s", "unknown period quantity  s"),
        ("5/", "invalid period quantity "),
        ("5/5", "invalid period quantity 5"),
        (f"5/{2**63}d", "number too big"),
        (f"5/{'9' * 5000}d", "number too big"),
        ("0/s", "invalid ThrottleSpec `0/s`: limit must be greater than 0!"),
        ("5/s,max_burst=x", "invalid max_burst 'x': invalid digit found in string"),
        (5, "invalid type: integer `5`, expected a string"),
        (NULL, "invalid type: Option value, expected a string"),
        (b"\xff", "invalid value: byte array, expected a string"),
        (FUNCTION, "unsupported value type `function`"),
    ],
)
def test_what_is_no_throttle_is_refused(value: LuaValue, text: str) -> None:
    assert reason(THROTTLE, value) == text


@given(
    st.builds(
        Throttle,
        st.integers(1, 2**64 - 1),
        st.integers(0, 10**6),
        st.booleans(),
        st.none() | st.integers(0, 2**64 - 1),
    )
)
def test_a_throttle_reads_as_it_shows(throttle: Throttle) -> None:
    assert parse_throttle(str(throttle)) == throttle


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        (1, Limit(1)),
        ("32", Limit(32)),
        ("local:1_000", Limit(1000, force_local=True)),
        (fields(limit=0), Limit(0)),
        (fields(limit=5, force_local=True), Limit(5, force_local=True)),
    ],
)
def test_a_limit_is_a_number_a_text_or_a_table(value: LuaValue, limit: Limit) -> None:
    assert LIMIT.convert(value) == limit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "limit must be 1 or larger"),
        (-5, "limit must be 1 or larger"),
        ("0", "invalid LimitSpec `0`: limit must be greater than 0!"),
        ("x", "invalid limit 'x': invalid digit found in string"),
        (1.0, "invalid type: floating point `1.0`, expected string or numeric limit spec"),
        (True, "invalid type: boolean `true`, expected string or numeric limit spec"),
        (array(1), "invalid type: sequence, expected string or numeric limit spec"),
        (marked(), "invalid type: sequence, expected string or numeric limit spec"),
        (LuaTable(), "missing field `limit`"),
        (fields(limit=1, local_=True), "unknown field `local_`, expected `limit` or `force_local`"),
        (FUNCTION, "unsupported value type `function`"),
    ],
)
def test_what_is_no_limit_is_refused(value: LuaValue, text: str) -> None:
    assert reason(LIMIT, value) == text


def test_flags_are_joined_by_a_bar() -> None:
    options = openssl_options(("NO_SSLV3", "ALL"))
    assert options.convert("ALL|NO_SSLV3") == ["ALL", "NO_SSLV3"]
    assert reason(options, "ALL|no_sslv3") == (
        "`no_sslv3` is not a valid SslOption name. Possible values are `ALL`, `NO_SSLV3` "
        "joined together by the pipe `|` character."
    )
    assert reason(options, "") == reason(options, "ALL|").replace("ALL|", "")
    with pytest.raises(Mismatch) as caught:
        options.convert("no_sslv3")
    assert caught.value.hint == "did you mean `NO_SSLV3`?"


def test_a_conformance_text_may_have_empty_parts() -> None:
    flags = conformance(("LINE_TOO_LONG", "A"))
    assert flags.convert("|A||LINE_TOO_LONG|") == ["A", "LINE_TOO_LONG"]
    assert flags.convert("") == []
    assert reason(flags, "B") == (
        "invalid MessageConformance flag 'B', possible values are 'A', 'LINE_TOO_LONG'"
    )


@pytest.mark.parametrize(
    "text", [UUID, UUID.upper(), UUID.replace("-", ""), f"urn:uuid:{UUID}", f"{{{UUID}}}"]
)
def test_a_uuid_in_any_of_its_forms(text: str) -> None:
    assert UUID_TEXT.convert(text) == UUID


@pytest.mark.parametrize("text", ["", "x", UUID[1:], UUID.replace("-", "", 1), f"({UUID})"])
def test_what_is_no_uuid_is_refused(text: str) -> None:
    assert reason(UUID_TEXT, text).startswith("UUID parsing failed: ")
    assert reason(UUID_TEXT, 5) == "invalid type: integer `5`, expected a UUID string"


@pytest.mark.parametrize(
    ("text", "email"),
    [("", ""), ("<>", ""), ("postmaster", "Postmaster"), ("a@b.c", "a@b.c"), ("<a@b.c>", "a@b.c")],
)
def test_an_email_is_an_envelope_address(text: str, email: str) -> None:
    assert EMAIL.convert(text).email == email


def test_what_is_no_email_is_refused() -> None:
    assert "a b" in reason(EMAIL, "a b")
    assert reason(EMAIL, 5) == "invalid type: integer `5`, expected a string"


@given(lua_values(st.sampled_from(["limit", "force_local", "ALL", UUID])))
def test_any_value_is_converted_or_refused(value: LuaValue) -> None:
    wanted: Any
    for wanted in (THROTTLE, LIMIT, EMAIL, UUID_TEXT, conformance(("A",)), openssl_options(("A",))):
        try:
            wanted.convert(value)
        except Mismatch as error:
            assert error.reason  # noqa: PT017 - either outcome is right
