"""Which node a record names when its event names none."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from kumolog.errors import KumologError

_DEFAULT_PATH = "/opt/kumomta/etc/.nodeid"


class NodeId:
    """The node's UUID as KumoMTA finds it: ``KUMO_NODE_ID``, else the file ``KUMO_NODE_ID_PATH``.

    KumoMTA stores a random id where that file is missing. kumolog writes nothing outside its log
    directories, so it goes straight to KumoMTA's last resort, an id made from the MAC address.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._configured = _from_environment(environ) or _from_file(
            Path(environ.get("KUMO_NODE_ID_PATH", _DEFAULT_PATH))
        )

    @cached_property
    def text(self) -> str:
        """Lower-case hyphenated UUID; looked up on first use because asking for the MAC is slow."""
        return self._configured or f"00000000-0000-1000-8000-{uuid.getnode():012x}"


def _from_environment(environ: Mapping[str, str]) -> str | None:
    value = environ.get("KUMO_NODE_ID")
    return None if value is None else _parse(value, "the environment variable KUMO_NODE_ID")


def _from_file(path: Path) -> str | None:
    try:
        content = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KumologError(f"reading the node id from {path}: {error.strerror}") from error
    return _parse(content.strip(), f"the node id file {path}")


def _parse(value: str, place: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise KumologError(f"{place} must hold a UUID, not {value[:80]!r}") from None
