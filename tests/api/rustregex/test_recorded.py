"""What the crate ``fancy_regex`` 0.17 itself answered, recorded: patterns, texts and results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from kumolog.api.regex import compile as compile_regex
from kumolog.api.registry import Registry

CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("recorded.jsonl").read_text("ascii").splitlines()
]
NOBODY = cast(Registry, None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["pattern"])
def test_a_pattern_does_what_it_does_in_rust(case: dict[str, Any]) -> None:
    found = compile_regex(NOBODY, "init.lua:1", case["pattern"])
    text = case["text"]
    captures = found.captures(text)
    expected = case["captures"]
    if expected is None:
        assert captures is None
    else:
        assert captures is not None
        numbered = {key: value for key, value in captures.items() if isinstance(key, int)}
        assert numbered == {i: group for i, group in enumerate(expected) if group is not None}
    assert found.is_match(text) is (expected is not None)
    assert found.find_all(text) == case["find_all"]
    assert found.split(text) == case["split"]
    assert found.replace_all(text, case["template"]) == case["replaced"]
