"""The meta values of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from kumolog.queue_name import parse_queue_name
from kumolog.record import Record

_QUEUES = 4096  # names whose parts are kept: most records are for a queue that was there before
DERIVED_META = frozenset(("reception_protocol", "tenant", "campaign", "routing_domain"))
"""The meta values that are the same thing as a field of the record, where its meta lacks them."""


@lru_cache(maxsize=_QUEUES)
def _queue_parts(queue: str) -> Mapping[str, str | None]:
    campaign, tenant, _, routing_domain = parse_queue_name(queue)
    # ``campaign:@domain`` is the name of a queue without a tenant, too.
    named = None if campaign is not None and not tenant else tenant
    return {"campaign": campaign, "tenant": named, "routing_domain": routing_domain}


def _derived(records: Sequence[Record], key: str) -> list[Any]:
    if key == "reception_protocol":
        return [record.reception_protocol for record in records]
    if key in DERIVED_META:
        return [_queue_parts(record.queue)[key] for record in records]
    return [None] * len(records)


def derived_meta(record: Record, key: str) -> Any:
    """The meta value that the record's own fields give for a key its meta lacks, or None."""
    return _derived((record,), key)[0]


def meta_column(records: Sequence[Record], key: str) -> list[Any]:
    """A meta value of every record, None where it is absent or null."""
    values = _derived(records, key)
    metas = [record.meta for record in records]
    if any(metas):
        values = [meta.get(key, value) for meta, value in zip(metas, values, strict=True)]
    return values
