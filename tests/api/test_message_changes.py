"""What handlers change in a message: seen by themselves, by the record, and by later loggers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from support import RunPolicy, init, read_segment

from kumolog.api import message_changes, surface
from kumolog.host import Host

DATA = "Subject: =?utf-8?q?caf=C3=A9?=\r\nX-Tag: a\r\nX-Campaign-ID: c1\r\nx-tag: b\r\n\r\nbody\r\n"
EVENT = {
    "type": "Reception",
    "id": "1d98076abbbc11ed940250ebf67f93bd",
    "sender": "from@sender.example",
    "recipient": "to@recipient.example",
    "num_attempts": 3,
}
THREE = """for n, d in ipairs { 'first', 'second', 'third' } do
  kumo.configure_local_logs { log_dir = d, filter_event = 'f' .. n, meta = { '*' }, headers = { '*' } }
end"""
ONE = "kumo.configure_local_logs { log_dir = 'd', filter_event = 'f', meta = { '*' }, headers = { '*' } }"


def records(run_policy: RunPolicy, body: str, **fields: Any) -> list[dict[str, Any]]:
    """The records of three loggers, of which the second one's filter has that body."""
    rest = f"""
      kumo.on('f1', function(msg) return true end)
      kumo.on('f2', function(msg) {body} return true end)
      kumo.on('f3', function(msg) return true end)"""
    logged = run_policy(init(THREE, rest), [EVENT | fields])
    assert logged.rejects == []
    return [logged.records(name)[-1] for name in ("first", "second", "third")]


def changed(run_policy: RunPolicy, body: str, **fields: Any) -> dict[str, Any]:
    """The record after a change, which the loggers before it do not show and those after it do."""
    first, second, third = records(run_policy, body, **fields)
    unchanged = records(run_policy, "", **fields)[0]
    assert first == {**unchanged, "timestamp": first["timestamp"]}
    assert second == third
    return second


def heard(run_policy: RunPolicy, body: str, **fields: Any) -> list[str]:
    """What a filter of that body logs with kumo.log_info."""
    logged = run_policy(
        init(ONE, f"kumo.on('f', function(msg) {body} return true end)"), [EVENT | fields]
    )
    assert logged.rejects == []
    return [text.split(": ", 1)[1] for _, text in logged.diagnostics]


def failure(run_policy: RunPolicy, body: str, **fields: Any) -> str:
    logged = run_policy(init(ONE, f"kumo.on('f', function(msg) {body} end)"), [EVENT | fields])
    return str(logged.rejects[-1]["error"]).partition("init.lua:5: ")[2]


def test_every_method_of_the_table_is_there() -> None:
    named = {row.name for row in surface() if row.module == "message_changes"}
    assert {f"message:{name}" for name in message_changes()} == named
    assert {row.role for row in surface() if row.name in named} == {"live"}


# Visibility -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("msg:set_sender 'New@Other.Example'", {"sender": "New@other.example"}),
        ("msg:set_sender ''", {"sender": ""}),
        ("msg:set_recipient 'x@Other.Example'", {"queue": "other.example"}),
        ("msg:set_recipient { 'a@b.example', 'c@d.example' }",
         {"queue": "b.example", "recipient": EVENT["recipient"]}),
        ("msg:set_recipient { 'a@b.example' }", {"queue": "b.example", "recipient": EVENT["recipient"]}),
        ("msg:increment_num_attempts() msg:increment_num_attempts()", {"num_attempts": 5}),
        ("msg:set_data 'A: 1\\r\\n\\r\\n'", {"size": 8, "headers": {"a": "1"}}),
        ("msg:set_meta('tenant', 't')", {"queue": "t@recipient.example", "meta": {"tenant": "t"}}),
        ("msg:set_meta('tenant', 't') msg:set_recipient 'a@b.example'",
         {"queue": "t@b.example", "meta": {"tenant": "t"}}),
        ("msg:prepend_header('X-Tag', 'z')", {"size": len(DATA) + 10}),
        ("msg:remove_all_named_headers 'X-TAG'", {"size": len(DATA) - 20}),
        ("msg:import_x_headers()", {"meta": {"x_tag": "b", "x_campaign_id": "c1"}}),
        ("msg:append_text_plain 'more'", {"size": len(DATA) + 4}),
    ],
)  # fmt: skip
def test_changes_reach_this_record_and_later_loggers_but_not_earlier_ones(
    run_policy: RunPolicy, body: str, expected: dict[str, Any]
) -> None:
    record = changed(run_policy, body, data=DATA)
    assert expected.items() <= record.items()


def test_each_logger_shows_the_changes_up_to_its_own(run_policy: RunPolicy) -> None:
    rest = "".join(
        f"""kumo.on('f{n}', function(msg)
          msg:set_meta('n', {n}) msg:append_header('X-N', '{n}') msg:increment_num_attempts()
          return true end)\n"""
        for n in (1, 2, 3)
    )
    logged = run_policy(init(THREE, rest), [EVENT | {"data": "X-N: 0\r\n\r\n"}])
    for n, name in enumerate(("first", "second", "third"), 1):
        (record,) = logged.records(name)
        assert record["meta"] == {"n": n}
        assert record["headers"] == {"x-n": [str(k) for k in range(n + 1)]}
        assert (record["num_attempts"], record["size"]) == (3 + n, 10 + 8 * n)


def test_a_handler_sees_what_it_changed(run_policy: RunPolicy) -> None:
    texts = heard(
        run_policy,
        """kumo.log_info(msg:get_meta 'x_tag')
        msg:set_sender 'a@b.example' msg:set_recipient { 'c@d.example', 'e@f.example' }
        msg:increment_num_attempts() msg:import_x_headers()
        msg:set_data 'From: <x@y.example>\\r\\n\\r\\n\\xff'
        kumo.log_info(msg:sender(), #msg:recipient(), msg:queue_name(), msg:num_attempts(), msg:get_meta 'x_tag')
        kumo.log_info(msg:from_header().email, #msg:get_data(), #msg:get_all_headers(), msg:get_data():byte(-1))
        kumo.log_info(msg:parse_mime().headers:get_first_named('from').name)""",
        data=DATA,
    )
    assert texts == ["nil", "a@b.example 2 d.example 4 b", "x@y.example 24 1 255", "From"]


def test_a_change_reaches_a_record_that_was_turned_down_before(run_policy: RunPolicy) -> None:
    rest = """kumo.on('f1', function(msg) msg:set_sender 'a@b.example' return false end)
      kumo.on('f2', function(msg) msg:set_meta('x', 1) error 'no' end)
      kumo.on('f3', function(msg) return msg:get_meta 'x' == 1 end)"""
    logged = run_policy(init(THREE, rest), [EVENT])
    (record,) = logged.records("third")
    assert (record["sender"], record["meta"]) == ("a@b.example", {"x": 1})


def test_a_change_comes_too_late_once_another_message_is_asked_about(tmp_path: Path) -> None:
    rest = """local kept
      kumo.on('f', function(msg)
        if kept then kept:set_sender 'late@b.example' kept:set_data 'x' end
        kept = kept or msg
        return true
      end)"""
    (tmp_path / "init.lua").write_text(init(ONE, rest))
    with Host.open(tmp_path / "init.lua", root=tmp_path / "root") as host:
        host.log_lines([json.dumps(EVENT).encode()] * 3)
    (segment,) = (tmp_path / "root/d").iterdir()
    senders = [json.loads(line)["sender"] for line in read_segment(segment).splitlines()]
    assert senders == [EVENT["sender"]] * 3


def test_fields_that_kumolog_does_not_know_stay(run_policy: RunPolicy) -> None:
    record = changed(run_policy, "msg:set_sender 'a@b.example'", future={"a": 1})
    assert (record["future"], record["sender"]) == ({"a": 1}, "a@b.example")


def test_templates_show_what_was_changed(run_policy: RunPolicy) -> None:
    body = """kumo.configure_local_logs { log_dir = 'd', filter_event = 'f', headers = { 'X-*' },
      per_record = { Any = { template = '{{ sender }} {{ queue }} {{ size }} {{ headers["x-a"] }}' } } }"""
    rest = """kumo.on('f', function(msg)
      msg:set_sender 'a@b.example' msg:set_recipient 'c@d.example' msg:set_data 'X-A: 1\\r\\n\\r\\n' return true
    end)"""
    assert run_policy(init(body, rest), [EVENT]).lines("d") == ["a@b.example d.example 10 1"]


def test_messages_that_a_policy_makes_can_be_changed(run_policy: RunPolicy) -> None:
    source = """
      local msg = kumo.make_message('a@b.example', 'c@d.example', 'Subject: x\\r\\n\\r\\nbody')
      msg:append_header('X-A', 'caf\\u{e9}', true) msg:set_meta('tenant', 't') msg:set_sender ''
      msg:set_recipient { 'x@y.example', 'z@w.example' } msg:increment_num_attempts() msg:import_x_headers()
      kumo.log_info((msg:get_data():gsub('\\r\\n', '|')))
      kumo.log_info(msg:queue_name(), #msg:recipient(), msg:num_attempts(), msg:get_meta 'x_a', msg:sender().email == '')
    """
    logged = run_policy(source + init(ONE, "kumo.on('f', function() return true end)"), [EVENT])
    texts = [text.split(": ", 1)[1] for _, text in logged.diagnostics]
    assert texts == [
        "Subject: x|X-A: =?utf-8?q?caf=C3=A9?=||body",
        "t@y.example 2 1 caf\u00e9 true",
    ]


# The envelope -----------------------------------------------------------------------------------


def test_a_queue_that_was_chosen_stays_with_another_recipient(run_policy: RunPolicy) -> None:
    record = changed(run_policy, "msg:set_recipient 'a@b.example'", queue="hook.example")
    assert record["queue"] == "hook.example"


def test_the_error_stands_in_for_a_queue_without_a_recipient(run_policy: RunPolicy) -> None:
    record = changed(run_policy, "msg:set_recipient {} msg:set_meta('tenant', 5)")
    assert "the meta value tenant is 5" in record["queue"]


def test_attempts_have_an_end(run_policy: RunPolicy) -> None:
    record = changed(run_policy, "msg:increment_num_attempts()", num_attempts=65535)
    assert record["num_attempts"] == 65535


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("set_sender 'nonsense'", "parsing the envelope address 'nonsense'"),
        ("set_sender(nil)", "bad argument #2 to `Message.set_sender`: error converting Lua nil to String"),
        ("set_sender(msg:sender())", "bad argument #2 to `Message.set_sender`: error converting Lua userdata to String "
         "(expected string or number): give the text, as in tostring(address)"),
        ("set_recipient({ 'a@b.example', 'x y' })", "parsing the envelope address 'x y'"),
        ("set_data(nil)", "bad argument #2 to `Message.set_data`: error converting Lua nil to string"),
        ("set_data({})", "bad argument #2 to `Message.set_data`: error converting Lua table to string"),
        ("prepend_header('A')", "bad argument #3 to `Message.prepend_header`: error converting Lua nil"),
        ("prepend_header('A B', 'x')", "writing a header: its name must be printable ASCII"),
        ("append_header('A', 'x\\nB: y')", "writing the header 'A': its value has a line end at offset 1"),
        ("append_header('A', '\\xff', true)", "bad argument #3 to `Message.append_header`"),
        ("append_header('A', 'x')", "appending a header: the headers must end with CRLF CRLF"),
        ("import_headers({ { nme = 'x' } })", "bad argument #2 to `Message.import_headers`: deserialize error: unknown field `nme`"),
        ("import_headers({ { name = 'X-*', target = 'x' } })", "importing headers: 'X-*' may be several"),
        ("import_headers({ { name = 'x', match = 'any' } })", "bad argument #2 to `Message.import_headers`: deserialize error: unknown variant `any`"),
        ("import_x_headers { '*' }", "importing headers: the name '*' would be every header"),
        ("import_x_headers 'X-A'", "bad argument #2 to `Message.import_x_headers`"),
        ("remove_all_named_headers()", "a header's name must be a string"),
        ("check_fix_conformance('BAD', '')", "invalid MessageConformance flag 'BAD', possible values are"),
        ("append_text_plain {}", "bad argument #2 to `Message.append_text_plain`"),
        ("set_scheduling { dow = 'Xyz' }", "deserialize error: dow: deserialize error: invalid day 'Xyz'"),
        ("set_scheduling { when = 1 }", "deserialize error: invalid field name when"),
        ("set_due 'soon'", "deserialize error: input contains invalid characters"),
        ("add_authentication_results('x', 5)", "deserialize error: invalid type: integer, expected table"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named_and_change_nothing(
    run_policy: RunPolicy, call: str, text: str
) -> None:
    assert failure(run_policy, f"msg:{call}", data="A: 1\n\nbody").startswith(text)


# Headers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "data"),
    [
        ("prepend_header('X-A', 'b')", "X-A: b\r\n" + DATA),
        ("append_header('X-A', 'b', false)", DATA.replace("\r\n\r\n", "\r\nX-A: b\r\n\r\n")),
        ("prepend_header('X-A', '\\xff')", "X-A: \xff\r\n" + DATA),
        ("prepend_header('X-A', 5)", "X-A: 5\r\n" + DATA),
        ("prepend_header('X-A', 'caf\\u{e9}', true)", "X-A: =?utf-8?q?caf=C3=A9?=\r\n" + DATA),
        ("remove_x_headers()", "Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\nbody\r\n"),
        ("remove_x_headers {}", "Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\nbody\r\n"),
        ("remove_x_headers { 'SUBJECT', 'X-Campaign-Id' }", "X-Tag: a\r\nx-tag: b\r\n\r\nbody\r\n"),
        ("remove_x_headers { 'x-*', '' }", DATA),
        ("remove_all_named_headers 'x-tag'", DATA.replace("X-Tag: a\r\n", "").replace("x-tag: b\r\n", "")),
        ("remove_all_named_headers '\\xff'", DATA),
        ("import_headers { { name = 'x-t*', remove = true } }",
         DATA.replace("X-Tag: a\r\n", "").replace("x-tag: b\r\n", "")),
    ],
)  # fmt: skip
def test_headers_are_rewritten_and_all_else_stays(
    run_policy: RunPolicy, call: str, data: str
) -> None:
    body = f"msg:{call} kumo.log_info(kumo.encode.base64_encode(msg:get_data()))"
    (text,) = heard(run_policy, body, data=DATA)
    assert base64.b64decode(text).decode("latin-1") == data


@pytest.mark.parametrize(
    ("call", "meta"),
    [
        ("import_x_headers()", {"x_tag": "b", "x_campaign_id": "c1"}),
        ("import_x_headers {}", {"x_tag": "b", "x_campaign_id": "c1"}),
        ("import_x_headers { 'subject', 'x-t*', 'none' }", {"subject": "caf\u00e9", "x_tag": "b"}),
        ("import_headers { { name = 'X-Tag', match = 'all', transform = 'camel_case' } }", {"xTag": ["a", "b"]}),
        ("import_headers { { name = 'X-Tag', match = 'first', target = 'tenant' } }", {"tenant": "a"}),
        ("import_headers { { name = 'X-Tag', target = 'one' }, { name = 'X-*', transform = 'pascal_case' } }",
         {"one": "b", "XCampaignId": "c1"}),
        ("import_headers {}", {}),
    ],
)  # fmt: skip
def test_headers_become_meta_values(run_policy: RunPolicy, call: str, meta: dict[str, Any]) -> None:
    assert changed(run_policy, f"msg:{call}", data=DATA)["meta"] == meta


def test_a_tenant_that_a_header_names_names_the_queue(run_policy: RunPolicy) -> None:
    body = "msg:import_headers { { name = 'X-Tag', target = 'tenant' } }"
    assert changed(run_policy, body, data=DATA)["queue"] == "b@recipient.example"


def test_a_value_that_is_not_text_is_an_error_of_the_import(run_policy: RunPolicy) -> None:
    data = base64.b64encode(b"X-A: \xff\r\n\r\n").decode()
    text = failure(run_policy, "msg:import_x_headers()", data_base64=data)
    assert text.startswith("decoding the header 'X-A': its value is not UTF-8")


def test_headers_that_cannot_be_parsed_are_left_alone(run_policy: RunPolicy) -> None:
    body = """for _, call in ipairs { 'remove_x_headers', 'import_x_headers' } do
        kumo.log_info(pcall(msg[call], msg))
      end
      kumo.log_info(pcall(msg.prepend_header, msg, 'A', 'x'))
      kumo.log_info(msg:check_fix_conformance('', 'MISSING_DATE_HEADER'))
      kumo.log_info(msg:get_data() == ' x\\r\\n\\r\\n')"""
    *errors, same = heard(run_policy, body, data=" x\r\n\r\n")
    assert same == "true"
    assert all("begins with a blank" in error for error in errors)


# An event that does not bring its message -------------------------------------------------------


LISTED = {"Subject": "s", "X-Tag": ["a", "b"]}


def test_without_data_the_headers_that_the_event_lists_are_rewritten(run_policy: RunPolicy) -> None:
    body = """msg:import_x_headers() msg:remove_all_named_headers 'subject' msg:prepend_header('X-Tag', '0')
      msg:append_header('X-Tag', 'c') msg:append_header('Cc', 'caf\\u{e9}', true)"""
    record = changed(run_policy, body, headers=LISTED, size=1000)
    assert record["headers"] == {"x-tag": ["0", "a", "b", "c"], "cc": "caf\u00e9"}
    assert record["meta"] == {"x_tag": "b"}
    added = "X-Tag: 0\r\nX-Tag: c\r\nCc: =?utf-8?q?caf=C3=A9?=\r\n"
    assert record["size"] == 1000 + len(added)


def test_without_data_the_bytes_are_those_that_were_added(run_policy: RunPolicy) -> None:
    body = """kumo.log_info('<' .. msg:get_data() .. '>')
      msg:prepend_header('X-A', '1') msg:append_header('X-B', '2') msg:remove_all_named_headers 'x-a'
      kumo.log_info((msg:get_data():gsub('\\r\\n', '|')))
      msg:set_data 'A: 1' kumo.log_info(#msg:get_all_headers(), msg:get_first_named_header_value 'Subject')"""
    assert heard(run_policy, body, headers=LISTED) == ["<>", "X-B: 2|", "1 nil"]


def test_values_that_an_event_lists_are_decoded_already(run_policy: RunPolicy) -> None:
    body = "msg:import_headers { { name = 'subject', remove = true } }"
    record = changed(run_policy, body, headers={"Subject": "=?utf-8?q?x?=", "a": "=?utf-8?q?y?="})
    assert (record["meta"], record["headers"]) == (
        {"subject": "=?utf-8?q?x?="},
        {"a": "=?utf-8?q?y?="},
    )


def test_without_data_there_is_no_text_and_no_defect(run_policy: RunPolicy) -> None:
    body = """kumo.log_info(msg:append_text_plain 'x', msg:append_text_html 'x')
      kumo.log_info(msg:check_fix_conformance('MISSING_DATE_HEADER', 'MISSING_MIME_VERSION'), #msg:get_data())"""
    assert heard(run_policy, body) == ["false false", "nil 0"]


# Bodies, defects, scheduling --------------------------------------------------------------------


def test_whether_there_was_such_a_part_is_told(run_policy: RunPolicy) -> None:
    body = """kumo.log_info(msg:append_text_plain('caf\\u{e9}'), msg:append_text_html '<p>')
      kumo.log_info((msg:get_data():sub(-70):gsub('\\r\\n', '|')))"""
    told, data = heard(run_policy, body, data="A: 1\r\n\r\nbody\r\n")
    assert told == "true false"
    assert data.endswith("Content-Transfer-Encoding: quoted-printable||body|caf=C3=A9")


def test_defects_are_checked_and_fixed(run_policy: RunPolicy) -> None:
    body = """kumo.log_info(msg:check_fix_conformance('MISSING_COLON_VALUE|LINE_TOO_LONG', ''))
      kumo.log_info(msg:check_fix_conformance('MISSING_DATE_HEADER', 'NON_CANONICAL_LINE_ENDINGS'))
      kumo.log_info(msg:check_fix_conformance('',
        'MISSING_DATE_HEADER|MISSING_MESSAGE_ID_HEADER|MISSING_MIME_VERSION|NON_CANONICAL_LINE_ENDINGS'))
      kumo.log_info((msg:get_data():gsub('\\r\\n', '|')))"""
    assert heard(run_policy, body, data="A: 1\n\nbody\n", created=1735689600) == [
        "nil",
        "the message is not conformant: MISSING_DATE_HEADER",
        "nil",
        "A: 1|Date: Wed, 01 Jan 2025 00:00:00 +0000|"
        "Message-ID: <1d98076abbbc11ed940250ebf67f93bd@sender.example>|MIME-Version: 1.0||body|",
    ]


def test_settings_say_what_a_fix_puts_in(run_policy: RunPolicy) -> None:
    body = """msg:check_fix_conformance('', 'MISSING_MESSAGE_ID_HEADER|NEEDS_TRANSFER_ENCODING',
        { message_id = 'my@id.example', detect_encoding = true, include_encodings = { 'koi8-r' } })
      kumo.log_info(msg:get_first_named_header_value 'message-id', msg:parse_mime().body)"""
    data = base64.b64encode(b"\r\n" + "\u043c\u0438\u0440".encode("koi8-r")).decode()
    assert heard(run_policy, body, data_base64=data) == ["<my@id.example> \u043c\u0438\u0440"]


def test_times_are_given_back_and_nothing_is_scheduled(run_policy: RunPolicy) -> None:
    body = """kumo.log_info(msg:set_due '2025-03-01T12:00:00.12+02:00', msg:set_due(nil), msg:set_due())
      local s = msg:set_scheduling { dow = 'mon,Tuesday', tz = 'Europe/Paris', start = '9:00', ['end'] = '17:00:30' }
      kumo.log_info(s.dow, s.tz, s.start, s['end'], s.first_attempt ~= nil, msg:set_scheduling(nil))
      s = msg:set_scheduling { first_attempt = '2025-03-01 12:00:00+02:00', expires = '2025-03-02t12:00:00+00:00' }
      kumo.log_info(s.dow, s.first_attempt, s.expires)"""
    assert heard(run_policy, body) == [
        "2025-03-01T10:00:00.120Z nil nil",
        "Mon,Tue Europe/Paris 09:00:00 17:00:30 true nil",
        "nil 2025-03-01T12:00:00+02:00 2025-03-02T12:00:00Z",
    ]


def test_a_scheduling_header_is_read_as_json(run_policy: RunPolicy) -> None:
    body = """kumo.log_info(msg:import_scheduling_header('X-None', true))
      kumo.log_info(msg:import_scheduling_header('x-schedule', false).expires, #msg:get_all_headers())
      kumo.log_info(msg:import_scheduling_header('x-schedule', true).expires, #msg:get_all_headers())"""
    data = 'A: 1\r\nX-Schedule: {"expires":\r\n "2025-03-02T12:00:00Z"}\r\n\r\n'
    expires = "2025-03-02T12:00:00Z"
    assert heard(run_policy, body, data=data) == ["nil", f"{expires} 2", f"{expires} 1"]
    body = "msg:import_scheduling_header('X', true)"
    assert "header 'X': not valid JSON" in failure(run_policy, body, data="X: soon\r\n\r\n")
    assert "invalid field name when" in failure(run_policy, body, data='X: {"when":1}\r\n\r\n')


def test_what_is_of_the_spool_and_of_signing_changes_nothing(run_policy: RunPolicy) -> None:
    body = """assert(msg:shrink() == false and msg:shrink_data() == false)
      assert(msg:save() == nil and msg:set_force_sync(true) == nil)
      assert(msg:add_authentication_results('x', { { method = 'spf', result = 'pass' } }) == nil)
      for _, name in ipairs { 'dkim_verify', 'arc_verify' } do
        local ok, text = pcall(msg[name], msg)
        assert(not ok and text:find 'is not available in kumolog')
      end"""
    first, second, _ = records(run_policy, body, data=DATA)
    assert first == second


def test_a_large_message_is_rewritten_within_the_time_of_a_handler(run_policy: RunPolicy) -> None:
    data = base64.b64encode(b"A: 1\r\n\r\n" + b"x" * 70 * 100_000).decode()
    body = (
        "msg:append_header('B', '2') msg:prepend_header('C', '3') msg:remove_all_named_headers 'a'"
    )
    assert changed(run_policy, body, data_base64=data)["size"] == 7_000_000 + 14
