from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.reading.fields import Fields, Lines, parse_path

NAMES = st.sampled_from(["a", "b", "class", "x y", "ü"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=4)
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4)


def look_up(record: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def note(reason: str) -> None:
    pytest.fail(reason)


@given(st.lists(RECORDS, max_size=5), PATHS)
def test_a_column_has_what_looking_each_record_up_gives(
    records: list[dict[str, Any]], paths: list[tuple[str, ...]]
) -> None:
    lines = [json.dumps(record, ensure_ascii=False).encode() for record in records]
    fields = Fields(paths)
    good, rows = fields.lines.rows(lines, note)
    assert good == lines
    for path in paths:
        assert fields.column(rows, path) == [look_up(record, path) for record in records]


def test_values_can_be_had_as_they_are_written() -> None:
    fields = Fields([("n",), ("inner", "s")], msgspec.Raw, msgspec.Raw(b"null"))
    line = b'{"inner":{"s":"\\u00e4","t":1},"n":1.50e+2}'
    _, (row,) = fields.lines.rows([line], note)
    assert msgspec.json.encode(row) == b'{"n":1.50e+2,"inner":{"s":"\\u00e4"}}'


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"a":1} {"a":2}', b"", b'{"a":3}'],  # as many values as lines
        [b'{"a":', b"1}", b'{"a":3} {"a":4}'],
        [b'{"a":3}', b"nonsense"],
        [b'{"a":3}', b"[1]"],
        [b'{"a":3}', b'{"a":1'],
    ],
)
def test_what_is_no_object_on_a_line_of_its_own_is_told_and_left_out(lines: list[bytes]) -> None:
    reasons: list[str] = []
    fields = Fields([("a",)])
    good, rows = fields.lines.rows(lines, reasons.append)
    assert good == [line for line in lines if line == b'{"a":3}']
    assert fields.column(rows, ("a",)) == [3] * len(good)
    assert len(reasons) == len([line for line in lines if line]) - len(good)
    assert all(reason.startswith("a line is no record: ") for reason in reasons)


def test_bytes_that_are_no_utf8_blank_lines_and_carriage_returns_do_not_matter() -> None:
    lines = [b'\xef\xbb\xbf{"a":"x"}\r', b"", b" \t\r", b'{"a":"\xff"}', b'{"a":{"\xfe":1}}']
    fields = Fields([("a",)])
    good, rows = fields.lines.rows(lines, note)
    assert good == [lines[0], lines[3], lines[4]]
    assert fields.column(rows, ("a",)) == ["x", "\ufffd", {"\ufffd": 1}]


def test_json_that_is_nested_too_deeply_is_no_record() -> None:
    reasons: list[str] = []
    line = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert Lines(dict, dict).rows([line, b"{}"], reasons.append) == ([b"{}"], [{}])
    assert len(reasons) == 1


def test_a_path_is_names_with_dots_between() -> None:
    assert parse_path("response.code") == ("response", "code")
    for text in ("", ".", "a..b", "a."):
        with pytest.raises(ValueError, match="names no field"):
            parse_path(text)
