"""Spool ids carry the time their message was created."""

from __future__ import annotations

import time
import uuid

import pytest

from kumolog.spool_id import created_at, new_spool_id


def test_a_new_id_carries_the_present_time() -> None:
    spool_id = new_spool_id()
    assert uuid.UUID(spool_id).hex == spool_id
    created = created_at(spool_id)
    assert created is not None
    assert abs(created - time.time()) < 60


@pytest.mark.parametrize(
    "spool_id",
    [
        "1d98076abbbc11ed940250ebf67f93bd",
        "1D98076A-BBBC-11ED-9402-50EBF67F93BD",
        "{1d98076a-bbbc-11ed-9402-50ebf67f93bd}",
        "1edbbbc1-d980-676a-9402-50ebf67f93bd",  # the same instant as version 6
        "0186b47b-2366-7000-8000-000000000000",  # and, to the millisecond, as version 7
    ],
)
def test_versions_1_6_and_7_tell_their_time(spool_id: str) -> None:
    assert created_at(spool_id) == 1678065214


@pytest.mark.parametrize("spool_id", ["", "x", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "1" * 31])
def test_other_ids_carry_no_time(spool_id: str) -> None:
    assert created_at(spool_id) is None
