"""kumo.crypto.aws_sign_v4, against the examples that AWS has published."""

from __future__ import annotations

from typing import Any

import pytest

from kumolog.api.crypto import aws_sign_v4
from kumolog.api.registry import Registry
from kumolog.errors import KumologError
from kumolog.luavalue import from_json

EXAMPLE = {
    "access_key": {"key_data": "AKIDEXAMPLE"},
    "secret_key": {"key_data": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
    "region": "us-east-1",
    "service": "service",
    "method": "GET",
    "uri": "/",
    "headers": {"Host": "example.amazonaws.com"},
    "timestamp": "2015-08-30T12:36:00Z",
}


def sign(**changes: Any) -> dict[str, str]:
    registry = Registry(lambda _level, _text: None, None)
    return aws_sign_v4(registry, "init.lua:1", from_json(EXAMPLE | changes))


def test_the_plainest_request() -> None:
    signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    assert sign() == {
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}",
        "timestamp": "20150830T123600Z",
        "canonical_request": "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
        "host;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "string_to_sign": "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n"
        "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
        "signature": signature,
    }


@pytest.mark.parametrize(
    ("changes", "signature"),
    [
        (
            {"query_params": {"Param2": "value2", "Param1": "value1"}},
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            {"query_params": {"\u1234": "bar"}},
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            {"uri": "/\u1234"},
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            {"method": "POST"},
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            {"method": "POST", "query_params": {"Param1": "value1"}},
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
    ],
)
def test_other_requests(changes: dict[str, Any], signature: str) -> None:
    assert sign(**changes)["signature"] == signature


def test_a_payload_and_its_type_are_signed() -> None:
    signed = sign(
        method="POST",
        headers={
            "host": "example.amazonaws.com",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        payload="Param1=value1",
    )
    assert signed["signature"] == "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"


def test_blanks_in_headers_count_as_one_and_none_at_the_ends() -> None:
    signed = sign(headers={"Host": "h", "My-Header1": ' "a   b   c" '})
    assert 'my-header1:"a b c"\n' in signed["canonical_request"]


def test_a_session_token_is_signed_along() -> None:
    signed = sign(session_token="TOKEN")
    assert "x-amz-security-token:TOKEN\n" in signed["canonical_request"]
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token," in signed["authorization"]


def test_a_time_with_an_offset_is_taken_to_utc() -> None:
    assert sign(timestamp="2015-08-30T14:36:00+02:00") == sign()


def test_the_present_is_signed_unless_a_time_is_given() -> None:
    timestamp = sign(timestamp=None)["timestamp"]
    assert timestamp > "20150830T123600Z"
    assert len(timestamp) == len("20150830T123600Z")


def test_a_host_header_is_needed() -> None:
    with pytest.raises(KumologError, match="the headers have no `host`"):
        sign(headers={})


def test_an_access_key_is_text() -> None:
    with pytest.raises(KumologError, match="access_key is not UTF-8 text"):
        sign(access_key={"key_data": [255]})


def test_parameters_are_checked_as_kumomta_does() -> None:
    with pytest.raises(
        KumologError, match="deserialize error: missing field `region`, while processing"
    ):
        aws_sign_v4(
            Registry(lambda *_: None, None), "", from_json({"access_key": "a", "secret_key": "b"})
        )
