"""Events: what a line must hold, what it gets by default, and what goes through untouched."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import FULL, NODE, compact

from kumolog.clock import Clock
from kumolog.completion import one_line
from kumolog.event import Batch, EventDecoder
from kumolog.nodeid import NodeId
from kumolog.record import RECORD_TYPES


def decode(*lines: bytes) -> Batch:
    node = NodeId({"KUMO_NODE_ID": NODE})
    return EventDecoder(node, Clock(lambda: 1700000000.9)).decode(lines)


def completed(**event: Any) -> dict[str, Any]:
    batch = decode(compact(event))
    assert batch.rejected == []
    return json.loads(batch.lines[0])


def why_rejected(line: bytes) -> str:
    batch = decode(line)
    assert len(batch) == 0
    (rejected,) = batch.rejected
    assert rejected.text == line
    return rejected.error


def test_a_line_as_kumomta_writes_it_goes_through_byte_for_byte() -> None:
    line = compact(FULL)
    assert list(decode(line, line).lines) == [line, line]


@pytest.mark.parametrize("kind", RECORD_TYPES)
def test_an_event_needs_only_its_type(kind: str) -> None:
    record = completed(type=kind)
    assert list(record)[:3] == ["type", "id", "sender"]
    assert record["recipient"] == record["sender"] == record["site"] == ""
    assert record["meta"] == record["headers"] == {}
    assert record["peer_address"] is record["egress_pool"] is record["egress_source"] is None
    assert record["feedback_report"] is record["delivery_protocol"] is None
    assert record["reception_protocol"] is None
    assert (record["size"], record["num_attempts"]) == (0, 0)
    assert record["bounce_classification"] == "Uncategorized"
    assert record["nodeid"] == NODE
    assert record["timestamp"] == 1700000000


def test_the_fields_of_a_completed_record_stand_in_kumomtas_order() -> None:
    shuffled = dict(reversed(FULL.items()))
    assert list(completed(**shuffled)) == list(FULL)
    assert completed(**shuffled) == FULL


def test_newer_fields_are_not_invented() -> None:
    newer = {"event_time", "created_time", "source_address", "provider_name", "session_id"}
    omitted = {"tls_cipher", "tls_protocol_version", "tls_peer_subject_name"}
    assert completed(type="Delivery").keys() == FULL.keys() - newer - omitted


def test_omitted_fields_given_as_null_are_left_out_and_nullable_ones_stay_null() -> None:
    record = completed(type="Delivery", tls_cipher=None, session_id=None, source_address=None)
    assert "tls_cipher" not in record
    assert "session_id" not in record
    assert record["source_address"] is None


def test_a_fresh_id_is_a_version_1_uuid_whose_time_is_the_created_time() -> None:
    record = completed(type="Reception")
    assert len(record["id"]) == 32
    assert record["id"][12] == "1"
    assert abs(record["created"] - time.time()) < 60


def test_created_comes_from_the_id() -> None:
    assert completed(type="Bounce", id="1d98076abbbc11ed940250ebf67f93bd")["created"] == 1678065214


@pytest.mark.parametrize("spool_id", ["", "not a uuid", "f47ac10b58cc4372a5670e02b2c3d479"])
def test_an_id_without_a_time_is_carried_and_created_is_the_timestamp(spool_id: str) -> None:
    record = completed(type="Bounce", id=spool_id, timestamp=1600000000)
    assert (record["id"], record["created"]) == (spool_id, 1600000000)


def test_a_rejection_has_no_id_and_no_queue_and_is_created_now() -> None:
    record = completed(type="Rejection", recipient="to@example.org")
    assert (record["id"], record["queue"]) == ("", "")
    assert record["created"] == record["timestamp"]


@pytest.mark.parametrize(
    ("meta", "queue"),
    [
        ({}, "example.org"),
        ({"tenant": "t"}, "t@example.org"),
        ({"campaign": "c", "tenant": "t"}, "c:t@example.org"),
        ({"campaign": "c"}, "c:@example.org"),
        ({"tenant": "", "routing_domain": "r.example"}, "@example.org!r.example"),
        ({"queue": "chosen", "tenant": "t"}, "chosen"),
    ],
)
def test_the_queue_is_named_from_meta_and_the_first_recipients_domain(
    meta: dict[str, str], queue: str
) -> None:
    event = {"type": "Reception", "recipient": ["a@Example.ORG", "b@other.example"], "meta": meta}
    assert completed(**event)["queue"] == queue


@pytest.mark.parametrize(
    ("kind", "code", "enhanced"),
    [
        ("Reception", 250, None),
        ("Expiration", 551, {"class": 5, "subject": 4, "detail": 7}),
        ("AdminBounce", 551, {"class": 5, "subject": 7, "detail": 1}),
        ("Delayed", 400, None),
        ("OOB", 550, None),
    ],
)
def test_the_default_response_is_that_of_the_kind(kind: str, code: int, enhanced: object) -> None:
    expected = {"code": code, "enhanced_code": enhanced, "content": "", "command": None}
    assert completed(type=kind)["response"] == expected


def test_a_partial_response_and_peer_are_completed_in_order() -> None:
    record = completed(type="Bounce", response={"content": "no"}, peer_address={"addr": "::1"})
    assert list(record["response"]) == ["code", "enhanced_code", "content", "command"]
    assert record["peer_address"] == {"name": "", "addr": "::1"}


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\r\nb\r\n", "a b "), ("a\nb", "a b"), ("a\rb", "a b"), ("\n\r", "  "), ("a b", "a b")],
)
def test_response_content_becomes_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
    full = FULL | {"response": FULL["response"] | {"content": text}}
    assert completed(**full)["response"]["content"] == line


def test_one_recipient_is_a_string_and_several_are_an_array() -> None:
    assert completed(type="Delivery", recipient=["a@b.example"])["recipient"] == "a@b.example"
    assert completed(type="Delivery", recipient=["a@b", "c@d"])["recipient"] == ["a@b", "c@d"]
    assert completed(type="Delivery", recipient=[])["recipient"] == []


def test_the_reception_protocol_is_the_meta_value_where_the_field_is_absent() -> None:
    meta = {"reception_protocol": "HTTP"}
    assert completed(type="Delivery", meta=meta)["reception_protocol"] == "HTTP"
    given_null = completed(type="Delivery", meta=meta, reception_protocol=None)
    assert given_null["reception_protocol"] is None
    assert completed(type="Delivery", meta={"reception_protocol": 5})["reception_protocol"] is None


def test_unknown_fields_stay_where_they_are() -> None:
    with_unknown: dict[str, Any] = {"first": 1}
    for key, value in FULL.items():
        with_unknown[key] = value
        if key == "queue":
            with_unknown["after_queue"] = {"b": [1, None]}
    with_unknown["response"] = FULL["response"] | {"raw": "x"}
    with_unknown["last"] = None
    line = compact(with_unknown)
    assert decode(line).lines[0] == line


def test_unknown_fields_of_a_partial_event_follow_the_field_they_came_after() -> None:
    keys = list(completed(type="Delivery", trace="t", size=5, zz=1))
    assert keys[keys.index("type") + 1] == "trace"
    assert keys[keys.index("size") + 1] == "zz"


def test_message_data_sets_the_size_and_stays_out_of_the_record() -> None:
    batch = decode(compact({"type": "Reception", "data": "Subject: é\r\n\r\nx"}))
    assert batch.data == {0: "Subject: é\r\n\r\nx".encode()}
    assert json.loads(batch.lines[0])["size"] == 16
    assert b'"data"' not in batch.lines[0]
    encoded = base64.b64encode(b"\xff\x00").decode()
    assert decode(compact({"type": "Reception", "data_base64": encoded})).data == {0: b"\xff\x00"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"type":"Delivery"', "not valid JSON"),
        (b'{"type":"Delivery"} {"type":"Delivery"}', "not valid JSON"),
        (b"\x00\x01\x02", "not valid JSON"),
        (b'{"type":"Delivery","size":01}', "not valid JSON"),
        (b'{"type":"Delivery","site":"\xff"}', "not valid UTF-8"),
        (b'{"type":"Delivery","unknown":"\xff"}', "not valid UTF-8"),
        (b"[1]", "expected a JSON object"),
        (b"null", "expected a JSON object"),
        (b'"Delivery"', "expected a JSON object"),
        (b"{}", "missing field `type`"),
        (b'{"type":"Any"}', "unknown record type"),
        (b'{"type":"delivery"}', "did you mean `Delivery`?"),
        (b'{"type":["Delivery"]}', "unknown record type"),
        (b'{"type":"Delivery","size":"big"}', "field `size`: Expected `int`, got `str`"),
        (b'{"type":"Delivery","size":-1}', "field `size`"),
        (b'{"type":"Delivery","num_attempts":65536}', "field `num_attempts`"),
        (b'{"type":"Delivery","timestamp":1.5}', "field `timestamp`"),
        (b'{"type":"Delivery","timestamp":100000000000000000000}', "field `timestamp`"),
        (b'{"type":"Delivery","size":18446744073709551616}', "field `size`"),
        (b'{"type":"Delivery","sender":null}', "field `sender`"),
        (b'{"type":"Delivery","recipient":5}', "field `recipient`"),
        (b'{"type":"Delivery","recipient":[1]}', "field `recipient`"),
        (b'{"type":"Delivery","meta":[]}', "field `meta`"),
        (b'{"type":"Delivery","headers":{"a":1}}', "field `headers"),
        (b'{"type":"Delivery","response":{"code":70000}}', "field `response.code`"),
        (b'{"type":"Delivery","response":{"enhanced_code":{"class":2}}}', "response.enhanced_code"),
        (b'{"type":"Delivery","response":"250 ok"}', "field `response`"),
        (b'{"type":"Delivery","data":5}', "`data` must be a string"),
        (b'{"type":"Delivery","data_base64":"*"}', "not valid base64"),
        (b'{"type":"Delivery","data":"a","data_base64":"YQ=="}', "not both"),
        (b'{"type":"Delivery","meta":' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_line_that_is_no_event_is_rejected_with_its_text_and_the_reason(
    line: bytes, reason: str
) -> None:
    assert reason in why_rejected(line)


def test_bad_lines_do_not_touch_their_neighbours() -> None:
    good = compact(FULL)
    batch = decode(good, b"nonsense", b'{"type":"Bounce"}', b"{}", good)
    assert list(batch.positions) == [0, 2, 4]
    assert [rejected.position for rejected in batch.rejected] == [1, 3]
    assert (batch.lines[0], batch.lines[2]) == (good, good)


def test_the_last_of_duplicate_keys_counts() -> None:
    batch = decode(compact(FULL)[:-1] + b',"size":7}')
    assert json.loads(batch.lines[0]) == FULL | {"size": 7}
    assert batch.lines[0].count(b'"size"') == 1


def test_a_record_split_over_two_lines_is_two_bad_lines() -> None:
    line = compact(FULL)
    middle = line.index(b",") + 1
    batch = decode(line[:middle], line[middle:], line + line)
    assert len(batch) == 0
    assert len(batch.rejected) == 3


def test_the_seconds_come_from_the_rfc_3339_fields_where_these_are_all_there_is() -> None:
    record = completed(
        type="Bounce",
        event_time="2025-09-12T11:08:01.999526026Z",
        created_time="2025-09-12T13:07:01+02:00",
    )
    assert (record["timestamp"], record["created"]) == (1757675281, 1757675221)
    assert completed(type="Bounce", event_time="x", timestamp=5)["timestamp"] == 5
    for text in ("garbage", "2025-09-12T11:08:01"):
        line = compact({"type": "Bounce", "event_time": text})
        assert "field `event_time`: expected an RFC 3339 time" in why_rejected(line)


def test_a_response_that_is_given_gets_nothing_of_the_kinds_own() -> None:
    response = completed(type="Expiration", response={"code": 550})["response"]
    assert response == {"code": 550, "enhanced_code": None, "content": "", "command": None}


@pytest.mark.parametrize(
    ("recipient", "meta", "queue"),
    [
        ("<>", {}, ""),
        ("Postmaster", {"tenant": "t"}, "t@"),
        ("u@münchen.de", {}, "xn--mnchen-3ya.de"),
        ("<u@EXAMPLE.org>", {}, "example.org"),
    ],
)
def test_the_domain_of_the_queue_is_that_of_the_parsed_address(
    recipient: str, meta: dict[str, str], queue: str
) -> None:
    assert completed(type="Bounce", recipient=recipient, meta=meta)["queue"] == queue


def test_the_error_stands_in_for_a_queue_that_cannot_be_named() -> None:
    assert "garbage" in completed(type="Bounce", recipient="garbage")["queue"]
    assert (
        "tenant" in completed(type="Bounce", recipient="a@b.example", meta={"tenant": 5})["queue"]
    )
    assert "queue" in completed(type="Bounce", recipient="a@b.example", meta={"queue": 5})["queue"]


def test_a_half_surrogate_and_bad_utf8_are_named() -> None:
    assert "half of a surrogate pair" in why_rejected(b'{"type":"Bounce","site":"\\ud800"}')
    assert "invalid start byte at byte 25" in why_rejected(b'{"type":"Bounce","site":"\xff"}')


def test_two_records_are_not_one_line() -> None:
    line = compact(FULL)
    assert len(decode(line + b"\n" + line)) == 0


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.text()
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(st.data())
def test_any_spelling_of_a_full_record_gives_the_same_record(data: st.DataObject) -> None:
    full = FULL | {
        "meta": data.draw(st.dictionaries(st.text(), json_values)),
        "sender": data.draw(st.text()),
        "headers": data.draw(st.dictionaries(st.text(), st.text() | st.lists(st.text()))),
    }
    keys = data.draw(st.permutations(list(full)))
    spaced = json.dumps({key: full[key] for key in keys}, indent=data.draw(st.sampled_from((0, 1))))
    spaced = spaced.replace("\n", " ")
    (line,) = decode(spaced.encode()).lines
    assert list(decode(line).lines) == [line]
    assert json.loads(line) == full
    assert list(json.loads(line)) == list(full)


@given(st.binary())
def test_any_bytes_are_an_event_or_rejected_verbatim(line: bytes) -> None:
    batch = decode(line)
    assert len(batch) + len(batch.rejected) == 1


@given(st.dictionaries(st.sampled_from([*FULL, "data", "other"]), json_values))
def test_any_object_is_an_event_or_rejected(event: dict[str, Any]) -> None:
    batch = decode(compact(event | {"type": "Delivery"}))
    assert len(batch) + len(batch.rejected) == 1


@pytest.mark.parametrize("place", [0, 23, 24, 59])
def test_one_odd_line_leaves_all_the_others_as_they_are(place: int) -> None:
    lines = [compact(FULL)] * 60
    lines[place] = json.dumps(FULL).encode()
    batch = EventDecoder(NodeId()).decode(lines)
    assert batch.lines == [compact(FULL)] * 60
    assert len(batch.records) == 60
