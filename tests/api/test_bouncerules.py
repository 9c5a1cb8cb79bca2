"""Files of bounce rules, and the search through them."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api.bouncerules import BounceRules, RememberedRules
from kumolog.api.misc import ConfigEpoch
from kumolog.api.rustregex import compile_plain
from kumolog.errors import KumologError

IANA = r"""
[rules]
InactiveMailbox = ['^[245]\d\d [245]\.2\.1 ', '^525 4\.7\.13 ']
QuotaIssues = ['^[245]\d\d [245]\.2\.2 ']
InvalidRecipient = ['^[245]\d\d [245]\.1\.1 ', '^551 [45]\.7\.17 ']
BadDomain = ['^551 [45]\.7\.18 ']
"""


def toml(directory: Path, text: str, name: str = "rules.toml") -> str:
    (directory / name).write_text(text, "utf-8")
    return str(directory / name)


def rules_of(directory: Path, *files: dict[str, list[str]]) -> BounceRules:
    return BounceRules(
        [
            toml(directory, msgspec.json.encode({"rules": rules}).decode(), f"{number}.json")
            for number, rules in enumerate(files)
        ]
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("552 5.2.2 x", "QuotaIssues"),
        ("552 4.2.2 x", "QuotaIssues"),
        ("352 5.2.2 x", None),
        ("525 4.7.13 x", "InactiveMailbox"),
        ("551 4.7.17 x", "InvalidRecipient"),
        ("551 4.7.18 x", "BadDomain"),
    ],
)
def test_rules_by_status_code(tmp_path: Path, text: str, name: str | None) -> None:
    assert BounceRules([toml(tmp_path, IANA)]).find(text) == name


def test_a_search_is_unanchored_and_minds_the_case(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, {"Full": ["full"], "Blocked": ["(?i)blocked"]})
    assert rules.find("552 mailbox full now") == "Full"
    assert rules.find("552 FULL") is None
    assert rules.find("554 BLOCKED") == "Blocked"


def test_digits_and_letters_are_those_of_unicode(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, {"Digits": [r"^\d+ \w+$"]})
    assert rules.find("55٣ ñandú") == "Digits"


def test_files_go_before_classes_and_classes_keep_their_order(tmp_path: Path) -> None:
    first = {"Zulu": ["zz", "shared"], "Alpha": ["shared", "aa"]}
    second = {"Alpha": ["zz"], "Zulu": ["later"], "Mike": ["later", "mm"]}
    rules = rules_of(tmp_path, first, second)
    assert [rules.find(text) for text in ("shared", "zz aa", "later", "mm aa", "")] == [
        "Zulu", "Zulu", "Zulu", "Alpha", None,
    ]  # fmt: skip


def test_toml_keeps_its_order_too(tmp_path: Path) -> None:
    text = "rules.Zulu = ['x']\nrules.Alpha = ['x']\n[other]\nignored = true\n"
    assert BounceRules([toml(tmp_path, text)]).find("x") == "Zulu"


def test_patterns_of_one_class_do_not_reach_each_other(tmp_path: Path) -> None:
    patterns = ["(?x) a b # a comment", "(?i)c", "(?P<group>d)", "(?P<group>e)", "f|g", "h h"]
    rules = rules_of(tmp_path, {"One": patterns})
    matching = [text for text in ("ab", "C", "d", "e", "g", "h h") if rules.find(text)]
    assert matching == ["ab", "C", "d", "e", "g", "h h"]
    assert [text for text in ("a b", "D", "F", "hh") if rules.find(text)] == []


def test_a_class_without_patterns_and_a_file_without_classes_match_nothing(
    tmp_path: Path,
) -> None:
    assert rules_of(tmp_path, {"None": []}, {}).find("") is None
    assert BounceRules([]).find("anything") is None


PATTERNS = ["a", "b", "^a", "c$", "a+b", "[bc]{2}", "(a|bc)d", "(?i)D", r"\d", "^$", "", "a b"]


@given(
    files=st.lists(
        st.dictionaries(st.sampled_from("UVWXYZ"), st.lists(st.sampled_from(PATTERNS))), max_size=3
    ),
    text=st.text("abcdD1 ", max_size=6),
)
def test_the_first_pattern_in_order_wins(
    tmp_path_factory: pytest.TempPathFactory, files: list[dict[str, list[str]]], text: str
) -> None:
    expected = next(
        (
            name
            for rules in files
            for name, patterns in rules.items()
            for pattern in patterns
            if compile_plain(pattern).search(text)
        ),
        None,
    )
    assert rules_of(tmp_path_factory.mktemp("rules"), *files).find(text) == expected


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("x.yaml", "", "ends in .toml or .json"),
        ("x.TOML", "", "ends in .toml or .json"),
        ("x", "", "ends in .toml or .json"),
        ("x.toml", "rules = ", "Invalid value"),
        ("x.toml", "[rules]\nA = []\nA = []", "overwrite"),
        ("x.json", "{", "Input data was truncated"),
        ("x.json", "[" * 100_000, "nested too deeply"),
        ("x.toml", "x = " + "[" * 100_000, "nested too deeply"),
        ("x.toml", "A = ['x']", "needs a table `rules`"),
        ("x.json", "[]", "needs a table `rules`"),
        ("x.json", '{"rules": ["a"]}', "needs a table `rules`"),
        ("x.toml", "rules.Bad = 'x'", "class Bad: Expected `array`, got `str`"),
        ("x.toml", "rules.Bad = [1]", "class Bad: Expected `str`, got `int`"),
        ("x.toml", "rules.Bad = ['ok', '(x']", 'class Bad: pattern "(x": '),
        ("x.toml", "rules.Bad = ['a(?=b)']", 'class Bad: pattern "a(?=b)": '),
        ("x.toml", r"rules.Bad = ['(a)\1']", "class Bad: pattern "),
    ],
)
def test_what_is_wrong_names_the_file_and_the_class(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    path = toml(tmp_path, text, name)
    with pytest.raises(KumologError, match=re.escape(reason)) as caught:
        BounceRules([path])
    assert str(caught.value).startswith(f"loading bounce rules from {path}: ")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(KumologError, match=r"gone\.toml: No such file"):
        BounceRules([str(tmp_path / "gone.toml")])
    (tmp_path / "latin.json").write_bytes(b"\xe9")
    with pytest.raises(KumologError, match=r"latin\.json as UTF-8"):
        BounceRules([str(tmp_path / "latin.json")])


def test_a_search_that_does_not_end_names_the_class(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, {"Endless": [r"^\d+ (\w|\w\w)+$"]})
    with pytest.raises(KumologError, match=r"classifying '550 .* as Endless: .*backtrack"):
        rules.find("550 " + "a" * 60 + "!")


# Remembering ------------------------------------------------------------------------------------


class Remembered:
    """Rules from one file that can be written anew, and what they complained of."""

    def __init__(self, directory: Path, sizes: tuple[int, int]) -> None:
        self.directory, self.epoch, self.complaints = directory, ConfigEpoch(), list[str]()
        self.write("A = ['a']")
        self.rules = RememberedRules(
            [str(directory / "rules.toml")], *sizes, lambda: self.epoch.number,
            self.complaints.append,
        )  # fmt: skip

    def write(self, rules: str) -> None:
        toml(self.directory, f"[rules]\n{rules}")


@given(
    sizes=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    texts=st.lists(st.text("ab", max_size=2)),
)
def test_what_is_remembered_is_what_would_be_found(
    tmp_path_factory: pytest.TempPathFactory, sizes: tuple[int, int], texts: list[str]
) -> None:
    remembered = Remembered(tmp_path_factory.mktemp("rules"), sizes)
    for text in texts:
        assert remembered.rules.find(text) == ("A" if "a" in text else None)


def test_a_new_epoch_reads_the_files_anew(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path, (10, 10))
    assert [remembered.rules.find(text) for text in "ab"] == ["A", None]
    remembered.write("B = ['b']")
    assert [remembered.rules.find(text) for text in "ab"] == ["A", None]
    remembered.epoch.number += 1
    assert [remembered.rules.find(text) for text in "ab"] == [None, "B"]


def test_files_that_went_wrong_are_told_once_and_the_rules_stay(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path, (10, 10))
    remembered.write("A = ['(']")
    remembered.epoch.number += 1
    assert [remembered.rules.find(text) for text in "aba"] == ["A", None, "A"]
    (complaint,) = remembered.complaints
    assert complaint.startswith("the bounce rules stay as they were: loading bounce rules from ")
