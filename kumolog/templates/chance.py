"""What templates can leave to chance: ``random``, ``randrange`` and ``lipsum``.

KumoMTA: filter and functions of minijinja-contrib. A template that sets ``RAND_SEED`` to an integer
gets the same numbers each time it is rendered.
"""

from __future__ import annotations

import random as system_random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from minijinja import pass_state

_64_BITS = 2**64 - 1
_MAX_WORDS = 1_000_000
_WORDS = (
    *("lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "adipiscing", "elit", "sed", "do"),
    *("eiusmod", "tempor", "incididunt", "ut", "labore", "et", "dolore", "magna", "aliqua", "enim"),
    *("ad", "minim", "veniam", "quis", "nostrud", "exercitation", "ullamco", "laboris", "nisi"),
    *("aliquip", "ex", "ea", "commodo", "consequat", "duis", "aute", "irure", "in", "velit"),
)


class _Numbers:
    """Xorshift of 64 bits (Marsaglia 2003), which the engine uses too."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _64_BITS

    def below(self, limit: int) -> int:
        """An integer of 0 up to, but not including, ``limit``."""
        state = self._state
        state ^= state << 13 & _64_BITS
        state ^= state >> 7
        state ^= state << 17 & _64_BITS
        self._state = state
        return int(state / _64_BITS * limit)


def _numbers(state: Any) -> _Numbers:
    """The sequence of this rendering."""
    numbers = state.get_temp("kumolog-numbers")
    if numbers is None:
        seed = state.lookup("RAND_SEED")
        numbers = _Numbers(seed if type(seed) is int else system_random.getrandbits(64))
        state.set_temp("kumolog-numbers", numbers)
    found: _Numbers = numbers
    return found


@pass_state
def random(state: Any, value: Any, /) -> Any:
    """One member of a list, or one character of a string."""
    if not isinstance(value, Sequence):
        raise ValueError("can only select random elements from sequences")
    if not value:
        raise ValueError("cannot select a random element of an empty sequence")
    return value[_numbers(state).below(len(value)) % len(value)]


@pass_state
def randrange(state: Any, low: int, high: int | None = None, /) -> int:
    """An integer from ``low`` up to, but not including, ``high``; one number is the latter."""
    if type(low) is not int or type(high) not in (int, type(None)):
        raise ValueError(f"expected integers, got {low!r} and {high!r}")
    start, end = (0, low) if high is None else (low, high)
    return start + _numbers(state).below(end - start)


@pass_state
def lipsum(state: Any, /, n: int = 5, *, html: bool = False, min: int = 20, max: int = 100) -> str:
    """``n`` paragraphs of ``min`` to ``max`` words without meaning; as HTML with ``html``."""
    if n < 0 or min < 0 or max < min or n * max > _MAX_WORDS:
        raise ValueError(
            f"n {n}, min {min} and max {max} must not be negative, nor ask for more than "
            f"{_MAX_WORDS} words"
        )
    numbers = _numbers(state)
    opening, closing = ("<p>", "</p>") if html else ("", "")
    return "".join(
        f"{opening}{_paragraph(numbers, min + numbers.below(max - min))}{closing}\n\n"
        for _ in range(n)
    )


def _paragraph(numbers: _Numbers, length: int) -> str:
    words: list[str] = []
    until_stop = 0
    for _ in range(length):
        word = _WORDS[numbers.below(len(_WORDS)) % len(_WORDS)]
        if until_stop == 0:
            if words:
                words[-1] += "."
            word = word.capitalize()
            until_stop = 10 + numbers.below(10)
        until_stop -= 1
        words.append(word)
    return f"{' '.join(words)}."


FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"lipsum": lipsum, "randrange": randrange}
)
