"""A policy as a script, as KumoMTA's ``--script`` runs it: maintenance with the policy's means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kumolog.api.registry import Report
from kumolog.host import make_directory
from kumolog.policy import Policy
from kumolog.segments.recovery import finish_earlier_segments


def run_script(path: str | Path, arguments: Sequence[str], report: Report) -> None:
    """Runs a file, then its event ``main`` with the arguments; neither has a time limit.

    Without a ``main`` that was all. Loggers that it configures get no events, but their directories
    are made, and the segments finished that earlier runs left there. Raises PolicyError, and
    SystemExit where the script calls ``os.exit``.
    """
    policy = Policy(
        Path(path),
        report,
        make_directory=partial(make_directory, None),
        load_seconds=math.inf,
    )
    try:
        policy.run(arguments)
    finally:
        policy.close()
    log_dirs = [name for logs in policy.registry.local_logs for name in logs.log_dirs]
    for log_dir in dict.fromkeys(log_dirs):
        finish_earlier_segments(Path(log_dir), report)
