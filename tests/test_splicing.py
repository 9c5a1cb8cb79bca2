"""A line with other meta and headers is what the encoder makes of the changed record."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kumolog.event import EventDecoder, encode
from kumolog.nodeid import NodeId
from kumolog.splicing import spliced

# Texts that look like the marks in a line that the places are found by.
TEXTS = st.lists(
    st.sampled_from(
        [
            *('"', "\\", ",", "{", "}", "é", "\u2028", "\x00"),
            *('"meta":', ',"meta":{', ',"feedback_report":null,"meta":{', '\\"meta\\":{'),
            *(',"headers":{', ',"delivery_protocol":', '},"delivery_protocol":null'),
        ]
    ),
    max_size=4,
).map("".join)
NAMES = st.sampled_from(["meta", "headers", "feedback_report", "delivery_protocol"]) | TEXTS
VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
METAS = st.dictionaries(NAMES, VALUES, max_size=4)
HEADERS = st.dictionaries(NAMES, TEXTS | st.lists(TEXTS, max_size=2), max_size=3)
EVENTS = st.fixed_dictionaries(
    {"type": st.just("Delivery"), "meta": METAS, "headers": HEADERS},
    optional={
        **dict.fromkeys(("id", "sender", "queue", "site", "egress_source", "nodeid"), TEXTS),
        **dict.fromkeys(("session_id", "tls_cipher", "delivery_protocol"), TEXTS),
        "tls_peer_subject_name": st.lists(TEXTS, max_size=2),
        "response": st.fixed_dictionaries({"content": TEXTS, "command": TEXTS}),
        "peer_address": st.fixed_dictionaries({"name": TEXTS, "addr": TEXTS}),
        "source_address": st.fixed_dictionaries({"address": TEXTS, "server": TEXTS}),
    },
)


@given(EVENTS, METAS, HEADERS)
def test_a_spliced_line_is_the_encoders(
    event: dict[str, Any], meta: dict[str, Any], headers: dict[str, str | list[str]]
) -> None:
    batch = EventDecoder(NodeId({})).decode([json.dumps(event).encode()])
    ((record,), (line,)) = batch.records, batch.lines
    assert spliced(line, encode(meta), encode(headers)) == encode(
        replace(record, meta=meta, headers=headers)
    )
