from __future__ import annotations

import json

import pytest

from kumolog.reading.choosing import choose, keep_fields, record_type
from kumolog.reading.problems import Problems
from kumolog.reading.times import Window

LINES = [
    b'{"type":"Bounce","timestamp":10,"response":{"code":550}}',
    b'{ "timestamp":20, "type":"Delivery","response":{"code":250,"content":"\xff"}}\r',
    b'{"type":["Bounce"],"timestamp":"10"}',
    b"{}",
    b"no json",
]


@pytest.fixture
def told() -> list[str]:
    return []


def test_records_are_chosen_by_type_and_time_and_stay_as_they_are(told: list[str]) -> None:
    problems = Problems(told.append)
    assert choose(["Bounce"], Window(), problems)(LINES, "here") == LINES[:1]
    assert choose(["Bounce", "Delivery"], Window(), problems)(LINES, "here") == LINES[:2]
    assert choose([], Window(since=10), problems)(LINES, "here") == LINES[:2]
    assert choose([], Window(until=20), problems)(LINES, "here") == LINES[:1]
    assert choose(["Bounce"], Window(since=11), problems)(LINES, "here") == []
    assert problems.count == 5
    assert len(told) == 1
    assert told[0].startswith("here: a line is no record: JSON is malformed: ")


def test_fields_are_kept_in_the_order_asked_for_and_in_their_objects(told: list[str]) -> None:
    step = keep_fields([("response", "code"), ("type",), ("none", "x")], Problems(told.append))
    assert [json.loads(line) for line in step(LINES, "here")] == [
        {"response": {"code": 550}, "type": "Bounce", "none": None},
        {"response": {"code": 250}, "type": "Delivery", "none": None},
        {"response": None, "type": ["Bounce"], "none": None},
        {"response": None, "type": None, "none": None},
    ]
    assert len(told) == 1


def test_a_field_in_another_one_adds_nothing(told: list[str]) -> None:
    for paths in ([("response",), ("response", "code")], [("response", "code"), ("response",)]):
        step = keep_fields(paths, Problems(told.append))
        assert step(LINES[:1], "here") == [b'{"response":{"code":550}}']


def test_a_type_is_known_in_any_case_of_letters() -> None:
    assert record_type(" bounce ") == "Bounce"
    assert record_type("OOB") == "OOB"
    with pytest.raises(ValueError, match="'Bouce': did you mean Bounce"):
        record_type("Bouce")
    with pytest.raises(ValueError, match="one of Reception, Delivery"):
        record_type("")


def test_each_problem_is_told_once_and_all_are_counted() -> None:
    told: list[str] = []
    problems = Problems(told.append)
    for number in range(30):
        for _ in range(2):
            problems.note("here", f"problem {number}")
    problems.sum_up()
    assert problems.count == 60
    assert told[0] == "here: problem 0"
    assert told[20] == "here: problem 20; further messages are only counted"
    assert told[21:] == ["60 records were left out for such reasons"]


def test_what_was_told_in_full_is_not_summed_up() -> None:
    told: list[str] = []
    problems = Problems(told.append)
    problems.sum_up()
    problems.note("here", "problem")
    problems.sum_up()
    assert told == ["here: problem"]
