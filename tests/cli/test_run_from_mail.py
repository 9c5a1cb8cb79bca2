"""``kumolog run --from-mail``: mail in, what reception makes of it out."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from cli.command import LOGGER, Command, wait_until
from support import init

FROM = b"From ada@post.example Mon Mar  2 09:00:00 2026\n"


def message(number: int, body: bytes = b"Hello.\n") -> bytes:
    return b"Return-Path: <ada@post.example>\nSubject: %d\n\n%s" % (number, body)


def mbox(*numbers: int) -> bytes:
    return b"".join(FROM + message(number) + b"\n" for number in numbers)


REPORT = b"""\
Return-Path: <fbl@provider.example>
Delivered-To: complaints@shop.example
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider/1.0
Version: 1

--b
Content-Type: message/rfc822

Subject: News

--b--
"""


@pytest.fixture
def mail(kumolog: Command) -> Command:
    """The command with a policy that logs subjects."""
    kumolog.policy(init("kumo.configure_local_logs { log_dir = 'out', headers = { 'Subject' } }"))
    return kumolog


def subjects(mail: Command) -> list[str]:
    return [record["headers"]["subject"] for record in mail.records()]


def write(directory: Path, **files: bytes) -> Path:
    for folder in ("cur", "new"):
        (directory / folder).mkdir(parents=True)
    for name, data in files.items():
        (directory / name.replace("_", "/")).write_bytes(data)
    return directory


def test_mail_is_received_and_a_report_becomes_a_feedback_record(mail: Command) -> None:
    write(mail.directory / "box", new_1=message(1), new_2=REPORT)
    done = mail.run("run", "init.lua", "--from-mail", "box")
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    received, complaint = mail.records()
    assert received["type"] == "Reception"
    assert (received["sender"], received["recipient"]) == ("ada@post.example", "")
    assert received["size"] == len(message(1))
    assert received["reception_protocol"] is None
    assert complaint["type"] == "Feedback"
    assert complaint["recipient"] == "complaints@shop.example"
    assert complaint["feedback_report"]["user_agent"] == "Provider/1.0"


def test_without_receiving_no_handler_runs_and_a_report_stays_mail(mail: Command) -> None:
    handler = "kumo.on('smtp_server_message_received', function() error 'no' end)"
    mail.policy(init(LOGGER, handler))
    (mail.directory / "report.eml").write_bytes(REPORT)
    done = mail.run("run", "init.lua", "--from-mail", "report.eml", "--no-receive")
    assert done.returncode == 0, done.stderr
    assert [record["type"] for record in mail.records()] == ["Reception"]


def test_mail_comes_after_the_inputs_and_in_the_order_given(mail: Command) -> None:
    event = b'{"type":"Delivery","headers":{"subject":"first"}}\n'
    (mail.directory / "events").write_bytes(event)
    (mail.directory / "mbox").write_bytes(mbox(1, 2))
    (mail.directory / "a.eml").write_bytes(message(3))
    done = mail.run("run", "--from-mail", "mbox", "init.lua", "--from-mail=a.eml", "events")
    assert done.returncode == 0, done.stderr
    assert subjects(mail) == ["first", "1", "2", "3"]


def test_mail_alone_leaves_standard_input_alone(mail: Command) -> None:
    (mail.directory / "mbox").write_bytes(mbox(1))
    with mail.start("run", "init.lua", "--from-mail", "mbox") as process:
        assert process.wait(60) == 0
    assert subjects(mail) == ["1"]


@pytest.mark.parametrize("data", [mbox(1), message(1)])
def test_mail_may_come_from_standard_input(mail: Command, data: bytes) -> None:
    done = mail.run("run", "init.lua", "--from-mail", "-", stdin=data)
    assert done.returncode == 0, done.stderr
    assert subjects(mail) == ["1"]


def test_standard_input_can_be_read_only_once(mail: Command) -> None:
    done = mail.run("run", "init.lua", "-", "--from-mail", "-")
    assert done.returncode == 2
    assert b"- is given twice, but it can be read only once" in done.stderr


def test_a_missing_path_is_an_error_before_anything_is_made(mail: Command) -> None:
    done = mail.run("run", "init.lua", "--from-mail", "gone")
    assert done.returncode == 2
    assert done.stderr == b"kumolog: error: reading gone: No such file or directory\n"
    assert os.listdir(mail.directory) == ["init.lua"]


def test_what_is_no_mail_is_rejected_with_its_path_and_the_others_go_on(mail: Command) -> None:
    (mail.directory / "mail").mkdir()
    (mail.directory / "mail" / "1.jsonl").write_bytes(b'{"type":"Delivery"}\n')
    (mail.directory / "mail" / "2.eml").write_bytes(message(2))
    done = mail.run("run", "init.lua", "--from-mail", "mail", "--json")
    assert done.returncode == 1
    assert subjects(mail) == ["2"]
    summary = json.loads(done.stdout)
    assert (summary["read"], summary["rejected"]) == (2, 1)
    (entry,) = mail.rejects
    assert (entry["source"], entry["line"], entry["raw"]) == ("mail/1.jsonl", 1, "")
    assert entry["error"].startswith("it is neither an mbox")


def test_files_that_may_not_be_read_are_rejected_with_their_path(
    mail: Command, unprivileged: Command
) -> None:
    box = write(mail.directory / "box", new_1=message(1), new_2=message(2))
    write(box / ".Closed", new_3=message(3))
    (box / "new" / "1").chmod(0)
    (box / ".Closed").chmod(0o111)
    (box / ".Closed" / "new").chmod(0)
    done = unprivileged.run("run", "init.lua", "--from-mail", "box")
    assert done.returncode == 1
    assert subjects(mail) == ["2"]
    assert [(entry["source"], entry["error"]) for entry in mail.rejects] == [
        ("box/new/1", "reading it failed: Permission denied"),
        ("box/.Closed", "reading it failed: Permission denied"),
    ]


def test_a_failing_handler_rejects_the_message_with_its_line_in_the_mbox(mail: Command) -> None:
    handler = """kumo.on('smtp_server_message_received', function(msg)
      if msg:get_first_named_header_value 'subject' == '2' then error 'no' end
    end)"""
    mail.policy(init(LOGGER, handler))
    (mail.directory / "mbox").write_bytes(mbox(1, 2, 3))
    done = mail.run("run", "init.lua", "--from-mail", "mbox")
    assert done.returncode == 1
    assert len(mail.records()) == 2
    (entry,) = mail.rejects
    assert (entry["source"], entry["line"]) == ("mbox", 7)
    again = mail.run(
        "run", "init.lua", "-", "--root", "again", "--no-receive", stdin=entry["raw"].encode()
    )
    assert again.returncode == 0
    assert [record["size"] for record in mail.records("again/out")] == [len(message(2))]


def test_a_message_of_30_mb_is_read_and_one_of_68_mb_is_rejected(mail: Command) -> None:
    line = b"x" * 76 + b"\n"
    with open(mail.directory / "mbox", "wb") as file:
        for number, megabytes in ((1, 30), (2, 68), (3, 0)):
            file.write(FROM + message(number, line * (megabytes * 1_000_000 // len(line))) + b"\n")
    done = mail.run("run", "init.lua", "--from-mail", "mbox")
    assert done.returncode == 1
    assert subjects(mail) == ["1", "3"]
    (entry,) = mail.rejects
    assert entry["error"] == "the message is larger than 67108864 bytes"


def test_memory_does_not_grow_with_the_mailbox(mail: Command) -> None:
    peaks = []
    for count in (5, 25):
        (mail.directory / "mbox").write_bytes(
            (FROM + message(1, b"x" * 76 * 20_000) + b"\n") * count
        )
        with mail.start("run", "init.lua", "--from-mail", "mbox") as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        peaks.append(usage.ru_maxrss)
    assert peaks[1] < peaks[0] + 10_000  # KiB; the mailbox grew by 30 MB


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_between_two_messages(mail: Command, number: int) -> None:
    os.mkfifo(mail.directory / "pipe")
    with (
        mail.start("run", "init.lua", "--from-mail", "pipe", "--flush-interval", "20ms") as process,
        open(mail.directory / "pipe", "wb") as pipe,
    ):
        pipe.write(mbox(1, 2) + FROM + b"Subject: half\n")
        pipe.flush()
        wait_until(lambda: len(mail.segments()) and len(mail.records()) == 2)
        process.send_signal(number)
        assert process.wait(60) == 0
    assert subjects(mail) == ["1", "2"]
    assert mail.rejects == []


def test_malformed_reports_are_in_the_summary(mail: Command) -> None:
    (mail.directory / "twice.eml").write_bytes(
        REPORT.replace(b"Version: 1\n", b"Version: 1\nVersion: 1\n")
    )
    done = mail.run("run", "init.lua", "--from-mail", "twice.eml", "--json")
    assert (done.returncode, json.loads(done.stdout)["malformed_reports"]) == (0, 1)
    told = mail.run("run", "init.lua", "--from-mail", "twice.eml").stderr.decode()
    assert "read 1 event; 1 malformed report among them\n" in told
    assert "Version" in told
