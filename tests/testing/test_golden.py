"""Golden files: compared with, made, and never written without being asked to."""

from __future__ import annotations

from pathlib import Path

import pytest
from luaspecs import outcome_of, text_of_failure

from kumolog.errors import KumologError
from kumolog.testing.golden import Goldens


@pytest.fixture
def goldens(tmp_path: Path) -> Goldens:
    return Goldens(tmp_path / "policy_spec.lua", update=False)


@pytest.fixture
def updated(tmp_path: Path) -> Goldens:
    return Goldens(tmp_path / "policy_spec.lua", update=True)


def test_a_missing_file_is_told_with_what_would_be_in_it(goldens: Goldens, tmp_path: Path) -> None:
    told = goldens.mismatch("out.txt", ["one", "two"])
    assert told is not None
    assert f"{tmp_path}/golden/policy_spec/out.txt is missing" in told
    assert "`kumolog test --update-golden`" in told
    assert told.endswith("\n  one\n  two")
    assert list(tmp_path.iterdir()) == []


def test_what_would_be_in_a_missing_file_is_cut(goldens: Goldens) -> None:
    told = goldens.mismatch("out.txt", map(str, range(50)))
    assert told is not None
    assert told.endswith("\n  19\n  ... 30 more lines")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (["one", "two"], b"one\ntwo\n"),
        ([b"\xff", "caf\u00e9"], b"\xff\ncaf\xc3\xa9\n"),
        ("no line end", b"no line end"),
        ([], b""),
    ],
)
def test_what_was_written_is_what_is_compared_with(
    goldens: Goldens, updated: Goldens, content: str | list[str | bytes], text: bytes
) -> None:
    assert updated.mismatch("deep/out.txt", content) is None
    assert updated.written == [goldens.path("deep/out.txt")]
    assert updated.written[0].read_bytes() == text
    assert goldens.mismatch("deep/out.txt", content) is None
    assert updated.mismatch("deep/out.txt", content) is None
    assert len(updated.written) == 1


def test_a_difference_shows_lines_and_the_fields_of_the_first_record_that_differs(
    goldens: Goldens, updated: Goldens
) -> None:
    updated.mismatch("out", ['{"a":1}', '{"b":{"c":1,"d":2},"e":"x","f":0}'])
    told = goldens.mismatch("out", ['{"a":1}', '{"b":{"c":1,"d":3},"e":"x","g":null}'])
    assert told is not None
    assert '\n- {"b":{"c":1,"d":2},"e":"x","f":0}\n+ {"b":{"c":1,"d":3},"e":"x","g":null}\n' in told
    assert told.endswith(
        "line 2 differs in\n  b.d: expected 2, got 3\n  f: expected 0, got nothing\n"
        "  g: expected nothing, got null"
    )


def test_a_difference_of_texts_shows_lines(goldens: Goldens, updated: Goldens) -> None:
    updated.mismatch("out", ["one", "two", "three"])
    told = goldens.mismatch("out", ["one", "three"])
    assert told is not None
    assert "\n  one\n- two\n  three" in told
    assert "differs in" not in told


def test_one_file_cannot_hold_two_contents(updated: Goldens) -> None:
    assert updated.mismatch("out", ["one"]) is None
    told = updated.mismatch("out", ["two"])
    assert told is not None
    assert "out cannot hold both" in told
    assert "- one\n+ two" in told
    assert updated.path("out").read_text() == "one\n"


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../up", "a/../../up", "a\0b"])
def test_no_file_outside_of_the_directory_can_be_named(updated: Goldens, name: str) -> None:
    with pytest.raises(KumologError, match=r"name a file below .*/golden/policy_spec, such as"):
        updated.mismatch(name, "x")


def test_what_cannot_be_read_is_named(goldens: Goldens) -> None:
    goldens.path("out").mkdir(parents=True)
    with pytest.raises(KumologError, match=r"the golden file .*/out: Is a directory"):
        goldens.mismatch("out", "x")


def test_a_spec_compares_lines_and_texts(
    goldens: Goldens, updated: Goldens, tmp_path: Path
) -> None:
    updated.mismatch("out", ["one", "two"])
    assertions = {"matches_golden": goldens.assertion}
    body = "assert.matches_golden('out', { 'one', 'two' }) assert.matches_golden('out', 'one\\ntwo\\n')"
    assert outcome_of(tmp_path, body, assertions=assertions).state == "passed"
    told = text_of_failure(
        tmp_path, "assert.matches_golden('out', { 'one' })", assertions=assertions
    )
    assert told.startswith("assert.matches_golden: the golden file ")
    assert "- two" in told
    assert "policy_spec.lua:2:" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("", "needs the name of a golden file first"),
        ("{ 'x' }", "needs the name of a golden file first"),
        ("'out'", "needs a string or a list of strings after the name"),
        ("'out', { 'x', 1 }", "needs a string or a list of strings after the name"),
        ("'out', { line = 'x' }", "needs a string or a list of strings after the name"),
        ("'../out', 'x'", "name a file below"),
    ],
)
def test_a_spec_that_uses_it_wrongly_is_told_what_is_right(
    goldens: Goldens, tmp_path: Path, arguments: str, told: str
) -> None:
    body = f"assert.matches_golden({arguments})"
    assert told in text_of_failure(tmp_path, body, assertions={"matches_golden": goldens.assertion})
