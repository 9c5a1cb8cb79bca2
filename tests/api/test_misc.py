"""Functions directly in kumo."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumolog.api import misc
from kumolog.api.logfilter import parse_filter
from kumolog.api.registry import Registry
from kumolog.errors import KumologError


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, None)


def test_parallelism_is_what_the_process_may_use(registry: Registry) -> None:
    assert misc.available_parallelism(registry, "") == len(os.sched_getaffinity(0)) >= 1


def test_each_bump_is_a_new_epoch(registry: Registry) -> None:
    before = registry.state(misc.ConfigEpoch).number
    assert misc.bump_config_epoch(registry, "") is None
    assert misc.bump_config_epoch(registry, "") is None
    assert registry.state(misc.ConfigEpoch).number == before + 2


def test_a_policy_can_fail_its_own_check(registry: Registry) -> None:
    for _ in range(2):
        assert misc.validation_failed(registry, "init.lua:7") is None
    assert registry.failed_validations == ["init.lua:7: the policy calls kumo.validation_failed()"]


def wanted(registry: Registry, target: str = "lua") -> list[str]:
    log_filter = registry.state(misc.LogFilter)
    levels = ("error", "warning", "info", "debug")
    return [level for level in levels if log_filter.wants(level, target)]


def test_all_lines_are_wanted_until_the_policy_says_otherwise(registry: Registry) -> None:
    assert wanted(registry) == ["error", "warning", "info", "debug"]


@pytest.mark.parametrize(
    ("directives", "count"),
    [
        ("lua=debug", 4),
        ("lua=trace", 4),
        ("lua", 4),
        ("info", 3),
        ("WARN", 2),
        ("lua=Error", 1),
        ("off", 0),
        ("2", 2),
        ("error,lua=info", 3),
        ("lua=info,error", 3),
        (" lua=info , kumod=trace", 3),
        ("kumod=debug", 0),
        ("kumod=debug,kumod::logging=off,warn", 2),
        ("lua=warn,lua[span]=trace", 2),
        ("info,lua[span{field=1,other=2}]=trace", 3),
        ("info,", 3),
    ],
)
def test_a_filter_chooses_levels(registry: Registry, directives: str, count: int) -> None:
    assert misc.set_diagnostic_log_filter(registry, "", directives) is None
    assert wanted(registry) == ["error", "warning", "info", "debug"][:count]


def test_the_longest_target_decides(registry: Registry) -> None:
    misc.set_diagnostic_log_filter(registry, "", "kumod=error,kumod::queue=debug")
    assert wanted(registry, "kumod::queue::ready") == ["error", "warning", "info", "debug"]
    assert wanted(registry, "kumod::logging") == ["error"]


@pytest.mark.parametrize(
    "directives", ["lua=loud", "=info", "a b", "lua[", "lua=info=debug", "lua=9"]
)
def test_a_filter_that_cannot_be_read_raises_and_changes_nothing(
    registry: Registry, directives: str
) -> None:
    misc.set_diagnostic_log_filter(registry, "", "error")
    with pytest.raises(KumologError, match="is no filter directive"):
        misc.set_diagnostic_log_filter(registry, "", directives)
    assert wanted(registry) == ["error"]


def test_a_filter_is_text(registry: Registry) -> None:
    with pytest.raises(KumologError, match="bad argument #1"):
        misc.set_diagnostic_log_filter(registry, "", None)


@given(st.text(alphabet="lua=info,[]{} :0", max_size=20))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        parse_filter(text)
    except KumologError as error:
        assert "is no filter directive" in str(error)  # noqa: PT017 - both ways out are right
