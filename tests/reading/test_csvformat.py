from __future__ import annotations

import csv
import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kumolog.reading.csvformat import ALL_FIELDS, csv_rows, header
from kumolog.reading.problems import Problems

PATHS = (("a",), ("b", "c"), ("a",))


def rows(paths: Any, *records: Any) -> list[bytes]:
    lines = [json.dumps(record, ensure_ascii=False).encode() for record in records]
    return csv_rows(paths, Problems(print))(lines, "here")


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), min_size=1))
def test_every_reader_of_csv_gets_the_texts_back(texts: list[list[str]]) -> None:
    paths = [("x",), ("y",), ("z",)]
    made = rows(paths, *(dict(zip("xyz", row, strict=True)) for row in texts))
    text = b"".join(line + b"\n" for line in made).decode("utf-8")
    assert list(csv.reader(io.StringIO(text, newline=""))) == texts


def test_what_is_missing_is_empty_and_what_has_parts_is_json() -> None:
    assert rows(
        PATHS, {"a": None}, {"b": {"c": ["x", 1]}}, {"a": True, "b": {"c": {"d": 1.5}}}
    ) == [
        b",,",
        b',"[""x"",1]",',
        b'true,"{""d"":1.5}",true',
    ]


def test_columns_stand_in_the_order_asked_for() -> None:
    paths = (("b", "c"), ("a",), ("b", "d"), ("b",))
    assert header(paths) == b"b.c,a,b.d,b"
    assert rows(paths, {"b": {"d": 2, "c": 1}, "a": -7}) == [b'1,-7,2,"{""d"":2,""c"":1}"']


def test_an_empty_value_alone_is_still_a_row() -> None:
    assert rows((("a",),), {}, {"a": "x"}) == [b'""', b"x"]


def test_by_default_there_is_a_column_for_everything_in_a_record() -> None:
    names = header(ALL_FIELDS).split(b",")
    assert names[:3] == [b"type", b"id", b"sender"]
    assert {b"response.code", b"response.enhanced_code.class", b"meta", b"headers"} <= set(names)
    assert b"response" not in names
