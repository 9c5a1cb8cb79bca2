"""Which records are classified, and by what text."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.classify import CLASSIFIED, BounceClassifier, response_text
from kumolog.event import EventDecoder
from kumolog.nodeid import NodeId
from kumolog.record import EnhancedCode, Record, RecordType, Response


def record(**fields: object) -> Record:
    line = msgspec.json.encode({"type": "Bounce", **fields})
    (found,) = EventDecoder(NodeId()).decode([line]).records
    return found


EVERYTHING = BounceClassifier(lambda text: f"saw {text}")


@pytest.mark.parametrize("kind", get_args(RecordType))
def test_failures_are_classified_and_nothing_else(kind: str) -> None:
    given_ = record(type=kind, response={"code": 550, "content": "no"})
    assert EVERYTHING.classify(given_) == ("saw 550 no" if kind in CLASSIFIED else None)


def test_these_kinds_are_failures() -> None:
    assert {
        "Bounce", "TransientFailure", "Expiration", "AdminBounce", "OOB", "Feedback", "Rejection",
    } == CLASSIFIED  # fmt: skip


def test_a_class_that_came_with_the_event_is_kept() -> None:
    assert EVERYTHING.classify(record(bounce_classification="Mine")) is None


def test_without_a_classifier_nothing_is_classified() -> None:
    assert BounceClassifier().classify(record()) is None


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (Response(552, EnhancedCode(5, 2, 2), "mailbox full", "."), "552 5.2.2 mailbox full"),
        (Response(552, None, "5.2.2", None), "552 5.2.2"),
        (Response(400, None, "", None), "400 "),
        (Response(0, None, "a\r\nb\r\n", None), "0 a b "),
        (Response(1, None, "a\rb\nc\n\rd", None), "1 a b c  d"),
    ],
)
def test_the_text_is_the_reply_on_one_line(response: Response, text: str) -> None:
    assert response_text(response) == text


@given(st.text())
def test_the_text_has_no_line_breaks(content: str) -> None:
    text = response_text(Response(250, None, content, None))
    assert not {"\r", "\n"} & set(text)
    assert text.startswith("250 ")
