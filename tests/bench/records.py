"""Log records to measure with: the same ones every time, as KumoMTA writes them."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

SEGMENTS = 8
TENANTS = 10
LEAST_EXTRAS = 6

DEFAULTS: dict[str, Any] = {
    "type": None,
    "id": None,
    "sender": "",
    "recipient": "",
    "queue": "",
    "site": "",
    "size": 0,
    "response": None,
    "peer_address": None,
    "timestamp": None,
    "created": None,
    "num_attempts": 0,
    "bounce_classification": "Uncategorized",
    "egress_pool": None,
    "egress_source": None,
    "feedback_report": None,
    "meta": {},
    "headers": {},
    "delivery_protocol": None,
    "reception_protocol": None,
    "nodeid": None,
}
"""What kumolog writes for the fields that the shortest records leave out, in order."""

_FULL_BYTES = 900  # below that, records are short ones


@dataclass(frozen=True)
class Shape:
    """What records look like.

    ``record_bytes`` is their size without meta and headers, of which each has ``extras``
    entries: none, or at least six.
    Records below 900 bytes have no TLS, session and source fields; the shortest leave out every
    field that is at its default, so that kumolog has to complete them.
    """

    record_bytes: int = 1050
    extras: int = 0
    is_ascii: bool = True


def record(number: int, shape: Shape, rng: random.Random) -> dict[str, Any]:
    """One record, with the fields of KumoMTA's default configuration."""
    made = _short(number, rng) if shape.record_bytes < _FULL_BYTES else _full(number, rng)
    if not shape.is_ascii:
        made["sender"] = f"bücher+{number}@müller.example"
        made["recipient"] = f"用户{rng.randrange(10**6)}@例え{rng.randrange(200)}.jp"
        made["response"]["content"] += " Принято в очередь «новости» — merci, c'est reçu 📬"
    made = _fitted(made, shape, rng)
    if shape.extras:
        made["meta"] = _meta(made, shape.extras, rng)
        made["headers"] = _headers(number, shape.extras)
    return made


def _full(number: int, rng: random.Random) -> dict[str, Any]:
    domain = f"example{rng.randrange(200)}.org"
    queue_id = f"{rng.getrandbits(60):x}-{rng.getrandbits(90):x}"
    return {
        "type": rng.choice(("Delivery", "Delivery", "Delivery", "Reception", "TransientFailure")),
        "id": f"{rng.getrandbits(128):032x}",
        "sender": f"bounce-{number}@mail.example.com",
        "recipient": f"user{rng.randrange(10**6)}@{domain}",
        "queue": f"news:tenant{rng.randrange(TENANTS)}@{domain}",
        "site": f"(mx1|mx2|mx3).{domain}@smtp_client",
        "size": rng.randrange(100_000),
        "response": {
            "code": 250,
            "enhanced_code": {"class": 2, "subject": 0, "detail": 0},
            "content": f"OK queued as {queue_id}: accepted for delivery, thank you",
            "command": ".",
        },
        "peer_address": {"name": f"mx{rng.randrange(9)}.{domain}", "addr": "192.0.2.25"},
        "timestamp": 1757675281 + number // 100,
        "event_time": f"2025-09-12T11:08:01.{number % 10**6:06d}Z",
        "created": 1757675200 + number // 100,
        "created_time": "2025-09-12T11:06:40Z",
        "num_attempts": rng.randrange(3),
        "bounce_classification": "Uncategorized",
        "egress_pool": "pool0",
        "egress_source": f"ip-{rng.randrange(50)}",
        "source_address": {"address": f"198.51.100.{rng.randrange(250)}:{rng.randrange(60000)}"},
        "feedback_report": None,
        "meta": {},
        "headers": {},
        "delivery_protocol": "ESMTP",
        "reception_protocol": rng.choice(("ESMTP", "HTTP")),
        "nodeid": "557f3ad4-2c8c-11ee-976e-782d7e12e173",
        "tls_cipher": "TLS_AES_256_GCM_SHA384",
        "tls_protocol_version": "TLSv1.3",
        "tls_peer_subject_name": [],
        "session_id": "9a1c2a57-7d42-4c52-8f42-0c6f6d4e5a11",
    }


def _short(number: int, rng: random.Random) -> dict[str, Any]:
    domain = f"e{rng.randrange(200)}.org"
    response = {"code": 250, "enhanced_code": None, "content": "OK", "command": None}
    return DEFAULTS | {
        "type": rng.choice(("Delivery", "Delivery", "Delivery", "Reception", "TransientFailure")),
        "id": f"{rng.getrandbits(128):032x}",
        "sender": f"b{number}@x.org",
        "recipient": f"u{rng.randrange(10**6)}@{domain}",
        "queue": f"news:tenant{rng.randrange(TENANTS)}@{domain}",
        "response": response,
        "timestamp": 1757675281 + number // 100,
        "created": 1757675200 + number // 100,
        "reception_protocol": rng.choice(("ESMTP", "HTTP")),
        "nodeid": "557f3ad4-2c8c-11ee-976e-782d7e12e173",
    }


def _meta(made: dict[str, Any], extras: int, rng: random.Random) -> dict[str, Any]:
    tenant = made["queue"].partition("@")[0].partition(":")[2]
    meta = {
        "received_from": f"10.0.{rng.randrange(250)}.{rng.randrange(250)}:{rng.randrange(60000)}",
        "reception_protocol": made["reception_protocol"],
        "tenant": tenant,
        "campaign": "news",
        "authn_id": f"{tenant}-injector",
        "x_job": rng.randrange(10**6),
    }
    meta.update(
        (f"custom_{n}", f"value {rng.randrange(1000)} of {n}") for n in range(LEAST_EXTRAS, extras)
    )
    return meta


def _headers(number: int, extras: int) -> dict[str, Any]:
    headers: dict[str, Any] = {
        "from": '"The \\"News\\"" <news@mail.example.com>',
        "subject": f"What is new in week {number % 52}",
        "message-id": f"<{number}.news@mail.example.com>",
        "received": [f"from host{number % 9} by mx.example.com", "from localhost by host"],
        "x-campaign-id": f"c{number % 1000}",
        "mime-version": "1.0",
    }
    headers.update(
        (f"x-custom-{n}", f"value {number % 1000} of {n}") for n in range(LEAST_EXTRAS, extras)
    )
    return headers


def lines(shape: Shape) -> Iterator[bytes]:
    """Endless JSON lines with their line ends."""
    rng = random.Random(shape.record_bytes)
    for number in itertools.count():
        yield _compact(record(number, shape, rng)) + b"\n"


def _fitted(made: dict[str, Any], shape: Shape, rng: random.Random) -> dict[str, Any]:
    """The record in about the size it should have."""
    if shape.record_bytes == Shape.record_bytes:
        return made
    missing = shape.record_bytes - len(_compact(made)) - 1
    if missing > 0:
        made["response"]["content"] += _prose(missing, shape.is_ascii, rng)
    elif shape.record_bytes < _FULL_BYTES:
        return {key: made[key] for key in made if made[key] != DEFAULTS[key]}
    return made


def _prose(size: int, is_ascii: bool, rng: random.Random) -> str:
    """Text of about that many bytes, that compresses about as the rest does."""
    word = " queue {:x} at the host said 250" if is_ascii else " очередь {:x} приняла é ü"
    text = "".join(word.format(rng.getrandbits(20)) for _ in range(size // 30 + 1))
    return text.encode()[:size].decode(errors="ignore")


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def write_events(path: Path, megabytes: float, shape: Shape) -> int:
    """Writes records until the file has that many megabytes; gives their number."""
    with path.open("wb") as file:
        for count, line in enumerate(lines(shape), 1):
            file.write(line)
            if file.tell() >= megabytes * 1_000_000:
                return count
    raise AssertionError("there is always another line")


def write_segments(events: Path, directory: Path) -> None:
    """The same records as segments: each one streamed zstd frame, as KumoMTA writes them."""
    directory.mkdir()
    size = events.stat().st_size // SEGMENTS + 1
    with events.open("rb") as file:
        for number in range(SEGMENTS):
            path = directory / f"20250912-11{number:02}00"
            stop = min((number + 1) * size, events.stat().st_size)
            with zstandard.open(path, "wb", zstandard.ZstdCompressor(level=3)) as segment:
                while file.tell() < stop:
                    segment.write(file.readline())
