from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import PolicyError
from kumolog.lua.condition import Condition, used_fields
from kumolog.reading.problems import Problems

RECORDS: list[dict[str, Any]] = [
    {"type": "Bounce", "response": {"code": 550, "content": "no"}, "meta": {"x y": 1}},
    {"type": "Delivery", "response": {"code": 250, "content": "é"}, "peer_address": None},
    {"type": "Rejection", "response": None, "recipient": ["a", "b"], "size": 2**63},
]


def passed(expression: str, records: list[Any] = RECORDS) -> list[int]:
    """The places of the records that pass."""
    lines = [json.dumps(record, ensure_ascii=False).encode() for record in records]
    chosen = Condition(expression, Problems(pytest.fail))(lines, "here")
    return [lines.index(line) for line in chosen]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("record.response.code == 550", [0]),
        ("record.response.code ~= 550", [1, 2]),
        ("record['response']['code'] == 250 and record.type == 'Delivery'", [1]),
        ("record.peer_address == nil", [0, 1, 2]),
        ("record.a.b.c.d == nil and record.type.x.y == nil", [0, 1, 2]),
        ("record.response.code.digits == nil", [0, 1, 2]),
        ("record.response.content == 'é'", [1]),
        ("record.response and record.response.content:find('n')", [0]),
        ("record.recipient[2] == 'b'", [2]),
        ("record.meta['x y'] == 1", [0]),
        ('record.meta["x\\32y"] == 1', [0]),
        ("record.size and record.size > 1e18", [2]),
        ("next(record) and #record.type > 6", [1, 2]),
        ("(function(r) return r.type end)(record) == 'Bounce'", [0]),
        ("({record = 1}).record and record.type == 'Bounce' -- record", [0]),
        ("0", [0, 1, 2]),
        ("nil", []),
        ("math.type(record.response.code or 0.5) == 'integer'", [0, 1]),
        ("false,\ntrue", []),
    ],
)
def test_records_pass_for_which_the_expression_is_true(
    expression: str, expected: list[int]
) -> None:
    assert passed(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("record.type == 'x' and record . response\n.code > 5", [("type",), ("response", "code")]),
        ("record['a'].b['c']:lower() .. record.d[1]", [("a", "b", "c"), ("d",)]),
        ("'record' .. x.record .. [[record]] --[==[ record ]==]", []),
        ("x..record.a", [("a",)]),
        ("record", None),
        ("record[x]", None),
        ("f(record).a", None),
        ("record:x()", None),
        ("record.a == record", None),
    ],
)
def test_the_fields_are_known_that_an_expression_looks_at(
    expression: str, expected: list[tuple[str, ...]] | None
) -> None:
    assert used_fields(expression) == expected


NAMES = st.sampled_from(["a", "b", "and", "x y"])
VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=1),
    lambda inner: st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=5,
)


@given(
    st.lists(st.dictionaries(NAMES, VALUES, max_size=3), max_size=4),
    st.lists(NAMES, min_size=1, max_size=3),
    st.integers(0, 3),
)
def test_fields_alone_and_whole_records_give_the_same(
    records: list[dict[str, Any]], path: list[str], value: int
) -> None:
    test = "".join(f'["{name}"]' for name in path) + f" == {value}"
    expected = []
    for place, record in enumerate(records):
        found: Any = record
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if found == value:
            expected.append(place)
    lines = [json.dumps(record).encode() for record in records]
    for expression in (f"record{test}", f"(record){test}"):
        chosen = Condition(expression, Problems(pytest.fail))(lines, "here")
        assert chosen == [lines[place] for place in expected]


def test_an_error_is_told_with_its_place_and_the_other_records_go_on() -> None:
    told: list[str] = []
    problems = Problems(told.append)
    condition = Condition("record.n\n> 1", problems)
    lines = [b'{"n":2}', b"{}", b'{"n":3}', b'{"n":"x"}', b"{}", b'{"n":1}', b"[]"]
    assert condition(lines, "here") == [b'{"n":2}', b'{"n":3}']
    assert problems.count == 4
    assert [text for text in told if "--where" in text] == [
        "here: --where:2: attempt to compare number with nil",
        "here: --where:2: attempt to compare number with string",
    ]


def test_a_value_too_deep_for_lua_is_told_and_the_other_records_go_on() -> None:
    told: list[str] = []
    deep = b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"
    lines = [b'{"a":1}', b'{"a":[]}', deep, b'{"a":3}', b"{}"]
    assert Condition("record.a", Problems(told.append))(lines, "here") == [
        lines[place] for place in (0, 1, 3)
    ]
    assert told == ["here: cannot convert values to Lua: they are nested too deeply"]


def test_what_is_raised_need_not_be_a_text() -> None:
    told: list[str] = []
    assert Condition("error({})", Problems(told.append))([b"{}"], "here") == []
    assert told == ["here: error object is a table value"]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("record.type ==", "--where:1: unexpected symbol near <eof>"),
        ("record.type = 1", "--where:1: <eof> expected near '='"),
        ("true\nfalse", "--where:2: <eof> expected near 'false'"),
        ("true end os.exit()", "--where:1: <eof> expected near 'end'"),
        (" ", "--where: there is no expression in it"),
    ],
)
def test_what_is_no_expression_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Condition(expression, Problems(pytest.fail))
    assert str(caught.value) == reason


def test_an_expression_has_what_policies_have_and_no_way_out() -> None:
    assert passed("type(string.rep) == 'function' and debug == nil and python == nil") == [0, 1, 2]


def test_many_fields_are_no_trouble() -> None:
    expression = " or ".join(f"record.f{number}.x" for number in range(300))
    assert passed(expression, [{"f299": {"x": 1}}, {}, {"f0": {"y": 1}}]) == [0]
