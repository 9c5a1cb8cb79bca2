"""The message that a report is about, and the trace in its headers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from arfmessages import part, report, trace
from hypothesis import given
from hypothesis import strategies as st

from kumolog.mail.mime import parse_message
from kumolog.reports.original import original_message, supplemental_trace


def original(*parts: bytes) -> str | list[int] | None:
    return original_message(parse_message(report(*parts)).children)


def traced(*messages: bytes) -> dict[str, Any] | None:
    parts = [part(b"message/rfc822", message + b"\n\nBody") for message in messages]
    return supplemental_trace(parse_message(report(*parts)).children)


# The message


@pytest.mark.parametrize("kind", [b"message/rfc822", b"text/rfc822-headers; charset=utf-8"])
def test_the_message_or_its_headers_are_given_as_they_are(kind: bytes) -> None:
    assert original(part(kind, b"\n A: 1\n\nBody \n\n")) == "\n A: 1\n\nBody \n\n\n"


def test_nothing_but_line_ends_is_changed() -> None:
    text = b"=?utf-8?q?x?=\n\tfolded =41 \xc3\xa9\rlone"
    headers = b"Content-Transfer-Encoding: quoted-printable\n"
    found = original(headers + part(b"message/rfc822", text))
    assert found == "=?utf-8?q?x?=\n\tfolded =41 é\rlone\n"


def test_the_last_part_counts() -> None:
    first, last = part(b"message/rfc822", b"1"), part(b"text/rfc822-headers", b"2")
    assert original(first, last, part(b"text/plain", b"3")) == "2\n"


@pytest.mark.parametrize("kind", [b"text/plain", b"Message/RFC822", b"message/global"])
def test_there_may_be_no_message(kind: bytes) -> None:
    assert original(part(kind, b"A: 1")) is None


def test_a_message_that_is_not_utf_8_is_an_array_of_bytes() -> None:
    assert original(part(b"message/rfc822", b"\xff\na")) == [255, 10, 97, 10]


# The trace

RECIPIENT = {"recipient": "test@example.com"}


@pytest.mark.parametrize("name", [b"X-KumoRef", b"x-kumoref", b"X-Anything", b"X-"])
def test_any_x_header_may_hold_the_trace(name: bytes) -> None:
    assert traced(b"From: a@b\n" + name + b": " + trace(RECIPIENT)) == RECIPIENT


@pytest.mark.parametrize("name", [b"KumoRef", b"Y-KumoRef", b"X", b" X-KumoRef", b"Not-X-KumoRef"])
def test_other_headers_hold_no_trace(name: bytes) -> None:
    assert traced(b"From: a@b\n" + name + b": " + trace(RECIPIENT)) is None


def test_only_the_headers_are_looked_at() -> None:
    assert traced(b"From: a@b\n\nX-KumoRef: " + trace(RECIPIENT)) is None


def test_the_headers_alone_may_hold_the_trace_but_no_other_part() -> None:
    header = b"X-KumoRef: " + trace(RECIPIENT) + b"\n"
    children = parse_message(report(part(b"text/rfc822-headers", header))).children
    assert supplemental_trace(children) == RECIPIENT
    children = parse_message(report(header + part(b"text/plain", header))).children
    assert supplemental_trace(children) is None


@given(st.integers(1, 40), st.sampled_from([b"\n\t", b"\n ", b" ", b"\t", b"\r\n  \t", b"\f"]))
def test_a_trace_may_be_folded_anywhere(width: int, fold: bytes) -> None:
    text = trace(RECIPIENT)
    pieces = [text[at : at + width] for at in range(0, len(text), width)]
    message = b"Content-Type: message/rfc822\n\nX-KumoRef: " + fold.join(pieces) + b" \nA: 1\n"
    children = parse_message(report(message)).children
    assert supplemental_trace(children) == RECIPIENT


def test_the_first_header_that_fits_counts() -> None:
    lines = b"X-A: no base64!", b"X-B: " + trace({"n": 1}), b"X-C: " + trace({"n": 2})
    assert traced(b"\n".join(lines)) == {"n": 1}


def test_a_later_part_counts_more_where_it_has_a_trace() -> None:
    first, second = b"X-A: " + trace({"n": 1}), b"X-A: " + trace({"n": 2})
    assert traced(first, second) == {"n": 2}
    assert traced(first, b"X-A: none") == {"n": 1}
    assert traced(first, b" X-A: a broken header block") == {"n": 1}


def test_a_trace_may_be_empty() -> None:
    assert traced(b"X-KumoRef: " + trace({})) == {}


def test_a_trace_has_its_keys_sorted_at_all_levels() -> None:
    value = {"z": [{"y": 1, "x": None}], "a": {"c": 1.5, "b": True}, "_@_more": "é"}
    found = traced(b"X-KumoRef: " + trace(value))
    assert json.dumps(found) == json.dumps(value, sort_keys=True)


def encoded(text: bytes | str) -> bytes:
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


MARK = r'"_@_":"\\_/"'
PADDED = encoded(f'{{{MARK},"a":1}}  ')


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"plain text",
        PADDED.rstrip(b"="),
        PADDED[:-1],
        trace(RECIPIENT) + b"=",
        trace(RECIPIENT) + b"AAAA",
        b"=" + trace(RECIPIENT),
        trace({"a": 1}).replace(b"e", b"-", 1),
        trace(RECIPIENT, marked=False),
        encoded(rf'["_@_","\\_/",{{{MARK}}}]'),
        encoded(r'"\\_/"'),
        encoded("1"),
        encoded(r'{"_@_":"\\_/ "}'),
        encoded('{"_@_":null}'),
        encoded('{"_@_":"/_/"}'),
        encoded(f"{{{MARK}}} x"),
        encoded(f"{{{MARK},}}"),
        encoded(f"{{{MARK},'a':1}}"),
        encoded(f'{{{MARK},"a":NaN}}'),
        encoded(f'{{{MARK},"a":1e999}}'),
        encoded(f'{{{MARK},"a":"\\ud800"}}'),
        encoded(b'{"_@_":"\\\\_/","a":"\xff"}'),
        encoded(f'{{{MARK},"a":{"[" * 200}{"]" * 200}}}'),
        encoded(f'{{{MARK},"a":{"[" * 100_000}'),
        b"\xff" + trace(RECIPIENT),
        b"\x0b" + trace(RECIPIENT),
    ],
)
def test_what_is_no_trace_is_left_alone(value: bytes) -> None:
    assert traced(b"X-KumoRef: " + value) is None


def test_base64_with_bits_too_many_is_no_trace() -> None:
    assert PADDED.endswith(b"A==")
    assert traced(b"X-A: " + PADDED) == {"a": 1}
    assert traced(b"X-A: " + PADDED[:-3] + b"B==") is None


def test_a_trace_may_be_as_deep_as_json_readers_go() -> None:
    value: Any = 1
    for _ in range(120):
        value = [value]
    assert traced(b"X-A: " + trace({"deep": value})) == {"deep": value}


def test_there_is_no_trace_without_a_message() -> None:
    assert supplemental_trace([]) is None
    assert original_message([]) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_and_some_are_traces(message: bytes) -> None:
    assert traced(b"X-A: " + message) in (None, {})
    assert traced(message) is None


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_any_json_comes_out_of_a_trace_as_it_went_in(value: Any) -> None:
    assert traced(b"X-KumoRef: " + trace({"value": value})) == {"value": value}
