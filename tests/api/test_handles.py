"""What has no effect gives what its signature promises; what is refused says so, on every object."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from support import RunPolicy, SaidBy, init

from kumolog.api import Row, surface

# How a policy gets an object of each type that has methods to be refused.
OBJECTS = {
    "headermap": "kumo.mimepart.parse('Subject: x\\r\\n\\r\\n').headers",
    "http_request": "kumo.http.build_client({}):get('http://example.com/')",
    "kafka_producer": "kumo.kafka.build_producer({})",
    "mimepart": "kumo.mimepart.parse('Subject: x\\r\\n\\r\\n')",
    "redis_conn": "require('redis').open { node = 'redis://example.com/' }",
    "shaping": "kumo.shaping.load {}",
    "throttle": "kumo.make_throttle('t', '1/s')",
}
REFUSED = [
    row
    for row in surface()
    if (row.kind, row.role) == ("method", "refuse") and not row.name.startswith("message:")
]


def method(row: Row) -> tuple[str, str]:
    kind, _, name = row.name.partition(":")
    return kind, name


@pytest.mark.parametrize(
    "row", [r for r in REFUSED if method(r)[0] in OBJECTS], ids=lambda r: r.name
)
def test_a_refused_method_says_so_whatever_it_is_given(said_by: SaidBy, row: Row) -> None:
    kind, name = method(row)
    source = (
        f"local object = {OBJECTS[kind]} try(object.{name}) try(object.{name}, object, {{}}, 5)"
    )
    for line in said_by(source):
        assert line.startswith(f"false {row.name} is not available in kumolog: ")


def test_every_object_that_a_policy_can_get_is_asked_here() -> None:
    given = {
        word
        for row in surface()
        if row.role != "refuse"
        for word in re.findall(r"\w+", row.signature.rpartition("-> ")[2])
    }
    assert {method(row)[0] for row in REFUSED} & given == set(OBJECTS)


def test_fields_of_objects_can_be_read_and_not_set(said_by: SaidBy) -> None:
    source = """local part = kumo.mimepart.parse('Subject: x\\r\\n\\r\\nhi')
        for _, key in ipairs { 'body', 'headers', 'other' } do try(function() part[key] = 'x' end) end
        kumo.log_info(part.body, part.headers:subject())"""
    body, headers, other, after = said_by(source)
    assert body.endswith("body of a MimePart can be read here, but not set")
    assert headers.endswith("headers of a MimePart can be read here, but not set")
    assert other.endswith("MimePart takes no fields, so other cannot be set")
    assert after == "hi x"


def test_shaping_data_is_empty(said_by: SaidBy) -> None:
    source = """local data = kumo.shaping.load({ '/nowhere/shaping.toml' }, { skip_remote = true })
        kumo.log_info(type(data), #data:get_errors(), #data:get_warnings(), next(data:get_referenced_sources()),
          type(data:get_referenced_sources()), type(data:hash()), data:hash() == data:hash())
        try(kumo.shaping.load, {}, { skip = true })"""
    shown, wrong = said_by(source)
    assert shown == "userdata 0 0 nil table string true"
    assert "unknown field `skip`" in wrong


def test_shaping_data_and_acl_maps_can_be_memoized_other_handles_cannot(said_by: SaidBy) -> None:
    source = """local calls = 0
        local options = { name = 'x', ttl = '1h', capacity = 2 }
        local load = kumo.memoize(function(what)
          calls = calls + 1
          if what == 'client' then return kumo.http.build_client {} end
          return what == 'acl' and kumo.aaa.load_acl_map '/nowhere' or kumo.shaping.load {}
        end, options)
        kumo.log_info(type(load()), #load():get_errors(), calls)
        kumo.log_info(load('acl'):get('x'), type(load 'acl'), calls)
        try(load, 'client')"""
    shaping, acl, client = said_by(source)
    assert shaping == "userdata 0 1"
    assert acl == "nil userdata 2"
    assert "a http_client cannot be kept" in client


def test_objects_of_access_control_are_opaque(said_by: SaidBy) -> None:
    source = """
        local rule = { criteria = { Identity = { Individual = 'a' } }, privilege = 'GET', access = 'Allow' }
        for _, object in ipairs { kumo.aaa.make_access_control_list { rule },
                                  kumo.aaa.make_http_url_resource('127.0.0.1:8000', '/api/x'),
                                  kumo.aaa.make_http_url_resource('[::1]:8000', 'http://example.com/') } do
          kumo.log_info(type(object), (tostring(object):gsub('0x.*', '')), pcall(function() return object.x end))
        end"""
    for name, line in zip(("acl", "resource", "resource"), said_by(source), strict=True):
        assert re.fullmatch(rf"userdata {name}:  false .*attempt to index a {name} value .*", line)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("'127.0.0.1', '/'", "invalid socket address syntax"),
        ("'/run/x.sock', '/'", "invalid socket address syntax"),
        ("'127.0.0.1:80', 'api'", "relative URL without a base"),
        ("'127.0.0.1:80', 'http://'", "empty host"),
        ("'127.0.0.1:80'", "bad argument #2: "),
    ],
)
def test_a_resource_needs_an_address_and_a_path_or_url(
    said_by: SaidBy, arguments: str, reason: str
) -> None:
    (line,) = said_by(f"try(kumo.aaa.make_http_url_resource, {arguments})")
    assert line.startswith("false ")
    assert reason in line


@pytest.mark.parametrize(
    ("module", "table"),
    [
        ("suspend.suspend", "{ reason = 'r' }"),
        ("bounce.bounce", "{ reason = 'r' }"),
        ("suspend_ready_q.suspend", "{ name = 'q', reason = 'r' }"),
    ],
)
def test_what_is_suspended_or_bounced_has_an_id_and_nothing_happens(
    said_by: SaidBy, module: str, table: str
) -> None:
    parent = f"kumo.api.admin.{module.partition('.')[0]}"
    source = f"""
        local id = kumo.api.admin.{module} {table}
        kumo.log_info(id)
        kumo.log_info(id == kumo.api.admin.{module} {table}, {parent}.delete(id), #{parent}.list())
        try(kumo.api.admin.{module}, {{}})
        try({parent}.delete, 'nonsense')"""
    uuid, rest, missing, wrong = said_by(source)
    assert str(UUID(uuid)) == uuid
    assert rest == "false false 0"
    assert "missing field" in missing
    assert "UUID parsing failed" in wrong


def test_requests_are_prepared_and_their_parameters_checked(said_by: SaidBy) -> None:
    source = """
        local client = kumo.http.build_client { timeout = '1m' }
        local request = client:post 'http://example.com/'
        local prepared = request:header('a', 'b'):body('x'):timeout('5s'):timeout(2.5):basic_auth('u')
        kumo.log_info(type(prepared), prepared.send ~= nil)
        kumo.log_info(client:close())
        try(client.get, client)
        try(request.timeout, request, 5)
        try(request.header, request, 'a')
        try(request.form_url_encoded, request, 'x')
        try(request.aws_sign_v4, request, {})"""
    chained, closed, get, timeout, header, form, sign = said_by(source)
    assert (chained, closed) == ("userdata true", "nil")
    assert get.startswith("false bad argument #2 to `HttpClient.get`: ")
    assert timeout.startswith("false invalid timeout duration (write ")
    assert header.startswith("false bad argument #3 to `HttpRequest.header`: ")
    assert form.startswith("false bad argument #2 to `HttpRequest.form_url_encoded`: ")
    assert "missing field `access_key`" in sign


def test_a_throttle_never_throttles_and_says_what_it_is(said_by: SaidBy) -> None:
    source = """local throttle = kumo.make_throttle('name', '100/hour')
        local message = kumo.make_message('', 'a@example.com', '')
        kumo.log_info(throttle:delay_message_if_throttled(message), throttle:sleep_if_throttled(), throttle:explain())
        try(kumo.make_throttle, 'name', '100')"""
    assert said_by(source) == [
        "false false name: 100/h",
        "false expected 'limit/period', got 100 (write a rate such as \"100/h\")",
    ]


def test_handlers_get_the_same_values_on_the_path_of_records(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'out', filter_event = 'f' }"
    rest = """kumo.on('f', function(msg)
        local _ = kumo.get_memory_soft_limit()
        return #kumo.api.admin.bounce.list() == 0 and kumo.dns.load_resolv_conf().options and not kumo.xfer.cancel_xfer(msg)
      end)"""
    logged = run_policy(init(body, rest), [{"type": "Delivery"}])
    assert logged.rejects == []
    assert len(logged.records("out")) == 1
