"""`kumo.crypto.aws_sign_v4`: signs a request to an AWS service (AWS Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from kumolog.api.calls import check_call
from kumolog.api.keysource import key_text, load_key
from kumolog.api.registry import Registry
from kumolog.api.strftime import strftime
from kumolog.api.timevalue import Time
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"


def aws_sign_v4(registry: Registry, _place: str, *arguments: LuaValue) -> dict[str, str]:
    """The signature of a request, with all that it was made of.

    ``x-amz-date``, and ``x-amz-security-token`` where there is a session token, are signed along
    with the headers given: the request has to carry the resulting ``timestamp`` as X-Amz-Date.
    """
    (params,) = check_call("kumo.crypto.aws_sign_v4", arguments)
    moment = Time(*params["timestamp"]) if params["timestamp"] else Time.now(registry.clock)
    timestamp = strftime(moment, "%Y%m%dT%H%M%SZ")
    headers = _headers(params, timestamp)
    canonical = _canonical_request(params, headers)
    scope = f"{timestamp[:8]}/{params['region']}/{params['service']}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, timestamp, scope, _sha256(canonical)))
    signature = _signature(load_key(registry, params["secret_key"]), scope, to_sign)
    access_key = key_text(registry, params["access_key"], "kumo.crypto.aws_sign_v4: access_key")
    authorization = (
        f"{_ALGORITHM} Credential={access_key}/{scope}, "
        f"SignedHeaders={';'.join(headers)}, Signature={signature}"
    )
    return {
        "authorization": authorization,
        "timestamp": timestamp,
        "canonical_request": canonical,
        "string_to_sign": to_sign,
        "signature": signature,
    }


def _headers(params: Mapping[str, Any], timestamp: str) -> dict[str, str]:
    """The headers to sign, by name in lower case, sorted."""
    given = {name.lower(): " ".join(value.split()) for name, value in params["headers"].items()}
    if "host" not in given:
        raise KumologError(
            "kumo.crypto.aws_sign_v4: the headers have no `host`, which has to be signed"
        )
    given.setdefault("x-amz-date", timestamp)
    if params["session_token"] is not None:
        given.setdefault("x-amz-security-token", params["session_token"])
    return dict(sorted(given.items()))


def _canonical_request(params: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    query = sorted((_encoded(key), _encoded(item)) for key, item in params["query_params"].items())
    return "\n".join(
        (
            params["method"].upper(),
            quote(params["uri"] or "/", safe="/" + _UNRESERVED),
            "&".join(f"{key}={item}" for key, item in query),
            *(f"{name}:{value}" for name, value in headers.items()),
            "",
            ";".join(headers),
            _sha256(params["payload"]),
        )
    )


def _signature(secret: bytes, scope: str, to_sign: str) -> str:
    key = b"AWS4" + secret
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, to_sign).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _encoded(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
