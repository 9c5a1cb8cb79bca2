"""kumo.configure_log_hook and kumo.configure_log_disposition_hook."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from luatables import array, fields

from kumolog.api.hooks import configure_log_disposition_hook, configure_log_hook
from kumolog.api.registry import Hook, Hooks, Registry
from kumolog.errors import KumologError
from kumolog.luavalue import LuaValue

Configure = Callable[..., None]
BOTH = pytest.mark.parametrize("configure", [configure_log_hook, configure_log_disposition_hook])


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda _level, _text: None, lambda _path: None)


def hook(registry: Registry, configure: Configure, name: str = "h", **params: LuaValue) -> Hook:
    configure(registry, "init.lua:1", fields(name=name, **params))
    return registry.state(Hooks).by_name[name]


def test_a_log_hook_has_these_parameters(registry: Registry) -> None:
    made = hook(registry, configure_log_hook)
    assert made.params == {
        "name": "h", "back_pressure": 128_000, "meta": [], "headers": [], "per_record": {},
        "deferred_spool": False,
    }  # fmt: skip
    assert (made.kind, made.name, made.templates, made.place) == ("log", "h", None, "init.lua:1")


def test_a_disposition_hook_has_but_two(registry: Registry) -> None:
    made = hook(registry, configure_log_disposition_hook)
    assert made.params == {"name": "h", "per_record": {}}
    assert (made.kind, made.place) == ("disposition", "init.lua:1")


def test_hooks_are_listed_in_call_order(registry: Registry) -> None:
    for name in "cab":
        hook(registry, configure_log_hook, name)
        hook(registry, configure_log_disposition_hook, f"{name}{name}")
    hooks = list(registry.state(Hooks))
    assert [one.name for one in hooks] == ["c", "cc", "a", "aa", "b", "bb"]
    assert [one.kind for one in hooks] == ["log", "disposition"] * 3


@BOTH
def test_a_type_that_is_listed_is_not_under_any(registry: Registry, configure: Configure) -> None:
    off, on = fields(enable=False), fields(enable=True)
    per_record = fields(Bounce=fields(), Any=off, Delivery=on, OOB=off)
    made = hook(registry, configure, per_record=per_record)
    types = ("Bounce", "Delivery", "OOB", "Reception")
    assert [made.enables(each) for each in types] == [True, True, False, False]
    assert hook(registry, configure, "other").enables("Bounce")


def test_templates_are_compiled_for_log_hooks_only(registry: Registry) -> None:
    per_record = fields(Bounce=fields(template="{{ id }}!"))
    made = hook(registry, configure_log_hook, per_record=per_record)
    assert made.templates is not None
    assert (made.template_for("Bounce"), made.template_for("Delivery")) == ("Bounce", None)
    assert made.templates.render("Bounce", {"id": "x"}) == "x!"
    broken = fields(Any=fields(template="{{ nope"))
    with pytest.raises(KumologError, match="compiling template"):
        hook(registry, configure_log_hook, "broken", per_record=broken)
    assert (
        hook(registry, configure_log_disposition_hook, "other", per_record=broken).templates is None
    )


@BOTH
@pytest.mark.parametrize("first", [configure_log_hook, configure_log_disposition_hook])
def test_a_name_is_taken_once_over_both_kinds(
    registry: Registry, first: Configure, configure: Configure
) -> None:
    made = hook(registry, first)
    with pytest.raises(KumologError, match=r"the name 'h' is that of the \w+ hook of init\.lua:1"):
        hook(registry, configure)
    assert registry.state(Hooks).by_name == {"h": made}


@BOTH
@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (fields(), "deserialize error: missing field `name`, while processing {}"),
        (fields(name=1), "invalid type: integer `1`, expected a string"),
        (fields(name="h", filter_event="f"), "unknown field `filter_event`, expected"),
        (fields(name="h", per_record=fields(Nope=fields())), "unknown variant `Nope`"),
        (fields(name="h", per_record=fields(Any=fields(on=True))), "unknown field `on`"),
        (array("h"), "invalid type: integer `1`, expected field identifier"),
        (None, "invalid type: nil, expected table, while processing null"),
    ],
)
def test_the_tables_are_closed(
    registry: Registry, configure: Configure, params: LuaValue, reason: str
) -> None:
    with pytest.raises(KumologError) as caught:
        configure(registry, "init.lua:1", params)
    assert reason in str(caught.value)
    assert registry.state(Hooks).by_name == {}


@BOTH
def test_while_checking_problems_are_gathered(configure: Configure) -> None:
    registry = Registry(lambda _level, _text: None, None)
    configure(registry, "init.lua:1", fields(nam="h"))
    hook(registry, configure)
    hook(registry, configure)
    first, second = registry.problems
    assert first.startswith("init.lua:1: deserialize error: unknown field `nam`")
    assert "name" in first.rpartition("(")[2]
    assert second.startswith("init.lua:1: the name 'h'")
