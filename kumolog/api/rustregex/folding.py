"""Which characters are one and the same when case does not count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

_LAST_CASED = 0x1EFFF  # no script with case lies beyond


@cache
def orbits() -> Mapping[str, str]:
    """For each character with case all that fold to the same, itself included.

    This is simple folding as in Unicode's CaseFolding.txt: characters of one length-changing full
    folding (``ß`` and ``ẞ``) are each other's variants too, and never equal to its letters.
    """
    groups: dict[str, str] = {}
    for code in range(_LAST_CASED + 1):
        folded = chr(code).casefold()
        groups[folded] = groups.get(folded, "") + chr(code)
    cased = {char: group for group in groups.values() if len(group) > 1 for char in group}
    return MappingProxyType(cased)


def variants(char: str) -> str:
    """``char`` and all that differ from it in case only."""
    return orbits().get(char, char)


def variants_of_range(first: str, last: str) -> Iterable[str]:
    """The characters outside the range that differ from one inside it in case only."""
    found = {
        other
        for char, group in orbits().items()
        if first <= char <= last
        for other in group
        if not first <= other <= last
    }
    return sorted(found)
