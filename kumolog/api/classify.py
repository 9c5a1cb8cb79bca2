"""Which records are classified, and by what text; loads nothing for policies that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kumolog.completion import one_line
from kumolog.record import Record, Response

UNCATEGORIZED = "Uncategorized"
CLASSIFIED = frozenset(
    (
        "Bounce",
        "TransientFailure",
        "Expiration",
        "AdminBounce",
        "OOB",
        "Feedback",
        "Rejection",
    )
)
"""The record types that have a bounce classification."""


@dataclass
class BounceClassifier:
    """What `kumo.configure_bounce_classifier` set up.

    ``find`` gives the class of a one-line response, or None where no rule matches; it is None
    itself until the policy configures it at ``place``.
    """

    find: Callable[[str], str | None] | None = None
    place: str = ""

    def classify(self, record: Record) -> str | None:
        """The class that the record shall get, or None where it keeps what it has.

        A class that came with the event is kept. Raises KumologError for a rule that does not come
        to an end on this response.
        """
        if (
            self.find is None
            or record.type not in CLASSIFIED
            or record.bounce_classification != UNCATEGORIZED
        ):
            return None
        return self.find(response_text(record.response))


def response_text(response: Response) -> str:
    """A reply as rules see it: code, enhanced code if there is one, content, on one line.

    KumoMTA: the response field.
    """
    content = one_line(response.content)
    enhanced = response.enhanced_code
    if enhanced is None:
        return f"{response.code} {content}"
    status = f"{enhanced.class_}.{enhanced.subject}.{enhanced.detail}"
    return f"{response.code} {status} {content}"
