from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.reading.pretty import columns, pretty
from kumolog.reading.problems import Problems

RECORD = {
    "timestamp": 1772791205,
    "type": "Bounce",
    "sender": "a@example.com",
    "recipient": "b@example.org",
    "response": {
        "code": 550,
        "enhanced_code": {"class": 5, "subject": 1, "detail": 1},
        "content": "no such user",
    },
}


def plain(_style: str, text: str) -> str:
    return text


def shown(record: Any, width: int | None = None, paint: Any = plain) -> str:
    line = json.dumps(record).encode()
    (made,) = pretty(Problems(pytest.fail), paint, width)([line], "here")
    return made.decode()


def test_a_record_is_a_line_of_time_type_addresses_code_and_text() -> None:
    assert shown(RECORD) == (
        "2026-03-06 10:00:05  Bounce            a@example.com → b@example.org  550  "
        "5.1.1 no such user"
    )


def test_what_is_missing_or_strange_is_shown_all_the_same() -> None:
    assert shown({}) == "-                    -                 - → -    -  -"
    record = {"timestamp": "x", "type": 7, "sender": "", "recipient": ["b@c", "d@e"]}
    assert shown(record | {"response": {"content": "ok"}}).split() == (
        ["x", "7", "<>", "→", "b@c,d@e", "-", "ok"]
    )
    assert shown({"timestamp": 10**30}).startswith(str(10**30))


def test_nothing_in_a_record_moves_the_cursor_or_turns_the_line_around() -> None:
    response = {"code": 250, "content": "\x1b[2J\r\n\t\x9b\u202eabc\u2028\x00"}
    text = shown(RECORD | {"response": response, "sender": "\x07@x"})
    assert text.endswith("\\x1b[2J\\r\\n\\t\\x9b\\u{202e}abc\\u{2028}\\x00")
    assert "\\x07@x" in text
    assert text.isprintable()


@given(st.text(), st.text(), st.integers(80, 200))
def test_a_line_is_never_wider_than_the_terminal(sender: str, text: str, width: int) -> None:
    record = RECORD | {"sender": sender, "response": {"code": 250, "content": text}}
    line = shown(json.loads(json.dumps(record).encode("utf-8", "replace")), width)
    assert (
        sum(
            2 if unicodedata.east_asian_width(c) in "WF" else 1
            for c in line
            if not unicodedata.combining(c)
        )
        <= width
    )
    assert line.isprintable()


def test_addresses_and_texts_are_cut_to_their_columns_and_stand_below_one_another() -> None:
    wide = "漢" * 40 + "@example.com"
    lines = [shown(RECORD | {"sender": sender}, 100) for sender in ("", "a@b", wide)]
    places = {columns(line[: line.index("  550  ")]) for line in lines}
    assert len(places) == 1
    assert "…" in lines[2]


def test_colours_are_the_painters() -> None:
    def paint(style: str, text: str) -> str:
        return f"<{style}:{text.strip()}>"

    text = shown(RECORD, None, paint)
    assert "<bad:Bounce>" in text
    assert "<bad:550>" in text
    assert text.startswith("<quiet:2026-03-06 10:00:05>")
    assert "<good:Delivery>" in shown(RECORD | {"type": "Delivery"}, None, paint)
    assert "<off:Delayed>" in shown(RECORD | {"type": "Delayed"}, None, paint)
    assert "<strong:XferIn>" in shown(RECORD | {"type": "XferIn"}, None, paint)
