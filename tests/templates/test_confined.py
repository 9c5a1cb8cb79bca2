"""Templates that would hang or end the process that renders them."""

from __future__ import annotations

import resource
from typing import Any

import pytest

from kumolog.templates import OneTimeTemplates, TemplateError, Templates
from kumolog.templates.confined import FUEL
from kumolog.templates.worker import MEMORY

RECORD: dict[str, Any] = {
    "type": "Delivery",
    "id": "x",
    "sender": "x" * 100,
    "size": 10**11,
    "recipient": ["r"] * 100,
}

LOOPS = "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3
DOUBLING = "{% set ns = namespace(x='xx') %}{% for _ in range(60) %}{% set ns.x = {} %}{% endfor %}"
TOO_MUCH = f"it took more than {MEMORY >> 20} MB of memory (in Any)"

HAZARDS = {
    "repeated text": "{{ sender * size }}",
    "indented": "{{ 'a\\nb'|indent(size) }}",
    "a batch": "{{ recipient|batch(size, 1)|list }}",
    "slices": "{{ recipient|slice(size)|list }}",
    "a wide format": "{{ '%100000000000d'|format(1) }}",
    "a wide format of Python": "{{ '{:>100000000000}'.format(1) }}",
    "doubled text": DOUBLING.replace("{}", "ns.x ~ ns.x"),
    "doubled lists": DOUBLING.replace("{}", "[ns.x, ns.x]") + "{{ ns.x|tojson }}",
    "replaced by itself": DOUBLING.replace("{}", "ns.x|replace('x', ns.x)"),
    "joined by itself": DOUBLING.replace("{}", "ns.x|join(ns.x)"),
    "written over and over": "{% for i in range(99999) %}{{ sender * 100000 }}{% endfor %}",
}


@pytest.fixture(scope="module")
def templates() -> Templates:
    """All of them in one engine, as a policy has them."""
    return Templates(HAZARDS | {"Any": "{{ id }}!"})


@pytest.mark.parametrize("name", HAZARDS)
def test_what_would_fill_the_memory_fails_for_its_record_only(
    templates: Templates, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kumolog.templates.worker.SECONDS", 1.0)
    with pytest.raises(TemplateError) as caught:
        templates.render(name, RECORD)
    assert str(caught.value).endswith(f"(in {name})")
    assert templates.render("Any", RECORD) == "x!"


def test_the_error_says_what_ran_out(monkeypatch: pytest.MonkeyPatch) -> None:
    many = (
        "{% set l = range(99999)|list %}" + "{% for a in l %}{{ l|sort|length }}" + "{% endfor %}"
    )
    for source, text in {
        LOOPS: f"engine ran out of fuel after {FUEL} steps (in Any:1)",
        "{{ sender * size }}": TOO_MUCH,
        "{{ sender * 700000 }}": "the text is longer than 64 million characters (in Any)",
        many: "it took longer than 0.5 s (in Any)",
    }.items():
        if source == many:
            monkeypatch.setattr("kumolog.templates.worker.SECONDS", 0.5)
        with pytest.raises(TemplateError) as caught:
            Templates({"Any": source}).render("Any", RECORD)
        assert str(caught.value) == text


def test_a_large_record_is_rendered_like_any_other() -> None:
    large = {"type": "Delivery", "sender": "x" * 10_000_000, "recipient": ["ä"] * 100_000}
    templates = Templates({"Any": "{{ sender|length }}{% for r in recipient %}{{ r }}{% endfor %}"})
    assert templates.render("Any", large) == "10000000" + "ä" * 100_000
    templates = Templates({"Any": "{% for r in recipient %}{{ sender }}{% endfor %}"})
    with pytest.raises(TemplateError) as caught:
        templates.render("Any", large)
    assert str(caught.value) == TOO_MUCH


def test_what_is_rendered_elsewhere_comes_out_the_same() -> None:
    record = RECORD | {"meta": {"k": [1, 1.5, None, True, "ü\x1f"]}, "response": {"code": 250}}
    source = "{{ id }} {{ now() }} {{ meta }} {{ meta|tojson }} {{ response.code }} {{ x.y }}"
    texts = set()
    for addition in ("", "{% if false %}{{ 2 * 2 }}{% endif %}"):
        try:
            texts.add(
                Templates({"Any": source + addition}, clock=lambda: 9.5).render("Any", record)
            )
        except TemplateError as error:
            texts.add(str(error))
    assert len(texts) == 1


def test_long_loops_get_all_their_fuel() -> None:
    source = "{% for a in recipient %}{% for b in recipient %}{{ a }}{% endfor %}{% endfor %}"
    assert Templates({"Any": source}).render("Any", RECORD) == "r" * 10_000


def test_templates_that_stand_alone_are_confined_too() -> None:
    templates = OneTimeTemplates()
    assert templates.render("a", "{{ x }}", {"x": 1}) == "1"
    assert templates.render("a", "{{ x * 2 }}", {"x": "ab"}) == "abab"
    with pytest.raises(TemplateError, match=r"MB of memory \(in a\)"):
        templates.render("a", "{{ x * 100000000000 }}", {"x": "ab"})
    with pytest.raises(TemplateError, match="out of fuel"):
        templates.render("a", LOOPS, {})
    assert templates.render("a.html", "{{ x * 2 }}", {"x": "<"}) == "&lt;&lt;"


def test_a_process_that_cannot_be_started_fails_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with pytest.raises(
        TemplateError, match=r"the process to render it in does not start: .*No such"
    ):
        Templates({"Any": "{{ id * 2 }}"}).render("Any", RECORD)


def test_the_other_process_goes_when_it_is_not_needed_any_more() -> None:
    def children() -> float:
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime

    before = children()
    templates = Templates({"Any": "{{ id * 2 }}"})
    assert templates.render("Any", RECORD) == "xx"
    del templates
    assert children() > before  # it has been waited for
