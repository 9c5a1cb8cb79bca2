from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.mail.authentication_results import parse_authentication_results
from kumolog.mail.mime_fields import MimeError


def result(method: str, outcome: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    version = more.pop("version", None)
    props = {name.replace("__", "."): value for name, value in more.items()}
    return {
        "method": method,
        "method_version": version,
        "result": outcome,
        "reason": reason,
        "props": props,
    }


def test_every_method_has_its_result_and_properties() -> None:
    raw = (
        b"mx.example 1;\r\n"
        b" dkim=pass (2048 bits; ok) header.d=shop.example header.b=Ab+/c9==;\r\n"
        b'\tspf/1=softfail reason="not listed; sorry" smtp.mailfrom="a b"@shop.example;\r\n'
        b" dmarc=none action=none header.from=shop.example;"
    )
    assert parse_authentication_results(raw) == {
        "serv_id": "mx.example",
        "version": 1,
        "results": [
            result("dkim", "pass", header__d="shop.example", header__b="Ab+/c9=="),
            result("spf", "softfail", "not listed; sorry", smtp__mailfrom='"a b"@shop.example', version=1),
            result("dmarc", "none", action="none", header__from="shop.example"),
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw", [b"mx.example; none", b"mx.example", b'"mx.example";', b" mx.example ;none;"]
)
def test_a_server_may_have_no_results(raw: bytes) -> None:
    assert parse_authentication_results(raw) == {"serv_id": "mx.example", "version": None, "results": []}  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "must begin with the name of the server"),
        (b"spf=pass", "must begin with the name of the server"),
        (b"mx.example two; none", "must begin with the name of the server"),
        (b"mx.example; spf", "\"method=result\" was expected, not 'spf'"),
        (b"mx.example; spf=pass and more", "\"property=value\" was expected, not 'and more'"),
    ],
)
def test_what_has_another_structure_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(MimeError, match=reason):
        parse_authentication_results(raw)


@given(
    st.binary()
    | st.lists(
        st.sampled_from([b"a", b"=", b";", b"/", b"1", b" ", b'"', b"(", b")", b"\\", b"\xff"])
    ).map(b"".join)
)
def test_any_bytes_are_results_or_refused(raw: bytes) -> None:
    try:
        parse_authentication_results(raw)
    except MimeError:
        return
