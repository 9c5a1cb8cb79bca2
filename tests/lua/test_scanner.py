"""What the scanner says of lines is what decoding them shows, and it knows the lines that KumoMTA writes."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
import support
from hypothesis import given, settings
from hypothesis import strategies as st
from support import compact

from kumolog.completion import breaks_lines
from kumolog.event import EventDecoder, Scan, encode
from kumolog.lines import Lines
from kumolog.lua.scanner import Scanner
from kumolog.nodeid import NodeId
from kumolog.record import RECORD_TYPES, TYPE_CODES, KnownRecord

FULL: dict[str, Any] = support.FULL | {
    "response": support.FULL["response"] | {"content": "OK"},
    "peer_address": support.FULL["peer_address"] | {"is_secure": True},
    "tls_peer_subject_name": ["CN=mx", "O=é"],
    "meta": {},
    "headers": {},
}
OPTIONAL = ["event_time", "created_time", "source_address", "tls_cipher", "tls_protocol_version"]
OPTIONAL += ["tls_peer_subject_name", "provider_name", "session_id"]
DECODER = msgspec.json.Decoder(KnownRecord)
FIELDS = ("queue", "reception_protocol", "meta", "headers")


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    found = Scanner.open()
    assert found is not None, "this wheel of lupa has no LuaJIT, or it does not compile"
    return found


def text(*lines: bytes) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def scanned(scanner: Scanner, *lines: bytes) -> Scan:
    scan = scanner.scan(text(*lines))
    assert scan is not None
    return scan


def is_written_so(line: bytes) -> bool:
    """Whether the line is what is written for the record that it holds."""
    try:
        record = DECODER.decode(line)
        return encode(record) == line and not breaks_lines([record])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


KNOWN: dict[str, dict[str, Any]] = {
    **{kind: {"type": kind} for kind in RECORD_TYPES},
    "several recipients": {"recipient": ["a@example.org", "b@example.org"]},
    "null sender": {"sender": ""},
    "no peer": {"peer_address": None},
    "no source address": {"source_address": None},
    "a server": {"source_address": {"address": "a", "server": "b"}},
    "no enhanced code": {"response": FULL["response"] | {"enhanced_code": None, "command": "."}},
    "no protocols": {"delivery_protocol": None, "reception_protocol": None},
    "quotes": {
        "sender": '"a b"@example.org',
        "response": FULL["response"] | {"content": 'a "\\" b\t'},
    },
    "control characters": {"site": "\x00\x01\x0b\x1f\x7f\b\f"},
    "other scripts": {"recipient": "用户@例え.jp", "headers": {"subject": "Grüße 📬 \u2028"}},
    "plain meta": {"meta": {"tenant": "a", "n": 7, "z": 0, "m": -12, "big": 999999999999999999}},
    "fractions": {"meta": {"a": 0.5, "b": -2.25, "c": 100.0, "d": 0.0, "e": 0.125, "f": 12345.678}},
    "constants": {"meta": {"a": True, "b": False, "c": None}},
    "nested meta": {"meta": {"a": [1, [], {"b": {}}], "c": {"d": [None, "x"]}}},
    "many keys": {"meta": {f"custom_{n}": str(n) for n in range(300)}},
    "headers": {"headers": {"subject": "s", "received": ["a", "b"], "x": []}},
    "a report": {"type": "Feedback", "feedback_report": {"feedback_type": "abuse", "version": 1}},
    "a long text": {"site": "x" * 100_000},
}


@pytest.mark.parametrize("change", KNOWN.values(), ids=KNOWN)
def test_it_knows_what_kumolog_writes(scanner: Scanner, change: dict[str, Any]) -> None:
    record = FULL | change
    for line in (compact(record), compact({k: v for k, v in record.items() if k not in OPTIONAL})):
        scan = scanned(scanner, line, compact(FULL))
        assert scan.types == TYPE_CODES[record["type"]] + TYPE_CODES["Delivery"]
        assert scan.has_members == bool(record["meta"] or record["headers"])
        assert scan.has_report == (record["feedback_report"] is not None)
        for name in FIELDS:
            assert scan.values(name) == [record[name], FULL[name]]


WRITTEN = compact(FULL | {"meta": {"a": 1, "bc": "x"}, "headers": {"s": "y"}}).decode()
ODD = {
    "a blank": (":1047", ": 1047"),
    "a missing field": ('"size":1047,', ""),
    "a field twice": ('"size":1047,', '"size":1047,"size":1047,'),
    "an unknown field": ('"size"', '"extra":1,"size"'),
    "another order": ('"size":1047,"response"', '"response"'),
    "a wrong type": ("1047", '"1047"'),
    "a leading zero": ("1047", "01047"),
    "a fraction": ("1047", "1047.0"),
    "an exponent": ("1047", "1e3"),
    "a negative size": ("1047", "-1"),
    "too great a number": ('"num_attempts":0', '"num_attempts":99999'),
    "no record type": ("Delivery", "Delivry"),
    "one recipient in a list": ('"to@example.org"', '["to@example.org"]'),
    "an escape too many": ("OK", "\\u004f\\u004b"),
    "an escaped slash": ("OK", "\\/"),
    "a long escape for a short one": ("OK", "\\u000a"),
    "capitals in an escape": ("OK", "\\u001F"),
    "half of an escape": ("OK", "\\u00"),
    "a line end in the reply": ("OK", "a\\nb"),
    "a carriage return in the reply": ("OK", "a\\rb"),
    "a control character": ("OK", "a\tb"),
    "a key of meta twice": ('"bc":"x"', '"a":"x"'),
    "an empty key": ('"bc"', '""'),
    "needless zeros": ('"a":1', '"a":1.50'),
    "an exponent in meta": ('"a":1', '"a":1e5'),
    "a small number": ('"a":1', '"a":0.00001'),
    "minus nothing": ('"a":1', '"a":-0'),
    "a header that is a number": ('"s":"y"', '"s":1'),
    "a header key twice": ('"s":"y"', '"s":"y","s":"z"'),
    "a comma too many": ('"bc":"x"', '"bc":"x",'),
    "an end too few": ('O=é"]', 'O=é"'),
    "something behind it": ('5a11"}', '5a11"} '),
    "nothing": (WRITTEN, ""),
    "another value": (WRITTEN, "[]"),
    "a part": (WRITTEN, WRITTEN[:200]),
}


@pytest.mark.parametrize(("old", "new"), ODD.values(), ids=ODD)
def test_a_line_that_is_odd_is_told_from_the_others(scanner: Scanner, old: str, new: str) -> None:
    odd = WRITTEN.replace(old, new, 1)
    assert old in WRITTEN
    assert scanned(scanner, WRITTEN.encode(), odd.encode(), WRITTEN.encode()).types == "B\0B"


def test_a_record_over_two_lines_is_two_odd_lines(scanner: Scanner) -> None:
    line = WRITTEN.replace("é", "e").encode()
    for place in range(1, len(line)):
        assert scanned(scanner, line[:place], line[place:], line).types == "\0\0B"


def test_bytes_that_are_not_utf_8_leave_nothing_to_say(scanner: Scanner) -> None:
    assert scanner.scan(text(WRITTEN.encode(), compact(FULL).replace(b"OK", b"\xff"))) is None


def test_what_is_no_block_of_records_leaves_nothing_to_say(scanner: Scanner) -> None:
    assert scanner.scan(b"{}\n" * 50_000) is None
    assert scanner.scan(text(b"x" * (2 << 20))) is None
    assert scanned(scanner, b"{}", b"").types == "\0\0"


def test_fields_can_be_had_until_the_next_scan_and_known_ones_ever_after(scanner: Scanner) -> None:
    scan = scanned(scanner, compact(FULL))
    assert scan.values("queue") == [FULL["queue"]]
    scanned(scanner, compact(FULL | {"queue": "other"}))
    assert scan.values("queue") == [FULL["queue"]]
    assert scan.values("meta") is None


_texts = st.text(max_size=4) | st.sampled_from(['"', "\\", "\x00", "\x1f", "\n", "\x7f", "é", "📬"])
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_records = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(RECORD_TYPES),
        "recipient": _texts | st.lists(_texts, max_size=3),
        "sender": _texts,
        "size": st.integers(-2, 2**64),
        "num_attempts": st.sampled_from([0, 9999, 10000, 65535, 65536]),
        "response": st.sampled_from([FULL["response"], {"code": 250}]),
        "peer_address": st.sampled_from(
            [None, {"addr": "a", "name": "b"}, {"name": "", "addr": ""}]
        ),
        "meta": st.dictionaries(_texts, _values, max_size=4),
        "headers": st.dictionaries(_texts, _texts | st.lists(_texts, max_size=3), max_size=4),
        "feedback_report": st.none() | st.dictionaries(_texts, _values, max_size=2),
    },
)
_SNIPPETS = [
    b'"',
    b"\\",
    b"\\u0001",
    b"{",
    b"}",
    b"[",
    b",",
    b":",
    b"null",
    b"0",
    b"-",
    b".5",
    b"1e3",
]
_SNIPPETS += [b"\x00", b"\x1f", b"\xc3\xa9", b"\xff", b" ", b"{}", b'"meta":{}', b"", b"\\n", b"\n"]
_mutations = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(0, 3), st.sampled_from(_SNIPPETS)), max_size=2
)


def mutated(record: dict[str, Any], mutations: list[tuple[int, int, bytes]]) -> list[bytes]:
    line = json.dumps(FULL | record, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "replace"
    )
    for place, size, snippet in mutations:
        place %= len(line) + 1
        line = line[:place] + snippet + line[place + size :]
    return line.split(b"\n")


_blocks = st.lists(st.tuples(_records, _mutations), min_size=1, max_size=8)


@settings(max_examples=400)
@given(_blocks)
def test_what_it_knows_is_written_exactly_so(
    scanner: Scanner, block: list[tuple[dict[str, Any], list[tuple[int, int, bytes]]]]
) -> None:
    lines = [line for record, mutations in block for line in mutated(record, mutations)]
    scan = scanner.scan(text(*lines))
    if scan is None:
        return
    values = {name: scan.values(name) for name in FIELDS}
    assert len(scan.types) == len(lines)
    for place, line in enumerate(lines):
        if scan.types[place] == "\0":
            continue
        assert is_written_so(line), line
        record = DECODER.decode(line)
        assert scan.types[place] == TYPE_CODES[record.type]
        for name in FIELDS:
            found = values[name]
            assert found is not None
            assert found[place] == getattr(record, name)


@settings(max_examples=200)
@given(_blocks)
def test_both_ways_of_looking_at_lines_come_to_the_same(
    scanner: Scanner, block: list[tuple[dict[str, Any], list[tuple[int, int, bytes]]]]
) -> None:
    lines = Lines.of([line for record, mutations in block for line in mutated(record, mutations)])
    node = NodeId({"KUMO_NODE_ID": FULL["nodeid"]})
    whole = EventDecoder(node).decode(lines)
    batches = EventDecoder(node, scanner=scanner).batches(lines)
    assert [line for batch in batches for line in batch.lines] == list(whole.lines)
    assert [place for batch in batches for place in batch.positions] == list(whole.positions)
    assert [line for batch in batches for line in batch.rejected] == whole.rejected
    assert [record for batch in batches for record in batch.records] == whole.records
    assert "".join(batch.types for batch in batches) == whole.types
    for key in ("reception_protocol", "tenant", "a"):
        assert [value for batch in batches for value in batch.column(key)] == whole.column(key)
    for batch in batches:
        assert not batch.is_bare or not any(
            record.meta or record.headers for record in batch.records
        )
        assert batch.has_report or all(record.feedback_report is None for record in batch.records)


def test_a_scanner_that_is_used_for_long_still_tells_keys_apart(scanner: Scanner) -> None:
    rng = random.Random(1)
    for _ in range(200):
        keys = [f"k{rng.randrange(40)}" for _ in range(12)]
        pairs = ",".join(f'"{key}":1' for key in keys)
        line = compact(FULL).replace(b'"meta":{}', b'"meta":{%s}' % pairs.encode())
        assert (scanned(scanner, line).types == "B") == (len(set(keys)) == len(keys))
