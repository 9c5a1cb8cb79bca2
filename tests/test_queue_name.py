from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.queue_name import QueueName, QueueNameError, compose_queue_name, parse_queue_name


@pytest.mark.parametrize(
    ("campaign", "tenant", "routing_domain", "name"),
    [
        ("c", "t", None, "c:t@d.example"),
        ("c", None, None, "c:@d.example"),
        (None, "t", None, "t@d.example"),
        (None, None, None, "d.example"),
        ("c", "t", "r.example", "c:t@d.example!r.example"),
        (None, None, "r.example", "d.example!r.example"),
        (None, "", None, "@d.example"),
        ("", None, None, ":@d.example"),
        (None, None, "", "d.example!"),
    ],
)
def test_a_queue_name_is_composed_of_the_parts_that_are_set(
    campaign: str | None, tenant: str | None, routing_domain: str | None, name: str
) -> None:
    assert compose_queue_name(campaign, tenant, "d.example", routing_domain) == name


def test_only_the_domain_is_lower_cased() -> None:
    assert compose_queue_name("C", "T", "D.Example", "R.Example") == "C:T@d.example!R.Example"


@pytest.mark.parametrize("value", [1, 1.5, True, ["c"], {"c": 1}, b"c"])
@pytest.mark.parametrize("position", [0, 1, 3])
def test_a_meta_value_that_is_no_string_is_refused_by_its_name(
    value: object, position: int
) -> None:
    part = ("campaign", "tenant", "domain", "routing_domain")[position]
    arguments: list[object] = [None, None, "d.example", None]
    arguments[position] = value
    with pytest.raises(QueueNameError, match=rf"meta value {part} is .*string or null"):
        compose_queue_name(*arguments)  # type: ignore[arg-type]  # the domain stays a string


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("c:t@d!r", QueueName("c", "t", "d", "r")),
        ("t@d", QueueName(None, "t", "d", None)),
        ("d", QueueName(None, None, "d", None)),
        ("d!r", QueueName(None, None, "d", "r")),
        ("@d", QueueName(None, "", "d", None)),
        ("c:@d", QueueName("c", "", "d", None)),
        ("", QueueName(None, None, "", None)),
    ],
)
def test_a_queue_name_is_split_into_its_parts(name: str, parts: QueueName) -> None:
    assert parse_queue_name(name) == parts


def test_only_the_first_of_each_separator_splits() -> None:
    assert parse_queue_name("a:b:c@d@e!f!g") == QueueName("a", "b:c", "d@e", "f!g")


def test_separators_split_only_in_their_own_part_of_the_name() -> None:
    assert parse_queue_name("a!b@c:d") == QueueName(None, "a!b", "c:d", None)


_word = st.text(st.characters(codec="utf-8", exclude_characters=":@!"))
_set_or_not = st.none() | _word


@settings(deadline=None)
@given(_set_or_not, _set_or_not, _word.map(str.lower), _set_or_not)
def test_a_composed_name_is_parsed_back(
    campaign: str | None, tenant: str | None, domain: str, routing_domain: str | None
) -> None:
    if campaign is not None and tenant is None:
        tenant = ""  # the name is the same for both
    name = compose_queue_name(campaign, tenant, domain, routing_domain)
    assert parse_queue_name(name) == (campaign, tenant, domain.lower(), routing_domain)


@settings(deadline=None)
@given(st.text(alphabet="aB:@!", max_size=12))
def test_every_text_is_a_queue_name_made_of_its_parts(name: str) -> None:
    campaign, tenant, domain, routing_domain = parse_queue_name(name)
    assert compose_queue_name(campaign, tenant, domain, routing_domain).lower() == name.lower()
