from __future__ import annotations

from typing import Any

import pytest
from templates.dialect import engine

from kumolog.templates import TemplateError


def render(source: str, **record: Any) -> str:
    return engine({"Any": source}).render("Any", record)


def test_random_picks_a_member_or_a_character() -> None:
    for _ in range(20):
        assert render("{{ r|random }}", r=["a", "b"]) in {"a", "b"}
        assert render("{{ 'xy'|random }}") in {"x", "y"}


def test_random_shows_a_picked_object_as_the_engine_does() -> None:
    assert render("{{ r|random }}", r=[{"k": None}]) == '{"k": none}'


def test_randrange_stays_within_its_limits() -> None:
    source = "{{ randrange(3) }},{{ randrange(5, 7) }},{{ randrange(-2, 0) }}"
    seen = {render(source) for _ in range(60)}
    numbers = [[int(part) for part in line.split(",")] for line in seen]
    assert all(0 <= a < 3 and 5 <= b < 7 and -2 <= c < 0 for a, b, c in numbers)
    assert len(seen) > 1


def test_a_seed_gives_the_same_numbers_again() -> None:
    source = "{% set RAND_SEED = 42 %}" + "{{ randrange(1000000) }} " * 3
    first = render(source)
    assert render(source) == first
    assert len(set(first.split())) == 3


def test_lipsum_makes_paragraphs_of_sentences() -> None:
    paragraphs = render("{{ lipsum(2, min=30, max=40) }}").split("\n\n")
    assert paragraphs[-1] == ""
    assert len(paragraphs) == 3
    for paragraph in paragraphs[:-1]:
        assert 30 <= len(paragraph.split()) < 40
        assert paragraph[0].isupper()
        assert paragraph.endswith(".")


def test_lipsum_takes_its_number_by_name_too_and_can_be_html() -> None:
    text = render("{{ lipsum(n=1, html=true, min=1, max=1) }}")
    assert text.startswith("<p>")
    assert text.endswith("</p>\n\n")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ []|random }}", "random: cannot select a random element of an empty sequence"),
        ("{{ 5|random }}", "random: can only select random elements from sequences"),
        ("{{ randrange('x') }}", "randrange: expected integers, got 'x' and None"),
        ("{{ randrange(1, 1.5) }}", "randrange: expected integers"),
        ("{{ lipsum(1000000000) }}", "lipsum: n 1000000000"),
        ("{{ lipsum(1, min=5, max=2) }}", "min 5 and max 2"),
    ],
)
def test_what_makes_no_sense_is_refused(source: str, reason: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render(source)
    assert reason in str(caught.value)
