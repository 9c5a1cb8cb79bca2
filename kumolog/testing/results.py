"""The results of `kumolog test` for programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kumolog.testing.coverage_report import shown
from kumolog.testing.reporter import Reporter, Told

if TYPE_CHECKING:
    from kumolog.testing.coverage import Coverage


def as_json(reporter: Reporter, coverage: Coverage | None, seed: int | None) -> str:
    """One JSON object on a line.

    ``{"tests": [TEST...], "counts": {STATE: N}, "not_asked_for": N, "seconds": S}``, where TEST has
    ``file``, ``name``, ``place``, ``state`` (passed, failed, pending, or broken for what could not
    be collected), ``seconds``, ``reason``, ``failures`` and ``printed`` (texts by what they are);
    with ``"seed": N`` where the order was shuffled and ``"coverage": {"percent": P, "files":
    [{"file", "lines", "reached", "missing": [LINE...], "branches", "branches_reached"}...]}`` where
    that was measured.
    """
    results: dict[str, Any] = {
        "tests": [_test(told) for told in reporter.tests],
        "counts": reporter.counts(),
        "not_asked_for": reporter.deselected,
        "seconds": round(reporter.seconds, 3),
    }
    if seed is not None:
        results["seed"] = seed
    if coverage is not None:
        results["coverage"] = _coverage(coverage)
    return msgspec.json.encode(results).decode("utf-8")


def _test(told: Told) -> dict[str, Any]:
    return {
        "file": told.file,
        "name": told.name,
        "place": told.place,
        "state": told.state,
        "seconds": round(told.seconds, 6),
        "reason": told.reason,
        "failures": told.texts,
        "printed": told.printed,
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "percent": coverage.percent,
        "files": [
            {
                "file": shown(file.path, Path.cwd()),
                "lines": len(file.lines),
                "reached": file.reached,
                "missing": sorted(line for line, reached in file.lines.items() if not reached),
                "branches": len(file.branches),
                "branches_reached": file.branches_reached,
            }
            for file in coverage.files()
        ],
    }
