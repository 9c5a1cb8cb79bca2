"""What a handler reads of a message: envelope, headers, data, queue."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from support import Logged, RunPolicy, init

from kumolog.clock import SYSTEM_CLOCK
from kumolog.event import EventDecoder
from kumolog.message import BatchMessages
from kumolog.nodeid import NodeId

Say = Callable[..., list[str]]

DATA = (
    'From: "Doe, J" <j.doe@example.com>\r\nTo: a@example.com, Team: b@example.com, C <c@example.com>;\r\n'
    "Subject: =?utf-8?q?caf=C3=A9?=\r\n  and more\r\nX-One: 1\r\nx-one: 2\r\nEmpty:\r\n\r\nbody\r\n"
)
EVENT = {
    "type": "Reception",
    "id": "1d98076abbbc11ed940250ebf67f93bd",
    "sender": "From@Sender.Example",
    "recipient": "To@Recipient.Example",
    "queue": "campaign:tenant@recipient.example",
    "num_attempts": 3,
}


def handle(run_policy: RunPolicy, body: str, event: dict[str, Any]) -> Logged:
    source = init(
        "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'keep' }",
        f"kumo.on('keep', function(msg) {body} end)",
    )
    return run_policy(source, [event])


@pytest.fixture
def say(run_policy: RunPolicy) -> Say:
    """Evaluates expressions with a message `msg`; gives their texts."""

    def run(*expressions: str, **fields: Any) -> list[str]:
        body = "\n".join(f"kumo.log_info({expression})" for expression in expressions)
        logged = handle(run_policy, body, EVENT | fields)
        assert logged.rejects == []
        return [text.split(": ", 1)[1] for _, text in logged.diagnostics]

    return run


def failure(run_policy: RunPolicy, body: str, **fields: Any) -> str:
    return str(handle(run_policy, body, EVENT | fields).rejects[0]["error"])


def test_the_plain_fields_read_as_in_the_record(say: Say) -> None:
    texts = say(
        "msg:id()",
        "msg:num_attempts(), math.type(msg:num_attempts())",
        "msg:queue_name()",
        "#msg:get_data()",
    )
    assert texts == [EVENT["id"], "3 integer", EVENT["queue"], "0"]


def test_more_arguments_than_a_method_takes_are_ignored(say: Say) -> None:
    calls = ["id", "sender", "recipient", "queue_name", "num_attempts", "get_data"]
    texts = say(*(f"msg:{name}(1, {{}}, print)" for name in calls), "#msg:recipient_list(1), #msg:get_all_headers(1)",
                "msg:from_header(1), msg:to_header(1), msg:get_address_header('Cc', 1)")  # fmt: skip
    assert texts[-1] == "nil nil nil"


def test_envelope_addresses_have_their_parts(say: Say) -> None:
    texts = say("msg:sender()", "msg:sender().user, msg:sender().domain, msg:sender().email", "msg:recipient().domain",
                "type(msg:sender()), msg:sender().other, msg:sender() == msg:sender()",
                "tostring(msg:sender()) == msg:sender().email, pcall(function() return msg:sender() .. '' end)",
                "#msg:recipient_list(), msg:recipient_list()[1].user")  # fmt: skip
    assert texts[:4] == ["From@sender.example", "From sender.example From@sender.example", "recipient.example",
                         "userdata nil false"]  # fmt: skip
    assert texts[4].startswith("true false ")
    assert texts[5] == "1 To"


def test_the_null_sender_and_the_postmaster_are_addresses_too(say: Say) -> None:
    assert say(
        "'<' .. msg:sender().email .. '>', #msg:sender().user, #msg:sender().domain", sender=""
    ) == ["<> 0 0"]
    assert say("msg:recipient(), msg:recipient().user", recipient="postmaster") == [
        "Postmaster postmaster"
    ]


def test_several_recipients_are_a_list(say: Say) -> None:
    texts = say("type(msg:recipient()), #msg:recipient(), msg:recipient()[2], #msg:recipient_list()",
                recipient=["a@example.com", "b@example.com"])  # fmt: skip
    assert texts == ["table 2 b@example.com 2"]
    assert say("msg:recipient(), #msg:recipient_list()", recipient=[]) == ["nil 0"]


def test_an_address_cannot_be_changed(run_policy: RunPolicy) -> None:
    text = failure(run_policy, "msg:sender().email = 'x'")
    assert text.endswith("EnvelopeAddress takes no fields, so email cannot be set")


def test_what_is_no_address_is_an_error_that_shows_it(run_policy: RunPolicy) -> None:
    assert "'not an address'" in failure(run_policy, "msg:sender()", sender="not an address")


def test_headers_are_read_and_decoded(say: Say) -> None:
    texts = say(
        "msg:get_first_named_header_value('SUBJECT')",
        "table.concat(msg:get_all_named_header_values('X-One'), ','), #msg:get_all_named_header_values('none')",
        "msg:get_first_named_header_value('none'), '<' .. msg:get_first_named_header_value('empty') .. '>'",
        "#msg:get_all_headers(), msg:get_all_headers()[5][1], msg:get_all_headers()[5][2]",
        "#msg:get_data()",
        data=DATA,
    )
    assert texts == ["caf\u00e9 and more", "1,2 0", "nil <>", "6 x-one 2", str(len(DATA))]


def test_address_headers_are_read(say: Say) -> None:
    texts = say(
        "msg:from_header().name, msg:from_header().user, msg:from_header().domain, msg:from_header().email",
        "#msg:to_header().list, msg:to_header().list[3].name, msg:to_header().list[2].name",
        "msg:to_header()",
        "msg:to_header().list[3]",
        "msg:get_address_header('cc'), type(msg:get_address_header('TO'))",
        data=DATA,
    )
    assert texts == [
        "Doe, J j.doe example.com j.doe@example.com",
        "3 C nil",
        '[{"Address":{"name":null,"address":"a@example.com"}},{"Group":{"name":"Team","addresses":['
        '{"name":null,"address":"b@example.com"},{"name":"C","address":"c@example.com"}]}}]',
        '{"name":"C","address":"c@example.com"}',
        "nil userdata",
    ]


@pytest.mark.parametrize("field", ["user", "domain", "email", "name"])
def test_a_list_of_addresses_has_no_fields_of_one(run_policy: RunPolicy, field: str) -> None:
    text = failure(run_policy, f"return msg:to_header().{field}", data=DATA)
    assert text.endswith(f"{field} of an address header needs exactly one plain address, this one is a list of 3: "
                         "use its list")  # fmt: skip


def test_a_field_that_addresses_lack_is_an_error(run_policy: RunPolicy) -> None:
    assert "has no field" in failure(run_policy, "return msg:from_header().adress", data=DATA)


def test_an_address_header_that_is_none_is_an_error(run_policy: RunPolicy) -> None:
    assert "init.lua:5: " in failure(run_policy, "msg:from_header()", data="From: <<>>\r\n\r\n")


@pytest.mark.parametrize("name", ["", "nil", "true", "{}", "msg"])
@pytest.mark.parametrize(
    "method", ["get_first_named_header_value", "get_all_named_header_values", "get_address_header"]
)
def test_a_headers_name_is_a_string(run_policy: RunPolicy, method: str, name: str) -> None:
    assert "a header's name must be a string" in failure(
        run_policy, f"msg:{method}({name})", data=DATA
    )


def test_headers_that_cannot_be_parsed_are_an_error_of_the_getter(run_policy: RunPolicy) -> None:
    assert "parsing the headers" in failure(
        run_policy, "msg:get_all_headers()", data=" folded first\r\n\r\n"
    )


def test_bytes_that_are_not_utf8_reach_the_handler_as_they_are(say: Say) -> None:
    data = b"Subject: \xff\xfe\r\nFrom: \xff <a@example.com>\r\n\r\n\x00\x80"
    texts = say(
        "msg:get_first_named_header_value('Subject') == '\\xff\\xfe', msg:get_data():sub(-2) == '\\0\\x80'",
        "msg:get_first_named_header_value('\\xff'), #msg:get_all_named_header_values('\\xff')",
        "msg:from_header().email, #msg:get_all_headers()",
        data_base64=base64.b64encode(data).decode(),
    )
    assert texts == ["true true", "nil 0", "a@example.com 2"]


def test_a_handler_may_store_what_it_read_whatever_its_bytes(run_policy: RunPolicy) -> None:
    source = init(
        "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'keep', meta = { 's' } }",
        "kumo.on('keep', function(msg) msg:set_meta('s', msg:get_first_named_header_value 'Subject') return true end)",
    )
    data = base64.b64encode(b"Subject: a\xff\r\n\r\n").decode()
    logged = run_policy(source, [EVENT | {"data_base64": data}])
    assert logged.records("logs")[0]["meta"] == {"s": [97, 255]}


def test_without_data_the_headers_of_the_event_are_read_as_they_are(say: Say) -> None:
    headers = {"subject": "=?utf-8?q?x?=  twice", "x-one": ["1", "2"], "from": "A <a@example.com>"}
    texts = say(
        "msg:get_first_named_header_value('Subject')",
        "table.concat(msg:get_all_named_header_values('X-One'), ',')",
        "#msg:get_all_headers(), msg:from_header().name",
        headers=headers,
    )
    assert texts == ["=?utf-8?q?x?=  twice", "1,2", "4 A"]


def test_a_queue_that_its_parts_do_not_name_was_chosen_and_stays(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'f', meta = { 'tenant' } }"
    rest = """kumo.on('f', function(msg)
      if msg:get_meta 'new' then msg:set_meta('tenant', 'NEW') end
      return true
    end)"""
    new = {"meta": {"new": True}}
    events = [
        {"type": "Delivery", "recipient": "r@x.example", "queue": "hook.example", **new},
        {"type": "Delivery", "recipient": "r@x.example", "queue": "c:t@x.example!r", **new},
        {"type": "Delivery", "recipient": "r@x.example", "meta": {"campaign": "c"}},
    ]
    chosen, named, campaign = run_policy(init(body, rest), events).records("logs")
    assert (chosen["queue"], chosen["meta"]) == ("hook.example", {"tenant": "NEW"})
    assert named["queue"] == "c:NEW@x.example!r"
    assert (campaign["queue"], campaign["meta"]) == ("c:@x.example", {})


def test_the_error_stands_in_for_a_queue_that_meta_cannot_name(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'f' }"
    rest = "kumo.on('f', function(msg) msg:set_meta('queue', 5) return true end)"
    (record,) = run_policy(init(body, rest), [{"type": "Delivery"}]).records("logs")
    assert "must be a string" in record["queue"]


def test_methods_that_sign_or_save_a_message_are_there_without_effect(
    run_policy: RunPolicy,
) -> None:
    body = "kumo.configure_local_logs { log_dir = 'logs', filter_event = 'f' }"
    rest = """kumo.on('f', function(msg)
      msg:dkim_sign(kumo.dkim.rsa_sha256_signer { domain = 'a.example', selector = 's', headers = { 'From' }, key = 'k' }) msg:set_force_sync(true) msg:save()
      return not pcall(msg.dkim_verify, msg) or true
    end)"""
    assert len(run_policy(init(body, rest), [{"type": "Delivery"}]).records("logs")) == 1


# Without any Lua --------------------------------------------------------------------------------


def messages(*events: dict[str, Any]) -> BatchMessages:
    lines = [json.dumps({"type": "Reception"} | event).encode() for event in events]
    return BatchMessages(EventDecoder(NodeId(), SYSTEM_CLOCK).decode(lines))


def test_a_message_is_left_as_it_was_by_what_is_made_of_it() -> None:
    message = messages({"data": DATA}).message(0)
    changed = message.with_data(b"").with_meta({"a": 1}).with_sender("x@y").with_one_more_attempt()
    assert (message.data, message.meta, message.changed_fields()) == (DATA.encode(), {}, {})
    assert message.as_record() is message.record
    assert message.without_headers("none".__eq__) is message
    assert (changed.as_record().meta, changed.as_record().sender) == ({"a": 1}, "x@y")
    assert changed.changed_fields() == {"sender": "x@y", "size": 0, "num_attempts": 1}


def test_changes_are_seen_from_the_logger_on_whose_filter_made_them() -> None:
    batch = messages({})
    for logger, sender in ((1, "a"), (1, "b"), (3, "c"), (None, "d")):
        batch.change(0, batch.message(0).with_sender(sender), logger)
    senders = [batch.as_seen_by(0, logger).record.sender for logger in range(5)]
    assert senders == ["", "b", "b", "c", "c"]
    assert batch.message(0).record.sender == "d"


def test_a_column_shows_the_messages_as_they_are_now() -> None:
    batch = messages({"meta": {"a": 1}}, {"queue": "c:t@x"}, {})
    batch.change(0, batch.message(0).with_meta({"a": 2}), 0)
    batch.change(1, batch.message(1).with_meta({"tenant": "u"}), 0)
    assert batch.column("a") == [2, None, None]
    assert batch.column("tenant") == [None, "u", None]


def test_records_about_one_message_share_its_changes_but_not_its_envelope() -> None:
    batch = messages(
        {"recipient": "r@x.example", "data": DATA},
        {"type": "OOB", "sender": "s@a.example", "recipient": "b@c.example", "queue": "x.example"},
    )
    changed = batch.message(0).with_meta({"tenant": "t"}).with_sender("new@a.example")
    batch.change(0, changed.with_data(b"A: 1"), 1)
    batch.share_changes(2)
    assert batch.as_seen_by(1, 0).changed_fields() == {}
    seen = batch.as_seen_by(1, 1)
    assert (seen.meta, seen.header_groups()) == ({"tenant": "t"}, {"a": "1"})
    assert seen.changed_fields() == {"queue": "t@x.example"}
    assert batch.as_seen_by(0, 1).changed_fields()["sender"] == "new@a.example"


def test_nothing_is_shared_where_nothing_was_changed() -> None:
    batch = messages({}, {})
    batch.share_changes(2)
    assert batch.changes == {}
