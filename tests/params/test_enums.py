"""Parameters that are one of several things."""

from __future__ import annotations

import pytest
from luatables import FUNCTION, THREAD, Thing, array, fields, marked

from kumolog.luavalue import NULL, LuaTable, LuaValue
from kumolog.params import Key, ParamTable
from kumolog.params.buffered import BufferedList, BufferedTable
from kumolog.params.enums import Disposition, Enum, Folded, OneOrMany, Tagged, Untagged, readable
from kumolog.params.types import ANY, NOTHING, STRING, U8, Mismatch, Type

PAYLOAD = Enum(("None", "Count", "Name"), {"Count": U8, "Name": STRING})
BUFFERED = Enum(PAYLOAD.names, PAYLOAD.payloads, buffered=True)
OPEN = BufferedTable(ParamTable((Key("a", U8, required=True),), closed=False), "Open")
LISTED = "expected one of `None`, `Count`, `Name`"


def refusal(wanted: Type, value: LuaValue) -> Mismatch:
    with pytest.raises(Mismatch) as caught:
        wanted.convert(value)
    return caught.value


@pytest.mark.parametrize("wanted", [PAYLOAD, BUFFERED])
def test_a_variant_is_a_name_or_a_table_of_one_name_and_its_payload(wanted: Type) -> None:
    assert wanted.convert("None") == "None"
    assert wanted.convert(fields(Count=3)) == {"Count": 3}
    assert wanted.convert(fields(Name="x")) == {"Name": "x"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("none", f"unknown variant `none`, {LISTED}"),
        (fields(count=1), f"unknown variant `count`, {LISTED}"),
        (array(True), f"unknown variant `1`, {LISTED}"),
        (5, "bad enum value"),
        (None, "bad enum value"),
        (NULL, "bad enum value"),
        (FUNCTION, "bad enum value"),
        (Thing(), "bad enum value"),
        (LuaTable(), "invalid value: map, expected map with a single key"),
        (fields(None_=1, Count=1), "invalid value: map, expected map with a single key"),
        (LuaTable([("None", 1)]), "invalid type: newtype variant, expected unit variant"),
        ("Count", "invalid type: unit variant, expected newtype variant"),
        (fields(Count="x"), 'invalid type: string "x", expected u8'),
        (
            b"\xff",
            "error converting Lua string to &str (invalid utf-8 sequence of 1 bytes from index 0)",
        ),
    ],
)
def test_what_is_no_variant_is_refused(value: LuaValue, reason: str) -> None:
    assert refusal(PAYLOAD, value).reason == reason


def test_a_name_that_is_not_utf8_lacks_the_usual_prefix() -> None:
    assert not str(refusal(PAYLOAD, b"\xff")).startswith("deserialize error")
    assert str(refusal(PAYLOAD, "x")).startswith("deserialize error: unknown variant")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1, "invalid type: integer `1`, expected string or map"),
        (array("None"), "invalid type: sequence, expected string or map"),
        (b"\xff", "invalid type: byte array, expected string or map"),
        (LuaTable(), "invalid value: map, expected map with a single key"),
        (LuaTable([(5, 1)]), "invalid type: integer `5`, expected variant identifier"),
        (LuaTable([("None", 1)]), "invalid type: integer `1`, expected unit"),
        ("Count", "invalid type: unit variant, expected newtype variant"),
        ("none", f"unknown variant `none`, {LISTED}"),
    ],
)
def test_a_buffered_enum_is_refused_in_other_words(value: LuaValue, reason: str) -> None:
    assert refusal(BUFFERED, value).reason == reason


def test_a_buffered_unit_takes_an_empty_table() -> None:
    assert BUFFERED.convert(LuaTable([("None", LuaTable())])) == "None"
    assert refusal(BUFFERED, LuaTable([("None", marked())])).reason == (
        "invalid type: sequence, expected unit"
    )


def test_a_misspelt_variant_comes_with_the_nearest_one() -> None:
    assert refusal(PAYLOAD, "count").hint == "did you mean `Count`?"
    assert refusal(PAYLOAD, "Count").hint == "write { Count = ... }"
    assert refusal(PAYLOAD, LuaTable([("None", 1)])).hint == 'write "None"'


def test_an_untagged_enum_takes_the_first_form_that_fits_and_gives_no_reason() -> None:
    wanted = Untagged("Thing", (STRING, OPEN, NOTHING))
    assert wanted.convert("x") == "x"
    assert wanted.convert(fields(a=1, b=2)) == {"a": 1}
    assert wanted.convert(NULL) is None
    for value in (5, LuaTable(), fields(a=-1), b"\xff", None):
        assert refusal(wanted, value).reason == (
            "data did not match any variant of untagged enum Thing"
        )


@pytest.mark.parametrize(
    ("value", "kind"),
    [(FUNCTION, "function"), (fields(a=array(THREAD)), "thread"), (fields(a=Thing()), "userdata")],
)
def test_what_cannot_be_read_ahead_is_named(value: LuaValue, kind: str) -> None:
    reason = f"unsupported value type `{kind}`"
    assert refusal(Untagged("Thing", (STRING, OPEN)), value).reason == reason
    with pytest.raises(Mismatch, match=reason):
        readable(value)


def test_a_table_that_contains_itself_cannot_be_read_ahead() -> None:
    loop = LuaTable()
    loop.items.append(("a", loop))
    assert "nested deeper than 128" in refusal(Untagged("Thing", (ANY,)), loop).reason


def test_a_tagged_table_is_told_by_its_tag() -> None:
    wanted = Tagged("Source", "kind", ("primary", "other"), {"other": OPEN})
    assert wanted.convert(fields(kind="primary")) == {"kind": "primary"}
    assert wanted.convert(fields(kind="other", a=3)) == {"kind": "other", "a": 3}
    reasons = {
        "missing field `kind`": fields(a=1),
        "missing field `a`": fields(kind="other"),
        "unknown variant `x`, expected `primary` or `other`": fields(kind="x"),
        'invalid type: string "x", expected internally tagged enum Source': "x",
    }
    for reason, value in reasons.items():
        assert refusal(wanted, value).reason == reason


def test_a_disposition_is_a_name_or_a_boolean() -> None:
    wanted = Disposition(("Ignore", "LogThenDrop", "LogThenRelay"))
    expected = "expected a boolean value or one of 'Ignore', 'LogThenDrop' or 'LogThenRelay'"
    assert [wanted.convert(v) for v in (False, True, "LogThenDrop")] == [
        "Ignore",
        "LogThenRelay",
        "LogThenDrop",
    ]
    assert refusal(wanted, 1).reason == f"invalid type: integer `1`, {expected}"
    assert refusal(wanted, "log").reason == f'invalid value: string "log", {expected}'
    assert refusal(wanted, "logthendrop").hint == "did you mean `LogThenDrop`?"


def test_names_in_any_letter_case() -> None:
    wanted = Folded(("TLS13_A", "TLS_B"), STRING, "rustls cipher suite")
    assert wanted.convert("tls_b") == "TLS_B"
    error = refusal(wanted, "TLS_C")
    assert error.reason == "`TLS_C` is not a valid rustls cipher suite"
    assert error.hint == "did you mean `TLS_B`?"
    assert refusal(wanted, 5).reason == "invalid type: integer `5`, expected a string"


def test_one_or_many_becomes_a_list_and_a_refusal_has_a_line_for_each_attempt() -> None:
    wanted = OneOrMany(STRING, BufferedList(STRING))
    assert wanted.convert("a") == ["a"]
    assert wanted.convert(array("a", "b")) == ["a", "b"]
    first, one, many = refusal(wanted, 5).reason.split("\n")
    assert first == "OneOrMany could not deserialize any variant:"
    assert one.endswith("invalid type: integer `5`, expected a string")
    assert many.endswith("invalid type: integer `5`, expected a sequence")
