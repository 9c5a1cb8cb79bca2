"""Templates, driven through the real engine: KumoMTA's dialect, section by section."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from templates.dialect import engine

from kumolog.templates import TemplateError, unknown_variables
from kumolog.templates.confined import FUEL

RECORD: dict[str, Any] = {
    "type": "Bounce",
    "id": "1d98076abbbc11ed940250ebf67f93bd",
    "sender": "s@example.com",
    "recipient": "r@example.com",
    "response": {"code": 550, "enhanced_code": {"class": 5}, "content": "no <such> 'user' & co"},
    "timestamp": 1678065221,
    "created": 1678065214,
    "egress_pool": None,
    "feedback_report": None,
    "meta": {"Tenant": "t", "n": 1.0, "list": [True, None], "map": {"k": 1}},
    "headers": {"subject": "hi", "x-foo": ["1", "2"]},
}


def render(source: str, record: dict[str, Any] = RECORD, **others: str) -> str:
    return engine({"Bounce": source, **others}).render("Bounce", record)


def failure(source: str, record: dict[str, Any] = RECORD, **others: str) -> str:
    templates = engine({"Bounce": source, **others})
    with pytest.raises(TemplateError) as caught:
        templates.render("Bounce", record)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The context


def test_the_bounce_example_renders_an_unknown_code_as_nothing() -> None:
    source = "Bounce! id={{ id }}, from={{ sender }} code={{ code }} age={{ timestamp - created }}"
    assert render(source) == (
        "Bounce! id=1d98076abbbc11ed940250ebf67f93bd, from=s@example.com code= age=7"
    )


def test_fields_are_variables_and_log_record_is_the_whole_record() -> None:
    source = "{{ type }} {{ response.code }} {{ log_record.sender }} {{ log_record.response.code }}"
    assert render(source) == "Bounce 550 s@example.com 550"


def test_null_is_none_and_an_omitted_field_is_undefined() -> None:
    source = (
        "{{ egress_pool }} {{ egress_pool is none }} [{{ tls_cipher }}] {{ tls_cipher is defined }}"
    )
    assert render(source) == "none true [] false"


def test_what_one_record_had_is_not_there_for_the_next() -> None:
    templates = engine({"Any": "{{ sender }},{{ queue }},{{ id }}"})
    assert templates.render("Any", {"sender": "a", "queue": "q", "id": "1"}) == "a,q,1"
    assert templates.render("Any", {"sender": None, "id": "2"}) == "none,,2"
    assert templates.render("Any", {}) == ",,"


@pytest.mark.parametrize(
    "source",
    [
        "{{ headers.Subject }}",
        "{{ headers['SUBJECT'] }}",
        "{{ headers['subject'] }}",
        "{{ log_record.headers.Subject }}",
        "{{ headers.get('Subject') }}",
        "{% if 'Subject' in headers %}{{ headers.subject }}{% endif %}",
    ],
)
def test_a_header_is_found_in_any_spelling(source: str) -> None:
    assert render(source) == "hi"


def test_headers_stay_a_plain_map_of_lower_case_names() -> None:
    source = "{{ headers|tojson }} {{ headers }} {% for name in headers %}{{ name }};{% endfor %}"
    assert render(source) == (
        '{"subject":"hi","x-foo":["1","2"]} {"subject": "hi", "x-foo": ["1", "2"]} subject;x-foo;'
    )


def test_meta_names_are_exact() -> None:
    assert render("{{ meta.Tenant }}[{{ meta.tenant }}]") == "t[]"


@pytest.mark.parametrize(
    "source",
    [
        "{% set sender = sender|upper %}{{ sender }}",
        "{% with x = sender %}{{ x|upper }}{% endwith %}",
        "{% for sender in [sender] %}{{ sender|upper }}{% endfor %}",
        "{% macro m(x=sender) %}{{ x|upper }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{{ sender|upper }}{% endmacro %}{{ m() }}",
        "{% set ns = namespace() %}{% set ns.x = sender %}{{ ns.x|upper }}",
        "{% filter upper %}{{ sender }}{% endfilter %}",
        "{% if egress_pool %}{% set sender = 1 %}{% endif %}{{ sender|upper }}",
        '{% set x %}{{ sender }}{% endset %}{{ "}}"[:0] }}{{ x|upper }}',
    ],
)
def test_a_field_is_seen_wherever_a_template_uses_it(source: str) -> None:
    assert render(source) == "S@EXAMPLE.COM"


@pytest.mark.parametrize("name", ["items", "values", "pop", "get", "update", "copy"])
def test_an_unknown_variable_is_empty_whatever_its_name(name: str) -> None:
    assert render(f"[{{{{ {name} }}}}][{{{{ meta.{name} }}}}]") == "[][]"


@given(
    st.dictionaries(
        st.sampled_from(["id", "sender", "recipient", "queue", "site", "type"]),
        st.text() | st.none() | st.integers(-(2**63), 2**63 - 1),
    )
)
def test_any_text_in_any_field_comes_out_as_it_is(record: dict[str, Any]) -> None:
    names = ["id", "sender", "recipient", "queue", "site", "type"]
    source = "|".join(f"{{{{ {name} }}}}" for name in names)
    shown = [record.get(name, "") for name in names]
    assert render(source, record) == "|".join(
        "none" if value is None else str(value) for value in shown
    )


def test_records_with_texts_in_ever_other_fields_render_right() -> None:
    names = [f"f{index}" for index in range(10)]
    templates = engine({"Any": ",".join(f"{{{{ {name} }}}}" for name in names)})
    for pattern in range(2**10):
        record = {name: name for index, name in enumerate(names) if pattern >> index & 1}
        assert templates.render("Any", record) == ",".join(record.get(name, "") for name in names)


# Settings and printing


def test_containers_print_as_the_engine_prints_its_own() -> None:
    source = "{{ meta }} {{ meta.list ~ '!' }} {{ [meta.map]|string }} {{ meta.list|join('-') }}"
    assert render(source) == (
        '{"Tenant": "t", "list": [true, none], "map": {"k": 1}, "n": 1.0} '
        '[true, none]! [{"k": 1}] true-none'
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ recipient is sequence }} {{ recipient|length }}", "true 2"),
        ("{{ recipient[0] }} {{ recipient[-1] }} {{ recipient[1:] }}", 'a b ["b"]'),
        ("{{ recipient|first }} {{ recipient|reverse }}", 'a ["b", "a"]'),
        ("{{ 'a' in recipient }} {{ recipient == ['a', 'b'] }}", "true true"),
        ("{{ recipient + ['c'] }} {{ recipient.count('a') }}", '["a", "b", "c"] 1'),
        ("{% for x in recipient %}{{ loop.index }}{{ x }}{% endfor %}", "1a2b"),
    ],
)
def test_a_list_of_the_record_works_like_a_list(source: str, text: str) -> None:
    assert render(source, {"recipient": ["a", "b"]}) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ meta is mapping }} {{ meta|length }}", "true 2"),
        ("{% for k, v in meta|items %}{{ k }}={{ v }};{% endfor %}", "a=none;b=1;"),
        ("{% for k, v in meta.items() %}{{ k }}={{ v }};{% endfor %}", "a=none;b=1;"),
        ("{{ meta|dictsort }}", '[["a", none], ["b", 1]]'),
        ("{{ meta.keys() }} {{ meta.values() }}", '["a", "b"] [none, 1]'),
        (
            "{{ meta.get('b') }} {{ meta.get('x') }} {{ meta == {'b': 1, 'a': none} }}",
            "1 none true",
        ),
    ],
)
def test_an_object_of_the_record_works_like_a_map(source: str, text: str) -> None:
    assert render(source, {"meta": {"b": 1, "a": None}}) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "{{ response }}",
            '{"code": 550, "content": "no", "enhanced_code": {"class": 5, "subject": 1}}',
        ),
        ("{% for k in response %}{{ k }};{% endfor %}", "code;content;enhanced_code;"),
        ("{{ meta|items }}", '[["B", 1], ["a", [{"x": 1, "y": 2}]], ["b", none]]'),
        ("{{ meta.keys() }} {{ meta.values() }}", '["B", "a", "b"] [1, [{"x": 1, "y": 2}], none]'),
        ("{{ meta|dictsort(by='key')|map('first') }}", '["a", "B", "b"]'),
        ("{{ headers }} {{ headers|list }}", '{"a": "1", "x": "2"} ["a", "x"]'),
        ("{{ headers|pprint }}", '{\n    "a": "1",\n    "x": "2",\n}'),
        ("{{ log_record|list }}", '["headers", "meta", "response", "type"]'),
        (
            "{{ log_record }}",
            '{"headers": {"a": "1", "x": "2"}, '
            '"meta": {"B": 1, "a": [{"x": 1, "y": 2}], "b": none}, '
            '"response": {"code": 550, "content": "no", '
            '"enhanced_code": {"class": 5, "subject": 1}}, "type": "Bounce"}',
        ),
    ],
)
def test_maps_of_the_record_come_sorted_by_key_at_every_level(source: str, text: str) -> None:
    record = {
        "type": "Bounce",
        "response": {"enhanced_code": {"subject": 1, "class": 5}, "content": "no", "code": 550},
        "meta": {"b": None, "a": [{"y": 2, "x": 1}], "B": 1},
        "headers": {"x": "2", "a": "1"},
    }
    assert render(source, record) == text


@given(st.permutations(["b", "B", "a", "é", "Z", "10", "9"]))
def test_the_order_of_a_records_fields_never_shows(keys: list[str]) -> None:
    source = "".join(
        f"{{{{ {shown} }}}}{{{{ {shown}|list }}}}{{{{ {shown}|items }}}}{{{{ {shown}|pprint }}}}"
        f"{{{{ {shown}|tojson }}}}{{{{ {shown}|dictsort }}}}{{{{ {shown}|join }}}}"
        f"{{{{ {shown}|reverse }}}}{{{{ {shown}|dictsort(by='value') }}}}{{{{ [{shown}] }}}}"
        f"{{{{ {shown}.keys() }}}}{{{{ {shown}.values() }}}}{{{{ dict({shown}) }}}}"
        for shown in ("meta", "headers", "log_record")
    )

    def record(order: list[str]) -> dict[str, Any]:
        tied = dict.fromkeys(order, 1)
        inner = {"map": tied} | tied
        return {"meta": inner, "headers": tied} | tied

    assert render(source, record(keys)) == render(source, record(sorted(keys)))


def test_one_trailing_newline_is_dropped() -> None:
    assert [render(source) for source in ("x\n", "x\r\n", "x\n\n", "x")] == ["x", "x", "x\n", "x"]


def test_blocks_keep_the_blanks_and_newlines_around_them() -> None:
    assert render("a\n  {% if true %}\nb\n{% endif %}\nc") == "a\n  \nb\n\nc"


def test_nothing_is_escaped() -> None:
    assert render("{{ response.content }}") == "no <such> 'user' & co"


def test_loops_can_be_left_and_continued() -> None:
    source = "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}"
    assert render(source + "{% if i == 3 %}{% break %}{% endif %}{% endfor %}") == "023"


def test_templates_include_and_import_each_other_by_record_type() -> None:
    shared = "{% macro who() %}{{ sender }}/{{ log_record.type }}{% endmacro %}{{ queue }}"
    source = "{% import 'Any' as a %}{{ a.who() }} {% include 'Any' %}"
    record = {"type": "Bounce", "sender": "s", "queue": "q"}
    assert render(source, record, Any=shared) == "s/Bounce q"


def test_text_and_dict_methods_of_python_work() -> None:
    assert render("{{ sender.upper().startswith('S') }} {{ ' x '.strip() }}") == "true x"


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in nope %}x{% endfor %}",
        "{% if nope %}x{% endif %}",
        "{{ feedback_report.x }}",
        "{{ meta.nope }}",
    ],
)
def test_undefined_is_lenient(source: str) -> None:
    assert render(source) == ""


def test_undefined_has_a_default() -> None:
    assert render("{{ nope|default('-') }}{{ feedback_report.x|default('-') }}") == "--"


@pytest.mark.parametrize(
    "source",
    ["{{ nope.x }}", "{{ nope + 1 }}", "{{ nope|length }}", "{{ feedback_report.x.y }}"],
)
def test_going_on_from_undefined_is_an_error(source: str) -> None:
    assert "(in Bounce:1)" in failure(source)


# Names


BUILTIN_FILTERS = (
    "safe escape e lower upper title capitalize replace length count dictsort items reverse trim "
    "join split lines default d round abs int float attr first last min max sort list string bool "
    "batch slice sum indent select reject selectattr rejectattr map groupby unique chain zip "
    "pprint format tojson pluralize filesizeformat truncate striptags wordcount wordwrap "
    "datetimeformat timeformat dateformat random normalize_smtp_response"
)
TESTS = (
    "undefined defined none safe escaped boolean odd even divisibleby number integer int float "
    "string sequence iterable mapping startingwith endingwith lower upper sameas eq equalto ne lt "
    "lessthan le gt greaterthan ge in true false filter test"
)


@pytest.mark.parametrize("name", BUILTIN_FILTERS.split())
def test_kumomtas_filter_exists(name: str) -> None:
    assert render(f"{{{{ '{name}' is filter }}}}") == "true"


@pytest.mark.parametrize("name", TESTS.split())
def test_kumomtas_test_exists(name: str) -> None:
    assert render(f"{{{{ '{name}' is test }}}}") == "true"


@pytest.mark.parametrize(
    "name",
    ["range", "dict", "debug", "namespace", "now", "lipsum", "randrange", "cycler", "joiner"],
)
def test_kumomtas_function_exists(name: str) -> None:
    assert render(f"{{{{ {name} is defined }}}}") == "true"


def test_urlencode_is_no_filter_of_kumomta() -> None:
    assert "filter urlencode is unknown" in failure("{{ sender|urlencode }}")


def test_now_is_the_clocks_time_in_microseconds() -> None:
    templates = engine({"Any": "{{ now() }}"}, clock=lambda: 1678065221.1234567)
    assert templates.render("Any", {}) == "1678065221.123456"


def test_the_whole_record_as_json_is_compact_sorted_and_safe_in_html() -> None:
    text = render("{{ log_record | tojson }}")
    assert text == json.dumps(RECORD, sort_keys=True, separators=(",", ":")).translate(
        {ord(char): f"\\u00{ord(char):x}" for char in "<>&'"}
    )


# Errors


def test_a_template_that_does_not_compile_is_named_with_its_source_line() -> None:
    with pytest.raises(TemplateError) as caught:
        engine({"Delivery": "ok", "Bounce": "first\n{{ id\n"})
    text = str(caught.value)
    assert text.startswith('compiling template: "first\n{{ id\n" for record type Bounce: ')
    assert "unexpected end of input" in text
    assert "(in Bounce:2)" in text
    assert text.endswith(": {{ id")


def test_an_empty_template_renders_an_empty_line() -> None:
    assert render("") == ""


def test_unknown_filters_show_only_when_they_are_reached() -> None:
    assert render("{% if nope %}{{ id|nosuch }}{% endif %}ok") == "ok"
    assert failure("a\nb{{ id|nosuch }}") == (
        "unknown filter: filter nosuch is unknown (in Bounce:2)"
    )


def test_an_error_in_an_included_template_names_both_places() -> None:
    text = failure("a{% include 'Any' %}", Any="\n{{ nope.x }}")
    assert 'error in "Any" (in Bounce:1)' in text
    assert "(in Any:2)" in text


def test_an_error_in_a_filter_of_ours_names_filter_and_line() -> None:
    text = failure("\n{{ sender|dateformat }}")
    assert text.startswith("invalid operation: dateformat: not a valid date")
    assert text.endswith("(in Bounce:2)")
    assert failure("{% include 'Any' %}", Any="\n\n{{ 1|wordwrap(2) }}").endswith("(in Any:3)")


@pytest.mark.parametrize(
    ("source", "kind"), [("meta.clear()", "map"), ("meta.list.clear()", "sequence")]
)
def test_an_unknown_method_names_itself_and_the_line(source: str, kind: str) -> None:
    assert failure(f"\n{{{{ {source} }}}}") == (
        f"unknown method: {kind} has no method named clear (in Bounce:2)"
    )


def test_a_method_called_wrongly_is_an_error() -> None:
    assert "get()" in failure("{{ meta.get() }}")


def test_a_template_that_does_not_end_runs_out_of_fuel() -> None:
    loops = "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3
    assert failure(f"\n{loops}") == (f"engine ran out of fuel after {FUEL} steps (in Bounce:2)")


def test_endless_recursion_is_an_error() -> None:
    assert "recursion limit" in failure("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")
    assert "recursion limit" in failure("{% include 'Bounce' %}")


def test_a_failure_inside_the_engine_is_an_error_and_the_next_record_is_fine() -> None:
    templates = engine({"Bounce": "{{ [1]|slice(count)|list }}{{ id }}"})
    with pytest.raises(TemplateError, match=r"capacity overflow \(in Bounce\)"):
        templates.render("Bounce", {"id": "x", "count": 2**62})
    assert templates.render("Bounce", {"id": "x", "count": 1}) == "[[1]]x"


def test_an_interrupt_is_no_template_error() -> None:
    def interrupted() -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine({"Any": "{{ now() }}"}, clock=interrupted).render("Any", {})


def test_a_template_has_no_way_into_python() -> None:
    source = (
        "{{ meta.__class__ }}{{ meta._fields }}{{ meta.__init__ }}{{ now.__globals__ }}"
        "{{ meta|attr('__class__') }}{{ log_record.get.__func__ }}"
    )
    assert render(source) == ""
    assert "insecure method call" in failure("{{ meta.__init__() }}")


# Checking


def test_unknown_variables_are_those_nobody_has() -> None:
    source = (
        "{{ code }}{{ sender }}{{ now() }}{% set z = 1 %}{{ z }}{{ log_record.x }}{{ sendr }}"
        "{% for i in range(3) %}{{ i }}{{ loop.index }}{% endfor %}"
        "{% macro m(a) %}{{ a }}{{ caller() }}{% endmacro %}"
    )
    assert unknown_variables(source, ["sender", "id"]) == ["code", "sendr"]


def test_variables_of_a_template_that_does_not_compile_cannot_be_checked() -> None:
    with pytest.raises(TemplateError, match="compiling template"):
        unknown_variables("{{", [])
