"""The policies of policy/ do what they say, and are KumoMTA's as much as kumolog's."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Logged

from kumolog import Host
from kumolog.api import surface
from kumolog.check import check_policy
from kumolog.sources.lines import Block
from kumolog.sources.mail import open_mail
from kumolog.sources.stop import Stop

ROOT = Path(__file__).parent.parent
LUA = sorted(path.name for path in (ROOT / "policy").glob("*.lua"))
POLICIES = [name for name in LUA if not name.endswith("_spec.lua")]
EVENTS = (ROOT / "examples" / "first_steps" / "events.jsonl").read_bytes().splitlines()
EVERYTHING = ["Reception", "Delivery", "Reception", "TransientFailure", "Bounce", "Rejection"]


def run(policy: str, directory: Path, events: Iterable[bytes] = EVENTS) -> Logged:
    root, rejects = directory / "root", directory / "rejects.jsonl"
    with Host.open(ROOT / "policy" / policy, root=root, rejects=rejects) as host:
        host.log_lines(list(events))
    return Logged(root, host.close(), rejects)


def kinds(records: Iterable[dict[str, Any]]) -> list[str]:
    return [record["type"] for record in records]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_check_finds_nothing_and_no_event_is_lost(policy: str, tmp_path: Path) -> None:
    findings = check_policy(str(ROOT / "policy" / policy)).findings
    # Who may not write below /var/log is told so.
    assert [finding for finding in findings if finding.code != "log-dir"] == []
    logged = run(policy, tmp_path)
    assert logged.summary.all_well
    assert sum(logger["written"] for logger in logged.summary.loggers) >= len(EVERYTHING)


@pytest.mark.parametrize("policy", POLICIES)
def test_it_uses_kumomtas_names_only(policy: str) -> None:
    code = re.sub("--.*", "", (ROOT / "policy" / policy).read_text())
    assert "local kumo = require 'kumo'" in code
    known = {row.name for row in surface()}
    assert {name for name in re.findall(r"\bkumo\.[\w.]+", code) if name not in known} == set()


def test_the_default_logs_all_in_one_place_with_tenant_campaign_and_subject(tmp_path: Path) -> None:
    records = run("init.lua", tmp_path).records("/var/log/kumomta")
    assert kinds(records) == EVERYTHING
    assert records[0]["meta"] == {"tenant": "bakery", "campaign": "spring"}
    assert records[0]["headers"] == {"subject": "Fresh croîssants"}


def test_the_protocols_are_kept_apart_and_rejections_are_logged_once(tmp_path: Path) -> None:
    logged = run("split_by_protocol.lua", tmp_path)
    smtp, http = (logged.records(f"/var/log/kumomta/{name}") for name in ("smtp", "http"))
    assert kinds(smtp) == ["Reception", "Delivery", "Rejection"]
    assert kinds(http) == ["Reception", "TransientFailure", "Bounce"]


def test_each_tenant_has_a_directory_and_the_rest_another(tmp_path: Path) -> None:
    logged = run("per_tenant.lua", tmp_path)
    found = {
        name: kinds(logged.records(f"/var/log/kumomta/tenants/{name}"))
        for name in ("bakery", "harbour", "library", "_other")
    }
    assert found == {
        "bakery": ["Reception", "Delivery"],
        "harbour": [],
        "library": ["Reception", "TransientFailure", "Bounce"],
        "_other": ["Rejection"],
    }


def test_bounces_are_csv_beside_the_whole_log(tmp_path: Path) -> None:
    logged = run("bounces_csv.lua", tmp_path)
    assert logged.text("/var/log/kumomta/bounces", ".csv") == (
        "time,kind,recipient,code,status,class,reply\n"
        '2026-03-02T09:01:05+00:00,Bounce,"bob@post.example",550,5.1.1,InvalidRecipient,'
        '"no mailbox ""bob"" here"\n'
    )
    assert len(logged.segments("/var/log/kumomta")) == 2


REPLIES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]) | st.sampled_from('",;\\'))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["Bounce", "Expiration", "OOB"]), REPLIES), min_size=1))
def test_the_csv_reads_back_whatever_the_replies_say(replies: list[tuple[str, str]]) -> None:
    events = [
        json.dumps({"type": kind, "recipient": "a@b.example", "response": {"content": text}})
        for kind, text in replies
    ]
    with tempfile.TemporaryDirectory() as directory:
        logged = run("bounces_csv.lua", Path(directory), [event.encode() for event in events])
        text = logged.text("/var/log/kumomta/bounces", ".csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["kind"], row["reply"]) for row in rows] == replies


def test_complaints_bounces_and_other_mail_are_kept_apart(tmp_path: Path) -> None:
    mail = ROOT / "examples"
    sources = [str(mail / name / "mail") for name in ("feedback_loop", "bounce_mailbox")]
    root, rejects = tmp_path / "root", tmp_path / "rejects.jsonl"
    with (
        Stop() as stop,
        Host.open(ROOT / "policy" / "fbl_and_bounces.lua", root=root, rejects=rejects) as host,
    ):
        for piece in open_mail(sources, report=pytest.fail, stop=stop):
            assert isinstance(piece, Block)
            host.log_lines(piece.lines)
    logged = Logged(root, host.close(), rejects)
    assert logged.summary.all_well
    feedback, bounces, received = (
        logged.records(f"/var/log/kumomta/{name}") for name in ("feedback", "bounces", "received")
    )
    assert [record["meta"].get("x_complaint_id") for record in feedback] == ["1001", None]
    assert [(record["type"], record["recipient"]) for record in bounces] == [
        ("OOB", "bob@post.example"),
        ("OOB", "eve@inbox.example"),
        ("OOB", "joe@inbox.example"),
    ]
    assert bounces[1]["meta"] == {"x_failed_recipients": "eve@inbox.example, joe@inbox.example"}
    assert kinds(received) == ["Reception"] * 5


@pytest.mark.parametrize("headers", ["X-Mailer: é", "Subject: Fahrpläne\nfür heute: x"])
def test_broken_mail_in_a_feedback_loops_mailbox_is_logged_all_the_same(
    tmp_path: Path, headers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = base64.b64encode(f"{headers}\n\nHello\n".encode("latin-1")).decode()
    event = json.dumps({"type": "Reception", "data_base64": data}).encode()
    logged = run("fbl_and_bounces.lua", tmp_path, [event])
    assert logged.summary.all_well
    assert kinds(logged.records("/var/log/kumomta/received")) == ["Reception"]
    assert "no X- headers in meta: " in capsys.readouterr().err
