"""The filters the Python package lacks or does otherwise, as a template calls them."""

from __future__ import annotations

import json
from typing import Any

import minijinja
import pytest
from hypothesis import given
from hypothesis import strategies as st
from templates.dialect import engine

from kumolog.templates import TemplateError


def render(source: str, **record: Any) -> str:
    return engine({"Any": source}).render("Any", record)


def failure(source: str, **record: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        render(source, **record)
    return str(caught.value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_tojson_is_compact_and_sorted_json_without_html_in_it(value: Any) -> None:
    text = render("{{ value|tojson }}", value=value)
    assert json.loads(text) == value
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&'":
        expected = expected.replace(character, f"\\u00{ord(character):x}")
    assert text == expected


INTEGER_TREES = st.recursive(
    st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
)


@given(INTEGER_TREES, st.integers(0, 5))
def test_tojson_indents_as_the_engine_does(value: Any, indent: int) -> None:
    # Sorted, since the engine keeps the order of a map that it made itself.
    source = f"{{{{ {json.dumps(value, sort_keys=True)}|tojson({indent}) }}}}"
    assert render(source) == minijinja.render_str(source)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("", '{"a":[1]}'),
        ("(none)", '{"a":[1]}'),
        ("(false)", '{"a":[1]}'),
        ("(true)", '{\n  "a": [\n    1\n  ]\n}'),
        ("(indent=1)", '{\n "a": [\n  1\n ]\n}'),
        ("(0)", '{\n"a": [\n1\n]\n}'),
    ],
)
def test_tojson_takes_an_indent(arguments: str, text: str) -> None:
    assert render(f"{{{{ m|tojson{arguments} }}}}", m={"a": [1]}) == text


def test_tojson_of_undefined_is_null_and_of_a_records_float_keeps_the_point() -> None:
    source = "{{ nope|tojson }} {{ floats|tojson }}"
    assert render(source, floats=[1.0, 1e16, 1e-7]) == "null [1.0,1e16,1e-7]"


def test_tojson_takes_maps_and_lists_that_hold_the_records() -> None:
    source = "{{ [m, {'k': l}, 'x'|safe]|tojson }}"
    assert render(source, m={"b": 1, "a": 2}, l=[1]) == '[{"a":2,"b":1},{"k":[1]},"x"]'


def test_tojson_is_safe_text() -> None:
    assert render("{{ m|tojson|escape }}", m={"a": 1}) == '{"a":1}'


def test_tojson_refuses_an_indent_that_is_none() -> None:
    assert "indent must be true, false or a number" in failure("{{ 1|tojson('x') }}")
    assert "indent must be" in failure("{{ 1|tojson(-1) }}")
    assert "unknown argument width, expected indent" in failure("{{ 1|tojson(width=1) }}")


def test_pprint_shows_a_member_a_line() -> None:
    assert render("{{ m|pprint }}", m={"a": [1, {}], "b": None}) == (
        '{\n    "a": [\n        1,\n        {},\n    ],\n    "b": none,\n}'
    )


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("Hello world!", 2), ("a-b c_d 1.2 é", 6), ("...", 0), (5, 0), (None, 0)],
)
def test_wordcount_counts_runs_of_letters_digits_and_underscores(text: Any, count: int) -> None:
    assert render("{{ text|wordcount }}", text=text) == str(count)


def test_normalize_smtp_response_is_a_filter_of_texts() -> None:
    assert render("{{ t|normalize_smtp_response }}", t="from 192.0.2.1 ok") == "from {ipaddr} ok"
    assert "expected the text of a response, got 5" in failure("{{ 5|normalize_smtp_response }}")


def test_wordwrap_takes_its_options_by_name() -> None:
    assert render("{{ 'aa bb cc'|wordwrap(width=5, wrapstring='|') }}") == "aa bb|cc"
    assert "wordwrap" in failure("{{ 'aa'|wordwrap(5) }}")
