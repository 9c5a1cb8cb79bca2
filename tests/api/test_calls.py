"""Whole calls of API functions, checked against the table with KumoMTA's wording."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from luatables import (
    FUNCTION,
    THREAD,
    USERDATA,
    Pairs,
    Thing,
    array,
    fields,
    lua_values,
    marked,
)

from kumolog.api.calls import ArgumentError, ParamError, check_call
from kumolog.api.construct import construct
from kumolog.api.params import containers, rows
from kumolog.luavalue import NULL, LuaTable, LuaValue
from kumolog.mail.addresses import EnvelopeAddress
from kumolog.params.grammar import Limit, Throttle
from kumolog.timeparse import Instant

FUNCTIONS = [name for name in containers() if not name.startswith(("type:", "enum:"))]
NO_PAIRS = (
    "a userdata. Additionally, encountered cannot materialize_to_lua_value userdata because it has "
    "no __pairs metamethod when trying to iterate the pairs of that userdata"
)
LISTENER = "kumo.start_esmtp_listener"
HTTP_KEYS = (
    "`hostname`, `listen`, `use_tls`, `request_body_limit`, `tls_certificate`, "
    "`tls_private_key`, `trusted_hosts`"
)
SECOND = 10**9


def refusal(name: str, *given: LuaValue) -> str:
    with pytest.raises((ParamError, ArgumentError)) as caught:
        check_call(name, given)
    return str(caught.value)


def table(function: str, /, **pairs: LuaValue) -> Any:
    return check_call(function, (fields(**pairs),))[0]


# The frame of an error (page section 3.1) ---------------------------------------------------------


def test_style_ctx_ends_with_the_given_table() -> None:
    assert refusal("kumo.start_http_listener", fields(listen="a", foo=1)) == (
        f"deserialize error: unknown field `foo`, expected one of {HTTP_KEYS}, "
        'while processing {"foo":1,"listen":"a"}'
    )


def test_style_raw_gives_the_reason_alone() -> None:
    assert refusal("kumo.spawn_task", fields(event_name="x")) == (
        "deserialize error: missing field `args`"
    )


def test_style_arg_names_the_argument() -> None:
    assert refusal("kumo.counter_series.define", fields(name="x")) == (
        "bad argument #1: deserialize error: missing field `num_buckets`, "
        'while processing {"name":"x"}'
    )
    assert refusal("kumo.dns.lookup_addr", "host", None, "Ipv5") == (
        "bad argument #3: deserialize error: unknown variant `Ipv5`, expected one of `Ipv4Only`, "
        "`Ipv6Only`, `Ipv4AndIpv6`, `Ipv6ThenIpv4`, `Ipv4ThenIpv6`, "
        'while processing "Ipv5"'
    )


def test_style_arg_of_a_method_counts_self_and_names_the_type() -> None:
    assert refusal("message:import_headers", "x") == (
        "bad argument #2 to `Message.import_headers`: deserialize error: "
        'invalid type: string, expected table, while processing "x"'
    )
    with pytest.raises(ParamError, match=r"bad argument #2 to `Series\.sum_over`: deserialize"):
        check_call("counter_series:sum_over", ("x",), owner="Series")
    assert refusal("counter_series:sum_over", "x").startswith(
        "bad argument #2 to `CounterSeries.sum_over`: "
    )


@pytest.mark.parametrize(
    ("value", "echo"),
    [
        (fields(foo=1.5, a=True, b="x"), '{"a":true,"b":"x","foo":1.5}'),
        (fields(foo=float("inf")), '{"foo":null}'),
        (fields(foo=float("nan")), '{"foo":null}'),
        (fields(foo=b"\xff\x00"), '{"foo":[255,0]}'),
        (fields(foo=LuaTable([(2, "x")])), '{"foo":{"2":"x"}}'),
        (fields(foo=LuaTable([(1, "x"), ("k", 2)], ["x"])), '{"foo":["x"]}'),
        (fields(foo=marked()), '{"foo":{}}'),
        (None, "null"),
        (
            fields(foo=FUNCTION),
            "<unable to encode as json: cannot serialize <function>>",
        ),
        (fields(foo=THREAD), "<unable to encode as json: cannot serialize <thread>>"),
        (fields(foo=Thing()), NO_PAIRS),
        (fields(foo=fields(deep=USERDATA)), NO_PAIRS),
        (fields(foo=Pairs(a=1)), '{"foo":{"a":1}}'),
    ],
)
def test_the_given_value_is_shown_as_json(value: LuaValue, echo: str) -> None:
    text = refusal("kumo.start_http_listener", value)
    assert text.startswith("deserialize error: ")
    assert text.endswith(f", while processing {echo}")


def test_a_nested_error_names_no_path() -> None:
    entries = array(fields(name="a"), fields(name="b", weight="x"))
    reason = 'invalid type: string "x", expected u32'
    assert f"deserialize error: {reason}, while" in refusal(
        "kumo.make_egress_pool", fields(name="p", entries=entries)
    )


# Names of values (3.2), tables (3.3), enums (3.4) -------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("use_tls", 5, "invalid type: integer `5`, expected a boolean"),
        ("use_tls", NULL, "invalid type: Option value, expected a boolean"),
        ("hostname", True, "invalid type: boolean `true`, expected a string"),
        ("hostname", 1.0, "invalid type: floating point `1.0`, expected a string"),
        ("hostname", LuaTable(), "invalid type: map, expected a string"),
        ("hostname", array("a"), "invalid type: sequence, expected a string"),
        ("hostname", b"\xff", "invalid value: byte array, expected a string"),
        ("hostname", FUNCTION, "unsupported value type `function`"),
        ("hostname", Thing(), "unsupported value type `userdata`"),
        ("request_body_limit", 1.0, "invalid type: floating point `1.0`, expected usize"),
        ("request_body_limit", -1, "invalid value: integer `-1`, expected usize"),
        ("trusted_hosts", "::1", "invalid type: string, expected table"),
        ("trusted_hosts", Thing(), "invalid type: userdata, expected table"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(key: str, value: LuaValue, reason: str) -> None:
    text = refusal("kumo.start_http_listener", LuaTable([(key, value)]))
    assert text.startswith(f"deserialize error: {reason}, while processing ")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("kumo.make_egress_source", LuaTable(), "missing field `name`"),
        ("kumo.make_egress_path", fields(foo=1), "unknown field `foo`"),
        ("kumo.make_egress_path", array(1), "unexpected map key"),
        (
            "kumo.make_egress_source",
            array(1),
            "invalid type: integer `1`, expected field identifier",
        ),
        ("redis.open", array(1), "invalid type: integer `1`, expected field identifier"),
        (
            "kumo.make_egress_pool",
            fields(name="x", entries=array(fields(name="x", w=1))),
            "unknown field `w`, expected `name` or `weight`",
        ),
        (LISTENER, fields(foo=1), "unknown field `foo`"),
        (
            "kumo.configure_log_hook",
            fields(per_record=array(LuaTable())),
            "bad enum value",
        ),
    ],
)
def test_a_table_is_refused_for_its_keys(name: str, value: LuaValue, reason: str) -> None:
    assert reason in refusal(name, value)


def test_open_tables_ignore_unknown_keys() -> None:
    assert table("redis.open", node="redis://x", nodes=1)["node"] == "redis://x"
    spool = table(
        "kumo.define_spool",
        name="a",
        path="b",
        rocks_params=fields(typo=FUNCTION, log_level="Warn"),
    )
    assert spool["rocks_params"]["log_level"] == "Warn"


@pytest.mark.parametrize(
    ("name", "value", "enum"),
    [
        ("kumo.make_egress_path", fields(tls_certificate=5), "KeySource"),
        ("kumo.make_queue_config", fields(protocol="smtp"), "DeliveryProto"),
        ("redis.open", fields(node=5), "NodeSpec"),
        (
            "kumo.make_queue_config",
            fields(protocol=fields(smtp=fields(mx_list=LuaTable()))),
            "DeliveryProto",
        ),
        (
            "kumo.dns.configure_unbound_resolver",
            fields(name_servers=array(fields(addr="x"))),
            "NameServer",
        ),
        ("kumo.dns.configure_test_resolver", "x", "TestResolverConfig"),
    ],
)
def test_an_untagged_enum_has_one_text(name: str, value: LuaValue, enum: str) -> None:
    assert f"data did not match any variant of untagged enum {enum}" in refusal(name, value)


def test_an_enum_with_a_payload() -> None:
    suspend = fields(trigger=fields(Threshold="3/5m"), duration="1h")
    source = table("kumo.make_egress_source", name="x", suspend_when_unplumbed=suspend)
    assert source["suspend_when_unplumbed"] == {
        "trigger": {"Threshold": Throttle(3, 300)},
        "duration": 3600 * SECOND,
    }
    rules = array(
        fields(
            criteria=fields(Not=fields(AllOf=array(fields(Identity="Any")))),
            privilege="p",
            access="Allow",
        )
    )
    assert check_call("kumo.aaa.make_access_control_list", (rules,))[0][0]["criteria"] == {
        "Not": {"AllOf": [{"Identity": "Any"}]}
    }
    assert refusal("kumo.dns.define_resolver", "x", fields(Nothing=1)) == (
        "deserialize error: unknown variant `Nothing`, expected one of `Hickory`, "
        "`HickorySystemConfig`, `Unbound`, `Test`, `Aggregate`"
    )


def test_a_resolver_may_be_its_plain_table_and_a_refusal_names_both_attempts() -> None:
    (found,) = check_call("kumo.dns.configure_resolver", (fields(domain="x"),))
    assert found["domain"] == "x"
    text = refusal("kumo.dns.configure_resolver", fields(domains="x"))
    assert "unknown variant `domains`" in text
    assert "unknown field `domains`" in text


def test_a_table_that_contains_itself_is_refused_wherever_it_stands() -> None:
    loop = fields(criteria="x")
    loop.items[0] = ("Not", loop)
    loops = array(fields(criteria=loop, privilege="p", access="Allow"))
    assert "contains itself" in refusal("kumo.aaa.make_access_control_list", loops)
    assert "nested deeper" in refusal(LISTENER, fields(meta=loop))


# Order (3.5), buffered values (4), two attempts (5) ------------------------------------------------


def test_the_first_problem_in_the_order_of_keys_ends_the_check_and_missing_ones_come_last() -> None:
    first, second = ("weight", "x"), ("name", 5)
    for pairs in ([first, second], [second, first]):
        pool = fields(name="p", entries=array(LuaTable(pairs)))
        assert "expected a string, while" in refusal("kumo.make_egress_pool", pool)
    assert "expected usize" in refusal("kumo.memoize", FUNCTION, fields(capacity="x"))
    assert "missing field `ttl`" in refusal("kumo.memoize", FUNCTION, fields(capacity=1))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (fields(relay_hosts=LuaTable()), "invalid type: map, expected a sequence"),
        (fields(relay_hosts="x"), 'invalid type: string "x", expected a sequence'),
        (fields(meta=5), "invalid type: integer `5`, expected a map"),
        (fields(peer="x"), 'invalid type: string "x", expected a CidrMap'),
        (fields(trace_headers="x"), 'invalid type: string "x", expected struct TraceHeaders'),
        (fields(batch_handling=1), "invalid type: integer `1`, expected string or map"),
        (
            fields(batch_handling=fields(BatchByDomain=1)),
            "invalid type: integer `1`, expected unit",
        ),
        (fields(banner=FUNCTION), "unsupported value type `function`"),
        (
            fields(via=LuaTable([("10.0.0.0/8", fields(relay_hosts=LuaTable()))])),
            "invalid type: map, expected a sequence",
        ),
        (
            fields(peer=LuaTable([("10.0.0.1/8", LuaTable())])),
            "host part of address was not zero",
        ),
    ],
)
def test_the_listener_reads_ahead(value: LuaValue, reason: str) -> None:
    assert refusal(LISTENER, value).startswith(f"deserialize error: {reason}, while processing ")


def test_only_the_own_keys_of_the_listener_are_checked_at_once() -> None:
    assert "expected usize" in refusal(LISTENER, fields(banner=5, max_connections="x"))
    assert table(LISTENER, batch_handling=fields(BatchByDomain=LuaTable()))["batch_handling"]
    headers = table(LISTENER, trace_headers=array(True, False, "X-Ref", array("a")))
    assert list(headers["trace_headers"].values()) == [True, False, "X-Ref", ["a"]]
    peer = table(LISTENER, peer=LuaTable([("10.0.0.0/8", fields(banner="x"))]))["peer"]
    assert peer["10.0.0.0/8"]["banner"] == "x"


def test_the_result_of_get_dynamic_parameters_is_not_buffered() -> None:
    event = "event:smtp_server_get_dynamic_parameters"
    (found,) = check_call(event, (fields(relay_hosts=LuaTable()),))
    assert found["relay_hosts"] == []
    assert check_call(event, (None,)) == [None]
    assert "invalid type: string, expected table" in refusal(event, fields(trace_headers="x"))


def test_timeouts_of_an_egress_path_are_buffered_and_its_lists_are_not() -> None:
    assert table("kumo.make_egress_path", skip_hosts=LuaTable())["skip_hosts"] == []
    assert "unexpected map key" not in refusal(
        "kumo.make_egress_path", LuaTable([("idle_timeout", "x"), (5, 1)])
    )


@pytest.mark.parametrize(
    ("given_list", "result"),
    [(array("a", None, "c"), ["a"]), (array(None, "c"), []), (array("a", "b"), ["a", "b"])],
)
def test_a_list_with_a_hole_ends_there_except_in_style_raw(
    given_list: LuaTable, result: list[str]
) -> None:
    assert table("kumo.configure_log_hook", name="x", meta=given_list)["meta"] == result
    unbound = fields(search=given_list)
    if None in given_list.sequence:
        assert refusal("kumo.dns.configure_unbound_resolver", unbound) == (
            "deserialize error: invalid type: unit value, expected a string"
        )


def test_objects_with_pairs_are_opened_in_the_second_attempt() -> None:
    path = construct("kumo.make_egress_path", check_call("kumo.make_egress_path", (LuaTable(),)))
    (found,) = check_call("kumo.format_egress_path_config_toml", (path,))
    assert found == path.params
    domain = construct(
        "kumo.make_listener_domain",
        check_call("kumo.make_listener_domain", (fields(relay_from=array("::1")),)),
    )
    assert check_call("kumo.make_listener_domain", (domain,)) == [domain.params]


def test_a_queue_config_is_accepted_where_it_has_an_mx_list() -> None:
    def made(**pairs: LuaValue) -> Any:
        name = "kumo.make_queue_config"
        return construct(name, check_call(name, (fields(**pairs),)))

    smtp = fields(smtp=fields(mx_list=array("mx.example.com")))
    config = made(protocol=smtp, max_message_rate="5/h")
    assert check_call("kumo.format_queue_config_toml", (config,)) == [config.params]
    # The mark of the empty list is lost.
    assert "untagged enum DeliveryProto" in refusal("kumo.format_queue_config_toml", made())


# Positional arguments (6) --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "converted"),
    [
        ("kumo.reject", ("550", 5), [550, "5"]),
        ("kumo.reject", (550.9, "no", "extra"), [550, "no"]),
        ("kumo.set_timeq_spawn_reinsertion", (None,), [False]),
        ("kumo.dns.set_mta_sts_enabled", (0,), [True]),
        ("kumo.string.wrap", ("x",), [b"x", 75, 900]),
        ("kumo.string.wrap", ("x", "10"), [b"x", 10, 900]),
        ("kumo.sleep", ("0.5",), [0.5]),
        ("kumo.dns.load_resolv_conf", (), ["/etc/resolv.conf"]),
        ("kumo.disconnect", (421, "bye"), [421, "bye", "ForceDisconnect"]),
        ("kumo.disconnect", (421, "bye", "If421"), [421, "bye", "If421"]),
        ("kumo.make_throttle", (5, "100/h"), ["5", Throttle(100, 3600)]),
        ("kumo.set_httpinject_recipient_rate_limit", (None,), [None]),
        ("kumo.set_config_monitor_globs", (array("a", 5),), [["a", "5"]]),
        ("kumo.kafka.build_producer", (fields(a=5),), [{"a": "5"}]),
        ("kumo.on", ("init", FUNCTION), ["init", FUNCTION]),
        ("kumo.domain_map.new", (fields(a=FUNCTION),), [{"a": FUNCTION}]),
        ("kumo.domain_map.new", (), [None]),
        ("kumo.time.parse_duration", (-5,), [-5 * SECOND]),
        ("kumo.time.parse_duration", ("1m",), [60 * SECOND]),
        ("kumo.time.parse_duration", (0.5,), [SECOND // 2]),
        ("kumo.http.build_url", ("http://x", fields(a=5)), ["http://x", {"a": "5"}]),
        ("kumo.dns.reverse_ip", ("::1",), ["::1"]),
        ("http_request:timeout", ("5s",), [5 * SECOND]),
        ("http_request:timeout", (5.0,), [5 * SECOND]),
        (
            "http_request:form_multipart_data",
            (fields(a=5, b=fields(data="x", file_name="y")),),
            [{"a": "5", "b": {"data": "x", "file_name": "y"}}],
        ),
        ("message:remove_x_headers", (), [[]]),
        ("message:set_sender", ("<>",), [EnvelopeAddress("", "", "")]),
        (
            "message:set_recipient",
            (array("a@b.c"),),
            [[EnvelopeAddress("a", "b.c", "a@b.c")]],
        ),
        ("message:set_due", ("2026-01-02T03:04:05Z",), [Instant(1_767_323_045, 0)]),
        ("message:set_due", (None,), [None]),
        ("message:check_fix_conformance", ("", "LINE_TOO_LONG"), [[], ["LINE_TOO_LONG"], None]),
        (
            "kumo.string.eval_template",
            ("n", "s", fields(a=array(1))),
            ["n", "s", {"a": [1]}, "Jinja"],
        ),
        (
            "kumo.crypto.aes_encrypt_block",
            ("Ecb", "x", fields(key="file")),
            ["Ecb", b"x", {"key": "file"}],
        ),
        ("headermap:set_subject", ("x",), [b"x"]),
        ("headermap:set_to", ("a@b.c",), [b"a@b.c"]),
        ("kumo.inject_message", (USERDATA,), [USERDATA, False]),
        ("event:smtp_server_rewrite_response", (None,), [None]),
        ("kumo.no_such_function", (1, "x"), [1, "x"]),
    ],
)
def test_positional_arguments_are_converted_laxly(
    name: str, arguments: tuple[LuaValue, ...], converted: list[Any]
) -> None:
    found = check_call(name, arguments)
    assert found == converted
    assert list(map(type, found)) == list(map(type, converted))


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        (
            "kumo.reject",
            (70000, "x"),
            "bad argument #1: error converting Lua integer to u16 (out of range)",
        ),
        (
            "kumo.reject",
            (550,),
            "bad argument #2: error converting Lua nil to String (expected string or number)",
        ),
        ("kumo.on", ("init",), "bad argument #2: error converting Lua nil to function"),
        (
            "kumo.set_config_monitor_globs",
            ("x",),
            "bad argument #1: error converting Lua string to Vec<String> (expected table)",
        ),
        (
            "kumo.kafka.build_producer",
            (fields(a=True),),
            "bad argument #1: error converting Lua boolean to String (expected string or number)",
        ),
        (
            "message:set_sender",
            (),
            "bad argument #2 to `Message.set_sender`: "
            "error converting Lua nil to String (expected string or number)",
        ),
        ("kumo.make_throttle", ("a", "5"), "expected 'limit/period', got 5"),
        (
            "kumo.set_httpinject_recipient_rate_limit",
            (5,),
            "expected 'limit/period', got 5",
        ),
        ("kumo.http.build_url", ("x", LuaTable()), "relative URL without a base"),
        ("kumo.dns.reverse_ip", ("x",), "invalid IP address syntax"),
        ("http_request:timeout", (5,), "invalid timeout duration"),
        (
            "kumo.disconnect",
            (421, "x", "y"),
            "unknown variant `y`, expected one of `If421`, `FollowWith421`, `ForceDisconnect`, "
            "but got y",
        ),
        ("message:set_due", ("tomorrow",), "deserialize error: input contains invalid characters"),
        (
            "kumo.dns.set_mx_timeout",
            ("x",),
            'deserialize error: invalid value: string "x", expected a duration',
        ),
        (
            "kumo.secrets.load",
            (5,),
            "deserialize error: data did not match any variant of untagged enum KeySource, "
            "while processing 5",
        ),
        (
            "kumo.crypto.aes_encrypt_block",
            (5,),
            "deserialize error: bad enum value, while processing 5",
        ),
    ],
)
def test_a_refused_argument_reads_as_kumomtas(
    name: str, arguments: tuple[LuaValue, ...], text: str
) -> None:
    assert refusal(name, *arguments) == text


# Rows with rules of their own (7) ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_source", "found"),
    [
        ("/etc/key.pem", "/etc/key.pem"),
        (fields(key_data="x"), {"key_data": b"x"}),
        (fields(key_data=array(1, 255)), {"key_data": b"\x01\xff"}),
        (fields(key_data="x", vault_mount="a", vault_path="b"), {"key_data": b"x"}),
        (
            fields(vault_mount="a", vault_path="b", typo=1),
            {
                "vault_address": None,
                "vault_token": None,
                "vault_mount": "a",
                "vault_path": "b",
                "vault_key": "key",
            },
        ),
        (
            fields(event_name="e", event_args=array(1, "x")),
            {"event_name": "e", "event_args": [1, "x"]},
        ),
    ],
)
def test_a_key_source_is_the_first_form_that_fits(given_source: LuaValue, found: Any) -> None:
    assert check_call("kumo.digest.hmac_sha1", (given_source, "m")) == [found, b"m"]


def test_the_event_form_of_a_key_source_wants_arguments() -> None:
    assert "untagged enum KeySource" in refusal(
        "kumo.secrets.load", fields(event_name="e", event_args=LuaTable())
    )


def test_limits_and_throttles_of_an_egress_path() -> None:
    path = table(
        "kumo.make_egress_path",
        connection_limit="local:5",
        additional_connection_limits=fields(a=3, b=fields(limit=4)),
        max_message_rate="5/s",
        additional_message_rate_throttles=fields(a="local:1/d"),
        openssl_options="ALL|NO_SSLV3",
        rustls_cipher_suites=array("tls13_aes_128_gcm_sha256"),
    )
    assert path["connection_limit"] == Limit(5, force_local=True)
    assert path["additional_connection_limits"] == {"a": Limit(3), "b": Limit(4)}
    assert path["additional_message_rate_throttles"] == {"a": Throttle(1, 86400, local=True)}
    assert path["openssl_options"] == ["ALL", "NO_SSLV3"]
    assert path["rustls_cipher_suites"] == ["TLS13_AES_128_GCM_SHA256"]
    assert "invalid type: integer `5`, expected a string" in refusal(
        "kumo.make_egress_path", fields(max_message_rate=5)
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-5, "duration must either be a string or a positive integer specifying the number of "),
        (-0.5, "cannot convert float seconds to Duration: value is negative"),
        (float("nan"), "cannot convert float seconds to Duration: value is either too big or NaN"),
        ("300", 'invalid value: string "300", expected a duration'),
        (True, "invalid type: boolean `true`, expected a duration"),
    ],
)
def test_a_duration_is_refused_in_its_own_words(value: LuaValue, reason: str) -> None:
    text = refusal("kumo.make_queue_config", fields(max_age=value))
    assert text.startswith(f"deserialize error: {reason}")


def test_a_schedule_is_checked_as_its_own_table() -> None:
    assert refusal("message:set_scheduling", fields(dow="Mon")) == (
        "deserialize error: scheduling restrictions requires all restriction fields to be present. "
        'tz, start, end are missing, while processing {"dow":"Mon"}'
    )
    assert "dow: deserialize error: invalid day 'x'" in refusal(
        "message:set_scheduling", fields(dow="x")
    )
    assert "invalid field name days" in refusal("message:set_scheduling", fields(days="x"))
    assert check_call("message:set_scheduling", (None,)) == [None]


def test_consumers_of_a_tailer_are_taken_out_first() -> None:
    assert refusal("kumo.jsonl.new_multi_tailer", fields(directory="x")).startswith(
        "error converting Lua nil to table"
    )
    consumers = array(fields(name="a", filter=FUNCTION), fields(name="b", filter=5))
    found = table("kumo.jsonl.new_multi_tailer", directory="x", consumers=consumers)["consumers"]
    assert [each["filter"] for each in found] == [FUNCTION, None]


def test_a_log_record_is_checked_with_its_flattened_times() -> None:
    record = fields(
        type="Delivery",
        id="1",
        sender="a@b.c",
        recipient=array("x@y.z"),
        queue="q",
        site="s",
        size=1,
        response=fields(code=250, content="ok"),
        timestamp=5,
        created=6,
        num_attempts=0,
        bounce_classification="Uncategorized",
        meta=LuaTable(),
        headers=LuaTable(),
        nodeid="67e55044-10b1-426f-9247-bb680e5fe0c8",
        anything="else",
    )
    (found,) = check_call("shaping:match_rules", (record,))
    assert (found["recipient"], found["timestamp"]) == (["x@y.z"], 5)
    record.items.append(("timestamp", "x"))
    assert refusal("shaping:match_rules", record) == (
        'deserialize error: invalid type: string "x", expected a unix timestamp in seconds'
    )


def test_an_auth_result_is_a_boolean_or_identities() -> None:
    event = "event:smtp_server_auth_plain"
    assert check_call(event, (True,)) == [True]
    (found,) = check_call(event, (fields(groups=array("a")),))
    assert found == {"peer_address": None, "identities": [], "groups": ["a"]}
    assert "untagged enum AuthKindResult, while" in refusal(event, None)


# What KumoMTA's own helpers rely on, and hints ------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fixed", "key", "value", "word"),
    [
        ("kumo.make_queue_config", {}, "max_age", LuaTable(), "invalid type"),
        ("kumo.make_queue_config", {}, "egress_pool", 5, "invalid type"),
        ("kumo.make_queue_config", {}, "max_message_rate", 5, "invalid type"),
        ("kumo.make_egress_source", {"name": "dummy"}, "source_address", "x", "invalid"),
        ("kumo.make_egress_source", {"name": "dummy"}, "remote_port", "25", "invalid"),
        ("kumo.make_listener_domain", {}, "log_arf", "x", "invalid"),
        ("kumo.make_listener_domain", {}, "relay_to", "x", "invalid"),
    ],
)
def test_a_helper_finds_the_word_it_looks_for(
    name: str, fixed: dict[str, str], key: str, value: LuaValue, word: str
) -> None:
    text = refusal(name, fields(**fixed, **{key: value}))
    assert word in text.partition(", while processing")[0].removeprefix("deserialize error: ")
    unknown = refusal(name, fields(**fixed, nonsense=value))
    assert "invalid" not in unknown.partition(", while processing")[0]


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("kumo.make_egress_path", fields(enable_tsl="x"), "did you mean `enable_tls`?"),
        (
            "kumo.make_egress_path",
            fields(enable_tls="opportunistic"),
            "did you mean `Opportunistic`?",
        ),
        (LISTENER, fields(relay_host=array("::1")), "did you mean `relay_hosts`?"),
        ("kumo.make_queue_config", fields(Max_Age=1), "did you mean `max_age`?"),
        ("kumo.make_queue_config", fields(max_age="5"), "a unit should follow '5', as in '5s'"),
        (
            "kumo.make_egress_path",
            fields(smtp_port=25.0),
            "write 25: a number with a point or an exponent is no integer",
        ),
        ("kumo.make_queue_config", fields(zzz=1), None),
    ],
)
def test_a_misspelt_name_comes_with_the_nearest_right_one(
    name: str, value: LuaValue, hint: str | None
) -> None:
    with pytest.raises(ParamError) as caught:
        check_call(name, (value,))
    assert caught.value.hint == hint


# Any value at all -----------------------------------------------------------------------------------


NAMES = sorted({row.key for name in containers() for row in rows(name)})
ODD = (
    None,
    True,
    5,
    -5,
    2**63 - 1,
    1.5,
    float("inf"),
    float("nan"),
    "",
    "x",
    "10/s",
    "10%",
    "::1",
    b"\xff",
    NULL,
    FUNCTION,
    THREAD,
    USERDATA,
    Thing(),
    Pairs(a=1),
    LuaTable(),
    marked(),
    array("x"),
    array(None, 1),
    array(LuaTable()),
    fields(a="b"),
    LuaTable([(True, 1)]),
    LuaTable([(float("inf"), 1)]),
    LuaTable([(FUNCTION, 1)]),
)


def converted_or_refused(name: str, arguments: tuple[LuaValue, ...]) -> None:
    try:
        found = check_call(name, arguments)
    except (ParamError, ArgumentError) as error:
        assert str(error)  # noqa: PT017 - either outcome is right
    else:
        assert len(found) == len([row for row in rows(name) if row.is_positional])
        construct(name, found)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_odd_value_in_any_place_is_converted_or_refused(name: str) -> None:
    for value in ODD:
        converted_or_refused(name, (value,) * 6)
        for row in rows(name):
            if not row.is_positional:
                converted_or_refused(name, (fields(**{row.key: value}),) * 6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(FUNCTIONS), min_size=10, max_size=10),
    st.lists(lua_values(st.integers(0, len(NAMES) - 1).map(lambda i: NAMES[i])), max_size=3),
)
def test_any_call_is_converted_or_refused(names: list[str], arguments: list[LuaValue]) -> None:
    for name in names:
        converted_or_refused(name, tuple(arguments))


def test_what_is_shown_in_an_error_is_json() -> None:
    text = refusal("kumo.start_http_listener", fields(listen=5, hostname="é"))
    assert json.loads(text.partition("while processing ")[2]) == {"listen": 5, "hostname": "é"}
