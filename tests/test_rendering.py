"""What a record says where it is logged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.event import Batch, EventDecoder
from kumolog.lines import Lines
from kumolog.lua.scanner import Scanner
from kumolog.message import BatchMessages
from kumolog.nodeid import NodeId
from kumolog.record import Record
from kumolog.rendering import Rendering
from kumolog.templates import Templates

SCANNER = Scanner.open()


def decoded(*events: dict[str, Any]) -> tuple[Batch, BatchMessages]:
    batch = EventDecoder(NodeId({})).decode([json.dumps(event).encode() for event in events])
    assert batch.rejected == []
    return batch, BatchMessages(batch)


def rendering(templates: Templates | None = None, **params: Any) -> Rendering:
    return Rendering(0, {"meta": [], "headers": []} | params, templates)


def all_lines(made: Rendering, batch: Batch, messages: BatchMessages) -> Lines | None:
    return made.chosen_lines(batch, messages, b"\1" * len(batch), len(batch))


EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["Delivery", "Rejection", "OOB"])},
    optional={
        "meta": st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 9) | st.text()),
        "headers": st.dictionaries(st.sampled_from(["a", "X-B"]), st.text()),
        "new_field": st.text(),
        "queue": st.text(),
        "data": st.just("A: b\r\nX-B: c\r\n\r\nbody"),
    },
)


@given(EVENTS, st.lists(st.sampled_from(["a", "b", "*"])), st.lists(st.sampled_from(["x-*", "a"])))
def test_a_line_is_the_text_of_the_record(
    event: dict[str, Any], meta: list[str], headers: list[str]
) -> None:
    batch, messages = decoded(event)
    made = rendering(meta=meta, headers=headers)
    record = made.record(batch, messages, 0)
    line = made.line(batch, messages, 0, None)
    assert json.loads(line) == record
    assert made.text(record, None) == line
    assert record.get("new_field") == event.get("new_field")


# Alone or beside others, with what is done one by one and with what is done for all at once.
MIXED = st.fixed_dictionaries(
    {"type": st.sampled_from(["Delivery", "Delivery", "Rejection", "Bounce"])},
    optional={
        "id": st.text(),
        "recipient": st.text() | st.lists(st.text(), max_size=3),
        "meta": st.dictionaries(st.sampled_from(["a", "b", "campaign"]), st.none() | st.text()),
        "headers": st.dictionaries(st.sampled_from(["a", "X-B", "x-b"]), st.text()),
        "queue": st.sampled_from(["c:t@x.example", "x.example"]),
        "response": st.fixed_dictionaries({"content": st.sampled_from(["spam", "hard", "ok"])}),
        "feedback_report": st.just({"meta": {"feedback_report": None, "meta": {}}}),
        "source_address": st.just({"address": "192.0.2.1:25"}),
        "new_field": st.text(),
        "data": st.just("A: b\r\nX-B: c\r\n\r\nbody"),
    },
)
SOURCES = {
    "Any": "{{ type }},{{ id }},{{ recipient }},{{ bounce_classification }}\n",
    "Bounce": "{{ source_address.address }}",
    "OOB": "{{ meta.a }};{{ meta.campaign }};{{ headers.A }}{{ headers.b }}",
    "Delivery": "{{ meta.a }}{{ headers.a|upper }}{% if meta.b %}{{ 1 + id }}{% endif %}",
}


def classify(record: Record) -> str | None:
    if record.response.content == "hard":
        raise KumologError("the rule does not come to an end")
    return "SpamBlock" if record.response.content == "spam" else None


@given(
    st.lists(MIXED, max_size=5),
    st.lists(st.sampled_from(["a", "campaign", "*"]), max_size=2),
    st.lists(st.sampled_from(["X-*", "a"]), max_size=2),
    st.sampled_from([None, *SOURCES]),
    st.booleans(),
    st.sets(st.integers(0, 4)),
)
def test_many_records_are_written_as_each_is_by_itself(
    events: list[dict[str, Any]],
    meta: list[str],
    headers: list[str],
    template: str | None,
    classifies: bool,
    changed: set[int],
) -> None:
    batch, messages = decoded(*events)
    for place in changed.intersection(range(len(events))):
        message = messages.message(place)
        messages.change(place, message.with_meta({"a": "new"}).with_sender("new@x.example"), 0)
    params = {"meta": meta, "headers": headers}
    made = Rendering(0, params, Templates(SOURCES), classify if classifies else None)
    lines, expected = {}, {}
    errors: dict[int, KumologError] = {}
    failures = {}
    for place in range(len(batch)):
        try:
            expected[place] = made.line(batch, messages, place, template)
        except KumologError as error:
            failures[place] = str(error)
    for places in (range(0, len(batch), 2), range(1, len(batch), 2)):
        found = made.lines(batch, messages, places, template, errors)
        lines.update(zip(places, found, strict=True))
    assert {place: str(error) for place, error in errors.items()} == failures
    assert {place: line for place, line in lines.items() if line is not None} == expected


FULL = {"meta": {"a": "x", "b": "y"}, "headers": {"a": "1", "x-b": "2"}}
REPORT = {"a": 1, "feedback_report": None, "meta": {}}


@pytest.mark.parametrize("template", [None, "Any", "OOB"])
@pytest.mark.parametrize(
    "event",
    [
        {"type": "Delivery"} | FULL,
        {"type": "Delivery", "meta": {"a": "x"}, "headers": FULL["headers"]},
        {"type": "Delivery", "meta": FULL["meta"], "headers": {"x-b": "2"}},
        {"type": "Delivery", "meta": {"a": None, "b": "y"}},
        {"type": "Delivery", "meta": {"c": "z", "a": "x"}, "headers": FULL["headers"]},
        {"type": "Rejection", "headers": {"x-b": "2"}},
        {"type": "Feedback", "feedback_report": REPORT} | FULL,
        {"type": "Delivery", "new_field": REPORT} | FULL,
        {"type": "Bounce", "response": {"content": "spam"}} | FULL,
        {"type": "Delivery", "data": "A: 7\r\n\r\n"} | FULL,
    ],
    ids=[
        "common",
        "headers",
        "meta",
        "null",
        "order",
        "Rejection",
        "report",
        "new",
        "class",
        "data",
    ],
)
def test_a_record_of_any_kind_is_written_beside_others_as_by_itself(
    event: dict[str, Any], template: str | None
) -> None:
    params = {"meta": ["a", "c"], "headers": ["x-b"]}
    made = Rendering(0, params, Templates(SOURCES), classify)
    batch, messages = decoded({"type": "Delivery"} | FULL, event, event)
    expected = [made.line(batch, messages, place, template) for place in range(3)]
    assert made.lines(batch, messages, range(3), template, {}) == expected


def test_a_template_renders_the_record_and_gives_no_line_end() -> None:
    batch, messages = decoded({"type": "Delivery", "meta": {"a": "x"}, "new_field": 5})
    templates = Templates({"Any": "{{ type }} {{ meta.a }} {{ meta.b }}{{ new_field }}\n"})
    made = rendering(templates, meta=["a"])
    assert made.line(batch, messages, 0, "Any") == b"Delivery x 5"
    assert made.text(made.record(batch, messages, 0), "Any") == b"Delivery x 5"


@pytest.mark.parametrize(
    ("event", "params"),
    [
        ({"type": "Delivery", "meta": {"a": 1}}, {}),
        ({"type": "Delivery", "headers": {"a": "b"}}, {}),
        ({"type": "Delivery", "data": "A: b\r\n\r\n"}, {}),
        ({"type": "Delivery"}, {"meta": ["a"]}),
        ({"type": "Delivery"}, {"headers": ["a"]}),
    ],
)
def test_lines_are_kept_only_where_nothing_can_change_them(
    event: dict[str, Any], params: dict[str, Any]
) -> None:
    bare = decoded({"type": "Delivery"})
    assert all_lines(rendering(), *bare) is not None
    assert all_lines(rendering(**params), *decoded(event)) is None


def test_a_record_is_classified_where_a_classifier_knows_its_class() -> None:
    made = Rendering(0, {"meta": [], "headers": []}, None, classify)
    events = [{"type": "Bounce", "response": {"content": text}} for text in ("spam", "no")]
    batch, messages = decoded(*events)
    classes = [made.record(batch, messages, n)["bounce_classification"] for n in range(2)]
    assert classes == ["SpamBlock", "Uncategorized"]
    assert all_lines(made, batch, messages) is None


# Records of the same names, as most are, that are looked at and not decoded.
ALIKE = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Delivery"] * 9 + ["Rejection", "Feedback"]),
        "queue": st.sampled_from(["t@example.org", "example.org"]),
        "meta": st.dictionaries(
            st.sampled_from(["tenant", "x_a", "x_b", 'é"']),
            st.integers(0, 9)
            | st.text(max_size=3)
            | st.sampled_from(["", None, [1, {"a": '"'}], {}]),
            min_size=3,
            max_size=3,
        ),
        "headers": st.dictionaries(
            st.sampled_from(["subject", "X-A", "x-a", "İ"]),
            st.text(max_size=3) | st.lists(st.text(max_size=3), max_size=3),
            max_size=2,
        ),
        "feedback_report": st.none() | st.just({"feedback_report": None, "meta": {}}),
    }
)
META = st.lists(st.sampled_from(["tenant", "campaign", "x_b", "x_*", 'é"', "*"]), max_size=3)
HEADERS = st.lists(st.sampled_from(["Subject", "x-a", "X-*", "i̇", "*"]), max_size=3)


@settings(max_examples=300)
@given(ALIKE, st.lists(ALIKE, max_size=3), META, HEADERS)
def test_lines_made_without_decoding_are_those_made_one_by_one(
    first: dict[str, Any], others: list[dict[str, Any]], meta: list[str], headers: list[str]
) -> None:
    whole, _ = decoded(first, {**first, "id": "other"}, *others)
    (batch,) = EventDecoder(NodeId({}), scanner=SCANNER).batches(Lines.of(whole.lines))
    messages = BatchMessages(batch)
    made = rendering(meta=meta, headers=headers)
    lines = all_lines(made, batch, messages)
    if lines is not None:
        assert lines == [made.line(batch, messages, place, None) for place in range(len(batch))]
        mask = bytes(place % 2 for place in range(len(batch)))
        assert made.chosen_lines(batch, messages, mask, sum(mask)) == lines[1::2]


def test_most_lines_are_made_without_decoding() -> None:
    event = {
        "type": "Delivery",
        "meta": {"tenant": "a", "x_a": 1, "b": None},
        "headers": {"X-A": "b", "c": "d"},
    }
    whole, _ = decoded(*[event] * 3)
    (batch,) = EventDecoder(NodeId({}), scanner=SCANNER).batches(Lines.of(whole.lines))
    made = rendering(meta=["x_*", "tenant"], headers=["x-a"])
    lines = all_lines(made, batch, BatchMessages(batch))
    assert lines is not None
    assert b'"meta":{"tenant":"a","x_a":1},"headers":{"x-a":"b"}' in lines[0]
    assert batch.known_records is None
