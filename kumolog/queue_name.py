"""The name of a scheduled queue: ``campaign:tenant@domain!routing_domain`` and its parts."""

from __future__ import annotations

from typing import NamedTuple

from kumolog.errors import KumologError


class QueueNameError(KumologError):
    """A queue name cannot be composed, because one of its parts is no string."""


class QueueName(NamedTuple):
    """The parts of a queue name as written in it; None where the name lacks the part."""

    campaign: str | None
    tenant: str | None
    domain: str
    routing_domain: str | None


def compose_queue_name(
    campaign: object, tenant: object, domain: str, routing_domain: object
) -> str:
    """Name the queue of a message (KumoMTA: queue names).

    ``campaign``, ``tenant`` and ``routing_domain`` are meta values: strings, or None where unset
    (an empty string counts as set). ``domain`` is that of the first recipient, in any case. Raises
    QueueNameError for a meta value that is neither a string nor None.
    """
    campaign = _text("campaign", campaign)
    tenant = _text("tenant", tenant)
    routing_domain = _text("routing_domain", routing_domain)
    name = domain.lower()
    if campaign is not None:
        name = f"{campaign}:{tenant or ''}@{name}"
    elif tenant is not None:
        name = f"{tenant}@{name}"
    return name if routing_domain is None else f"{name}!{routing_domain}"


def parse_queue_name(name: str) -> QueueName:
    """Split a queue name into its parts (KumoMTA: queue names). Any string is a queue name.

    A campaign without a tenant comes back with the tenant ``""``: the name is the same for both.
    """
    owner, at, place = name.partition("@")
    if not at:
        owner, place = "", name
    domain, bang, routing_domain = place.partition("!")
    campaign, colon, tenant = owner.partition(":")
    if not colon:
        campaign, tenant = "", owner
    return QueueName(
        campaign if colon else None,
        tenant if at else None,
        domain,
        routing_domain if bang else None,
    )


def _text(part: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise QueueNameError(
        f"composing the queue name: the meta value {part} is {value!r:.60}, "
        "but a string or null was expected"
    )
