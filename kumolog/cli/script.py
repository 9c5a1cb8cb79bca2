"""``kumolog script``."""

from __future__ import annotations

import argparse

from kumolog.cli import FAILED, OK, complain
from kumolog.cli.terminal import Terminal
from kumolog.errors import PolicyError
from kumolog.script import run_script


def main(options: argparse.Namespace) -> int:
    """Runs a script; as with KumoMTA it is a failure, not wrong usage, if that cannot be done."""
    arguments = options.script_arguments
    if arguments[:1] == ["--"]:  # KumoMTA wants it between its own arguments and the script's
        arguments = arguments[1:]
    try:
        run_script(options.file, arguments, Terminal(quiet=True).report)
    except PolicyError as error:
        complain(error)
        return FAILED
    except SystemExit as exit:  # the script's own
        return int(exit.code or OK)
    return OK
