"""Free space limits."""

from __future__ import annotations

import math

import pytest

from kumolog.luavalue import MAX_DEPTH, NULL, LuaTable, LuaValue, Opaque
from kumolog.params.minfree import MINFREE, MinFree
from kumolog.params.types import Mismatch

TAIL = ". Value must be either a percentage string like '10%' or the size expressed as an integer"


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        ("10%", MinFree(percent=10)),
        ("0%", MinFree(percent=0)),
        ("255%", MinFree(percent=255)),
        ("007%", MinFree(percent=7)),
        ("500000", MinFree(bytes=500000)),
        (str(2**64 - 1), MinFree(bytes=2**64 - 1)),
        ("0" * 5000 + "1", MinFree(bytes=1)),
        (0, MinFree(bytes=0)),
        (2**63 - 1, MinFree(bytes=2**63 - 1)),
    ],
)
def test_a_limit_is_a_percentage_or_a_size(value: LuaValue, limit: MinFree) -> None:
    assert MINFREE.convert(value) == limit


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("256%", "percentage specifier. number too large to fit in target type"),
        ("%", "percentage specifier. cannot parse integer from empty string"),
        ("10 %", "percentage specifier. invalid digit found in string"),
        ("-1%", "percentage specifier. invalid digit found in string"),
        ("", "size specifier. cannot parse integer from empty string"),
        ("1GB", "size specifier. invalid digit found in string"),
        ("\u0663", "size specifier. invalid digit found in string"),
        (str(2**64), "size specifier. number too large to fit in target type"),
        ("9" * 5000, "size specifier. number too large to fit in target type"),
        (-1, "size specifier. -1 could not be converted to u64"),
        (1.5, "size specifier. 1.5 could not be converted to u64"),
        (1.0, "size specifier. 1.0 could not be converted to u64"),
        (True, "specifier Bool(true)" + TAIL),
        (math.nan, "specifier Null" + TAIL),
        (NULL, "specifier Null" + TAIL),
        (LuaTable(), "specifier Object {}" + TAIL),
        (
            LuaTable([("b", 'x"y'), ("a", LuaTable([(1, 2.0)], [2.0, None]))]),
            'specifier Object {"a": Array [Number(2.0), Null], "b": String("x\\"y")}' + TAIL,
        ),
        (b"\xff", "specifier Array [Number(255)]" + TAIL),
    ],
)
def test_anything_else_is_refused_with_the_reason(value: LuaValue, reason: str) -> None:
    with pytest.raises(Mismatch) as caught:
        MINFREE.convert(value)
    assert str(caught.value) == "deserialize error: invalid MinFree " + reason


@pytest.mark.parametrize("value", [Opaque("function"), LuaTable([("f", Opaque("function"))])])
def test_code_is_no_limit_wherever_it_stands(value: LuaValue) -> None:
    with pytest.raises(Mismatch, match=r"^deserialize error: unsupported value type `function`$"):
        MINFREE.convert(value)


@pytest.mark.parametrize(
    ("levels", "reason"), [(MAX_DEPTH, "invalid MinFree specifier"), (MAX_DEPTH + 1, "nested")]
)
def test_a_deep_table_is_refused_like_any_other(levels: int, reason: str) -> None:
    table = LuaTable()
    for _ in range(levels - 1):
        table = LuaTable([("t", table)])
    with pytest.raises(Mismatch, match=reason):
        MINFREE.convert(table)
