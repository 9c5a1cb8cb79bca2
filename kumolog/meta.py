"""The meta values of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from kumolog.queue_name import parse_queue_name
from kumolog.record import Outline, Record

_QUEUES = 4096  # names whose parts are kept: most records are for a queue that was there before
DERIVED_META = frozenset(("reception_protocol", "tenant", "campaign", "routing_domain"))
"""The meta values that are the same thing as a field of the record, where its meta lacks them."""


@lru_cache(maxsize=_QUEUES)
def _queue_parts(queue: str) -> Mapping[str, str | None]:
    campaign, tenant, _, routing_domain = parse_queue_name(queue)
    # ``campaign:@domain`` is the name of a queue without a tenant, too.
    named = None if campaign is not None and not tenant else tenant
    return {"campaign": campaign, "tenant": named, "routing_domain": routing_domain}


def derived_meta(record: Record | Outline, key: str) -> Any:
    """The meta value that the record's own fields give for a key its meta lacks, or None."""
    if key == "reception_protocol":
        return record.reception_protocol
    return _queue_parts(record.queue)[key] if key in DERIVED_META else None


def meta_column(
    key: str, metas: Sequence[Mapping[str, Any]], field: Callable[[str], Sequence[Any]]
) -> list[Any]:
    """A meta value of every record, None where it is absent or null.

    ``metas`` are those of the records; ``field`` gives a field of all.
    """
    if key not in DERIVED_META:
        return [meta.get(key) for meta in metas]
    if key == "reception_protocol":
        values = list(field(key))
    else:
        values = [_queue_parts(queue)[key] for queue in field("queue")]
    if not any(metas):
        return values
    return [meta.get(key, value) for meta, value in zip(metas, values, strict=True)]
