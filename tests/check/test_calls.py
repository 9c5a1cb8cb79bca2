"""Keys that KumoMTA reads over, in the tables that it leaves open."""

from __future__ import annotations

import pytest
from check.checks import LOGGER, Check
from support import init

from kumolog.record import RECORD_TYPES

READ_OVER = {
    "kumo.define_spool { name = 'a', path = 'b', rocks_params = { max_open_filez = 1 } }": (
        "kumo.define_spool ignores `max_open_filez`: did you mean `max_open_files`?"
    ),
    "kumo.configure_redis_throttles { node = 'redis://a/', conect_timeout = '5s' }": (
        "kumo.configure_redis_throttles ignores `conect_timeout`: did you mean `connect_timeout`?"
    ),
    "kumo.http.build_client { time_out = '5s' }": (
        "kumo.http.build_client ignores `time_out`: did you mean `timeout`?"
    ),
    "kumo.dkim.rsa_sha256_signer { domain = 'a', selector = 's', headers = { 'From' }, key = 'k', x = 1 }": (
        "kumo.dkim.rsa_sha256_signer ignores `x`"
    ),
    "kumo.make_queue_config { protocol = { smtp = { mx_lst = { 'a' } } } }": (
        "kumo.make_queue_config ignores `mx_lst`: did you mean `mx_list`?"
    ),
    "kumo.make_queue_config { protocol = { smtp = {}, maildir_path = '/a' } }": (
        "kumo.make_queue_config ignores `maildir_path`"
    ),
    "kumo.start_http_listener { tls_private_key = { key_data = 'a', key_dat = 'b' } }": (
        "kumo.start_http_listener ignores `key_dat`: did you mean `key_data`?"
    ),
    "kumo.make_queue_config { protocol = { smtp = { mx_list = { { name = 'a', addr = '10.0.0.1', is_secur = true } } } } }": (
        "kumo.make_queue_config ignores `is_secur`: did you mean `is_secure`?"
    ),
}


@pytest.mark.parametrize("call", READ_OVER)
def test_a_key_that_has_no_effect_is_a_warning(check: Check, call: str) -> None:
    outcome = check(init(f"{LOGGER}\n{call}"))
    found = [(each.line, each.level, each.code, each.message) for each in outcome.findings]
    assert found == [(4, "warning", "ignored-key", READ_OVER[call])]
    assert outcome.all_well


@pytest.mark.parametrize(
    "call",
    [
        "kumo.start_esmtp_listener { peer = { ['10.0.0.0/8'] = { meta = { any = { thing = 1 } } } } }",
        "kumo.kafka.build_producer { ['bootstrap.servers'] = 'a' }",
        "kumo.make_queue_config { protocol = { smtp = { mx_list = { { name = 'a', addr = '10.0.0.1' } } } } }",
        "kumo.start_esmtp_listener { trace_headers = { true, true } }",
        "kumo.make_egress_path { additional_message_rate_throttles = { any = '1/s' } }",
        "kumo.dns.configure_resolver 'HickorySystemConfig'",
        "kumo.make_egress_path(kumo.make_egress_path {})",
    ],
)
def test_keys_that_the_policy_chooses_are_none_of_these(check: Check, call: str) -> None:
    assert check(init(f"{LOGGER}\n{call}")).findings == []


def test_findings_of_one_call_have_an_order_of_their_own(check: Check) -> None:
    settings = ", ".join(f"x{letter} = 1" for letter in "qwertzuiop")
    hook = ", ".join(f"{kind} = {{ suffix = 'x' }}" for kind in RECORD_TYPES)
    outcome = check(
        init(
            f"{LOGGER} kumo.configure_redis_throttles {{ node = 'redis://a/', {settings} }}\n"
            f"kumo.configure_log_hook {{ name = 'h', per_record = {{ {hook} }} }}",
            "kumo.on('should_enqueue_log_record', function() end)",
        )
    )
    called, hooked = (
        [each.message for each in outcome.findings if each.line == line] for line in (3, 4)
    )
    assert called == [
        f"kumo.configure_redis_throttles ignores `x{letter}`" for letter in sorted("qwertzuiop")
    ]
    assert hooked == [
        f"per_record.{kind}.suffix has no effect in a log hook" for kind in sorted(RECORD_TYPES)
    ]
