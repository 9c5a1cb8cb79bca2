"""``kumolog explain``: events from files and options, the outline and JSON, and its exit code."""

from __future__ import annotations

import json
import os
import pty
import re
from pathlib import Path
from typing import Any

import pytest
from cli.command import LOGGER, Command
from support import init

from kumolog.cli import main
from kumolog.cli.explained import Outline
from kumolog.explain import Explanation, Received
from kumolog.tracing import Call, Handled, Said

POLICY = """local kumo = require 'kumo'
kumo.on('smtp', function(msg)
  kumo.log_info 'asked'
  msg:set_meta('seen', true)
  return msg:get_meta 'reception_protocol' == 'ESMTP'
end)
local function deep(msg) return msg:get_meta 'n' + 1 end
kumo.on('number', function(msg) local n = deep(msg) return n end)
kumo.on('init', function()
  kumo.configure_local_logs {
    log_dir = 'logs', filter_event = 'smtp', meta = { 'tenant' }, headers = { 'Subject' },
    per_record = {
      Rejection = { enable = false },
      Any = { suffix = '.txt', segment_header = 'who\\n', template = '{{ recipient }}\\n{{ type }}' },
    },
  }
  kumo.configure_local_logs { log_dir = '/var/none', filter_event = 'number' }
end)
"""
WRITTEN = """\
options:1: Delivery
  logger logs (init.lua:10): written
    enabled by per_record.Any
    filter smtp (init.lua:2) returned true
      msg:set_meta("seen", true)
      msg:get_meta("reception_protocol"): "ESMTP"
      info: init.lua:3: asked
    meta: {"tenant":"t"}
    headers: {"subject":"hi"}
    segment: logs/NOW.txt
    segment header: "who\\n"
    template of per_record.Any: "{{ recipient }}\\n{{ type }}"
    line: b@x.example
        Delivery
  logger /var/none (init.lua:17): failed
    enabled: per_record says nothing about it
    filter number (init.lua:8) failed: init.lua:7: attempt to perform arithmetic on a nil value
        init.lua:7: in function 'deep'
        init.lua:8: in function <init.lua:8>
      msg:get_meta("n"): nil
"""
DELIVERY = ("--type", "Delivery", "--recipient", "b@x.example", "--meta", "tenant=t")
DELIVERY += ("--meta", "reception_protocol=ESMTP", "--header", "Subject=hi")


@pytest.fixture
def here(kumolog: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(kumolog.directory)
    return kumolog


def explained(here: Command, capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    """The one object that --json gives."""
    main(["explain", "init.lua", "--json", *options])
    return json.loads(capsys.readouterr().out)


def masked(text: str) -> str:
    return re.sub(r"\d{8}-\d{6}", "NOW", text)


# Output ------------------------------------------------------------------------------------------


def test_the_outline_has_an_entry_for_each_logger(
    here: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    here.policy(POLICY)
    assert main(["explain", "init.lua", *DELIVERY]) == 1
    assert masked(capsys.readouterr().out) == WRITTEN


def test_the_outline_says_why_nothing_is_written(
    here: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    here.policy(POLICY)
    main(["explain", "init.lua", "--type", "Rejection"])
    rejection = capsys.readouterr().out
    assert (
        "  logger logs (init.lua:10): disabled\n    disabled by per_record.Rejection\n" in rejection
    )
    assert "    filter number is not asked: a Rejection has no message\n" in rejection
    main(["explain", "init.lua", "--type", "Delivery", "--set", "reception_protocol=HTTP"])
    assert "  logger logs (init.lua:10): filtered\n" in capsys.readouterr().out


def test_the_outline_shows_what_reception_did(
    here: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    here.policy(
        init(
            LOGGER,
            """kumo.on('smtp_server_message_received', function(msg)
              if msg:get_first_named_header_value('Subject') == 'bad' then kumo.reject(550, 'no') end
              if msg:get_data() == '' then error 'empty' end
            end)""",
        )
    )
    for subject in ("bad", "good"):
        Path(subject).write_text(f"Subject: {subject}\r\n\r\n")
    Path("empty").touch()
    to = ("--type", "Reception", "--recipient", "b@x.example", "--data-file")
    assert main(["explain", "init.lua", *to, "bad"]) == 0
    refused = capsys.readouterr().out
    assert "  reception smtp_server_message_received (init.lua:5) refused it: 550 no\n" in refused
    assert '    msg:get_first_named_header_value("Subject"): "bad"\n' in refused
    assert "  Rejection record to b@x.example\n    logger out (init.lua:3): written\n" in refused
    assert main(["explain", "init.lua", *to, "good"]) == 0
    accepted = capsys.readouterr().out
    assert "(init.lua:5) accepted it\n" in accepted
    assert "\n  logger out (init.lua:3): written\n" in accepted
    assert main(["explain", "init.lua", *to, "empty"]) == 1
    failed = capsys.readouterr().out
    assert "(init.lua:5) failed: init.lua:7: empty\n" in failed
    assert "  rejected, no logger sees it: init.lua:7: empty\n" in failed


def test_json_is_an_object_for_each_event(
    here: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    here.policy(POLICY)
    Path("events").write_text(
        '{"type":"Delivery","id":"7","recipient":"b@x.example","meta":{"tenant":"t","n":4},'
        '"headers":{"Subject":"hi"},"reception_protocol":"ESMTP"}\n\n{"type":"?"}\n'
    )
    assert main(["explain", "init.lua", "events", "--json", "--root", "/r"]) == 1
    first, second = masked(capsys.readouterr().out).splitlines()
    told = json.loads(first)
    line = told["records"][0]["loggers"][1]["output"].pop("line")
    assert json.loads(line)["id"] == "7"
    assert told == {
        "source": "events",
        "line": 1,
        "type": "Delivery",
        "error": None,
        "received": None,
        "records": [
            {
                "type": "Delivery",
                "id": "7",
                "recipient": "b@x.example",
                "loggers": [
                    {
                        "log_dir": "logs",
                        "place": "init.lua:10",
                        "outcome": "written",
                        "enabled": True,
                        "entry": "Any",
                        "filter_event": "smtp",
                        "filter": {
                            "event": "smtp",
                            "place": "init.lua:2",
                            "calls": [
                                {
                                    "method": "msg:set_meta",
                                    "arguments": ["seen", True],
                                    "is_change": True,
                                    "result": None,
                                    "error": None,
                                },
                                {
                                    "method": "msg:get_meta",
                                    "arguments": ["reception_protocol"],
                                    "is_change": False,
                                    "result": "ESMTP",
                                    "error": None,
                                },
                            ],
                            "returned": True,
                            "said": [{"level": "info", "text": "init.lua:3: asked"}],
                            "refused": None,
                            "error": None,
                        },
                        "output": {
                            "directory": "/r/logs",
                            "suffix": ".txt",
                            "segment": "NOW.txt",
                            "segment_header": "who\n",
                            "template": "{{ recipient }}\n{{ type }}",
                            "meta": {"tenant": "t"},
                            "headers": {"subject": "hi"},
                            "line": "b@x.example\nDelivery",
                        },
                        "error": None,
                    },
                    {
                        "log_dir": "/var/none",
                        "place": "init.lua:17",
                        "outcome": "written",
                        "enabled": True,
                        "entry": None,
                        "filter_event": "number",
                        "filter": {
                            "event": "number",
                            "place": "init.lua:8",
                            "calls": [
                                {
                                    "method": "msg:get_meta",
                                    "arguments": ["n"],
                                    "is_change": False,
                                    "result": 4,
                                    "error": None,
                                }
                            ],
                            "returned": 5,
                            "said": [],
                            "refused": None,
                            "error": None,
                        },
                        "output": {
                            "directory": "/r/var/none",
                            "suffix": None,
                            "segment": "NOW",
                            "segment_header": "",
                            "template": None,
                            "meta": {},
                            "headers": {},
                        },
                        "error": None,
                    },
                ],
                "hooks": [],
            }
        ],
    }
    assert json.loads(second) == {
        "source": "events",
        "line": 3,
        "type": None,
        "error": "unknown record type '?': expected one of Reception, Delivery, Bounce, "
        "TransientFailure, Expiration, AdminBounce, OOB, Feedback, Rejection, AdminRebind, "
        "DeferredInjectionRebind, Delayed, XferOut, XferIn",
        "received": None,
        "records": [],
    }


def test_values_that_are_long_or_have_lines_stay_in_their_place() -> None:
    run = Handled(
        "f", "p:1", [Call("msg:get_data", [], False, "x" * 999)], None, [Said("info", "a\nb")]
    )
    text = Outline(lambda _, text: text).text(
        Explanation("s", 1, "Reception", None, Received([run]))
    )
    cut = "x" * 199
    assert text.splitlines()[2:] == [
        f'    msg:get_data(): "{cut}...',
        "    info: a",
        "        b",
    ]


@pytest.mark.parametrize(
    ("settings", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colours_where_they_are_wanted(
    kumolog: Command, settings: dict[str, str], coloured: bool
) -> None:
    leader, follower = pty.openpty()
    for name in ("NO_COLOR", "TERM"):
        kumolog.environment.pop(name, None)
    kumolog.environment |= settings
    kumolog.run("explain", "init.lua", "--type", "Delivery", stdout=follower)
    os.close(follower)
    shown = os.read(leader, 100_000)
    os.close(leader)
    assert (b"\x1b[32mwritten\x1b[0m" in shown) == coloured
    assert b"written" in shown


def test_what_the_policy_writes_past_print_goes_to_standard_error(kumolog: Command) -> None:
    writing = "print 'loading' io.write('one\\n') os.execute('echo two')\n"
    handler = "kumo.on('f', function() print('three') io.write('four\\n') return true end)"
    kumolog.policy(writing + init(LOGGER.replace("}", ", filter_event = 'f' }"), handler))
    done = kumolog.run("explain", "init.lua", "--type", "Delivery", "--json")
    (told,) = map(json.loads, done.stdout.splitlines())
    assert told["records"][0]["loggers"][0]["filter"]["said"][0]["text"] == "init.lua:6: three"
    assert sorted(done.stderr.decode().splitlines()) == [
        "four",
        "kumolog: info: init.lua:1: loading",
        "one",
        "two",
    ]


def test_names_that_are_not_utf_8_are_shown(kumolog: Command) -> None:
    kumolog.policy(init(LOGGER), os.fsdecode(b"\xff.lua"))
    done = kumolog.run("explain", b"\xff.lua", "--type", "Delivery", "--root", b"r\xfe", "--json")
    (made,) = json.loads(done.stdout)["records"][0]["loggers"]
    assert (made["place"], made["output"]["directory"]) == ("\\xff.lua:3", "r\\xfe/out")
    assert done.returncode == 0


def test_nothing_is_opened_made_or_changed(kumolog: Command) -> None:
    segment = kumolog.directory / "out" / "20230306-022811"
    segment.parent.mkdir()
    segment.write_bytes(b"left by a run that was killed")
    kumolog.policy(init(LOGGER + "\nkumo.configure_local_logs { log_dir = 'new/dir' }"))
    before = {path: path.stat().st_mtime_ns for path in kumolog.directory.rglob("*")}
    done = kumolog.run("explain", "init.lua", stdin=b'{"type":"Delivery"}\nno event\n')
    assert done.returncode == 1
    assert {path: path.stat().st_mtime_ns for path in kumolog.directory.rglob("*")} == before


# Events ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paths", [[], ["-"]])
def test_events_are_read_from_standard_input(kumolog: Command, paths: list[str]) -> None:
    done = kumolog.run("explain", "init.lua", *paths, stdin=b'{"type":"OOB"}\n{"type":"Bounce"}')
    assert [line for line in done.stdout.decode().splitlines() if line[0] != " "] == [
        "stdin:1: OOB",
        "stdin:2: Bounce",
    ]
    assert done.returncode == 0


def test_an_event_is_made_of_options(here: Command, capsys: pytest.CaptureFixture[str]) -> None:
    here.policy(
        init("kumo.configure_local_logs { log_dir = 'out', meta = { '*' }, headers = { '*' } }")
    )
    told = explained(
        here,
        capsys,
        *("--type", "Bounce", "--sender", "a@x.example"),
        *("--recipient", "b@x.example", "--recipient", "c@x.example"),
        *("--meta", "n=1", "--meta", "t=a=b", "--meta", "empty=", "--meta", 'list=["x"]'),
        *("--header", "Subject=5", "--header", "X-A=1", "--header", "X-A=2"),
        *("--set", "response.code=551", "--set", "meta.late=x", "--set", "queue=q"),
    )
    record = json.loads(told["records"][0]["loggers"][0]["output"]["line"])
    assert (record["type"], record["sender"], record["queue"]) == ("Bounce", "a@x.example", "q")
    assert record["recipient"] == ["b@x.example", "c@x.example"]
    assert record["meta"] == {"n": 1, "t": "a=b", "empty": "", "list": ["x"], "late": "x"}
    assert record["headers"] == {"subject": "5", "x-a": ["1", "2"]}
    assert record["response"]["code"] == 551


def test_the_message_may_be_any_bytes(here: Command, capsys: pytest.CaptureFixture[str]) -> None:
    here.policy(init("kumo.configure_local_logs { log_dir = 'out', headers = { 'Subject' } }"))
    Path("mail.eml").write_bytes(b"Subject: \xff\r\n\r\n\x00")
    told = explained(here, capsys, "--type", "Reception", "--data-file", "mail.eml")
    output = told["records"][0]["loggers"][0]["output"]
    assert output["headers"] == {"subject": "\N{REPLACEMENT CHARACTER}"}
    assert json.loads(output["line"])["size"] == 15


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--meta", "a=b"], "it needs a --type, such as Delivery"),
        (["--type", "OOB", "events"], "there are two events: leave out events, or the options"),
        (["--type", "OOB", "--meta", "a"], "--meta a: expected a name and a value"),
        (["--type", "OOB", "--header", "=a"], "--header =a: expected a name and a value"),
        (
            ["--type", "OOB", "--set", "a=1", "--set", "a.b=1"],
            "--set a.b: a already is a value without fields",
        ),
        (["--data-file", "none"], "reading the message none: No such file or directory"),
        (["--data-file", "."], "reading the message .: Is a directory"),
        (["none"], "reading none: No such file or directory"),
    ],
)
def test_wrong_usage_is_said(
    here: Command, capsys: pytest.CaptureFixture[str], options: list[str], error: str
) -> None:
    assert main(["explain", "init.lua", *options]) == 2
    output = capsys.readouterr()
    assert (output.out, error in output.err) == ("", True)


# Exit codes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (init(LOGGER), 0),
        (init(""), 0),
        (init(LOGGER.replace("}", ", filter_event = 'f' }"), "kumo.on('f', error)"), 1),
        (init(LOGGER.replace("}", ", per_record = { Any = { template = '{{ 1 // 0 }}' } } }")), 1),
        (init(LOGGER.replace("}", ", filter_event = 'f' }")), 2),
        (init("local function f() error 'no' end f()"), 2),
        ("=", 2),
    ],
)
def test_the_exit_code_tells_what_failed_from_policies_that_do_not_load(
    here: Command, source: str, code: int
) -> None:
    here.policy(source)
    assert main(["explain", "init.lua", "--type", "Delivery"]) == code


def test_missing_handlers_can_be_allowed(here: Command, capsys: pytest.CaptureFixture[str]) -> None:
    here.policy(init(LOGGER.replace("}", ", filter_event = 'f' }")))
    arguments = ["explain", "init.lua", "--type", "Delivery", "--allow-missing-handlers"]
    assert main(arguments) == 0
    assert "filter f has no handler: every record is dropped\n" in capsys.readouterr().out


def test_an_input_that_breaks_off_makes_the_exit_code_1(kumolog: Command) -> None:
    (kumolog.directory / "broken").write_bytes(b"\x28\xb5\x2f\xfd" + b"\xff" * 20)
    done = kumolog.run("explain", "init.lua", "broken")
    assert done.returncode == 1
    assert b"reading broken" in done.stderr


def test_a_line_that_is_too_long_is_no_event(
    here: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("events").write_bytes(
        b'{"type":"OOB","site":"' + b"x" * (17 << 20) + b'"}\n{"type":"OOB"}'
    )
    assert main(["explain", "init.lua", "events"]) == 1
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "events:1: no event: the line is longer than 16777216 bytes"
    assert second == "events:2: OOB"
