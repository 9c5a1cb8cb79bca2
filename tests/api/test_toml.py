"""kumo.serde.toml_*."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api import toml
from kumolog.api.registry import Registry
from kumolog.api.timevalue import TimeDelta
from kumolog.errors import KumologError
from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque, from_json

ENCODERS = [toml.toml_encode, toml.toml_encode_pretty, toml.toml_encode_pretty_compact]

scalars = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
documents = st.dictionaries(st.text(), values, max_size=5)


def call(function: Any, *arguments: Any) -> Any:
    return function(Registry(lambda _level, _text: None, None), "init.lua:1", *arguments)


def table(**items: LuaValue) -> LuaTable:
    return LuaTable(list(items.items()))


@pytest.mark.parametrize("encode", ENCODERS)
@given(document=documents)
def test_what_is_encoded_reads_back_the_same(encode: Any, document: dict[str, Any]) -> None:
    text = call(encode, from_json(document))
    assert tomllib.loads(text) == document
    assert call(toml.toml_parse, text) == document


def test_the_three_encoders_differ_in_layout() -> None:
    value = table(b=from_json([1, 2]), a=from_json({"y": {}, "x": 1}))
    assert call(toml.toml_encode, value) == "b = [1, 2]\n\n[a]\nx = 1\n\n[a.y]\n"
    assert (
        call(toml.toml_encode_pretty, value) == "b = [\n    1,\n    2,\n]\n\n[a]\nx = 1\n\n[a.y]\n"
    )
    assert call(toml.toml_encode_pretty_compact, value) == (
        "b = [\n    1,\n    2,\n]\n\n[a]\nx = 1\ny = {}\n"
    )


def test_compact_text_is_sorted_at_every_level() -> None:
    value = from_json({"z": 1, "a": 2, "t": {"y": 1, "b": [{"q": 1, "c": 2}]}})
    assert call(toml.toml_encode_pretty_compact, value) == (
        "a = 2\nz = 1\n\n[t]\ny = 1\n\n[[t.b]]\nc = 2\nq = 1\n"
    )


def test_floats_of_every_kind_can_be_written() -> None:
    text = call(toml.toml_encode, table(a=float("inf"), b=float("nan"), c=1.0))
    assert text == "a = inf\nb = nan\nc = 1.0\n"


def test_lua_values_are_taken_as_elsewhere() -> None:
    mixed = LuaTable([(1, "a"), ("lost", True)], ["a"])
    assert call(toml.toml_encode, table(m=mixed, b=b"\xff\x00")) == 'b = [255, 0]\nm = ["a"]\n'
    assert call(toml.toml_encode, LuaTable([(7, "x")])) == '7 = "x"\n'
    assert call(toml.toml_encode, table(gone=NULL)) == ""


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "only a table with string keys"),
        ("text", "only a table with string keys"),
        (from_json([1]), "only a table with string keys"),
        (table(f=Opaque("function")), "cannot serialize <function>"),
        (table(span=TimeDelta(5)), "cannot serialize <userdata>"),
        (LuaTable([("a", LuaTable([(1, NULL)], [NULL]))]), "cannot have a null"),
        (LuaTable([(float("nan"), 1)]), "must be finite"),
    ],
)
@pytest.mark.parametrize("encode", ENCODERS)
def test_what_toml_cannot_say_raises(encode: Any, value: LuaValue, reason: str) -> None:
    with pytest.raises(KumologError, match=f"^encoding a value as TOML: .*{reason}"):
        call(encode, value)


def test_a_table_that_contains_itself_raises() -> None:
    loop = LuaTable()
    loop.items.append(("self", loop))
    with pytest.raises(KumologError, match="nested deeper"):
        call(toml.toml_encode, loop)


def test_dates_are_the_tables_that_kumomta_shows() -> None:
    text = (
        "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00.120-07:30\n"
        "c = 1979-05-27T07:32:00\nd = 1979-05-27\ne = 07:32:00\n"
    )
    parsed = call(toml.toml_parse, text)
    assert {key: shown["$__toml_private_datetime"] for key, shown in parsed.items()} == {
        "a": "1979-05-27T07:32:00Z",
        "b": "1979-05-27T07:32:00.12-07:30",
        "c": "1979-05-27T07:32:00",
        "d": "1979-05-27",
        "e": "07:32:00",
    }


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a = ",
        "a = 1\na = 2",
        "[a]\n[a]",
        "a = yes",
        "a = 'x",
        "a = 18446744073709551616",
        "a = " + "[" * 500 + "]" * 500,
        "\x00",
    ],
)  # fmt: skip - one row of them
def test_bad_toml_raises(text: str) -> None:
    with pytest.raises(KumologError, match="as TOML: ") as failed:
        call(toml.toml_parse, text)
    assert str(failed.value).endswith(f": {text}")


def test_only_text_is_parsed() -> None:
    with pytest.raises(KumologError, match="bad argument #1: error converting Lua table to String"):
        call(toml.toml_parse, LuaTable())


def test_a_file_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "data.toml"
    file.write_text("[table]\nname = 'é'\n")
    assert call(toml.toml_load, str(file)) == {"table": {"name": "é"}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "reading .*: No such file"),
        (b"a =", "parsing the file .* as TOML"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_file_that_is_not_there_or_no_toml_raises(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "data.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(KumologError, match=reason):
        call(toml.toml_load, str(file))


@given(st.text(alphabet="ab=[]{}'\"\n#.1 ", max_size=30))
def test_any_text_gives_a_table_or_a_clean_error(text: str) -> None:
    try:
        assert isinstance(call(toml.toml_parse, text), dict)
    except KumologError as error:
        assert "as TOML" in str(error)  # noqa: PT017 - both ways out are right
