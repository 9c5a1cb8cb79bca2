"""What is told of a template's growth from its text."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.templates.growth import growth


@pytest.mark.parametrize(
    ("source", "factor"),
    [
        ("", 1),
        ("plain text, a * b ~ c", 1),
        ("{{ timestamp - created }},{{ sender|lower|trim }},{{ response.code }}", 1),
        ("{% for k in meta %}{{ k }}={{ meta[k] }}{% endfor %}", 1),
        ("{% if a is not defined and (b or c) %}{% else %}{% endif %}", 1),
        ("{{ x is divisibleby(3) }}{{ x is not divisibleby(3) }}", 1),
        ("{{ headers.get('x', 'y').upper() }}{{ now()|dateformat(format='long') }}", 1),
        ("{{ x[1:2] }}{# {{ x * n }} #}{{ '{{ x * n }}' }}", 1),
        ("{{ log_record|tojson }}", 2),
        ("{{ log_record|tojson(indent=4) }}", 5),
        ("{{ a ~ ',' ~ b }}{{ c }}", 4),
        ("{{ recipient|join(', ') }}", 3),
        ("{{ text|replace('\"', \"''\")|replace('b', ' ') }}", 6),
        ("{%- set a = [b, b] -%}{% set c = a ~ a %}{{ c }}", 2 * 2),
        ("{% set x = x ~ x %}" * 10, 2**10),
        ("{% for i in range(300) %}{% endfor %}", 301),
    ],
)
def test_what_stays_bounded_has_a_factor(source: str, factor: float) -> None:
    assert growth(source) == factor


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * n }}",
        "{{ [1] * 9 }}",
        '{{ "a\\"b" * 3 }}',
        "{{ a|replace(b, c) }}",
        "{{ a|replace('b', c) }}",
        "{{ a|join(b) }}",
        "{{ a.join(b) }}",
        "{{ a.replace('b', c) }}",
        "{{ a|indent(n) }}",
        "{{ a|indent(1001) }}",
        "{{ a|indent(width=n) }}",
        "{{ a|tojson(indent=n) }}",
        "{{ a|batch(10000000000000000000000) }}",
        "{{ '%9d'|format(a) }}",
        "{{ a|map('replace', 'b', c)|list }}",
        "{{ a|unheard_of }}",
        "{{ not unheard_of() }}",
        "{{ a is in unheard_of(b) }}",
        "{% if unheard_of(a) %}{% endif %}",
        "{{ range(n)|list }}",
        "{{ {'a': {'b': 1}}.a ~ b * n }}",
        "{% for a in b recursive %}{{ loop(a) }}{% endfor %}",
        "{% set ns = namespace(x=1) %}",
        "{% set x %}{{ x }}{% endset %}",
        "{% set x | replace(a, b) %}{% endset %}",
        "{% macro f() %}{% endmacro %}",
        "{% include 'Any' %}",
        "{% raw %}{{ x }}{% endraw %}",
        "{% filter upper %}{% endfilter %}",
        "{{ 'unclosed }}{{ a * n }}",
        "{% 'unclosed %}{{ a * n }}",
        "{{ a * n",
        "{# {{ #}{{ a * 2 }}",
        "{{ '}}' * 9 }}",
    ],
)
def test_what_may_grow_without_bound_has_none(source: str) -> None:
    assert growth(source) == inf


@given(st.text(alphabet="{}%#'\"|~+*()[]= \nxn\\is.", max_size=60))
def test_any_text_has_some_growth(source: str) -> None:
    assert growth(source) >= 1
    assert growth(source + "{{ n * 2 }}") >= growth(source)
