"""The table of all parameters, and the types made of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kumolog.api import surface
from kumolog.api.params import NULLABLE, container_type, containers, default_of, rows
from kumolog.params import Key
from kumolog.params.compose import Nullable

CONTAINERS = containers()
FUNCTIONS = [name for name in CONTAINERS if not name.startswith(("type:", "enum:", "event:"))]


def test_the_table_covers_the_whole_api() -> None:
    assert len(CONTAINERS) == len(set(CONTAINERS))
    assert len(FUNCTIONS) > 150
    assert set(FUNCTIONS) <= {row.name for row in surface()}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_row_has_its_columns(name: str) -> None:
    for row in rows(name):
        assert row.required in ("yes", "no", "")
        assert row.closed in ("yes", "yes*", "no", "")
        assert not (row.default and row.required == "yes")
        assert set(row.note.split()) <= {"ctx", "raw", "arg", "b", "taken", "tag=kind"}


@pytest.mark.parametrize(
    "name", [name for name in CONTAINERS if any(not row.is_positional for row in rows(name))]
)
def test_every_table_is_built_and_its_defaults_fit(name: str) -> None:
    if name.startswith("enum:"):
        container_type(name)
        return
    struct = "struct:" + name.removeprefix("type:")
    for buffered in (False, True):
        wanted = container_type(struct, buffered)
        keys: tuple[Key, ...] = getattr(getattr(wanted, "table", wanted), "keys")  # noqa: B009 - of whatever class
        assert [key.name for key in keys] == [r.key for r in rows(name) if not r.is_positional]
        for key, row in zip(keys, (r for r in rows(name) if not r.is_positional), strict=True):
            assert key.required is (row.required == "yes")
            assert isinstance(key.type, Nullable) is (row.default == NULLABLE)
            if not key.required:
                key.absent()


def test_computed_defaults_are_those_of_this_machine() -> None:
    (hostname,) = [r for r in rows("kumo.start_http_listener") if r.key == "hostname"]
    (cores,) = [r for r in rows("kumo.configure_bounce_classifier") if r.key == "pool_size"]
    assert isinstance(default_of(hostname), str)
    found = default_of(cores)
    assert isinstance(found, int)
    assert found >= 1


def test_the_table_is_not_read_before_it_is_asked_for() -> None:
    code = (
        "import kumolog.host, sys; assert 'kumolog.api.params' not in sys.modules;"
        "from kumolog.api import params; assert params._lines.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
