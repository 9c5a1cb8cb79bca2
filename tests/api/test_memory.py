"""kumo.set_memory_* and kumo.get_memory_*."""

from __future__ import annotations

import pytest
from support import SaidBy


@pytest.mark.parametrize("limit", ["hard_limit", "soft_limit", "low_thresh"])
def test_a_memory_limit_reads_as_it_was_set(said_by: SaidBy, limit: str) -> None:
    source = f"""
        kumo.log_info(kumo.get_memory_{limit}())
        kumo.log_info(kumo.set_memory_{limit}(1024), kumo.get_memory_{limit}())
        try(kumo.set_memory_{limit}, 'x')
        kumo.log_info(kumo.get_memory_{limit}())"""
    unset, once, refused, still = said_by(source)
    assert (unset, once, still) == ("nil", "nil 1024", "1024")
    assert refused.startswith("false bad argument #1: ")


def test_each_limit_is_its_own(said_by: SaidBy) -> None:
    source = """kumo.set_memory_hard_limit(1) kumo.set_memory_soft_limit(2)
        kumo.log_info(kumo.get_memory_hard_limit(), kumo.get_memory_soft_limit(), kumo.get_memory_low_thresh())"""
    assert said_by(source) == ["1 2 nil"]
