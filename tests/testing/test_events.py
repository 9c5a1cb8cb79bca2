"""Events for tests in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import RunPolicy, init

from kumolog.errors import EventError
from kumolog.testing.events import event


def test_an_event_has_what_it_was_given() -> None:
    assert event("Delivery", recipient="ada@inbox.example", meta={"tenant": "bakery"}) == {
        "type": "Delivery",
        "recipient": "ada@inbox.example",
        "meta": {"tenant": "bakery"},
    }


def test_fields_of_ones_own_are_extra() -> None:
    assert event("Bounce", extra={"own": 1}) == {"type": "Bounce", "own": 1}


def test_a_message_of_bytes_is_base64() -> None:
    assert event("Reception", data=b"\xff")["data_base64"] == "/w=="
    assert event("Reception", data="Subject: x\r\n\r\n")["data"] == "Subject: x\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "fields", "told"),
    [
        (
            "Delivry",
            {},
            "making a Delivry event: unknown record type 'Delivry': did you mean `Delivery`\\?",
        ),
        ("Delivery", {"recipent": "x"}, "no field `recipent`: did you mean `recipient`\\?"),
        ("Delivery", {"zzz": 1}, "no field `zzz`: fields of your own go into extra={...}"),
        ("Delivery", {"size": "big"}, "field `size`: Expected `int`"),
        ("Delivery", {"response": {"code": "x"}}, "field `response.code`"),
        ("Delivery", {"meta": {"x": object()}}, "it has no JSON form"),
        ("Delivery", {"data": "x", "data_base64": "eA=="}, "not both"),
    ],
)
def test_what_is_wrong_is_told_at_once(kind: str, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(EventError, match=told):
        event(kind, **fields)


def test_a_host_takes_it(run_policy: RunPolicy, tmp_path: Path) -> None:
    logged = run_policy(
        init("kumo.configure_local_logs { log_dir = 'out' }"),
        [event("Delivery", recipient="a@b.example")],
    )
    assert [record["recipient"] for record in logged.records("out")] == ["a@b.example"]
