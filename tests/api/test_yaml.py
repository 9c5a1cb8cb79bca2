"""kumo.serde.yaml_*."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api import yaml
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import NULL, LuaTable, LuaValue, Opaque, from_json

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(),
)
texts = st.one_of(
    st.text(),
    st.sampled_from(["yes", "No", "null", "~", "1e3", "0x10", "007", ".inf", "- a", "a: b"]),
)
values = st.recursive(
    scalars | texts,
    # A nil ends a list and is no member of a table, and an empty list is an empty table.
    lambda inner: (
        st.lists(inner.filter(lambda item: item is not None), min_size=1, max_size=4)
        | st.dictionaries(texts, inner.filter(lambda item: item is not None), max_size=4)
    ),
    max_leaves=12,
)


def call(function: Any, *arguments: Any) -> Any:
    return function(Registry(lambda _level, _text: None, None), "init.lua:1", *arguments)


def parse(text: str) -> Any:
    return call(yaml.yaml_parse, text)


@given(values)
def test_what_is_encoded_reads_back_the_same(value: Any) -> None:
    text = call(yaml.yaml_encode, from_json(value))
    assert parse(text) == value


def test_an_empty_array_becomes_a_table_because_its_mark_is_lost() -> None:
    assert call(yaml.yaml_encode, from_json({"a": []})) == "a: {}\n"


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *[(text, None) for text in ("", "~", "null", "Null", "NULL")],
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[(text, text) for text in ("yes", "No", "on", "OFF", "y", "nULL", "tRUE")],
        *[(text, text) for text in ("12:30", "1:2:3", "190:20:30", "12:30:45.5", "2001-12-14")],
        *[(text, text) for text in ("1_000", "007", "-012")],
        *[
            (text, text)
            for text in ("0x", "0o8", "0b2", "0xg", "1e", ".", "e3", "--1", "+-1", "=", "<<")
        ],
        *[(text, text) for text in ("inf", "nan", "NaN", "-nan", ".iNF", "1e999")],
        ("0", 0),
        ("+0", 0),
        ("-17", -17),
        ("+17", 17),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("0o17", 15),
        ("0b101", 5),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", float(2**64)),
        ("-9223372036854775808", -(2**63)),
        ("1.0", 1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1e3", -1000.0),
        ("+12.5E-1", 1.25),
        ("07.5", 7.5),
        (".inf", math.inf),
        ("+.Inf", math.inf),
        ("-.INF", -math.inf),
        ("'true'", "true"),
        ('"1"', "1"),
        ("'~'", "~"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(scalar: str, value: Any) -> None:
    parsed = parse(f"key: {scalar}")["key"]
    assert parsed == value
    assert type(parsed) is type(value)


def test_not_a_number_is_one_too() -> None:
    assert all(math.isnan(item) for item in parse("[.nan, .NaN, .NAN]"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("--- \n", None),
        ("--- 5\n...\n", 5),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("a:\n- 1\n- - 2\n  - 3\n", {"a": [1, [2, 3]]}),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", {"a": "x\ny\n", "b": "x y"}),
        ('a: "\\u00e9\\t"', {"a": "é\t"}),
        ("1: a\ntrue: b\n~: c\n0x10: d", {"1": "a", "true": "b", "~": "c", "0x10": "d"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x key\n*x : 1", {"a": "key", "key": 1}),
        ("x: &x {b: 1}\ny:\n  <<: *x\n", {"x": {"b": 1}, "y": {"<<": {"b": 1}}}),
        ("&a [1, &b 2, *b]", [1, 2, 2]),
        (
            "a: !!str 1\nb: !!int '3'\nc: !!float 1\nd: !!bool 'true'\ne: ! 5\nf: !!null ''",
            {"a": "1", "b": 3, "c": 1.0, "d": True, "e": "5", "f": None},
        ),
        (
            "a: !!binary aGk=\nb: !!timestamp 2001-12-14\nc: !!map {}\nd: !!seq []",
            {"a": "aGk=", "b": "2001-12-14", "c": {}, "d": []},
        ),
    ],
)  # fmt: skip - a row for each document
def test_documents_are_read(text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\na: 2", 'duplicate entry with key "a" at line 2 column 1'),
        ("{a: 1, 'a': 2}", 'duplicate entry with key "a"'),
        ("a: *b", "unknown anchor"),
        ("&a [*a]", "recursion limit"),
        ("[" * 200 + "]" * 200, "recursion limit"),
        ("a: 1\n---\nb: 2", "more than one document"),
        ("a: !mine 1", "the tag !mine means nothing here"),
        ("a: !mine [1]", "the tag !mine means nothing here"),
        ("a: !!int x", "'x' has the tag of an integer"),
        ("a: !!bool yes", "'yes' has the tag of a boolean"),
        ("? [a]\n: 1", "only a scalar can be a key"),
        ("? &x {a: 1}\n: 1", "only a scalar can be a key"),
        ("a: [1", "at line 2 column 1"),
        ("a: b: c", "at line 1"),
        ("\ta: 1", "at line 1"),
        ("a: \x01", "control characters|not allowed"),
    ],
)
def test_bad_yaml_raises(text: str, reason: str) -> None:
    with pytest.raises(KumologError, match=f" as YAML: .*({reason})") as failed:
        parse(text)
    assert str(failed.value).endswith(f": {text}")


def test_aliases_cannot_blow_up_a_document() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(KumologError, match="repetition limit"):
        parse("\n".join(lines))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null\n"),
        (5, "5\n"),
        (1.0, "1.0\n"),
        ("plain", "plain\n"),
        ("", "''\n"),
        ("true", "'true'\n"),
        ("YES", "'YES'\n"),
        ("1e3", "'1e3'\n"),
        ("a: b", "'a: b'\n"),
        ("é", "é\n"),
        (float("inf"), ".inf\n"),
        (float("nan"), ".nan\n"),
        (True, "true\n"),
        (NULL, "null\n"),
        (LuaTable(), "{}\n"),
        (from_json([1, [2, 3], {"a": 4}]), "- 1\n- - 2\n  - 3\n- a: 4\n"),
        (from_json({"a": [1], "b": {"c": "x\ny\n"}}), "a:\n- 1\nb:\n  c: |\n    x\n    y\n"),
        (from_json({"long": "word " * 60 + "end"}), "long: " + "word " * 60 + "end\n"),
        (b"\xff", "- 255\n"),
    ],
)
def test_values_are_written_in_block_style(value: LuaValue, text: str) -> None:
    assert call(yaml.yaml_encode, value) == text


def test_what_yaml_cannot_say_raises() -> None:
    with pytest.raises(KumologError, match="encoding a value as YAML: cannot serialize <function>"):
        call(yaml.yaml_encode, Opaque("function"))


def test_a_file_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "data.yaml"
    file.write_text("a: no\n")
    assert call(yaml.yaml_load, str(file)) == {"a": "no"}
    with pytest.raises(KumologError, match=r"reading .*missing\.yaml: No such file"):
        call(yaml.yaml_load, str(tmp_path / "missing.yaml"))
    file.write_text("a: [")
    with pytest.raises(KumologError, match=r"parsing the file .*data\.yaml as YAML: "):
        call(yaml.yaml_load, str(file))


@given(st.text(alphabet="ab: -[]{}&*!|>'\"\n#~1.", max_size=30))
def test_any_text_gives_a_value_or_a_clean_error(text: str) -> None:
    try:
        parse(text)
    except KumologError as error:
        assert "as YAML" in str(error)  # noqa: PT017 - both ways out are right
