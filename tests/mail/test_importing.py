from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.errors import KumologError
from kumolog.mail.headers import Header, HeaderError
from kumolog.mail.importing import ImportSpec, import_headers, key_name

HEADERS = [
    Header("X-Campaign-ID", b"=?utf-8?q?caf=C3=A9?="),
    Header("Subject", b"first"),
    Header("x-tag", b"a"),
    Header("SUBJECT", b"second"),
    Header("X-Tag", b"b"),
]


def values(*specs: ImportSpec) -> dict[str, str | list[str]]:
    return import_headers(HEADERS, specs).values


@pytest.mark.parametrize(
    ("transform", "key"),
    [
        ("snake_case", "x_campaign_id"),
        ("kebab_case", "x-campaign-id"),
        ("camel_case", "xCampaignId"),
        ("pascal_case", "XCampaignId"),
    ],
)
def test_keys_are_named_in_four_ways(transform: str, key: str) -> None:
    assert key_name("X-Campaign-ID", transform) == key
    assert values(ImportSpec("x-campaign-id", transform=transform)) == {key: "caf\u00e9"}


@pytest.mark.parametrize(
    ("match", "value"), [("first", "first"), ("last", "second"), ("all", ["first", "second"])]
)
def test_one_of_several_headers_is_taken_or_all(match: str, value: str | list[str]) -> None:
    assert values(ImportSpec("Subject", match)) == {"subject": value}


def test_all_of_one_header_is_a_list() -> None:
    assert values(ImportSpec("X-Campaign-ID", "all")) == {"x_campaign_id": ["caf\u00e9"]}


def test_a_wildcard_takes_each_name_for_itself() -> None:
    assert values(ImportSpec("x-*")) == {"x_campaign_id": "caf\u00e9", "x_tag": "b"}
    assert values(ImportSpec("*x-*"), ImportSpec("X-T*g")) == {}


def test_the_target_is_the_key() -> None:
    assert values(ImportSpec("Subject", target="The Subject")) == {"The Subject": "second"}


def test_the_first_spec_that_takes_a_header_has_it() -> None:
    specs = (ImportSpec("x-tag", target="tag"), ImportSpec("X-*"), ImportSpec("x-tag", target="no"))
    assert values(*specs) == {"x_campaign_id": "caf\u00e9", "tag": "b"}


def test_what_is_not_there_gives_nothing() -> None:
    assert import_headers(HEADERS, [ImportSpec("Cc", "all", remove=True)]) == ({}, frozenset())
    assert import_headers([], [ImportSpec("X-*")]).values == {}


def test_all_headers_of_a_name_are_to_be_removed() -> None:
    specs = [ImportSpec("Subject", "first", remove=True), ImportSpec("x-*")]
    assert import_headers(HEADERS, specs).removed == {"subject"}


@pytest.mark.parametrize("name", ["", "*"])
def test_a_spec_names_headers(name: str) -> None:
    with pytest.raises(KumologError, match="would be every header"):
        values(ImportSpec(name))


def test_a_target_is_for_one_name() -> None:
    with pytest.raises(KumologError, match="cannot all have the target 'x'"):
        values(ImportSpec("X-*", target="x"))


def test_only_what_is_imported_has_to_be_text() -> None:
    headers = [Header("A", b"\xff"), Header("A", b"1"), Header("B", b"\xff")]
    assert import_headers(headers, [ImportSpec("a")]).values == {"a": "1"}
    with pytest.raises(HeaderError, match="'A': its value is not UTF-8"):
        import_headers(headers, [ImportSpec("a", "all")])


@given(st.text("aBx-_", max_size=8), st.sampled_from(["snake_case", "kebab_case", "pascal_case"]))
def test_the_case_of_a_name_does_not_count(name: str, transform: str) -> None:
    assert key_name(name, transform) == key_name(name.upper(), transform)
