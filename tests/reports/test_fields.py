"""A report's fields: taken by name, and what is left."""

from __future__ import annotations

import pytest

from kumolog.reports.fields import (
    Fields,
    ReportError,
    every,
    extensions,
    json_text,
    mta,
    number,
    once,
    parse_fields,
    required,
    typed,
)


def test_fields_have_lower_case_names_and_their_values_in_order() -> None:
    block = b"A: 1\r\nb:  two\r\n\tlines\r\na: =?utf-8?q?=C3=A9?=\r\nB: \xff\r\n\r\nC: 3\r\n"
    assert parse_fields(block) == {"a": ["1", "é"], "b": ["two lines", b"\xff"]}


@pytest.mark.parametrize("block", [b"", b"\r\n", b"\nA: 1\n"])
def test_a_block_may_have_no_fields(block: bytes) -> None:
    assert parse_fields(block) == {}


@pytest.mark.parametrize("block", [b" A: 1", b"\tA", b"\xff: 1", b"A: 1\n\rB: 2\n"])
def test_what_is_no_header_block_is_refused(block: bytes) -> None:
    with pytest.raises(ReportError, match=r"^parsing the headers: .*fields such as"):
        parse_fields(block)


def test_taking_a_field_leaves_the_others() -> None:
    fields: Fields = {"b": [b"\xff"], "a-b": ["1"], "a": ["2", "3"], "c": ["4"]}
    assert once(fields, "A-B") == "1"
    assert once(fields, "A-B") is None
    assert required(fields, "c") == "4"
    assert every(fields, "nothing") == []
    assert list(extensions(fields).items()) == [("a", ["2", "3"]), ("b", [[255]])]
    assert every(fields, "A") == ["2", "3"]


def test_errors_name_the_field_as_it_is_known() -> None:
    with pytest.raises(ReportError, match=r"^the field Final-X is missing: it must be there once$"):
        required({}, "Final-X")
    with pytest.raises(ReportError, match=r"^the field Final-X is there 2 times: once is right$"):
        once({"final-x": ["1", "1"]}, "Final-X")
    with pytest.raises(ReportError, match=r"^the field A is b'\\xff', which is not UTF-8 text$"):
        every({"a": ["1", b"\xff"]}, "A")


def test_a_typed_value_is_split_at_the_first_semicolon() -> None:
    assert typed("A", " dns ; x ; y ") == ("dns", "x ; y")
    assert mta("A", "dns;x") == {"mta_type": "dns", "name": "x"}
    with pytest.raises(ReportError, match=r"^the field A is 'dns x': a type, a semicolon"):
        typed("A", "dns x")


@pytest.mark.parametrize(
    ("digits", "value"),
    [
        ("0", 0),
        ("00", 0),
        ("+12", 12),
        ("0255", 255),
        ("256", None),
        ("", None),
        ("+", None),
        ("-1", None),
        (" 1", None),
        ("1_0", None),
        ("\u0661", None),
        ("0" * 1_000_000 + "x", None),
        ("1" * 1_000_000, None),
    ],
)
def test_a_number_is_digits_up_to_a_limit(digits: str, value: int | None) -> None:
    assert number(digits, 255) == value


def test_what_is_not_text_is_an_array_in_json() -> None:
    assert json_text("é") == "é"
    assert json_text(b"\x00\xff") == [0, 255]
