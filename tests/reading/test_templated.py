from __future__ import annotations

from pathlib import Path

import pytest

from kumolog.errors import KumologError
from kumolog.reading.problems import Problems
from kumolog.reading.templated import template_text, templated


def test_a_template_makes_a_line_of_each_record() -> None:
    step = templated("{{ sender|upper }} {{ response.code }} {{ gone }}\n", Problems(pytest.fail))
    lines = [b'{"sender":"a","response":{"code":250}}', b'{"sender":"\xc3\xa4","response":{}}']
    assert step(lines, "here") == [b"A 250 ", "Ä  ".encode()]


def test_a_record_for_which_it_fails_is_told_and_left_out() -> None:
    told: list[str] = []
    problems = Problems(told.append)
    step = templated("{{ 1 // size }}", problems)
    assert step([b'{"size":0}', b'{"size":1}', b'{"size":0}', b"x"], "here") == [b"1"]
    assert problems.count == 3
    assert len(told) == 2
    assert told[1].startswith("here: ")
    assert "--template" in told[1]


def test_a_template_that_does_not_compile_is_refused() -> None:
    with pytest.raises(KumologError, match="compiling template"):
        templated("{{ sender", Problems(pytest.fail))


def test_a_template_is_a_file_or_a_text(tmp_path: Path) -> None:
    file = tmp_path / "t.j2"
    file.write_text("{{ id }} ü")
    assert template_text(str(file)) == "{{ id }} ü"
    assert template_text("{{ id }}") == "{{ id }}"
    with pytest.raises(KumologError, match="there is no such file, and it is no template"):
        template_text(str(tmp_path / "missing.j2"))
    file.write_bytes(b"\xff{{")
    with pytest.raises(KumologError, match=r"t\.j2: it is not UTF-8"):
        template_text(str(file))
