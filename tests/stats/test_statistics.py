"""What is counted equals what a naive reading of the same JSON counts."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.record import RECORD_TYPES
from kumolog.stats.latency import RELATIVE_ERROR
from kumolog.stats.rows import NoRecords
from kumolog.stats.statistics import CLASSIFIED, Statistics
from kumolog.stats.summary import summary
from kumolog.stats.table import Table
from kumolog.stats.totals import Totals

address = st.sampled_from(["a@x.example", "b@X.Example", "c@y.example", "Postmaster", "", "a@b@z"])
record = st.fixed_dictionaries(
    {"type": st.sampled_from([*RECORD_TYPES, "Invented"])},
    optional={
        "recipient": address | st.lists(address, max_size=3) | st.none(),
        "site": st.sampled_from(["", "s1", "ß"]) | st.none(),
        "bounce_classification": st.sampled_from(["", "SpamBlock", "Mine"]),
        "response": st.none()
        | st.fixed_dictionaries({"code": st.sampled_from([250, 451, 550])})
        | st.fixed_dictionaries({"content": st.just("x")}),
        "timestamp": st.integers(1_000, 2_000),
        "created": st.integers(500, 1_500),
        "meta": st.none()
        | st.dictionaries(
            st.sampled_from(["tenant", "n"]), st.integers() | st.text() | st.booleans()
        ),
        "own": st.integers(-1, 1)
        | st.fixed_dictionaries({"field": st.integers(-1, 1) | st.lists(st.none())}),
    },
)


def counted(*blocks: bytes, by: tuple[str, ...] = ()) -> Totals:
    statistics = Statistics([tuple(field.split(".")) for field in by])
    for block in blocks:
        statistics.add(block)
    return statistics.totals


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def values(table: Table[Any]) -> dict[str, int]:
    return {row.value: row.counts.records for row in table.top(10_000).rows}


def domain(record: dict[str, Any]) -> str:
    recipient = record.get("recipient") or ""
    if isinstance(recipient, list):
        recipient = recipient[0]
    return recipient.rpartition("@")[2].lower() if "@" in recipient else ""


def text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return (value or "")[:200]
    return json.dumps(value, separators=(",", ":"))


@given(st.lists(st.lists(record, max_size=8), max_size=5))
def test_counts_are_those_of_a_naive_reading(blocks: list[list[dict[str, Any]]]) -> None:
    records = [record for block in blocks for record in block]
    by = ("own.field", "meta.tenant", "timestamp", "type", "response.content", "headers.x-y")
    found = counted(*(lines(*block) for block in blocks), by=by)

    assert (found.counts.records, found.no_records) == (len(records), 0)
    assert values(found.types) == Counter(record["type"] for record in records)
    assert values(found.domains) == Counter(map(domain, records))
    assert values(found.sites) == Counter(record.get("site") or "" for record in records)
    codes = [(record.get("response") or {}).get("code") for record in records]
    assert values(found.codes) == Counter(map(text, codes))
    assert values(found.classifications) == Counter(
        record.get("bounce_classification", "")
        for record in records
        if record["type"] in CLASSIFIED
    )
    own = [record.get("own") for record in records]
    assert values(found.by["own.field"]) == Counter(
        text(value.get("field") if isinstance(value, dict) else None) for value in own
    )
    assert values(found.by["meta.tenant"]) == Counter(
        text((record.get("meta") or {}).get("tenant")) for record in records
    )
    assert values(found.by["timestamp"]) == Counter(text(r.get("timestamp")) for r in records)
    assert values(found.by["type"]) == values(found.types)
    _, spans = found.timeline.spans()
    assert {span.start: span.counts.records for span in spans} == Counter(
        record["timestamp"] // 60 * 60 for record in records if "timestamp" in record
    )


@given(st.lists(record, max_size=30))
def test_rates_and_latencies_are_those_of_a_naive_reading(records: list[dict[str, Any]]) -> None:
    found = counted(lines(*records))
    kinds = Counter(record["type"] for record in records)
    bounced = kinds["Bounce"] + kinds["Expiration"] + kinds["AdminBounce"]
    counts = found.counts
    assert (counts.delivered, counts.bounced) == (kinds["Delivery"], bounced)
    assert counts.transient == kinds["TransientFailure"]
    latencies = sorted(
        max(0, record["timestamp"] - record["created"])
        for record in records
        if record["type"] == "Delivery" and "timestamp" in record and "created" in record
    )
    assert found.latencies.count == len(latencies)
    for share in (0.5, 0.95):
        quantile = found.latencies.quantile(share)
        if quantile is None:
            assert latencies == []
        else:
            exact = latencies[math.ceil(share * len(latencies)) - 1]
            assert quantile == pytest.approx(exact, rel=RELATIVE_ERROR)


@pytest.mark.parametrize(
    ("event_time", "created_time", "seconds"),
    [
        ("2025-09-12T11:08:03.440526Z", "2025-09-12T11:08:01.040Z", 2.4),
        ("2025-09-12T11:08:03.440526Z", "2025-09-12T11:08:01.04Z", 2.4),
        ("2025-09-12T11:08:03.5Z", "2025-09-12T11:08:01Z", 2.5),
        ("2025-09-12T11:08:03Z", "2025-09-12T11:08:01.04Z", 1.96),
        ("2025-09-12T11:08:03.440+00:00", "2025-09-12T11:08:01.040+00:00", 2.4),
        ("2025-09-12T11:08:03+00:00", "2025-09-12T11:08:01.04Z", 2),
        ("2025-09-12T11:08:03.1e9Z", "2025-09-12T11:08:01.infZ", 2),
        ("2025-09-12T11:08:03.440Z", None, 2),
        (None, "2025-09-12T11:08:01.040Z", 2),
    ],
)
def test_milliseconds_are_used_where_both_times_have_them(
    event_time: str | None, created_time: str | None, seconds: float
) -> None:
    delivery = {"type": "Delivery", "timestamp": 1757675283, "created": 1757675281}
    times = {"event_time": event_time, "created_time": created_time}
    assert counted(lines(delivery | times)).latencies.quantile(1) == seconds


@given(st.lists(st.lists(record, max_size=8), max_size=5), st.data())
def test_counts_of_several_add_up_to_those_of_one(
    blocks: list[list[dict[str, Any]]], data: st.DataObject
) -> None:
    by = ("meta.tenant",)
    parts = [lines(*block) + b"no\n" for block in blocks]
    shares = [data.draw(st.sampled_from("abc")) for _ in parts]
    merged = Totals([("meta", "tenant")])
    for share in "abc":
        mine = [part for part, owner in zip(parts, shares, strict=True) if owner == share]
        merged.merge(counted(*mine, by=by))
    assert summary(merged, 3) == summary(counted(*parts, by=by), 3)


def test_what_is_counted_can_be_looked_at_in_between() -> None:
    statistics = Statistics()
    for number in range(1, 4):
        statistics.add(lines({"type": "Delivery", "timestamp": 60, "created": 50}))
        totals = statistics.totals
        assert (totals.records, totals.counts.delivered) == (number, number)
        assert totals.latencies.count == number


def test_lines_that_are_no_records_are_counted_and_the_first_is_told() -> None:
    good = b'{"type":"Delivery"}\n'
    for bad in (b"{", b"[]", b"5", b"{}", b'{"type":5}', b'{"type":"Bounce","timestamp":-1}', b"["):
        statistics = Statistics()
        count, said = statistics.add(good + b"\r\n" + bad + b"\n" + good + bad)
        assert isinstance(said, NoRecords)
        assert (count, said.lines, said.after) == (2, 2, 1)
        assert said.fault
        assert (statistics.totals.records, statistics.totals.no_records) == (2, 2)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_not_utf_8_are_no_reason_to_leave_out_a_record(mark: bytes) -> None:
    block = mark + b'{"type":"Bounce","site":"a\xffb"}\r\n\n{"type":"Delivery"}'
    statistics = Statistics()
    assert statistics.add(block) == (2, None)
    assert values(statistics.totals.sites) == {"a\ufffdb": 1, "": 1}


def test_long_values_are_cut() -> None:
    totals = counted(
        lines({"type": "x" * 300, "meta": {"a": "ä" * 999}, "site": "s" * 201}), by=("meta.a",)
    )
    assert values(totals.types) == {"x" * 200: 1}
    assert values(totals.sites) == {"s" * 200: 1}
    assert values(totals.by["meta.a"]) == {"ä" * 200: 1}


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (["response"], "counting by response: it is an object; name a field of it"),
        (["response.enhanced_code"], "it is an object"),
        (["type.x"], "counting by type.x: a field in it has no fields of its own"),
        (["response.code.x"], "a field in it has no fields"),
        (["meta", "meta.tenant"], "counting by meta: a field in it is counted by, too"),
    ],
)
def test_what_cannot_be_counted_by_is_refused(by: list[str], said: str) -> None:
    with pytest.raises(KumologError, match=said):
        counted(by=tuple(by))


def test_fields_may_share_names_and_be_named_twice() -> None:
    record = {"type": "Bounce", "response": {"response": 1, "code": 5}, "meta": {"type": [1, {}]}}
    by = ("response.response", "meta.type", "meta.type", "response.code", "big")
    totals = counted(lines(record | {"big": 2**70}), by=by)
    found = {name: list(values(table)) for name, table in totals.by.items()}
    assert found.pop("big") in (["1180591620717411303424"], ["1.1805916207174113e21"])
    assert found == {"response.response": ["1"], "meta.type": ["[1,{}]"], "response.code": ["5"]}


def test_the_summary_has_everything_and_sums_what_is_below_the_top() -> None:
    records = [
        {"type": "Delivery", "recipient": "a@x", "timestamp": 130, "created": 100, "site": "s"},
        {"type": "Delivery", "recipient": "a@x", "timestamp": 131, "created": 100, "site": "s"},
        {"type": "Bounce", "recipient": "a@y", "timestamp": 10, "bounce_classification": "Q"},
        {"type": "TransientFailure", "recipient": "a@z", "meta": {"t": 1}},
    ]
    found = summary(counted(lines(*records), b"no\n", by=("meta.t",)), 1)
    assert found["records"] == 4
    assert found["no_records"] == 1
    assert (found["first"], found["last"]) == ("1970-01-01T00:00:10Z", "1970-01-01T00:02:11Z")
    assert found["delivery_rate"] == pytest.approx(2 / 3)
    assert found["bounce_rate"] == pytest.approx(1 / 3)
    assert found["latency"] == {"deliveries": 2, "median": 30, "p95": 31, "relative_error": 0.01}
    (row,) = found["domains"]["rows"]
    assert row == {
        "value": "x",
        "records": 2,
        "delivered": 2,
        "bounced": 0,
        "transient": 0,
        "delivery_rate": 1,
        "bounce_rate": 0,
    }
    other = found["domains"]["other"]
    assert (other["values"], other["records"], other["bounced"], other["transient"]) == (2, 2, 1, 1)
    assert found["domains"]["missing"] == 0
    assert found["by"]["meta.t"]["rows"][0]["value"] is None
    assert [row["start"] for row in found["timeline"]["rows"]] == [
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:02:00Z",
    ]
    assert found["timeline"]["seconds"] == 60
    empty = summary(counted(), 1)
    assert (empty["first"], empty["delivery_rate"], empty["latency"]["p95"]) == (None, None, None)
