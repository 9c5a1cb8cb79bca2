"""What is filled in without the engine is what the engine renders."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from templates.dialect import engine

from kumolog.clock import SYSTEM_CLOCK
from kumolog.completion import complete
from kumolog.nodeid import NodeId
from kumolog.record import RECORD_FIELDS, Record
from kumolog.templates import TemplateError, Templates
from kumolog.templates.direct import Direct, Select

TEXTS = st.text(alphabet="aé\"\\{}%\n\r\x1f\x00' ", max_size=4)
BLANKS = st.text(alphabet=" \t\r\n", max_size=2)
NAMES = ["a", "B", "get", "x_1", "class"]
PATHS = [*RECORD_FIELDS, *(f"{field}.{name}" for field in ("meta", "headers") for name in NAMES)]
FIELDS = st.builds("{{{{{}{}{}}}}}".format, BLANKS, st.sampled_from(PATHS), BLANKS)
OTHERS = st.sampled_from(
    [
        *("{{", "}}", "{%", "{#", "#}", "{", "%s", "%", "{{ nope }}", "{{- id }}", "{{ id -}}"),
        *("{# id #}", "{% raw %}{{ id }}{% endraw %}", "{{ id|upper }}", "{{ 'id' }}"),
        *(
            "{{ true }}",
            "{{ id.x }}",
            "{{ meta.a.b }}",
            "{{ meta._fields }}",
            "{{ Id }}",
            "{{\x0bid }}",
            "\n",
            "\r\n",
        ),
    ]
)
SOURCES = st.lists(TEXTS | FIELDS | FIELDS | OTHERS, max_size=6).map("".join)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=3,
)
SELECT: Select = {
    "meta": lambda records: [record.meta for record in records],
    "headers": lambda records: [record.headers for record in records],
}
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["Delivery", "Bounce"])},
    optional={
        **dict.fromkeys(("id", "sender", "queue", "session_id", "tls_cipher", "nodeid"), TEXTS),
        **{name: st.integers(0, 2**63 - 1) for name in ("size", "timestamp", "created")},
        "recipient": TEXTS | st.lists(TEXTS, max_size=3),
        "egress_pool": st.none() | TEXTS,
        "meta": st.dictionaries(st.sampled_from(NAMES), VALUES),
        "headers": st.dictionaries(
            st.sampled_from(["a", "b", "get"]), TEXTS | st.lists(TEXTS, min_size=2, max_size=3)
        ),
        "response": st.fixed_dictionaries(
            {"code": st.integers(0, 999), "content": TEXTS},
            optional={
                "enhanced_code": st.none()
                | st.fixed_dictionaries(
                    {"class": st.just(5), "subject": st.just(1), "detail": st.just(0)}
                )
            },
        ),
        "peer_address": st.none()
        | st.fixed_dictionaries({"name": TEXTS}, optional={"is_secure": st.booleans()}),
        "source_address": st.none() | st.fixed_dictionaries({"address": TEXTS}),
        "tls_peer_subject_name": st.lists(TEXTS, max_size=2),
    },
)


def completed(event: dict[str, Any]) -> Record:
    return complete(event, 0, NodeId({}), SYSTEM_CLOCK)


def rendered(source: str, record: Record) -> str | None:
    try:
        return engine({"Any": source}).render("Any", msgspec.to_builtins(record))
    except TemplateError:
        return None


@given(SOURCES, st.lists(EVENTS, min_size=1, max_size=4))
@example("{{{ id }}", [{"type": "Delivery"}])
@example("{{ id }}}{{ id }}\r", [{"type": "Delivery"}])
@example("%s%%{{ id }}%d", [{"type": "Delivery"}])
def test_what_is_filled_in_is_what_the_engine_renders(
    source: str, events: list[dict[str, Any]]
) -> None:
    direct = Direct.of(source)
    records = [completed(event) for event in events]
    for record, text in zip(
        records, direct.texts(records, 2000, SELECT) if direct else (), strict=False
    ):
        assert text is None or text == rendered(source, record)


@given(st.sampled_from(PATHS), EVENTS)
def test_a_field_of_a_record_comes_out_as_the_engine_shows_it(
    field: str, event: dict[str, Any]
) -> None:
    source = f"<{{{{ {field} }}}}>"
    direct, record = Direct.of(source), completed(event)
    if direct is not None:
        (text,) = direct.texts([record], 2000, SELECT)
        assert text is None or text == rendered(source, record)


def test_only_templates_of_plain_fields_are_filled_in() -> None:
    csv = "{{ type }},{{ id }},{{ recipient }},{{response.code}}\n"
    assert Direct.of(csv) is not None
    for addition in (
        "{{ meta }}",
        "{{ meta.a.b }}",
        "{{ response }}",
        "{{ id|upper }}",
        "{# #}",
        "{% if id %}",
        "{",
    ):
        assert Direct.of(csv + addition) is None
    assert Direct.of("only text") is None
    assert Direct.of(csv * 100) is None


def test_meta_is_found_by_its_name_and_a_header_in_any_spelling() -> None:
    source = "{{ meta.a }}|{{ meta.A }}|{{ headers.Subject }}|{{ headers.x }}"
    meta = {"A": ["x", None], "a": True}
    record = completed({"type": "Delivery", "meta": meta, "headers": {"subject": "hi"}})
    direct = Direct.of(source)
    assert direct is not None
    assert direct.texts([record], 2000, SELECT) == ['true|["x", none]|hi|']
    assert rendered(source, record) == 'true|["x", none]|hi|'


@pytest.mark.parametrize("value", [1.5, 1e300, 2**63, -(2**70)])
def test_numbers_that_no_field_has_are_for_the_engine(value: float) -> None:
    direct = Direct.of("{{ meta.a }}")
    assert direct is not None
    records = [completed({"type": "Delivery", "meta": {"a": number}}) for number in (7, value)]
    assert direct.texts(records, 2000, SELECT) == ["7", None]


def test_values_nested_too_deeply_are_for_the_engine() -> None:
    nested: Any = "x"
    for _ in range(700):
        nested = [nested]
    direct = Direct.of("{{ meta.a }}")
    assert direct is not None
    records = [completed({"type": "Delivery", "meta": {"a": value}}) for value in ("b", nested)]
    assert direct.texts(records, 2000, SELECT) == ["b", None]


def test_records_whose_objects_are_absent_are_for_the_engine() -> None:
    direct = Direct.of("{{ source_address.address }}")
    assert direct is not None
    records = [
        completed({"type": "Delivery"}),
        completed({"type": "Delivery", "source_address": {"address": "192.0.2.1:25"}}),
        completed({"type": "Delivery", "source_address": None}),
    ]
    assert direct.texts(records, 2000, SELECT) == [None, "192.0.2.1:25", None]
    assert [rendered("{{ source_address.address }}", record) for record in records] == [
        None,
        "192.0.2.1:25",
        "",
    ]


def test_records_too_long_to_be_filled_in_at_once_are_for_the_engine() -> None:
    templates = Templates({"Any": "{{ id }}", "Bounce": "{{ id|upper }}"})
    records = [completed({"type": "Delivery", "id": "x"})]
    assert templates.fill("Any", records, 2000, SELECT) == ["x"]
    assert templates.fill("Any", records, 2 << 20, SELECT) == [None]
    assert templates.fill("Bounce", records, 2000, SELECT) == [None]
