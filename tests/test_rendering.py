"""What a record says where it is logged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.event import Batch, EventDecoder
from kumolog.message import BatchMessages
from kumolog.nodeid import NodeId
from kumolog.record import Record
from kumolog.rendering import Rendering
from kumolog.templates import Templates


def decoded(*events: dict[str, Any]) -> tuple[Batch, BatchMessages]:
    batch = EventDecoder(NodeId({})).decode([json.dumps(event).encode() for event in events])
    assert batch.rejected == []
    return batch, BatchMessages(batch)


def rendering(templates: Templates | None = None, **params: Any) -> Rendering:
    return Rendering(0, {"meta": [], "headers": []} | params, templates)


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
    assert rendering().keeps(*bare)
    assert not rendering(**params).keeps(*decoded(event))


def test_a_record_is_classified_where_a_classifier_knows_its_class() -> None:
    def classify(record: Record) -> str | None:
        return "SpamBlock" if record.response.content == "blocked" else None

    made = Rendering(0, {"meta": [], "headers": []}, None, classify)
    events = [{"type": "Bounce", "response": {"content": text}} for text in ("blocked", "no")]
    batch, messages = decoded(*events)
    classes = [made.record(batch, messages, n)["bounce_classification"] for n in range(2)]
    assert classes == ["SpamBlock", "Uncategorized"]
    assert not made.keeps(batch, messages)
