"""Handlers that only look at meta are asked once for each combination of values: nobody can tell from the logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import Logged, RunPolicy, init

from kumolog.clock import SYSTEM_CLOCK
from kumolog.decisions import Decisions
from kumolog.event import EventDecoder
from kumolog.host import Host
from kumolog.lines import Lines
from kumolog.nodeid import NodeId

TWO = """kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }
    kumo.configure_local_logs { log_dir = 'b', filter_event = 'g',
      per_record = { Bounce = { enable = false }, Delivery = { suffix = '_d' } } }"""


def whole(change: dict[str, Any]) -> bytes:
    """A line that is the record as it is written."""
    (batch,) = EventDecoder(NodeId({}), SYSTEM_CLOCK).batches(
        Lines.of(
            [json.dumps({"type": "Delivery", "nodeid": "n", "timestamp": 1} | change).encode()]
        )
    )
    return batch.lines[0]


def log(tmp_path: Path, name: str, source: str, lines: list[bytes]) -> Logged:
    directory = tmp_path / name
    directory.mkdir(parents=True)
    policy = directory / "init.lua"
    policy.write_text(source)
    rejects = directory / "rejects"
    with Host.open(
        policy, root=directory / "root", rejects=rejects, report=lambda *_: None
    ) as host:
        for start in range(0, len(lines), 7):
            host.log_lines(lines[start : start + 7])
    return Logged(directory / "root", host.close(), rejects)


def outcome(logged: Logged) -> Any:
    logs = {name: logged.lines(name) for name in ("a", "b")}
    rejects = [
        entry | {"error": entry["error"].replace("other/", "same/")} for entry in logged.rejects
    ]
    return logs, rejects, [{**logger, "compressed_bytes": 0} for logger in logged.summary.loggers]


BODIES = [
    "return msg:get_meta 'x' == 1",
    "return msg:get_meta 'x'",
    "return msg:get_meta 'tenant' == 'b' or msg:get_meta 'x' == '1'",
    "return msg:get_meta 'x':match '1'",
    "local x = msg:get_meta 'x' if x then return x .. 'z' == '1z' end return true",
    "return tostring(msg:get_meta 'x') == '1.0'",
    "return msg:get_meta 'y' == nil",
]
_events = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Delivery", "Bounce", "Rejection", "Reception"]),
        "queue": st.sampled_from(["a@d.example", "b@d.example"]),
        "meta": st.dictionaries(
            st.sampled_from(["x", "y"]),
            st.sampled_from([1, 1.0, "1", True, None, [1], {"a": 1}, 2**53]),
        ),
    }
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_events, max_size=30), st.sampled_from(BODIES), st.sampled_from(BODIES))
def test_the_logs_are_those_of_handlers_that_are_always_asked(
    tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, Any]], f: str, g: str
) -> None:
    def policy(before: str) -> str:
        handlers = [
            f"kumo.on('{n}', function(msg) {before} {b} end)" for n, b in (("f", f), ("g", g))
        ]
        return init(TWO, "\n".join(handlers))

    tmp_path = tmp_path_factory.mktemp("decisions")
    lines = [whole(event) for event in events]
    asked_once = log(tmp_path, "same", policy("local t"), lines)
    always_asked = log(tmp_path, "other", policy("t = 1"), lines)
    assert outcome(asked_once) == outcome(always_asked)


def test_a_handler_that_counts_is_always_asked(run_policy: RunPolicy) -> None:
    source = init(
        "kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }",
        "local n = 0\nkumo.on('f', function(msg) n = n + 1 return n % 2 == 0 end)",
    )
    logged = run_policy(source, [whole({"meta": {"n": 1}})] * 10)
    assert logged.summary.loggers[0]["written"] == 5


def test_what_a_handler_looks_at_may_be_changed_by_another_event(run_policy: RunPolicy) -> None:
    source = init(
        "kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }",
        """local wanted = 'a'
        kumo.on('f', function(msg) return msg:get_meta 'tenant' == wanted end)
        kumo.on('smtp_server_message_received', function(msg) wanted = 'b' end)""",
    )
    mail = {"type": "Reception", "data": "Subject: x\r\n\r\n", "meta": {"tenant": "c"}}
    events: list[Any] = [whole({"queue": f"{tenant}@d.example"}) for tenant in "ab"]
    logged = run_policy(source, [*events, mail, *events])
    assert [record["queue"] for record in logged.records("a")] == ["a@d.example", "b@d.example"]


def test_each_record_for_which_a_handler_fails_is_rejected(run_policy: RunPolicy) -> None:
    source = init(
        "kumo.configure_local_logs { log_dir = 'a', filter_event = 'f' }",
        "kumo.on('f', function(msg) return msg:get_meta 'x' + 1 > 1 end)",
    )
    lines = [whole({"meta": {"x": x}}) for x in (1, "a", 2, "a", "a", 1)]
    logged = run_policy(source, lines)
    assert len(logged.records("a")) == 3
    assert [entry["line"] for entry in logged.rejects] == [2, 4, 5]
    assert all("init.lua:5: attempt to add" in e["error"] for e in logged.rejects)
    assert len({entry["error"] for entry in logged.rejects}) == 1


def test_handlers_are_asked_once_for_each_row() -> None:
    decisions = Decisions(["x"])
    rows = decisions.rows("AABA", lambda _: ["1", "2", "1", "1"])
    assert rows is not None
    new = decisions.new(rows)
    assert new == {("A", "1"): 0, ("A", "2"): 1, ("B", "1"): 2}
    decisions.add(new, ["pff", "fpd"], [])
    assert decisions.new(rows) == {}
    assert decisions.answers(rows, 2) == ["pffp", "fpdf"]


def test_answers_that_failed_are_not_remembered() -> None:
    decisions = Decisions(["x"])
    rows = decisions.rows("AA", lambda _: ["1", "2"])
    assert rows is not None
    decisions.add(decisions.new(rows) or {}, ["pe"], [1])
    assert decisions.new(rows[:1]) == {}
    assert decisions.new(rows) is None


@pytest.mark.parametrize("values", [[1, 1.0], [True, 1], [[1], None], [1.5], ["1", 1]])
def test_values_that_are_equal_and_not_the_same_are_not_remembered(values: list[Any]) -> None:
    assert Decisions(["x"]).rows("A" * len(values), lambda _: values) is None


def test_nothing_is_remembered_any_more_where_all_records_differ() -> None:
    decisions = Decisions(["x"])
    for batch in range(100):
        rows = decisions.rows("AAA", lambda _, n=batch: [f"{n}{place}" for place in range(3)])
        if rows is None:
            break
        decisions.add(decisions.new(rows) or {}, ["ppp"], [])
    assert batch == 64


def test_what_a_handler_that_never_returns_has_not_decided_is_told() -> None:
    decisions = Decisions(["x"])
    rows = decisions.rows("AAAAA", lambda _: ["1", "2", "1", "3", "2"])
    assert rows is not None
    new = decisions.new(rows)
    assert new is not None
    assert decisions.answers_until(rows, new, ["pf", "fe"]) == ["pfp", "fef"]
    assert decisions.answers_until(rows, new, ["", ""]) == ["", ""]
