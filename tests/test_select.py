from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.event import EventDecoder
from kumolog.meta import DERIVED_META, derived_meta
from kumolog.nodeid import NodeId
from kumolog.record import Record
from kumolog.select import HeaderSelector, MetaSelector


def nothing_derived(name: str) -> Any:
    return None


META = {"x_a": 1, "x_b": None, "X_c": "c", "tenant": "t", "x_list": [1, {"k": None}]}


def test_listed_meta_values_keep_their_json_type() -> None:
    selector = MetaSelector(["x_list", "x_a", "tenant"])
    assert selector.select(META, nothing_derived) == {
        "x_list": [1, {"k": None}],
        "x_a": 1,
        "tenant": "t",
    }


def test_meta_names_are_case_sensitive_and_absent_ones_are_left_out() -> None:
    assert MetaSelector(["x_c", "X_c", "absent"]).select(META, nothing_derived) == {"X_c": "c"}


def test_a_null_is_left_out_by_name_and_kept_by_prefix() -> None:
    assert MetaSelector(["x_b"]).select(META, nothing_derived) == {}
    assert MetaSelector(["x_b", "x_*"]).select(META, nothing_derived) == {
        "x_a": 1,
        "x_b": None,
        "x_list": [1, {"k": None}],
    }


def test_a_lone_star_selects_all_meta() -> None:
    assert MetaSelector(["*"]).select(META, nothing_derived) == META


def test_a_star_before_the_end_of_a_meta_name_is_literal() -> None:
    selector = MetaSelector(["x*a", "x*b*"])
    meta = {"xa": 1, "x*a": 2, "x*bc": 3, "xbbc": 4}
    assert selector.select(meta, nothing_derived) == {"x*a": 2, "x*bc": 3}


def test_derived_values_stand_in_for_absent_names_only() -> None:
    derived = {"tenant": "other", "campaign": "c", "x_b": "not null"}.get
    selector = MetaSelector(["tenant", "campaign", "routing_domain", "x_b"])
    assert selector.select(META, derived) == {"tenant": "t", "campaign": "c"}


def test_a_prefix_selects_no_derived_values() -> None:
    derived = {"campaign": "c"}.get
    assert MetaSelector(["*", "camp*"]).select({"a": 1}, derived) == {"a": 1}


@pytest.mark.parametrize("selector", [MetaSelector, HeaderSelector])
def test_a_selector_of_nothing_is_false(selector: type[MetaSelector | HeaderSelector]) -> None:
    assert not selector([])
    assert selector(["a"])
    assert selector(["a*"])


HEADERS: dict[str, str | list[str]] = {
    "subject": "hello",
    "x-a": ["1", "2"],
    "x-b": "3",
    "received": ["r1", "r2"],
}


def test_listed_headers_are_found_in_any_case_under_lower_case_names() -> None:
    selector = HeaderSelector(["SUBJECT", "X-a", "Absent"])
    assert selector.select(HEADERS) == {"subject": "hello", "x-a": ["1", "2"]}


def test_headers_spelled_in_capitals_are_found_and_lower_cased() -> None:
    headers: dict[str, str | list[str]] = {"Subject": "hello", "X-A": ["1"]}
    assert HeaderSelector(["subject", "x-a"]).select(headers) == {"subject": "hello", "x-a": ["1"]}
    assert HeaderSelector(["*"]).select(headers) == {"subject": "hello", "x-a": ["1"]}


def test_spellings_of_one_header_are_joined_in_order() -> None:
    headers: dict[str, str | list[str]] = {"X-A": "1", "x-a": ["2", "3"], "X-a": "4"}
    assert HeaderSelector(["x-A"]).select(headers) == {"x-a": ["1", "2", "3", "4"]}


def test_a_trailing_star_selects_headers_by_prefix_in_any_case() -> None:
    assert HeaderSelector(["X-*"]).select(HEADERS) == {"x-a": ["1", "2"], "x-b": "3"}
    assert HeaderSelector(["*"]).select(HEADERS) == HEADERS


def test_a_star_before_the_end_of_a_header_name_is_literal() -> None:
    headers: dict[str, str | list[str]] = {"x*a": "1", "xa": "2", "x*b": "3", "x-*": "4"}
    assert HeaderSelector(["x*a"]).select(headers) == {"x*a": "1"}
    assert HeaderSelector(["x**"]).select(headers) == {"x*a": "1", "x*b": "3"}


def test_a_header_goes_to_the_first_entry_that_selects_it() -> None:
    selected = HeaderSelector(["x-b", "x-*", "*", "x-a"]).select(HEADERS)
    assert list(selected) == ["x-b", "x-a", "subject", "received"]


def test_selecting_leaves_the_headers_as_they_were() -> None:
    before = dict(HEADERS)
    HeaderSelector(["x-a", "*"]).select(HEADERS)
    assert before == HEADERS


_names = st.text(alphabet="aB*-", max_size=4)
_values = st.text(max_size=2) | st.lists(st.text(max_size=2), min_size=2, max_size=3)


@settings(deadline=None)
@given(st.dictionaries(_names, _values, max_size=8), st.lists(_names, max_size=5))
def test_listed_names_select_the_same_headers_with_and_without_prefixes_beside_them(
    headers: dict[str, str | list[str]], names: list[str]
) -> None:
    exact = [name for name in names if not name.endswith("*")]
    by_name = HeaderSelector(exact).select(headers)
    with_all = HeaderSelector([*exact, "*"]).select(headers)
    assert by_name.items() <= with_all.items()
    assert set(with_all) == {name.lower() for name in headers}
    assert set(by_name) == set(with_all) & {name.lower() for name in exact}


def records(*events: dict[str, Any]) -> list[Record]:
    lines = [json.dumps({"type": "Delivery"} | event).encode() for event in events]
    return EventDecoder(NodeId({})).decode(lines).records


_meta_names = st.sampled_from(["tenant", "campaign", "x_a", "x_b"])
_lists = st.lists(st.sampled_from(["tenant", "campaign", "x_a", "x_*", "X-A*", "x-a", "*"]))
_events = st.fixed_dictionaries(
    {
        "queue": st.sampled_from(["camp:ten@a.example", "a.example"]),
        "meta": st.dictionaries(_meta_names, st.none() | st.just("v") | st.lists(st.none())),
        "headers": st.dictionaries(st.sampled_from(["x-a", "X-A", "x-b", "x-ab"]), _values),
    }
)


@given(st.lists(_events, max_size=4), _lists)
def test_records_of_the_same_names_get_what_each_gets_by_itself(
    events: list[dict[str, Any]], listed: list[str]
) -> None:
    many = records(*events, *events)
    meta, headers = MetaSelector(listed, DERIVED_META), HeaderSelector(listed)
    metas, groups = meta.select_each(many, derived_meta), headers.select_each(many)
    for record, some, group in zip(many, metas, groups, strict=True):
        expected = meta.select(record.meta, partial(derived_meta, record))
        assert some == expected
        assert list(some) == list(record.meta if some == record.meta else expected)
        listed_headers = headers.select(record.headers)
        assert group == listed_headers
        assert list(group) == list(record.headers if group == record.headers else listed_headers)


def test_records_with_ever_other_names_get_what_each_gets_by_itself() -> None:
    many = records(*({"meta": {f"x_{n}": n, "y" * (n // 300 * 2000): n}} for n in range(600)))
    found = MetaSelector(["x_*"]).select_each(many * 2, derived_meta)
    assert found == [{f"x_{n}": n} for n in range(600)] * 2


def test_a_null_among_records_of_the_same_names_is_left_out_by_name() -> None:
    many = records(*({"meta": {"a": value}} for value in (1, None, 2)))
    assert MetaSelector(["a"]).select_each(many, derived_meta) == [{"a": 1}, {}, {"a": 2}]
    assert MetaSelector(["*"]).select_each(many, derived_meta)[1] == {"a": None}


def test_what_is_selected_whole_is_not_copied() -> None:
    (record,) = records({"meta": {"a": 1, "b": 2}, "headers": {"a": "c", "b": "d"}})
    for names in (["*"], ["b", "a"], ["b*", "a"]):
        assert MetaSelector(names).select_each([record], derived_meta)[0] is record.meta
        assert HeaderSelector(names).select_each([record])[0] is record.headers


def test_a_flood_of_spellings_and_prefixes_is_selected() -> None:
    spellings = {format(i, "017b").replace("0", "a").replace("1", "A"): "v" for i in range(1 << 17)}
    selected = HeaderSelector(["A*", "*"]).select(spellings)
    assert {name: len(values) for name, values in selected.items()} == {"a" * 17: 1 << 17}
