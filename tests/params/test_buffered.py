"""Buffered values: what stands below an untagged enum or a flattened struct."""

from __future__ import annotations

import pytest
from luatables import FUNCTION, array, fields, marked

from kumolog.luavalue import NULL, LuaTable, LuaValue
from kumolog.params import Key, ParamTable, check
from kumolog.params.buffered import BufferedList, BufferedMap, BufferedTable, FlattenedTable
from kumolog.params.compose import Nullable
from kumolog.params.types import (
    BOOL,
    STRING,
    U8,
    Mismatch,
    Type,
)

TRACE = BufferedTable(
    ParamTable((Key("a", BOOL, default=True), Key("b", STRING, required=True), Key("c", U8))),
    "TraceHeaders",
)
ONE = BufferedTable(ParamTable((Key("a", BOOL, default=True),)), "One")
FLAT = FlattenedTable(
    (
        Key("own", U8, required=True),
        Key("list", Nullable(BufferedList(STRING))),
        Key("name", STRING, required=True),
        Key("last", U8, default=7),
    ),
    frozenset(("list", "name")),
)


def reason(wanted: Type, value: LuaValue) -> str:
    with pytest.raises(Mismatch) as caught:
        wanted.convert(value)
    return caught.value.reason


@pytest.mark.parametrize(
    ("wanted", "value", "text"),
    [
        (BufferedList(STRING), LuaTable(), "invalid type: map, expected a sequence"),
        (BufferedList(STRING), fields(a="b"), "invalid type: map, expected a sequence"),
        (BufferedList(STRING), "x", 'invalid type: string "x", expected a sequence'),
        (BufferedList(STRING), NULL, "invalid type: Option value, expected a sequence"),
        (BufferedList(STRING), array(1), "invalid type: integer `1`, expected a string"),
        (BufferedMap(STRING, U8), True, "invalid type: boolean `true`, expected a map"),
        (BufferedMap(STRING, U8), array(1), "invalid type: sequence, expected a map"),
        (BufferedMap(STRING, U8), marked(), "invalid type: sequence, expected a map"),
        (
            BufferedMap(STRING, U8),
            LuaTable([(7, 1)]),
            "invalid type: integer `7`, expected a string",
        ),
        (BufferedMap(STRING, U8, "a CidrMap"), 5, "invalid type: integer `5`, expected a CidrMap"),
        (TRACE, "x", 'invalid type: string "x", expected struct TraceHeaders'),
        (TRACE, fields(b="x", z=1), "unknown field `z`, expected one of `a`, `b`, `c`"),
        (TRACE, fields(a=False), "missing field `b`"),
        (TRACE, array(1), "invalid type: integer `1`, expected a boolean"),
        (TRACE, array(True), "invalid length 1, expected struct TraceHeaders with 3 elements"),
        (TRACE, array(True, "x", 1, 1), "invalid length 4, expected 3 elements in sequence"),
        (ONE, array(True, True), "invalid length 2, expected 1 element in sequence"),
    ],
)
def test_a_buffered_value_is_named_fully_and_the_wanted_thing_differs(
    wanted: Type, value: LuaValue, text: str
) -> None:
    assert reason(wanted, value) == text


def test_lists_maps_and_structs_convert_as_elsewhere() -> None:
    assert BufferedList(STRING).convert(array("a")) == ["a"]
    assert BufferedList(STRING).convert(marked()) == []
    assert BufferedMap(STRING, U8).convert(fields(a=1)) == {"a": 1}
    assert TRACE.convert(fields(b="x")) == {"a": True, "b": "x", "c": None}


def test_a_struct_takes_a_list_in_the_order_of_declaration() -> None:
    assert TRACE.convert(array(False, "x", 3)) == {"a": False, "b": "x", "c": 3}
    assert TRACE.convert(array(False, "x")) == {"a": False, "b": "x", "c": None}
    assert ONE.convert(marked()) == {"a": True}


def test_the_mark_of_an_empty_array_is_lost_with_a_retry() -> None:
    wanted = ParamTable((Key("list", BufferedList(STRING)), Key("n", U8)))
    assert check(wanted, fields(list=marked())) == {"list": [], "n": None}
    with pytest.raises(Exception, match="invalid type: map, expected a sequence, while processing"):
        check(wanted, fields(list=marked(), n="unrelated"))


def test_a_flattened_table_converts_in_declaration_order() -> None:
    value = fields(name="x", own=1, list=array("a"))
    assert list(FLAT.convert(value).items()) == [
        ("own", 1),
        ("list", ["a"]),
        ("name", "x"),
        ("last", 7),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # Own keys, then own missing keys, then flattened keys, then what is unknown.
        (fields(zzz=1, list="x", own="x"), 'invalid type: string "x", expected u8'),
        (fields(zzz=1, list="x"), "missing field `own`"),
        (fields(zzz=1, list="x", own=1), 'invalid type: string "x", expected a sequence'),
        (fields(zzz=1, own=1), "missing field `name`"),
        (fields(zzz=1, own=1, name="x"), "unknown field `zzz`"),
        (LuaTable([("own", 1), ("name", "x"), (5, 1)]), "unexpected map key"),
        (LuaTable([("own", 1), ("name", "x"), (True, 1)]), "unexpected map key"),
        (fields(aaa=FUNCTION, own="x"), "unsupported value type `function`"),
        (fields(own=FUNCTION), "unsupported value type `function`"),
        ("x", "invalid type: string, expected table"),
    ],
)
def test_the_order_in_which_a_flattened_table_is_refused(value: LuaValue, text: str) -> None:
    assert reason(FLAT, value) == text


def test_an_open_flattened_table_ignores_what_it_does_not_know() -> None:
    wanted = FlattenedTable(FLAT.keys, FLAT.flattened, closed=False)
    assert wanted.convert(LuaTable([("own", 1), ("name", "x"), (5, 1), ("z", 1)]))["own"] == 1


def test_an_unknown_key_comes_with_the_nearest_right_one() -> None:
    with pytest.raises(Mismatch) as caught:
        FLAT.convert(fields(own=1, name="x", lists=array("a")))
    assert caught.value.hint == "did you mean `list`?"
