"""kumo.dkim: signers that can be made and handed on."""

from __future__ import annotations

import pytest
from support import RunPolicy, SaidBy, init

SIGNERS = pytest.mark.parametrize("name", ["rsa_sha256_signer", "ed25519_signer"])


def signer(name: str, more: str = "", headers: str = "'From', 'To'") -> str:
    return (
        f"kumo.dkim.{name}, {{ domain = 'example.com', selector = 's', headers = {{ {headers} }}, "
        f"key = '/nowhere/key', {more} }}"
    )


@SIGNERS
def test_a_signer_is_opaque_and_its_key_is_left_alone(said_by: SaidBy, name: str) -> None:
    source = f"""
        local ok, signer = pcall({signer(name, "ttl = '1h', body_length = false, expiration = 60")})
        kumo.log_info(ok, type(signer), tostring(signer):match '^dkim_signer: 0x' ~= nil)
        try(function() return signer.domain end)
        try(function() signer.domain = 'x' end)
        try(pairs, signer)"""
    made, index, assign, pairs = said_by(source)
    assert made == "true userdata true"
    assert "attempt to index a dkim_signer value" in index
    assert assign.startswith("false ")
    assert pairs.startswith("false ")


@SIGNERS
@pytest.mark.parametrize("headers", ["'FROM'", "'to', 'from'"])
def test_from_must_be_signed_in_any_spelling(said_by: SaidBy, name: str, headers: str) -> None:
    (made,) = said_by(f"try({signer(name, headers=headers)})")
    assert made.startswith("true dkim_signer: ")
    for without in ("'To'", "", "'From '"):
        (refused,) = said_by(f"try({signer(name, headers=without)})")
        assert refused.startswith(f"false kumo.dkim.{name}: headers must include From")


@SIGNERS
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("atps", "'x'"),
        ("atpsh", "'Sha256'"),
        ("agent_user_identifier", "'@example.com'"),
        ("body_length", "true"),
        ("reporting", "true"),
    ],
)
def test_what_no_signer_can_do_is_refused(said_by: SaidBy, name: str, key: str, value: str) -> None:
    (refused,) = said_by(f"try({signer(name, f'{key} = {value}')})")
    assert refused.startswith(f"false kumo.dkim.{name}: the option {key} is not supported")


@SIGNERS
def test_the_table_is_checked_first(said_by: SaidBy, name: str) -> None:
    missing, wrong = said_by(
        f"try(kumo.dkim.{name}, {{ domain = 'a' }}) try({signer(name, 'ttl = true')})"
    )
    assert "deserialize error: missing field `selector`" in missing
    assert "expected a duration" in wrong


def test_the_number_of_signing_threads_is_chosen_once(said_by: SaidBy) -> None:
    bad, first, second = said_by(
        """try(kumo.dkim.set_signing_threads, 'many')
        try(kumo.dkim.set_signing_threads, 4)
        try(kumo.dkim.set_signing_threads, 4)"""
    )
    assert bad.startswith("false bad argument #1: ")
    assert first == "true nil"
    assert second.startswith("false kumo.dkim.set_signing_threads was already called at ")


def test_a_message_can_be_signed_and_stays_as_it_is(run_policy: RunPolicy) -> None:
    body = "kumo.configure_local_logs { log_dir = 'out', filter_event = 'f', headers = { '*' } }"
    made = signer("rsa_sha256_signer").replace(", ", "(", 1) + ")"
    rest = (
        f"local signer = {made} kumo.on('f', function(msg) msg:dkim_sign(signer) return true end)"
    )
    logged = run_policy(init(body, rest), [{"type": "Reception", "data": "From: a@b.c\r\n\r\n"}])
    (record,) = logged.records("out")
    assert record["headers"] == {"from": "a@b.c"}


def test_only_a_signer_signs(said_by: SaidBy) -> None:
    message = "local m = kumo.make_message('a@b.c', 'd@e.f', '')"
    for given in ("nil", "'key.pem'"):
        (refused,) = said_by(f"{message} try(m.dkim_sign, m, {given})")
        assert refused.startswith("false bad argument #2 to `Message.dkim_sign`: ")
