"""Tests in an order that nobody chose, so that those which need an earlier one are found out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest


class Shuffled:
    """A plugin that shuffles files, blocks and tests; what belongs to one stays together.

    The same ``seed`` gives the same order of the same tests.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Changes the order after everybody else."""
        chance = random.Random(self._seed)
        items[:] = list(_shuffled([(item.listchain(), item) for item in items], 0, chance))


_Way = tuple[Sequence[object], pytest.Item]


def _shuffled(ways: Sequence[_Way], depth: int, chance: random.Random) -> Iterator[pytest.Item]:
    """The tests of a node; each comes with the nodes that lead to it, itself the last."""
    children: dict[object, list[_Way]] = {}
    for way in ways:
        children.setdefault(way[0][depth], []).append(way)
    nodes = list(children)
    chance.shuffle(nodes)
    for node in nodes:
        if isinstance(node, pytest.Item):
            yield node
        else:
            yield from _shuffled(children[node], depth + 1, chance)
