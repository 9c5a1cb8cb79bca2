"""What the functions that configure logging have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kumolog.api.registry import Registry
from kumolog.errors import KumologError

if TYPE_CHECKING:
    from kumolog.templates import Templates


@contextmanager
def configuring(registry: Registry, place: str) -> Iterator[None]:
    """While a policy is only checked, gathers the KumologErrors that it does not catch."""
    try:
        yield
    except KumologError as error:
        if registry.make_directory is not None or registry.catches():
            raise
        registry.problems.append(f"{place}: {error.with_hint}")


def compiled_templates(registry: Registry, per_record: Mapping[str, Any]) -> Templates | None:
    """The templates of a converted per_record table; raises TemplateError."""
    sources = {
        kind: entry["template"]
        for kind, entry in per_record.items()
        if entry["template"] is not None
    }
    if not sources:
        return None
    from kumolog.templates import Templates  # the engine is loaded for those who use it

    return Templates(sources, clock=registry.clock.wall)
