"""Writing Lua specs and running them as a test session does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kumolog.testing.luaspec import Outcome, SpecFile


def load(directory: Path, source: str, **options: Any) -> SpecFile:
    """A spec file with that source."""
    path = directory / "policy_spec.lua"
    path.write_text(source)
    return SpecFile.load(path, **options)


def run_all(spec: SpecFile) -> dict[str, Outcome]:
    """The outcomes of all items by name, run one after another."""
    following = [*spec.items[1:], None]
    pairs = zip(spec.items, following, strict=True)
    return {item.name: spec.run(item, next_item) for item, next_item in pairs}


def states(directory: Path, source: str, **options: Any) -> dict[str, str]:
    """How each item of a source ends."""
    outcomes = run_all(load(directory, source, **options))
    return {name: outcome.state for name, outcome in outcomes.items()}


def outcome_of(directory: Path, body: str, **options: Any) -> Outcome:
    """How a single test with that body ends."""
    spec = load(directory, f"it('does it', function()\n{body}\nend)\n", **options)
    (item,) = spec.items
    return spec.run(item)


def text_of_failure(directory: Path, body: str, **options: Any) -> str:
    """What a user is told of a test with that body, which has to fail."""
    outcome = outcome_of(directory, body, **options)
    assert outcome.state == "failed", outcome
    return str(outcome)
