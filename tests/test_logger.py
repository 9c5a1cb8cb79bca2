"""Loggers: which records they take, where these go, and what stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import RunPolicy, init

from kumolog.logger import directory_below
from kumolog.record import RECORD_TYPES

KINDS = [{"type": kind} for kind in RECORD_TYPES]


def kinds(records: list[dict[str, Any]]) -> list[str]:
    return [record["type"] for record in records]


def test_a_logger_without_per_record_takes_every_kind(run_policy: RunPolicy) -> None:
    logged = run_policy(init("kumo.configure_local_logs { log_dir = '/var/log/kumo' }"), KINDS)
    assert kinds(logged.records("/var/log/kumo")) == list(RECORD_TYPES)


def test_every_logger_gets_every_record(run_policy: RunPolicy) -> None:
    body = "for _, d in ipairs { 'a', 'b', 'a' } do kumo.configure_local_logs { log_dir = d } end"
    logged = run_policy(init(body), [{"type": "Delivery"}])
    assert len(logged.segments("a")) == 2
    assert kinds(logged.records("a")) == ["Delivery", "Delivery"]
    assert kinds(logged.records("b")) == ["Delivery"]


def test_a_listed_kind_shadows_any_entirely(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'main', per_record = {
      Any = { suffix = '_any', log_dir = 'any', template = 'any {{ type }}', segment_header = 'H\\n',
              enable = false },
      Bounce = {},
    } }"""
    logged = run_policy(init(body), KINDS)
    assert kinds(logged.records("main")) == ["Bounce"]
    assert not (logged.root / "any").exists()
    (logger,) = logged.summary.loggers
    assert (logger["disabled"], logger["written"]) == (13, 1)


def test_any_stands_for_every_kind_that_is_not_listed(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'main', per_record = {
      Any = { suffix = '_any', log_dir = 'any', template = 'any {{ type }}', segment_header = 'H\\n' },
      Bounce = { enable = false },
      Delivery = { suffix = '_d' },
    } }"""
    logged = run_policy(init(body), KINDS)
    others = [kind for kind in RECORD_TYPES if kind not in ("Bounce", "Delivery")]
    assert logged.lines("any", "_any") == ["H", *(f"any {kind}" for kind in others)]
    assert kinds(logged.records("main", "_d")) == ["Delivery"]


def test_a_listed_kind_without_a_directory_goes_to_the_global_one(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'main', per_record = {
      Any = { log_dir = 'any' }, Bounce = { suffix = '_b' } } }"""
    logged = run_policy(init(body), [{"type": "Bounce"}, {"type": "OOB"}])
    assert kinds(logged.records("main", "_b")) == ["Bounce"]
    assert kinds(logged.records("any")) == ["OOB"]


def test_kinds_of_one_directory_and_suffix_share_a_segment_in_order(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'd', per_record = {
      Delivery = { suffix = '_x', segment_header = 'delivery first\\n', template = 'd {{ size }}' },
      Bounce = { suffix = '_x', segment_header = 'bounce first\\n', template = 'b {{ size }}' },
    } }"""
    events = [{"type": "Delivery" if n % 3 else "Bounce", "size": n} for n in range(12)]
    logged = run_policy(init(body), events)
    expected = [f"{'d' if n % 3 else 'b'} {n}" for n in range(12)]
    assert logged.lines("d") == ["bounce first", *expected]


def test_oob_is_enabled_apart_from_reception(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'd', per_record = {
      Reception = { enable = false }, OOB = { enable = true } } }
    kumo.configure_local_logs { log_dir = 'e', per_record = { OOB = { enable = false } } }"""
    logged = run_policy(init(body), [{"type": "Reception"}, {"type": "OOB"}])
    assert kinds(logged.records("d")) == ["OOB"]
    assert kinds(logged.records("e")) == ["Reception"]


EVENT = {
    "type": "Delivery",
    "queue": "camp:ten@example.org!route",
    "reception_protocol": "HTTP",
    "meta": {"x_a": 1, "x_n": None, "x_o": {"k": [1, 2.5]}, "other": "o"},
    "headers": {"Subject": "S", "X-One": "1", "x-one": ["2", "3"], "X-Two": "t"},
}


@pytest.mark.parametrize(
    ("listed", "selected"),
    [
        ("{}", {}),
        ("{ 'x_a', 'x_o' }", {"x_a": 1, "x_o": {"k": [1, 2.5]}}),
        ("{ 'X_A', 'absent', 'x_n' }", {}),
        ("{ 'x_*' }", {"x_a": 1, "x_n": None, "x_o": {"k": [1, 2.5]}}),
        ("{ '*' }", EVENT["meta"]),
        ("{ 'other', 'x_a' }", {"other": "o", "x_a": 1}),
        (
            "{ 'reception_protocol', 'tenant', 'campaign', 'routing_domain', 'queue' }",
            {
                "reception_protocol": "HTTP",
                "tenant": "ten",
                "campaign": "camp",
                "routing_domain": "route",
            },
        ),
        ("{ 'reception*', 'ten*' }", {}),
    ],
)
def test_meta_lists_what_goes_into_the_record(
    run_policy: RunPolicy, listed: str, selected: dict[str, Any]
) -> None:
    body = f"kumo.configure_local_logs {{ log_dir = 'd', meta = {listed} }}"
    (record,) = run_policy(init(body), [EVENT]).records("d")
    assert record["meta"] == selected
    assert record["headers"] == {}


@pytest.mark.parametrize(
    ("listed", "selected"),
    [
        ("{ 'subject' }", {"subject": "S"}),
        ("{ 'SUBJECT', 'X-*' }", {"subject": "S", "x-one": ["1", "2", "3"], "x-two": "t"}),
        ("{ '*' }", {"subject": "S", "x-one": ["1", "2", "3"], "x-two": "t"}),
        ("{ 'X*One', 'absent' }", {}),
    ],
)
def test_headers_lists_what_goes_into_the_record(
    run_policy: RunPolicy, listed: str, selected: dict[str, Any]
) -> None:
    body = f"kumo.configure_local_logs {{ log_dir = 'd', headers = {listed} }}"
    (record,) = run_policy(init(body), [EVENT]).records("d")
    assert record["headers"] == selected
    assert record["meta"] == {}


def test_headers_come_from_the_message_where_the_event_brings_it(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'd', headers = { 'Subject', 'X-*' } }"
    data = "Subject: =?utf-8?q?caf=C3=A9?=\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody"
    broken = {"type": "Reception", "data": " no header block\r\n\r\n", "headers": {"subject": "x"}}
    first, second = run_policy(init(body), [{"type": "Reception", "data": data}, broken]).records(
        "d"
    )
    assert first["headers"] == {"subject": "café", "x-a": ["1", "2"]}
    assert first["size"] == len(data)
    assert second["headers"] == {}


def test_a_rejection_has_no_headers(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'd', headers = { '*' }, meta = { '*' } }"
    event = EVENT | {"type": "Rejection", "data": "Subject: x\r\n\r\n"}
    (record,) = run_policy(init(body), [event]).records("d")
    assert (record["headers"], record["meta"]) == ({}, EVENT["meta"])


def test_unknown_fields_survive_a_changed_meta_in_place(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'd' }"
    event = {"type": "Delivery", "size": 1, "extra": {"a": 1}, "meta": {"x": 1}}
    (line,) = run_policy(init(body), [event]).lines("d")
    assert '"size":1,"extra":{"a":1},' in line
    assert '"meta":{},' in line


def test_set_meta_reaches_this_record_and_later_loggers_but_not_earlier_ones(
    run_policy: RunPolicy,
) -> None:
    body = """
      for n, d in ipairs { 'first', 'second', 'third' } do
        kumo.configure_local_logs { log_dir = d, meta = { 'x', 'tenant' }, filter_event = 'f' .. n }
      end"""
    rest = """
      kumo.on('f1', function(msg) return true end)
      kumo.on('f2', function(msg) msg:set_meta('x', { 1, 'a' }) msg:set_meta('tenant', 't') return true end)
      kumo.on('f3', function(msg) return msg:get_meta('x')[2] == 'a' end)"""
    logged = run_policy(init(body, rest), [{"type": "Delivery", "recipient": "a@b.example"}])
    (first,), (second,), (third,) = map(logged.records, ("first", "second", "third"))
    assert (first["meta"], first["queue"]) == ({}, "b.example")
    assert second["meta"] == third["meta"] == {"x": [1, "a"], "tenant": "t"}
    assert second["queue"] == third["queue"] == "t@b.example"


def test_a_template_that_raises_fails_that_record_in_that_logger_alone(
    run_policy: RunPolicy,
) -> None:
    body = """
      kumo.configure_local_logs { log_dir = 'd', per_record = { Bounce = { template = '{{ 1 + site }}' } } }
      kumo.configure_local_logs { log_dir = 'e' }"""
    logged = run_policy(init(body), [{"type": "Bounce", "size": 4}, {"type": "Delivery"}])
    assert kinds(logged.records("d")) == ["Delivery"]
    assert kinds(logged.records("e")) == ["Bounce", "Delivery"]
    (reject,) = logged.rejects
    assert reject["log_dir"] == "d"
    assert "Bounce" in reject["error"]
    assert '"size":4' in reject["raw"]
    assert [logger["failed"] for logger in logged.summary.loggers] == [1, 0]


def test_records_of_several_templates_that_fail_now_and_then_stay_in_order(
    run_policy: RunPolicy,
) -> None:
    body = """kumo.configure_local_logs { log_dir = 'd', per_record = {
      Delivery = { template = '{{ type }} {{ size }}' },
      Bounce = { template = '{{ type|lower }} {{ 10 // size }}' } } }"""
    events = [{"type": "Bounce" if n % 2 else "Delivery", "size": n // 4 % 2} for n in range(12)]
    logged = run_policy(init(body), [*events, {"type": "OOB", "meta": {"a": "b"}}])
    *lines, last = logged.lines("d")
    assert lines == [
        *("Delivery 0", "Delivery 0", "Delivery 1", "bounce 10", "Delivery 1", "bounce 10"),
        *("Delivery 0", "Delivery 0"),
    ]
    assert '"type":"OOB"' in last
    assert [reject["line"] for reject in logged.rejects] == [2, 4, 10, 12]


def test_a_rendering_ends_with_one_newline_and_keeps_its_own(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'd', per_record = {
      Delivery = { template = 'a' }, Bounce = { template = 'b\\n\\n' }, OOB = { template = '' },
      Feedback = { template = 'c{{ "\\n" }}' } } }"""
    events = [{"type": kind} for kind in ("Delivery", "Bounce", "OOB", "Feedback", "Delivery")]
    assert run_policy(init(body), events).text("d") == "a\nb\n\nc\na\n"


def test_no_log_dir_leads_out_of_the_root() -> None:
    root = Path("/srv/out")
    assert directory_below(root, "/var/log") == root / "var/log"
    assert directory_below(root, "../../etc") == root / "etc"
    assert directory_below(root, "a/../../../b") == root / "b"
    assert directory_below(None, "../x") == Path("../x")
